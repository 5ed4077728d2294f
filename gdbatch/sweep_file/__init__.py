"""Sweep files: from TOML to a validated sweep, with the file, line and key of every error.

A sweep file is data: nothing in it is executed.
"""

from .parse import Overrides
from .reading import read_sweep
from .record import Record
from .sweep import Sweep

__all__ = ["Overrides", "Record", "Sweep", "read_sweep"]
