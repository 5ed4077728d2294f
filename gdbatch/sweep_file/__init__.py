"""Sweep files: TOML in, a validated and typed sweep out, every error with its file, line and key.

A sweep file is data: nothing in it is run.
"""

from .parse import Overrides
from .reading import read_sweep
from .record import Record
from .sweep import Sweep

__all__ = ["Overrides", "Record", "Sweep", "read_sweep"]
