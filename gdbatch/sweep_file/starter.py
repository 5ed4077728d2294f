"""The commented sweep file that `gdbatch new` writes."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from .. import registry
from ..errors import RunError, UsageError
from .diagnostics import diagnostics_of
from .train import Heading

_STARTER = """\
# Run it with `gdbatch sweep {name}.toml`; `--dry-run` shows what it would cost.
# `gdbatch list` shows everything that can be chosen; `gdbatch schema` prints the whole format.
name = "{name}"
description = "Logical AND with one sigmoid unit."
entropy = 0                     # determines all random numbers

[problem]
kind = "network"
layers = [2, 1]                 # units per layer, inputs first; [2, 4, 1] has a hidden layer
activation = "sigmoid"          # one for all layers, or a list with one per layer
bias = true
loss = "squared_error"          # summed over samples and outputs
inputs = [[0, 0], [0, 1], [1, 0], [1, 1]]
targets = [[0], [0], [0], [1]]
# data = "samples.csv"          # instead: one sample per row, inputs, then targets

[init]
kind = "uniform"                # one draw per seed, the same at every learning rate
low = -1.0
high = 1.0

[optimizer]
kind = "gradient_descent"       # add learning_rate = 0.1 if it is not an axis

[train]
max_steps = 20_000
stop = {{ loss = 0.05 }}          # hold = n: for n checks in a row
# rules of stop: {rules}
divergence = {{ factor = 1e8 }}   # or {{ loss = … }}, or false

[axes]                          # the trials are the product of the axes
learning_rate = {{ log10 = [-2, 3], num = 51 }}
seed = {{ count = 100 }}
# "init.high" = [0.1, 1.0]      # any value can be an axis, by its dotted key

[record]                        # trajectories of some trials
every = 10
values = ["loss", "prediction"]
trials = {{ seed = [0], learning_rate = [0.01, 1.0, 100.0] }}
"""


_PYTHON_SWEEP = """\
# Run it with `gdbatch sweep {name}.toml --allow-python`: that runs the code in {name}.py.
name = "{name}"
description = "A problem of my own."

[problem]
kind = "python"
file = "{name}.py"
object = "Problem"

[init]
kind = "uniform"                # or point, with values = [one per parameter]
low = -1.0
high = 1.0

[optimizer]
kind = "gradient_descent"

[train]
max_steps = 10_000
stop = {{ gradient_norm = 1e-6 }} # others: `gdbatch list stop_rules`

[axes]
learning_rate = {{ log10 = [-4, 0], num = 41 }}
seed = {{ count = 20 }}
"""

_PYTHON = '''\
"""A problem of my own, for {name}.toml.

A resume checks that this file is unchanged, but not the modules that it imports.
"""

import numpy as np


class Problem:
    """(1 - x)² + 10 (y - x²)²."""

    parameters = ["x", "y"]

    def loss_and_gradient(self, parameters):
        """Loss (lanes,) and gradient (2, lanes) at many points at once, one per column.

        The results of a column must depend on that column only.
        """
        x, y = parameters
        distance = y - x**2
        loss = (1 - x) ** 2 + 10 * distance**2
        gradient = np.stack([-2 * (1 - x) - 40 * x * distance, 20 * distance])
        return loss, gradient


# Slower, but without a gradient to derive: a plain function of one vector.
#
# import gdbatch
#
# def loss(w):
#     return (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
#
# Problem = gdbatch.from_function(loss, parameters=["x", "y"])
'''


def write_starter(name: str, folder: Path, python: bool = False) -> list[Path]:
    """Write NAME.toml, and NAME.py for a problem in Python, unless they exist.

    Raises UsageError for an invalid name or an existing file, RunError if writing fails.
    """
    try:
        Heading(name=name)
    except ValidationError as error:
        message = diagnostics_of(error, Heading, (), {"name": name})[0][1]
        raise UsageError(message) from None
    texts = {".py": _PYTHON, ".toml": _PYTHON_SWEEP} if python else {".toml": _STARTER}
    paths = {folder / f"{name}{ending}": text for ending, text in texts.items()}
    for path in paths:
        if path.exists():
            raise UsageError(f"{path} exists; choose another name")
    rules = ", ".join(registry.family("stop_rule"))
    for path, text in paths.items():
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text.format(name=name, rules=rules))
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror or error}") from None
    return list(paths)
