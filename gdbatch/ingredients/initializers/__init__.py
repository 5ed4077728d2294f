"""Initializers: where the parameters start. `protocol` says what one needs."""
