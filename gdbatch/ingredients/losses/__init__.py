"""Losses: what training a network minimises; `protocol` defines the interface."""
