"""Measures contestants in turns, on one core, in one thread."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from gdbatch.run.executors.local import cores
from gdbatch.version import __version__

ENGINES = ("numpy", "fused") if importlib.util.find_spec("numba") else ("numpy",)


def in_turns(turns: int, contestants: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """The measurements of each contestant, in turns; the first turn warms up and does not count."""
    found: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name, contestant in contestants.items():
            measured = contestant()
            if turn:
                found[name].append(measured)
    return found


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that a run takes, and its result."""
    begun = time.perf_counter()
    result = run()
    return time.perf_counter() - begun, result


def machine() -> str:
    """The machine and the versions of the measurement."""
    names = ("numpy", "numba", "jax", "torch")
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in names
        if importlib.util.find_spec(name) is not None
    ]
    return (
        f"gdbatch {__version__} on {_processor()}, {cores(-1)} cores; "
        f"Python {platform.python_version()}, {', '.join(versions)}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


class one_core:
    """Keep this thread, and those it starts, on the first core if the system allows it."""

    def __enter__(self) -> None:
        self._cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else set()
        if self._cores:
            os.sched_setaffinity(0, {min(self._cores)})

    def __exit__(self, *_: object) -> None:
        if self._cores:
            os.sched_setaffinity(0, self._cores)
