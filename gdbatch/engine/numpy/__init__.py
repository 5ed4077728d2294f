"""The NumPy engine: trains everything, one update at a time."""

from . import engine  # noqa: F401  registers it
