"""The cost of a step of every optimizer, and of each option, relative to plain descent.

`python -m tests.benchmarks.optimizers`: 2→4→1, one core, contestants in turns; the ratio is the
median of the ratios within a turn.
"""

from __future__ import annotations

import argparse
import copy
import functools
import statistics
from dataclasses import replace
from typing import Any

from gdbatch import registry

from .turns import in_turns, one_core, timed
from .workloads import Workload, engine_run, workloads

SURROUNDINGS: dict[str, dict[str, Any]] = {
    "weight_decay": {"optimizer.weight_decay": 0.01},
    "clip_value": {"optimizer.clip_value": 1.0},
    "clip_norm": {"optimizer.clip_norm": 1.0},
    "cosine": {"schedule.kind": "cosine", "schedule.steps": 100.0},
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    options = parser.parse_args()
    base = next(one for one in workloads(0.5) if "2→4→1" in one.name and options.dtype in one.name)
    changes = {name: {"optimizer.kind": name} for name in registry.family("optimizer")}
    runs = {
        name: engine_run(_changed(base, change), "numpy")
        for name, change in (changes | SURROUNDINGS).items()
    }

    def nanoseconds(name: str) -> float:
        seconds, outcome = timed(runs[name])
        return float(1e9 * seconds / outcome.updates)

    with one_core():
        times = in_turns(
            options.turns, {name: functools.partial(nanoseconds, name) for name in runs}
        )
    plain = times["gradient_descent"]
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, plain, strict=True))
        print(f"{name:<20}{statistics.median(found):>8.1f} ns   {ratio:.2f}")


def _changed(base: Workload, changes: dict[str, Any]) -> Workload:
    document = copy.deepcopy(base.document)
    for key, value in changes.items():
        table, name = key.split(".")
        document.setdefault(table, {})[name] = value
    # at small rates no optimizer overflows
    document["axes"]["learning_rate"] = {"log10": [-4, -2], "num": 64}
    return replace(base, document=document)


if __name__ == "__main__":
    main()
