"""Functions of n variables to minimise, one per file. `protocol` says what one needs."""
