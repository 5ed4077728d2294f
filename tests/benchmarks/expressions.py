"""The cost of a step on an expression, relative to the same function built in.

`python -m tests.benchmarks.expressions`: one core, contestants in turns; the ratio is the median of
the ratios within a turn.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from typing import Any

from gdbatch.engine import train
from tests.documents import plan_of

from .turns import in_turns, one_core, timed

_VALLEY = "b*(y - x**2)**2 + (1 - x)**2"
_VALLEYS = "sum(b*(x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)"
_WAVES = "sum(x**2 + a*(1 - cos(2*pi*x)))"
# a function and its options, and the same as an expression of variables and constants
PAIRS: list[tuple[str, dict[str, Any], str, list[str], dict[str, float]]] = [
    ("cubic", {}, "x**3/3 - x**2/2", ["x"], {}),
    ("double_well", {}, "(x**2 - mu)**2/4", ["x"], {"mu": 1.0}),
    ("rosenbrock", {}, _VALLEY, ["x", "y"], {"b": 100.0}),
    ("rosenbrock", {"size": 10}, _VALLEYS, ["x[10]"], {"b": 100.0}),
    ("rosenbrock", {"size": 100}, _VALLEYS, ["x[100]"], {"b": 100.0}),
    ("rastrigin", {}, _WAVES, ["x[2]"], {"a": 10.0}),
    ("rastrigin", {"size": 20}, _WAVES, ["x[20]"], {"a": 10.0}),
    ("himmelblau", {}, "(x**2 + y - 11)**2 + (x + y**2 - 7)**2", ["x", "y"], {}),
]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--dtype", default="float64", choices=["float64", "float32"])
    options = parser.parse_args()
    for name, built_in, text, variables, constants in PAIRS:
        mine = {"expression": text, "variables": variables, "constants": constants}
        size = built_in.get("size", 2)
        contestants = {
            "built in": _training({"function": name, **built_in}, size, options.dtype),
            "expression": _training({"function": "expression", **mine}, size, options.dtype),
        }
        with one_core():
            times = in_turns(options.turns, contestants)
        plain, found = times["built in"], times["expression"]
        ratio = statistics.median(a / b for a, b in zip(found, plain, strict=True))
        shown = " ".join(f"{statistics.median(one):>10.1f} ns" for one in (plain, found))
        print(f"{name:<12}{size:>4}{shown}   {ratio:.2f}", flush=True)


def _training(function: dict[str, Any], size: int, dtype: str) -> Callable[[], float]:
    """Trains without a stop rule; returns the nanoseconds per trial-step."""
    steps, rates = (1000, 1024) if size <= 10 else (200, 64)
    plan = plan_of(
        problem={"kind": "function", **function},
        init={"kind": "uniform", "low": -0.5, "high": 0.5},
        train={"max_steps": steps, "dtype": dtype},
        axes={"learning_rate": {"log10": [-6, -4], "num": rates}, "seed": {"count": 8}},
    )
    tasks = [plan.task(shard) for shard in plan.shards()]

    def nanoseconds() -> float:
        seconds, _ = timed(lambda: [train(task) for task in tasks])
        return 1e9 * seconds / (steps * rates * 8)

    return nanoseconds


if __name__ == "__main__":
    main()
