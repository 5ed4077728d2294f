"""Each optimizer's rule, against sums over all gradients, torch, optax, and theory."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gdbatch import registry
from gdbatch.engine import Recording, Task, train
from gdbatch.ingredients.functions.problem import FunctionProblem
from gdbatch.training import Training
from tests.engine.helpers import Array, network, outcomes, task_of
from tests.engine.test_optimizers import STEPS, path_of, random_gradients
from tests.engine.updating import with_updates

RATE = 0.01
START: Array = np.linspace(-1, 1, 9)
GRADIENTS: Array = random_gradients((9, 1))[:, :, 0]


def path_under(optimizer: str, decoupled: bool = False, **numbers: Any) -> Array:
    """Weights (steps, 9) from the common start under the common gradients."""
    base = task_of(network([3, 3]), Training(STEPS), [RATE], init="constant", value=0.0)
    task = with_updates(base, optimizer, decoupled=decoupled, **numbers)
    lanes = task.fresh_lanes(np.arange(1))
    shifted = path_of(_started(task, START[:, None]), GRADIENTS[:, :, None])
    assert shifted.shape[1:] == lanes["parameters"].shape
    return shifted[:, :, 0]


def _started(task: Task, parameters: Array) -> Task:
    """The same trials from the given parameters."""
    start = SimpleNamespace(draws=lambda *_: np.zeros(1), start=lambda *_: parameters.copy())
    return Task(**vars(task) | {"initializer": start})


# sums over all gradients ---------------------------------------------------------------------


def discounted(beta: float, values: Array) -> Array:
    """Σ βⁿ⁻ⁱ valueᵢ over all values so far, at each n."""
    return np.array(
        [
            sum(beta ** (last - i) * values[i] for i in range(last + 1))
            for last in range(len(values))
        ]
    )


def mean(beta: float, values: Array) -> Array:
    """Means of all values so far, with weights that decay by β."""
    return discounted(beta, values) / discounted(beta, np.ones(len(values)))[:, None]


def from_steps(steps: Array) -> Array:
    return START - RATE * np.cumsum(steps, axis=0)


def _adam(g: Array) -> Array:
    return from_steps(mean(0.9, g) / (np.sqrt(mean(0.999, g**2)) + 1e-8))


def _adamw(g: Array) -> Array:
    steps = mean(0.9, g) / (np.sqrt(mean(0.999, g**2)) + 1e-8)
    weights, path = START, []
    for step in steps:
        weights = weights * (1 - RATE * 0.01) - RATE * step
        path.append(weights)
    return np.array(path)


def _amsgrad(g: Array) -> Array:
    largest = np.maximum.accumulate(0.001 * discounted(0.999, g**2))
    corrected = largest / (1 - 0.999 ** np.arange(1, len(g) + 1))[:, None]
    return from_steps(mean(0.9, g) / (np.sqrt(corrected) + 1e-8))


def _nadam(g: Array) -> Array:
    t = np.arange(1, len(g) + 1)[:, None]
    m = 0.1 * discounted(0.9, g)
    ahead = 0.9 * m / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
    return from_steps(ahead / (np.sqrt(mean(0.999, g**2)) + 1e-8))


def _lion(g: Array) -> Array:
    m = np.vstack([np.zeros((1, 9)), 0.01 * discounted(0.99, g)[:-1]])
    return from_steps(np.sign(0.9 * m + 0.1 * g))


RULES: dict[str, Callable[[Array], Array]] = {
    "adagrad": lambda g: from_steps(g / (np.sqrt(np.cumsum(g**2, axis=0)) + 1e-10)),
    "adam": _adam,
    "adamw": _adamw,
    "amsgrad": _amsgrad,
    "gradient_descent": from_steps,
    "lion": _lion,
    "momentum": lambda g: from_steps(discounted(0.9, g)),
    "nadam": _nadam,
    "nesterov": lambda g: from_steps(g + 0.9 * discounted(0.9, g)),
    "rmsprop": lambda g: from_steps(g / (np.sqrt(0.01 * discounted(0.99, g**2)) + 1e-8)),
    "signsgd": lambda g: from_steps(np.sign(g)),
}


@pytest.mark.parametrize("optimizer", RULES)
def test_paths_equal_explicit_sums_over_all_gradients(optimizer: str) -> None:
    """With the defaults of the sources, over 100 random gradients."""
    found = path_under(optimizer, decoupled=optimizer in ("adamw", "lion"))
    np.testing.assert_allclose(found, RULES[optimizer](GRADIENTS), rtol=1e-12, atol=1e-12)


def test_momentum_equals_the_textbooks_heavy_ball() -> None:
    weights, before, path = START, START, []
    for gradient in GRADIENTS:
        weights, before = weights - RATE * gradient + 0.9 * (weights - before), weights
        path.append(weights)
    np.testing.assert_allclose(path_under("momentum"), path, rtol=1e-12, atol=1e-12)


# torch and optax -----------------------------------------------------------------------------

TORCH: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    # name: our optimizer and numbers, torch's
    "SGD": ("gradient_descent", "SGD", {}, {}),
    "SGD with decay": ("gradient_descent", "SGD", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "momentum": ("momentum", "SGD", {"momentum": 0.8}, {"momentum": 0.8}),
    "momentum with decay": (
        "momentum", "SGD", {"momentum": 0.8, "weight_decay": 0.1},
        {"momentum": 0.8, "weight_decay": 0.1},
    ),
    "nesterov": ("nesterov", "SGD", {"momentum": 0.7}, {"momentum": 0.7, "nesterov": True}),
    "RMSprop": ("rmsprop", "RMSprop", {}, {}),
    "RMSprop of the lecture": ("rmsprop", "RMSprop", {"smoothing": 0.9}, {"alpha": 0.9}),
    "Adagrad": ("adagrad", "Adagrad", {}, {}),
    "Adam": ("adam", "Adam", {}, {}),
    "Adam with decay": ("adam", "Adam", {"weight_decay": 0.1}, {"weight_decay": 0.1}),
    "Adam's numbers": (
        "adam", "Adam", {"beta1": 0.5, "beta2": 0.8, "epsilon": 1e-3},
        {"betas": (0.5, 0.8), "eps": 1e-3},
    ),
    "AdamW": ("adamw", "AdamW", {}, {}),
    "AMSGrad": ("amsgrad", "Adam", {}, {"amsgrad": True}),
}  # fmt: skip


@pytest.mark.parametrize("name", TORCH)
def test_paths_match_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs, numbers, keywords = TORCH[name]
    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, theirs)([weights], lr=RATE, **keywords)
    path = []
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    found = path_under(ours, decoupled=ours == "adamw", **numbers)
    np.testing.assert_allclose(found, path, rtol=1e-12, atol=1e-12)


def test_clipping_matches_torch() -> None:
    torch = pytest.importorskip("torch")
    weights = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer, path = torch.optim.SGD([weights], lr=RATE), []
    for gradient in GRADIENTS:
        weights.grad = torch.tensor(gradient)
        torch.nn.utils.clip_grad_value_([weights], 1.5)
        # torch divides by norm + 1e-6
        norm = float(weights.grad.norm())
        torch.nn.utils.clip_grad_norm_([weights], 0.8 * (norm + 1e-6) / norm)
        optimizer.step()
        path.append(weights.detach().numpy().copy())
    found = path_under("gradient_descent", clip_value=1.5, clip_norm=0.8)
    np.testing.assert_allclose(found, path, rtol=1e-12, atol=1e-12)


OPTAX: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "adam": ("adam", "adam", {}, {}),
    "lion": ("lion", "lion", {"weight_decay": 0.05}, {"weight_decay": 0.05}),
    "nadam": ("nadam", "nadam", {}, {}),
    "nadam's numbers": ("nadam", "nadam", {"beta1": 0.6, "beta2": 0.9}, {"b1": 0.6, "b2": 0.9}),
    "sign_sgd": ("signsgd", "sign_sgd", {}, {}),
}


# in a separate process: JAX starts threads, beside which processes forked by tests may hang
OPTAX_PATHS = """
import json, sys
import jax, numpy as np, optax
jax.config.update("jax_enable_x64", True)
start, gradients, rate, cases = json.load(sys.stdin)
for optimizer, keywords in cases:
    optimizer = getattr(optax, optimizer)(rate, **keywords)
    weights = jax.numpy.asarray(start)
    state, path = optimizer.init(weights), []
    for gradient in gradients:
        steps, state = optimizer.update(jax.numpy.asarray(gradient), state, weights)
        weights = optax.apply_updates(weights, steps)
        path.append(weights.tolist())
    print(json.dumps(path))
