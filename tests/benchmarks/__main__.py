"""Prints, for every workload, ns a trial-step of each engine and its ratio to every peer.

One core, one process, one run: contestants take turns, and the median of their turns counts.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np

# before any library starts its threads
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

from gdbatch.version import __version__

from .peers import PEERS
from .workloads import Outcome, Run, Workload, engine_run, workloads

ENGINES = ("numpy", "fused") if importlib.util.find_spec("numba") else ("numpy",)


@dataclass
class Row:
    """One contestant on one workload."""

    workload: str
    contestant: str
    is_engine: bool
    nanoseconds: float  # a useful trial-step, median
    lowest: float
    highest: float
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
    rows: list[Row] = []
    print(_header(), file=sys.stderr if options.csv else sys.stdout)
    for workload in chosen:
        measured = measure(workload, turns)
        rows += measured
        if not options.csv:
            _print(measured)
    if options.csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(["workload", "contestant", "ns_per_trial_step", "lowest", "highest"])
        for row in rows:
            writer.writerow(
                [row.workload, row.contestant, row.nanoseconds, row.lowest, row.highest]
            )


def measure(workload: Workload, turns: int) -> list[Row]:
    """Every engine and every peer that can, in turns."""
    case = workload.case()
    runs: dict[str, Run] = {engine: engine_run(workload, engine) for engine in ENGINES}
    for name, peer in PEERS.items():
        run = peer(case)
        if run is not None:
            runs[name] = run
    times: dict[str, list[float]] = {name: [] for name in runs}
    outcomes: dict[str, Outcome] = {}
    for turn in range(turns + 1):
        for name, run in runs.items():
            begun = time.perf_counter()
            outcome = run()
            seconds = time.perf_counter() - begun
            outcomes[name] = outcome
            if turn:  # the first one warms up
                times[name].append(1e9 * seconds / outcome.updates)
    first = outcomes[ENGINES[0]]
    return [
        Row(
            workload.name,
            name,
            name in ENGINES,
            statistics.median(times[name]),
            min(times[name]),
            max(times[name]),
            _agreement(first, outcomes[name], case.rates.dtype),
        )
        for name in runs
    ]


def _agreement(first: Outcome, other: Outcome, dtype: np.dtype) -> str:
    """How a contestant's numbers compare: equal step counts, and how far parameters are apart."""
    trials = other.parameters.shape[1]
    same = first.steps[:trials] == other.steps
    ours, theirs = first.parameters[:, :trials][:, same], other.parameters[:, same]
    gap = np.abs(ours - theirs).max(axis=0) / np.abs(ours).max(axis=0)
    # at chaotic rates a last bit decides when a rule first holds
    assert same.mean() > 0.95, f"only {same.mean():.1%} of the step counts are equal"
    assert np.median(gap) < 1e4 * np.finfo(dtype).eps, f"parameters differ by {np.median(gap):.1e}"
    return f"{same.mean():.1%} of steps equal, parameters within {np.median(gap):.0e} (median)"


def _header() -> str:
    names = ("numpy", "numba", "jax", "torch")
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in names
        if importlib.util.find_spec(name) is not None
    ]
    return (
        f"gdbatch {__version__} on {_processor()}, one core; "
        f"Python {platform.python_version()}, {', '.join(versions)}\n"
        "ns a useful trial-step: median (lowest-highest) of turns; ratio = engine / peer"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _print(rows: list[Row]) -> None:
    print(f"\n{rows[0].workload}")
    engines = [row for row in rows if row.is_engine]
    for row in rows:
        ratios = (
            ""
            if row.is_engine
            else "   ".join(
                f"{one.contestant} engine / this = {_ratio(one.nanoseconds / row.nanoseconds)}"
                for one in engines
            )
        )
        print(
            f"  {row.contestant + (' engine' if row.is_engine else ''):<22}"
            f"{row.nanoseconds:>12,.2f} ({row.lowest:,.2f}-{row.highest:,.2f})   {ratios}"
        )
        if row is not rows[0]:
            print(f"  {'':<22}{row.agreement}")


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"1/{1 / value:,.0f}"


if __name__ == "__main__":
    main()
