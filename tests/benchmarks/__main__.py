"""Prints, for every workload, the ns per trial-step of each engine and its ratio to every peer.

Contestants take turns on one core, and the median of their turns counts. Then each engine trains
the same in shards, on one core and on all, with enough more seeds to keep one core busy for some
seconds: work of less than one second is not spread over cores at all.
"""

from __future__ import annotations

import argparse
import csv
import functools
import math
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

import numpy as np

from gdbatch.run.executors.local import cores

from .peers import PEERS
from .turns import ENGINES, in_turns, machine, one_core, timed
from .workloads import Outcome, Run, Workload, engine_run, shards_run, workloads

_LEGEND = (
    "ns a useful trial-step on one core: median (lowest-highest) of turns;\n"
    "then time over each engine's, so above 1 the engine is faster; all cores over one"
)

_BUSY = 3.0  # seconds of one core


@dataclass
class Row:
    """One contestant on one workload; ns per useful trial-step."""

    workload: str
    contestant: str
    nanoseconds: float  # on one core, median
    lowest: float
    highest: float
    speed_up: float | None  # of an engine, by all cores
    agreement: str  # with the first engine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter workloads, fewer turns")
    parser.add_argument("--turns", type=int, default=0, help="turns of every contestant")
    parser.add_argument("--only", default="", help="workloads whose name holds this")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    options = parser.parse_args()
    turns = options.turns or (3 if options.quick else 7)
    chosen = [one for one in workloads(0.25 if options.quick else 1.0) if options.only in one.name]
    if not chosen:
        parser.error(f'no workload\'s name holds "{options.only}"')
    print(f"{machine()}\n{_LEGEND}", file=sys.stderr if options.csv else sys.stdout)
    writer = csv.DictWriter(sys.stdout, [field.name for field in fields(Row)])
    if options.csv:
        writer.writeheader()
    for workload in chosen:
        rows = measure(workload, turns)
        if options.csv:
            writer.writerows(map(asdict, rows))
        else:
            _print(rows)
        sys.stdout.flush()


def measure(workload: Workload, turns: int) -> list[Row]:
    """Every engine, and every peer that can train the workload, in turns."""
    case = workload.case()
    runs: dict[str, Run] = {engine: engine_run(workload, engine) for engine in ENGINES}
    outcomes: dict[str, Outcome] = {}

    def nanoseconds(name: str) -> float:
        seconds, outcomes[name] = timed(runs[name])
        return 1e9 * seconds / outcomes[name].updates

    with one_core():
        for name, peer in PEERS.items():
            run = peer(case)  # any threads that it starts keep to the core as well
            if run is not None:
                runs[name] = run
        times = in_turns(turns, {name: functools.partial(nanoseconds, name) for name in runs})
    first = outcomes[ENGINES[0]]
    speed_ups = {}
    for engine in ENGINES:
        seconds = 1e-9 * first.updates * statistics.median(times[engine])
        longer = workload.repeated(math.ceil(_BUSY / seconds))
        speed_ups[engine] = _speed_up(longer, engine, turns)
    return [
        Row(
            workload.name,
            name,
            statistics.median(times[name]),
            min(times[name]),
            max(times[name]),
            speed_ups.get(name),
            _agreement(first, outcomes[name], case.rates.dtype),
        )
        for name in runs
    ]


def _seconds(run: Callable[[], object]) -> float:
    return timed(run)[0]


def _speed_up(workload: Workload, engine: str, turns: int) -> float:
    """The speed-up of all cores over one, both in shards."""
    runs = {"one": shards_run(workload, engine, 1), "all": shards_run(workload, engine, cores(-1))}
    times = in_turns(turns, {name: functools.partial(_seconds, run) for name, run in runs.items()})
    return statistics.median(a / b for a, b in zip(times["one"], times["all"], strict=True))


def _agreement(first: Outcome, other: Outcome, dtype: np.dtype) -> str:
    """How a contestant's numbers agree: equal step counts, and the distance of parameters."""
    trials = other.parameters.shape[1]
    same = first.steps[:trials] == other.steps
    ours, theirs = first.parameters[:, :trials][:, same], other.parameters[:, same]
    gap = np.abs(ours - theirs).max(axis=0) / np.abs(ours).max(axis=0)
    # at chaotic rates, the last bit determines when a rule first holds
    assert same.mean() > 0.95, f"only {same.mean():.1%} of the step counts are equal"
    assert np.median(gap) < 1e4 * np.finfo(dtype).eps, f"parameters differ by {np.median(gap):.1e}"
    return f"{same.mean():.1%} of steps equal, parameters within {np.median(gap):.0e} (median)"


def _print(rows: list[Row]) -> None:
    print(f"\n{rows[0].workload}")
    engines = [row for row in rows if row.contestant in ENGINES]
    for row in rows:
        name = f"{row.contestant} engine" if row in engines else row.contestant
        against = "  ".join(
            f"{one.contestant} {row.nanoseconds / one.nanoseconds:,.2f}×" for one in engines
        )
        print(
            f"  {name:<20}{row.nanoseconds:>12,.2f} ({row.lowest:,.2f}-{row.highest:,.2f})"
            f"   {against}" + (f"   all cores {row.speed_up:.2f}×" if row.speed_up else "")
        )
        if row is not rows[0]:
            print(f"  {'':<20}{row.agreement}")


if __name__ == "__main__":
    main()
