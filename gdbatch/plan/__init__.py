"""The plan: a pure function of the sweep, from axes to groups, shards and trials."""

from .cut import Cut
from .groups import Group, Shard
from .identity import RESULTS_VERSION
from .plan import Plan

__all__ = ["RESULTS_VERSION", "Cut", "Group", "Plan", "Shard"]
