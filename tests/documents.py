"""A small valid sweep, as TOML and as a dict, that tests change in one place."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from typing import Any

from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep

TEXT = """\
name = "small"
description = "One weight, three learning rates, four seeds."

[problem]
kind = "network"
layers = [1, 1]
activation = "sigmoid"
inputs = [[0.1]]
targets = [[0.3]]

[init]
kind = "uniform"

[optimizer]
kind = "gradient_descent"

[train]
max_steps = 50
stop = { prediction_error = 1e-2, hold = 2 }

[axes]
learning_rate = [1.0, 100.0, 1000.0]
seed = { count = 4 }
"""


def document(changes: Mapping[str, Any] | None = None, **tables: Any) -> dict[str, Any]:
    """The small sweep with some values at dotted keys, and some whole tables, replaced."""
    result = tomllib.loads(TEXT)
    for key, value in (changes or {}).items():
        *parents, last = key.split(".")
        table = result
        for name in parents:
            table = table.setdefault(name, {})
        table[last] = copy.deepcopy(value)
    return result | copy.deepcopy(tables)


def plan_of(changes: Mapping[str, Any] | None = None, **tables: Any) -> Plan:
    """The plan of the small sweep with the same changes."""
    return Plan(read_sweep(document(changes, **tables)))
