"""Optimizers: how a gradient becomes a step; one class each, what they share in `protocol`."""
