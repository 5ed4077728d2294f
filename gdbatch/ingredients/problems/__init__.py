"""Problems: what is trained; `protocol` defines the interface."""
