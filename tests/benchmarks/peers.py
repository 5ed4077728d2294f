"""The peers: what users would write without gdbatch, written well.

Each takes a case and returns a run, or None if it cannot train the case or is not installed.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .workloads import Case, Outcome, Run

_LOOP_TRIALS = 64  # the tutorial's loop trains one weight at a time
_EAGER_TRIALS = 16_384


def sigmoid(sop: Any) -> Any:
    """As the tutorial writes it."""
    return 1.0 / (1 + np.exp(-1 * sop))


def tutorial_loop(case: Case) -> Run | None:
    """The tutorial's own loop: one weight, one step at a time, in Python; nothing is printed."""
    if case.layers != [1, 1] or case.until or case.rates.dtype != np.float64:
        return None
    case = case.some(_LOOP_TRIALS)
    x, target = float(case.inputs[0, 0]), float(case.targets[0, 0])

    def run() -> Outcome:
        ends = []
        for weight, rate in zip(case.parameters[0].tolist(), case.rates.tolist(), strict=True):
            w = weight
            for _ in range(case.steps):
                sop = w * x
                predicted = sigmoid(sop)
                np.power(predicted - target, 2)  # the error, which it computes at every step
                slope = sigmoid(sop) * (1.0 - sigmoid(sop))
                w = w - rate * (x * slope * (2 * (predicted - target)))
            ends.append(w)
        return _fixed(case, np.array([ends]))

    return run


def whole_arrays(case: Case) -> Run | None:
    """NumPy on all trials at once, in its simplest form: every line makes a new array."""
    if case.layers != [1, 1] or case.until:
        return None
    x, target = case.inputs[0, 0], case.targets[0, 0]

    def run() -> Outcome:
        w = case.parameters[0]
        for _ in range(case.steps):
            sop = w * x
            predicted = 1 / (1 + np.exp(-sop))
            gradient = 2 * (predicted - target) * predicted * (1 - predicted) * x
            w = w - case.rates * gradient
        return _fixed(case, w[None])

    return run


def script(case: Case) -> Run | None:
    """The same lines as a separate script, which loads nothing but NumPy.

    Its temporary arrays go back to the system when they are freed and come again page by page; in
    a process with other libraries they happen to stay, which halves the time of small ones.
    """
    if case.layers != [1, 1] or case.until:
        return None
    folder = Path(tempfile.mkdtemp())
    given, found = folder / "given.npz", folder / "found.npy"
    numbers = {"x": case.inputs[0, 0], "target": case.targets[0, 0], "steps": case.steps}
    np.savez(given, w=case.parameters[0], rates=case.rates, **numbers)

    def run() -> Outcome:
        subprocess.run([sys.executable, "-c", _SCRIPT, str(given), str(found)], check=True)
        return _fixed(case, np.load(found)[None])

    return run


_SCRIPT = """
import sys, numpy as np
given = np.load(sys.argv[1])
w, rates, x, target = given["w"], given["rates"], given["x"], given["target"]
for _ in range(int(given["steps"])):
    sop = w * x
    predicted = 1 / (1 + np.exp(-sop))
    gradient = 2 * (predicted - target) * predicted * (1 - predicted) * x
    w = w - rates * gradient
np.save(sys.argv[2], w)
"""


def jax_peer(case: Case) -> Run | None:
    """JAX: vmap of value_and_grad, in a scan, or for a stop rule vmap of a while_loop; jit."""
    if importlib.util.find_spec("jax") is None:
        return None
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    loss_of = _jax_loss(case)
    gradient_of = jax.grad(loss_of, has_aux=True)

    def update(w: Any, rate: Any) -> Any:
        return w - rate * gradient_of(w)[0]

    def many_steps(w: Any, rate: Any) -> Any:
        return jax.lax.scan(lambda v, _: (update(v, rate), None), w, None, length=case.steps)[0]

    def until(w: Any, rate: Any) -> Any:
        def goes_on(state: Any) -> Any:
            v, step = state
            loss, error = loss_of(v)
            watched = error if case.until == "prediction_error" else loss
            return jnp.isfinite(loss) & ~(watched <= case.tolerance) & (step < case.steps)

        def one(state: Any) -> Any:
            return update(state[0], rate), state[1] + 1

        return jax.lax.while_loop(goes_on, one, (w, 0))

    parameters, rates = jnp.asarray(case.parameters.T), jnp.asarray(case.rates)
    compiled = jax.jit(jax.vmap(until if case.until else many_steps))

    def run() -> Outcome:
        if case.until:
            w, steps = jax.block_until_ready(compiled(parameters, rates))
            counts = np.asarray(steps)
            return Outcome(int(counts.sum()), np.asarray(w).T, counts)
        return _fixed(case, np.asarray(jax.block_until_ready(compiled(parameters, rates))).T)

    run()  # compiles
    return run


def _jax_loss(case: Case) -> Any:
    """Loss and prediction error of one trial's parameters, as a JAX function."""
    import jax
    import jax.numpy as jnp

    inputs, targets = jnp.asarray(case.inputs), jnp.asarray(case.targets)
    activation = jax.nn.sigmoid if case.activation == "sigmoid" else jnp.tanh

    def loss(flat: Any) -> Any:
        values, start = inputs, 0
        for rows, columns in case.shapes:
            weights = flat[start : start + rows * columns].reshape(rows, columns)
            start += rows * columns
            biases = weights[-1] if case.bias else 0
            values = activation(values @ weights[: rows - case.bias] + biases)
        difference = values - targets
        total = (difference**2).sum()
        mean = 1 if case.activation == "sigmoid" else 1 / targets.size
        return total * mean, jnp.abs(difference).max()

    return loss


def torch_peer(case: Case) -> Run | None:
    """PyTorch: vmap of grad, as for an ensemble; the steps are a Python loop, as it has no scan."""
    if case.until or importlib.util.find_spec("torch") is None:
        return None
    import torch

    torch.set_num_threads(1)
    case = case.some(_EAGER_TRIALS)
    inputs, targets = torch.from_numpy(case.inputs), torch.from_numpy(case.targets)
    gradient_of = torch.func.vmap(torch.func.grad(_torch_loss(case, inputs, targets)))
    starts = torch.from_numpy(np.ascontiguousarray(case.parameters.T))
    rates = torch.from_numpy(case.rates.copy())[:, None]

    def run() -> Outcome:
        w = starts
        for _ in range(case.steps):
            w = w - rates * gradient_of(w)
        return _fixed(case, w.numpy().T)

    return run


def _torch_loss(case: Case, inputs: Any, targets: Any) -> Any:
    import torch

    activation = torch.sigmoid if case.activation == "sigmoid" else torch.tanh

    def loss(flat: Any) -> Any:
        values, start = inputs, 0
        for rows, columns in case.shapes:
            weights = flat[start : start + rows * columns].reshape(rows, columns)
            start += rows * columns
            sops = values @ weights[: rows - case.bias]
            values = activation(sops + weights[-1] if case.bias else sops)
        squares = (values - targets) ** 2
        return squares.sum() if case.activation == "sigmoid" else squares.mean()

    return loss


def _fixed(case: Case, parameters: Any) -> Outcome:
    trials = parameters.shape[1]
    return Outcome(trials * case.steps, parameters, np.full(trials, case.steps))


PEERS: dict[str, Callable[[Case], Run | None]] = {
    "tutorial's loop": tutorial_loop,
    "NumPy, whole arrays": whole_arrays,
    "the same, a script": script,
    "JAX": jax_peer,
    "PyTorch": torch_peer,
}
