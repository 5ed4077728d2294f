"""Reads facts about a sweep from the manifest of its run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .protocol import SweepFacts


def sweep_facts(manifest: Mapping[str, Any], is_complete: bool = True) -> SweepFacts:
    """The facts that an analysis needs about the sweep of a run."""
    train = manifest["sweep"]["train"]
    axes = [axis["key"] for dimension in manifest["sweep"]["axes"] for axis in dimension]
    return SweepFacts(
        axes=tuple(manifest["axes"]),
        trials=manifest["trials"],
        has_stop_rule=train["stop"] is not None,
        max_steps=None if "train.max_steps" in axes else train["max_steps"],
        search=manifest["facts"]["search"],
        is_complete=is_complete,
    )
