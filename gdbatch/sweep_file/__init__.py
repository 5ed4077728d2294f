"""Sweep files: TOML in, a validated and typed sweep out, every error with its file, line and key.

A sweep file is data: nothing in it is run.
"""

from .reading import read_sweep
from .sweep import Record, Sweep

__all__ = ["Record", "Sweep", "read_sweep"]
