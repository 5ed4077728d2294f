"""Initializers: where the parameters start; `protocol` defines the interface."""
