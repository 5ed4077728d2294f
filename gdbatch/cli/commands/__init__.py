"""The commands, one file each; every module in this package is imported and registers its own.

A command is a function with a typer signature. Its docstring is its help.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)
