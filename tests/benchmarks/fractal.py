"""The fractal of trainability, compared with the published notebook.

`python -m tests.benchmarks.fractal`: tanh(√2 X W₀/√16) W₁/16 on 272 samples at 64×64 pairs of
learning rates, full batches, float64. The notebook uses a jit of a vmap of one step in JAX, called
in a Python loop for all pixels at once; it keeps the loss of every step, which the measures of the
sweep read too. One core, contestants in turns; a ratio is the median of the ratios within a turn.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tomllib
from pathlib import Path
from typing import Any

import numpy as np

from gdbatch.engine import Task

from .turns import in_turns, machine, one_core, timed
from .workloads import Outcome, Run, Workload, engine_run

_SWEEP = Path(__file__).parents[2] / "sweeps" / "fractal_tanh.toml"
_ENGINE, _MEASURED = "gdbatch, numpy engine", "gdbatch, with its measures"
_NOTEBOOK = "JAX, jit(vmap(step)) in a loop"
_SAME = 1e-9  # of the largest parameter
_STEPS_ALIKE = 2  # steps in which no last bit can grow to that, however chaotic the rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fractal", description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--side", type=int, default=64, help="pixels a side")
    options = parser.parse_args()
    workload = fractal(options.side, options.steps)
    brief = fractal(options.side, _STEPS_ALIKE)
    outcomes: dict[str, Outcome] = {}

    def nanoseconds(name: str) -> float:
        seconds, outcomes[name] = timed(runs[name])
        return 1e9 * seconds / outcomes[name].updates

    print(f"{machine()}\n{options.side}×{options.side} pixels, {options.steps} steps: ns a step")
    with one_core():
        first = {name: run() for name, run in _contestants(brief).items()}
        alike = _alike(first[_ENGINE], first[_NOTEBOOK])
        assert alike == 1, f"after {_STEPS_ALIKE} steps only {alike:.1%} of the pixels are the same"
        runs = _contestants(workload)
        times = in_turns(
            options.turns, {name: functools.partial(nanoseconds, name) for name in runs}
        )
    for name, found in times.items():
        middle, lowest, highest = statistics.median(found), min(found), max(found)
        print(f"  {name:<32}{middle:>12,.0f} ({lowest:,.0f}-{highest:,.0f})")
    for name in (_ENGINE, _MEASURED):
        ratios = [b / a for a, b in zip(times[name], times[_NOTEBOOK], strict=True)]
        print(f"  {name} is {statistics.median(ratios):.2f} times faster")
    share = _alike(outcomes[_ENGINE], outcomes[_NOTEBOOK])
    print(
        f"  the same within {_SAME}: all pixels after {_STEPS_ALIKE} steps, and {share:.1%} at the "
        "end;\n  at the others last bits have grown, or the loss has overflowed"
    )


def _contestants(workload: Workload) -> dict[str, Run]:
    return {
        _ENGINE: engine_run(workload, "numpy"),
        _MEASURED: engine_run(workload, "numpy", measured=True),
        _NOTEBOOK: notebook_run(workload.task(), workload.steps),
    }


def fractal(side: int, steps: int) -> Workload:
    """The shipped sweep, at fewer pixels and steps."""
    document: dict[str, Any] = tomllib.loads(_SWEEP.read_text(encoding="utf-8"))
    for axis in document["axes"].values():
        axis["num"] = side
    document["train"]["max_steps"] = steps
    return Workload("fractal", document, steps)


def notebook_run(task: Task, steps: int) -> Run:
    """All pixels, step by step, as the notebook trains them."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    problem: Any = task.problem
    x, y = jnp.asarray(problem.layers.inputs), jnp.asarray(problem.layers.targets)
    inputs, hidden, outputs = problem.layers.units
    flat = task.initial_parameters(np.arange(len(task))).T
    first = jnp.asarray(flat[:, : inputs * hidden].reshape(-1, inputs, hidden))
    second = jnp.asarray(flat[:, inputs * hidden :].reshape(-1, hidden, outputs))
    rates = tuple(map(jnp.asarray, np.asarray(task.optimizer_hyperparameters["learning_rate"])))

    def loss_of(weights: Any) -> Any:
        w0, w1 = weights
        values = jnp.tanh(jnp.sqrt(2) * (x @ w0) / jnp.sqrt(inputs))
        return jnp.mean((values @ w1 / hidden - y) ** 2)

    def step(weights: Any, rates: Any) -> Any:
        loss, slopes = jax.value_and_grad(loss_of)(weights)
        moved = jax.tree.map(lambda w, rate, slope: w - rate * slope, weights, rates, slopes)
        return moved, loss

    step_of_all = jax.jit(jax.vmap(step))

    def run() -> Outcome:
        weights, losses = (first, second), []
        for _ in range(steps):
            weights, loss = step_of_all(weights, rates)
            losses.append(loss)
        jax.block_until_ready((weights, losses))
        rows = [np.asarray(part).reshape(len(flat), -1) for part in weights]
        counts = np.full(len(flat), steps)
        return Outcome(int(counts.sum()), np.concatenate(rows, axis=1).T, counts)

    return run


def _alike(ours: Outcome, theirs: Outcome) -> float:
    """The share of pixels that end at the same step with the same parameters."""
    gap = np.abs(ours.parameters - theirs.parameters).max(axis=0)
    size = np.abs(ours.parameters).max(axis=0)
    return float(np.mean((ours.steps == theirs.steps) & (gap <= _SAME * size)))


if __name__ == "__main__":
    main()
