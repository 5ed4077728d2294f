"""The cost of monitoring lanes, and of lanes with unusual numbers.

`python -m tests.benchmarks.watching`: single weights, one core, contestants in turns; every ratio
is the median of the ratios to the plain one within a turn.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from typing import Any

from .turns import ENGINES, in_turns, machine, one_core, timed
from .workloads import Workload, engine_run

_STEPS = 2048
_NEVER = 1e-300  # smaller than any error here
_STOPS: dict[str, dict[str, Any]] = {
    "watched, hold = 1": {"prediction_error": _NEVER},
    "watched, hold = 20": {"prediction_error": _NEVER, "hold": 20},
    "watched by loss and norm": {"loss": _NEVER, "gradient_norm": _NEVER, "hold": 20},
}
# starts of ten lanes each; from 1 and from 1e-310 these rates change little in these few steps
_STARTS = {
    "ordinary numbers": [1.0] * 10,
    "one lane in ten denormal": [1.0] * 9 + [1e-310],
    "one lane in ten overflows": [1.0] * 9 + [1e200],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    print(machine())
    watched: dict[str, dict[str, Any]] = {"fixed steps": _watched(None)}
    watched |= {name: _watched(stop) for name, stop in _STOPS.items()}
    started = {name: _started(values) for name, values in _STARTS.items()}
    with one_core():
        for engine in ENGINES:
            for documents in (watched, started):
                _measure(engine, documents, options.turns)


def _measure(engine: str, documents: dict[str, dict[str, Any]], turns: int) -> None:
    runs = {
        name: engine_run(Workload(name, document, _STEPS), engine)
        for name, document in documents.items()
    }

    def nanoseconds(name: str) -> float:
        seconds, outcome = timed(runs[name])
        return float(1e9 * seconds / outcome.updates)

    times = in_turns(turns, {name: functools.partial(nanoseconds, name) for name in runs})
    plain = next(iter(times.values()))
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, plain, strict=True))
        print(f"{engine:<8}{name:<28}{statistics.median(found):>8.2f} ns   {ratio:.2f}")


def _watched(stop: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "name": "watching",
        "problem": {"kind": "network", "layers": [1, 1], "inputs": [[0.1]], "targets": [[0.3]]},
        "init": {"kind": "uniform"},
        "optimizer": {"kind": "gradient_descent"},
        "train": {"max_steps": _STEPS} | ({"stop": stop} if stop else {}),
        "axes": {"learning_rate": {"log10": [-2, 0], "num": 1024}, "seed": {"count": 64}},
    }


def _started(values: list[float]) -> dict[str, Any]:
    return {
        "name": "started",
        "problem": {
            **{"kind": "network", "layers": [1, 1], "activation": "identity"},
            **{"inputs": [[1.0]], "targets": [[0.0]]},
        },
        "init": {"kind": "constant"},
        "optimizer": {"kind": "gradient_descent"},
        "train": {"max_steps": _STEPS},
        "axes": {
            "learning_rate": {"log10": [-7, -6], "num": 6553},
            "init.value": values,
        },
    }


if __name__ == "__main__":
    main()
