"""Kernels for a network and an optimizer, made once per process and cached on disk by Numba."""

from __future__ import annotations

import functools
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numba.extending import register_jitable

from ...ingredients.activations.linear_and_periodic import Identity
from ...ingredients.activations.protocol import Activation
from ...ingredients.optimizers.descent import GradientDescent
from ...ingredients.problems.layers import Layers
from ...numerics import elementary
from ..task import Task
from . import functions as _functions  # noqa: F401  makes exp, tanh, … known to Numba
from . import vectors
from .kernels import Kernels, make_kernels
from .network import Net, make_arithmetic
from .updates import make_update

_CHUNK_BYTES = 40 << 10  # working set of a chunk: most of an L1 cache
_MOST_VECTORS = 32  # per chunk
_TOGETHER = 4  # samples computed at once
_ROOT = __name__.partition(".")[0]
_OUR_CODE = (__name__, elementary.__name__)  # modules whose packages hold the kernels' code


def call(kernel: Any, *arguments: Any) -> None:
    """Call a kernel, even if it is compiled now and cannot be cached on disk."""
    try:
        kernel(*arguments)
    except OSError:  # raised after compiling, before running
        kernel(*arguments)


def net_of(layers: Layers, dtype: np.dtype[Any], task: Task | None = None) -> Net:
    """A network as kernels read it; with a task, its chunks leave room for the optimizer state."""
    distinct, used = _compiled_activations(layers), [type(one) for one in layers.activations]
    options = [sum(one.options.numbers) for one in (*layers.activations, layers.loss)]
    number, width = dtype.type, vectors.lanes_of(dtype)
    states = len(task.optimizer.state) if task else 0
    together = _together(layers)
    padded = np.arange(layers.n_samples + -layers.n_samples % together)
    inputs, targets = (
        np.ascontiguousarray(rows[np.minimum(padded, layers.n_samples - 1)].T, dtype)
        for rows in (layers.inputs, layers.targets)
    )
    weights = np.zeros(len(padded), dtype)
    weights[: layers.n_samples] = 1 if layers.weights is None else layers.weights
    units = 3 * sum(layers.units[1:]) + layers.units[-1]
    rows = (2 + states) * layers.n_parameters + together * units
    chunk_vectors = min(max(1, _CHUNK_BYTES * 8 // (vectors.BITS * rows)), _MOST_VECTORS)
    return Net(
        np.array(layers.units, np.int64),
        np.array([distinct.index(one) if one in distinct else 0 for one in used], np.int64),
        np.array(options, dtype),
        inputs,
        targets,
        weights,
        layers.n_samples,
        number(layers.loss.factor(layers.n_terms)),
        number(layers.loss.scale(layers.n_terms)),
        layers.bias,
        chunk_vectors * width,
        chunk_vectors,
    )


def kernels_for(layers: Layers, optimizer: Any = GradientDescent) -> Kernels:
    """The kernels for the activations and loss of a network, and for an optimizer."""
    functions = tuple(_compiled_activations(layers))
    at_prediction = layers.derivative_at_prediction
    return _made(functions, at_prediction, type(layers.loss), _together(layers), optimizer)


def _compiled_activations(layers: Layers) -> list[type[Activation]]:
    """The different activations that kernels call; coupled outputs are part of the loss."""
    found = dict.fromkeys(type(one) for one in layers.activations if isinstance(one, Activation))
    return list(found) or [Identity]


def _with_number(activation: Any) -> Any:
    """The fused form, called with the activation's number whether it has one or not."""
    form = register_jitable(activation.fused)
    if activation().options.numbers:
        return form
    return register_jitable(lambda sop, number: form(sop))


def _together(layers: Layers) -> int:
    """Samples that kernels compute at once: one or four, so that few kernels are compiled."""
    return _TOGETHER if layers.n_samples >= _TOGETHER - 1 else 1


@functools.cache
def _made(
    activations: tuple[Any, ...], at_prediction: bool, loss: Any, together: int, optimizer: Any
) -> Kernels:
    """Kernels for classes of activations and losses; their options are numbers of a `Net`."""
    functions = [one.fused for one in activations]
    forms = [one for one in (loss.fused, loss.fused_slope) if one is not None]
    stamp = stamp_of(*functions, *forms, optimizer.fused)
    arithmetic = make_arithmetic(
        [_with_number(one) for one in activations], at_prediction, loss(), together
    )
    update = make_update(optimizer)
    is_plain = optimizer is GradientDescent
    if stamp is not None:
        try:
            return make_kernels(arithmetic, update, is_plain, stamp, True)
        except RuntimeError:  # no cache directory is writable
            pass
    return make_kernels(arithmetic, update, is_plain, 0, False)  # compiled again in each process


def stamp_of(*functions: Any) -> int | None:
    """A number that changes with any source file that the kernels may depend on.

    Numba itself checks only the kernel's own file. None if a function has no source file: its
    kernels must not be cached.
    """
    names = [f"{one.__module__}.{one.__qualname__}" for one in functions]
    digest = hashlib.sha256("\0".join(names).encode())
    for module in dict.fromkeys([*_OUR_CODE, *(one.__module__ for one in functions)]):
        code = _digest_of(module)
        if code is None:
            return None
        digest.update(code)
    return int.from_bytes(digest.digest()[:6], "little")


@functools.cache
def _digest_of(module: str) -> bytes | None:
    """The digest of the source files that belong to a module, or None if there are none."""
    digest = hashlib.sha256()
    try:
        for file in _source_files(module):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    except (AttributeError, OSError, TypeError):
        return None
    return digest.digest()


def _source_files(module: str) -> list[Path]:
    """The source files of a module's package; outside gdbatch, of its top-level package."""
    package, is_ours = sys.modules[module].__package__, module.startswith(_ROOT + ".")
    if not package:
        return [Path(str(sys.modules[module].__file__))]
    top = package if is_ours else package.partition(".")[0]
    return sorted(
        file for folder in sys.modules[top].__path__ for file in Path(folder).rglob("*.py")
    )


for _module in _OUR_CODE:  # now, before an upgrade can replace the files of a running process
    _digest_of(_module)
