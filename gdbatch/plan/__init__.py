"""The plan: a pure function of the sweep, from axes to groups, shards and trials."""

from .plan import RESULTS_VERSION, Group, Plan, Shard

__all__ = ["RESULTS_VERSION", "Group", "Plan", "Shard"]
