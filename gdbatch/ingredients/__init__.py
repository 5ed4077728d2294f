"""The ingredients of an experiment, registered by importing this package.

It imports every module below it, so a new file needs no other change.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in sorted(pkgutil.walk_packages(__path__, __name__ + "."), key=lambda one: one.name):
    importlib.import_module(_module.name)
