"""Searches: how the trials of a group are chosen and trained. Each file holds one."""

from . import adaptive_map, bisection, grid  # noqa: F401  registers them
from .protocol import Search, SearchAxis, ShardTask, TableSearch, TaskOf, Trained

__all__ = ["Search", "SearchAxis", "ShardTask", "TableSearch", "TaskOf", "Trained"]
