"""Functions of n variables to minimise, one per file; `protocol` defines the interface."""
