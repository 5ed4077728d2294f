"""The command line: parse, call, print. Each file in `commands` is one command.

Data goes to stdout, everything else to stderr. Commands import heavy modules only when they run.
"""

from .application import application, main

__all__ = ["application", "main"]
