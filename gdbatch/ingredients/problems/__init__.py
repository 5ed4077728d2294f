"""Problems: what is trained. One file a problem; `protocol` says what the engine needs of it."""
