"""Activations: what a unit does to its sum of products. `protocol` says what one needs."""
