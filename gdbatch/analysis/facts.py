"""Reads facts about a sweep from the manifest of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ingredients.problems.quantities import QUANTITIES
from .protocol import TRIAL_COLUMNS, Criterion, SweepFacts

_ALREADY = (*TRIAL_COLUMNS, "steps")  # in every summary


def sweep_facts(manifest: Mapping[str, Any], is_complete: bool = True) -> SweepFacts:
    """The facts that an analysis needs about the sweep of a run."""
    train = manifest["sweep"]["train"]
    answer = manifest["sweep"].get("answer") or {}
    objective = answer.get("objective") or ("steps" if train["stop"] else "final_loss")
    quantities = [name for one in QUANTITIES.values() for name in (one.name, one.best)]
    columns = manifest.get("columns", {})
    further = [name for name in (*quantities, objective) if name in columns]
    axes = [axis["key"] for dimension in manifest["sweep"]["axes"] for axis in dimension]
    return SweepFacts(
        axes=tuple(manifest["axes"]),
        trials=manifest["trials"],
        criterion=Criterion(objective, answer.get("success", Criterion.success)),
        further=tuple(dict.fromkeys(one for one in further if one not in _ALREADY)),
        max_steps=None if "train.max_steps" in axes else train.get("max_steps"),
        search=manifest["facts"]["search"],
        is_complete=is_complete,
        feature_scales=manifest["facts"].get("feature_scales"),
    )
