"""The commented sweep file that `gdbatch new` writes."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ..errors import RunError, UsageError
from .diagnostics import diagnostics_of
from .train import Heading

_STARTER = """\
# Run it with `gdbatch sweep {name}.toml`, see what it would cost with `--dry-run`.
# `gdbatch list` shows everything that can stand here, `gdbatch schema` the whole format.
name = "{name}"
description = "Logical and with one sigmoid unit."
entropy = 0                     # where all random numbers come from

[problem]
kind = "network"
layers = [2, 1]                 # units a layer, inputs first; [2, 4, 1] has a hidden layer
activation = "sigmoid"          # one for all, or a list, one a layer after the inputs
bias = true
loss = "squared_error"          # summed over samples and outputs
inputs = [[0, 0], [0, 1], [1, 0], [1, 1]]
targets = [[0], [0], [0], [1]]
# data = "samples.csv"          # instead: inputs, then targets, one sample a row

[init]
kind = "uniform"                # one draw a seed, the same at every learning rate
low = -1.0
high = 1.0

[optimizer]
kind = "gradient_descent"       # learning_rate = 0.1 here if it were no axis

[train]
max_steps = 20_000
stop = {{ loss = 0.05 }}          # and/or prediction_error, gradient_norm; hold = n checks in a row
divergence = {{ loss = 1e8 }}     # or false

[axes]                          # the trials are the product of the axes
learning_rate = {{ log10 = [-2, 3], num = 51 }}
seed = {{ count = 100 }}
# "init.high" = [0.1, 1.0]      # any value of the file can be an axis, by its dotted key

[record]                        # trajectories, of some trials
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
kind = "uniform"                # or point, with values = [one a parameter]
low = -1.0
high = 1.0

[optimizer]
kind = "gradient_descent"

[train]
max_steps = 10_000
stop = {{ gradient_norm = 1e-6 }} # and/or loss

[axes]
learning_rate = {{ log10 = [-4, 0], num = 41 }}
seed = {{ count = 20 }}
"""

_PYTHON = '''\
"""A problem of my own, for {name}.toml.

The plan knows this file alone: what it imports of yours is not watched for changes.
"""

import numpy as np


class Problem:
    """(1 - x)² + 10 (y - x²)²."""

    parameters = ["x", "y"]

    def loss_and_gradient(self, parameters):
        """Loss (lanes,) and gradient (2, lanes) at many points at once, each a column.

        A column's results follow from that column alone; the parameters must not be changed.
        """
        x, y = parameters
        bend = y - x**2
        loss = (1 - x) ** 2 + 10 * bend**2
        gradient = np.stack([-2 * (1 - x) - 40 * x * bend, 20 * bend])
        return loss, gradient


# Slower, but with no gradient to work out: a plain function of one vector.
#
# import gdbatch
#
# def loss(w):
#     return (1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2
#
# Problem = gdbatch.from_function(loss, parameters=["x", "y"])
'''


def write_starter(name: str, folder: Path, python: bool = False) -> list[Path]:
    """Write NAME.toml, and NAME.py for a problem in Python; never over a file.

    Raises UsageError, RunError.
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
            raise UsageError(f"{path} is there already; choose another name")
    for path, text in paths.items():
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text.format(name=name))
        except OSError as error:
            raise RunError(f"cannot write {path}: {error.strerror or error}") from None
    return list(paths)
