"""The NumPy engine: trains everything, one update at a time."""
