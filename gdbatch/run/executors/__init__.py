"""Executors: where shards are trained.

Every module of this folder is imported, so a new executor is a new file.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)
