"""The ingredients of an experiment: one entry in one file each, found by importing this package.

Every module below is imported here, so a new file registers its entries by being there.
"""

from __future__ import annotations

import importlib
import pkgutil

for _module in sorted(pkgutil.walk_packages(__path__, __name__ + "."), key=lambda one: one.name):
    importlib.import_module(_module.name)
