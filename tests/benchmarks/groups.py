"""The cost per group in plans of 100 and of 1,000 groups, which should be the same.

`python -m tests.benchmarks.groups`: layers × activation, two short trials per group. Times are
processor times: waiting for the disk takes several times as long, and varies.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from gdbatch import load_run, run_sweep

from .turns import one_core

Result = TypeVar("Result")

_COUNTS = (100, 1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    turns: int = parser.parse_args().turns
    found: dict[str, dict[int, list[float]]] = {}
    with one_core():
        for turn in range(turns + 1):
            for count in _COUNTS:
                for stage, seconds in _seconds(count).items():
                    times = found.setdefault(stage, {one: [] for one in _COUNTS})[count]
                    if turn:  # the first turn warms up
                        times.append(1e3 * seconds / count)
    for stage, measured in found.items():
        few, many = (statistics.median(measured[count]) for count in _COUNTS)
        print(f"{stage:<8}{few:8.2f} {many:8.2f} ms per group   {many / few:.2f}×")


def _seconds(count: int) -> dict[str, float]:
    """The time of each stage of a sweep of this many groups."""
    sweep = _sweep(count)
    with tempfile.TemporaryDirectory() as folder:

        def run() -> Any:
            return run_sweep(sweep, out=folder, jobs=1)

        def read() -> int:
            return len(load_run(folder).trials())

        times = {"run": _processor_time(run)[0], "resume": _processor_time(run)[0]}
        times["read"], trials = _processor_time(read)
    assert trials == 2 * count
    return times


def _processor_time(work: Callable[[], Result]) -> tuple[float, Result]:
    begun = time.process_time()
    result = work()
    return time.process_time() - begun, result


def _sweep(count: int) -> Mapping[str, Any]:
    shapes = list(itertools.product(range(1, 11), repeat=2))
    if count == min(_COUNTS):
        shapes = shapes[::11]  # the diagonal: as large on average, and as many names of parameters
    activations = itertools.product(("tanh", "sigmoid", "relu", "sin", "softplus"), repeat=3)
    chosen = [list(one) for one in itertools.islice(activations, count // len(shapes))]
    return {
        "name": "groups",
        "problem": {"kind": "network", "inputs": [[0.1]], "targets": [[0.3]]},
        "init": {"kind": "uniform"},
        "optimizer": {"kind": "gradient_descent"},
        "train": {"max_steps": 10},
        "record": {"final_parameters": True},
        "axes": {
            "problem.layers": [[1, *shape, 1] for shape in shapes],
            "problem.activation": chosen,
            "learning_rate": [0.1, 0.2],
        },
    }


if __name__ == "__main__":
    main()
