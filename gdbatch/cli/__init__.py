"""The command line: parse, call, print. Each file in `commands` is one command.

Data goes to stdout, everything else to stderr. Nothing heavy is imported before a command runs.
"""

from .application import application, main

__all__ = ["application", "main"]
