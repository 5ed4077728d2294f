"""Activations: what a unit does to its sum of products. One class is one activation."""
