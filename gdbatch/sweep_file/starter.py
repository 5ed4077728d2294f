"""The commented sweep file that `gdbatch new` writes."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from ..errors import RunError, UsageError
from .complaints import complaints_of
from .sweep import Heading

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


def write_starter(name: str, folder: Path) -> Path:
    """Write NAME.toml; never over a file. Raises UsageError, RunError."""
    try:
        Heading(name=name)
    except ValidationError as error:
        message = complaints_of(error, Heading, (), {"name": name})[0][1]
        raise UsageError(message) from None
    path = folder / f"{name}.toml"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_STARTER.format(name=name))
    except FileExistsError:
        raise UsageError(f"{path} is there already; choose another name") from None
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror or error}") from None
    return path
