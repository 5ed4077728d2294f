"""Optimizers: how the gradient becomes an update; `protocol` defines the interface."""
