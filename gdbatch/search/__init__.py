"""Searches: how the trials of a group are chosen and trained.

Every module of this folder is imported, so a new search is a new file.
"""

import importlib
import pkgutil

from .protocol import Search, SearchAxis, ShardTask, TableSearch, TaskOf, Trained

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

__all__ = ["Search", "SearchAxis", "ShardTask", "TableSearch", "TaskOf", "Trained"]