"""


@pytest.fixture(scope="module")
def optax_paths() -> dict[str, Array]:
    """The weights after every step, by case."""
    if importlib.util.find_spec("optax") is None:
        pytest.skip("could not import 'optax'")
    cases = [(theirs, keywords) for _, theirs, _, keywords in OPTAX.values()]
    done = subprocess.run(
        [sys.executable, "-c", OPTAX_PATHS],
        input=json.dumps([START.tolist(), GRADIENTS.tolist(), RATE, cases]),
        capture_output=True,
        text=True,
        check=True,
    )
    paths = map(json.loads, done.stdout.splitlines())
    return {name: np.array(path) for name, path in zip(OPTAX, paths, strict=True)}


@pytest.mark.parametrize("name", OPTAX)
def test_paths_match_optax(name: str, optax_paths: dict[str, Array]) -> None:
    ours, _, numbers, _ = OPTAX[name]
    found = path_under(ours, decoupled=ours == "lion", **numbers)
    np.testing.assert_allclose(found, optax_paths[name], rtol=1e-12, atol=1e-12)


# theory --------------------------------------------------------------------------------------


def descents(
    optimizer: str, eigenvalues: list[float], rates: list[float], max_steps: int, **numbers: Any
) -> Task:
    """Trials on a quadratic from (1, 1, …), to a loss of 1e-20."""
    options = registry.get("function", "quadratic").Options
    problem: Any = FunctionProblem(
        options(kind="function", function="quadratic", eigenvalues=eigenvalues)
    )
    training = Training(max_steps, stop={"loss": 1e-20})
    base = task_of(problem, training, rates, init="constant", value=1.0)
    return with_updates(base, optimizer, **numbers)


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("curvature", [0.5, 20.0])
def test_the_heavy_ball_is_stable_below_2_and_2_beta_over_the_curvature(
    beta: float, curvature: float
) -> None:
    edge = (2 + 2 * beta) / curvature
    rates = [0.99 * edge, 1.01 * edge]
    found = train(descents("momentum", [curvature], rates, 20_000, momentum=beta))
    assert outcomes(found) == ["converged", "diverged"]


@pytest.mark.parametrize("beta", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("curvature", [0.5, 20.0])
def test_nesterov_is_stable_below_its_own_edge(beta: float, curvature: float) -> None:
    edge = (2 + 2 * beta) / (1 + 2 * beta) / curvature
    rates = [0.99 * edge, 1.01 * edge]
    found = train(descents("nesterov", [curvature], rates, 20_000, momentum=beta))
    assert outcomes(found) == ["converged", "diverged"]


def test_the_best_heavy_ball_contracts_by_the_root_of_beta() -> None:
    least, most = 1.0, 100.0
    ratio = math.sqrt(most / least)
    beta = ((ratio - 1) / (ratio + 1)) ** 2
    rate = (2 / (math.sqrt(least) + math.sqrt(most))) ** 2
    task = descents("momentum", [least, most], [rate], 150, momentum=beta)
    recording = Recording(np.array([0]), 1, ("loss",))
    losses = train(task, recording).trajectories["loss"][0]
    # the loss falls as (k ρᵏ)²: the roots are double
    k = np.array([60, 110])
    rho = (losses[k[1]] / losses[k[0]] * (k[0] / k[1]) ** 2) ** (1 / (2 * (k[1] - k[0])))
    assert rho == pytest.approx(math.sqrt(beta), rel=0.01)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "amsgrad", "adagrad"])
def test_the_first_adaptive_step_is_the_rate_times_the_sign(optimizer: str) -> None:
    found = path_under(optimizer, weight_decay=0.0)[0]
    moved = GRADIENTS[0] != 0
    assert START - found == pytest.approx(RATE * np.sign(GRADIENTS[0]), rel=1e-4, abs=1e-15)
    assert moved.sum() >= 8


def test_amsgrad_never_steps_further_than_adam() -> None:
    """On gradients that do not change direction, for the same means."""
    from_amsgrad, from_adam = path_under("amsgrad"), path_under("adam")
    assert not np.array_equal(from_amsgrad, from_adam)
    numbers: dict[str, Any] = {"beta1": 0.0, "beta2": 0.5}
    sizes = [
        np.abs(np.diff(np.vstack([START, path_under(name, **numbers)]), axis=0))
        for name in ("amsgrad", "adam")
    ]
    assert (sizes[0] <= sizes[1] + 1e-15).all()
    assert (sizes[0] < 0.9 * sizes[1]).any()
