"""Initializers: where the parameters start. One class is one initializer."""
