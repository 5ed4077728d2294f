"""Models of PyTorch and JAX against the native network: same data, starts and rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gdbatch.api import run_sweep
from gdbatch.errors import SweepFileError, UsageError
from gdbatch.ingredients.problems.from_torch import from_torch
from gdbatch.ingredients.problems.protocol import Evaluation
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep

TORCH = """\
import torch
from torch import nn

def Model():
    return nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))
"""
JAX = """\
import jax
import jax.numpy as jnp

def init(key):
    first, second = jax.random.split(key)
    return [
        (jax.random.normal(first, (2, 5)), jnp.zeros(5)),
        (jax.random.normal(second, (5, 3)), jnp.zeros(3)),
    ]

def model(parameters, inputs):
    (w1, b1), (w2, b2) = parameters
    return jnp.tanh(inputs @ w1 + b1) @ w2 + b2
"""
NETWORK = {
    "kind": "network",
    "layers": [2, 5, 3],
    "activation": "tanh",
    "output_activation": "softmax",
    "bias": True,
}
CODES = {"torch": TORCH, "jax": JAX}
DATA: dict[str, Any] = {
    "loss": "cross_entropy",
    "data": {"kind": "blobs", "classes": 3, "samples": 30},
    "validation": 0.2,
}


def sweep_of(folder: Path, kind: str, code: str | None = None, **changes: Any) -> dict[str, Any]:
    """A sweep of a model, or of the same network; changes are keys of [problem], or tables."""
    code = CODES.get(kind) if code is None else code
    tables = {name: changes.pop(name) for name in TABLES if name in changes}
    problem = NETWORK | changes
    if code is not None:
        path = folder / "own.py"
        path.write_text(code, encoding="utf-8")
        problem = {"kind": kind, "file": str(path)} | changes
    return {"name": "own", "problem": problem} | TABLES | tables


TABLES: dict[str, Any] = {
    "init": {"kind": "xavier"},
    "optimizer": {"kind": "adam"},
    "train": {"max_steps": 60, "stop": {"loss": 0.8}},
    "axes": {"learning_rate": [0.003, 0.3], "seed": {"count": 3}},
    "record": {},
}


def trials_of(folder: Path, kind: str, code: str | None = None, **changes: Any) -> pd.DataFrame:
    document = sweep_of(folder, kind, code, **changes)
    run = run_sweep(document, out=folder / kind, jobs=1, allow_python=True)
    return run.trials()


def refusal(folder: Path, kind: str, code: str | None = None, **changes: Any) -> str:
    with pytest.raises(SweepFileError) as caught:
        Plan(read_sweep(sweep_of(folder, kind, code, **changes), allow_python=True))
    return "; ".join(f"{one.key}: {one.message}" for one in caught.value.problems)


@pytest.mark.parametrize("kind", ["torch", "jax"])
@pytest.mark.parametrize(
    "batch", [{}, {"batch": {"size": 9, "tracked": "batch", "drop_last": False}}]
)
def test_a_model_trains_like_the_native_network(
    tmp_path: Path, kind: str, batch: dict[str, Any]
) -> None:
    pytest.importorskip(kind)
    changes = {
        **DATA,
        "train": TABLES["train"] | batch,
        "record": {"measures": ["sharpness", "accuracy", "validation_accuracy"]},
    }
    own, native = (trials_of(tmp_path, one, **changes) for one in (kind, "network"))
    assert {"converged", "unfinished"} == set(native["outcome"])
    for name in ("outcome", "steps", "accuracy", "validation_accuracy"):
        assert own[name].tolist() == native[name].tolist()
    measured = ["initial_loss", "final_loss", "gradient_norm", "validation_loss"]
    for name in (*measured, "initial_sharpness", "final_sharpness"):
        assert np.allclose(own[name], native[name], rtol=1e-7), name


@pytest.mark.parametrize("kind", ["torch", "jax"])
def test_seeds_start_where_the_model_draws(tmp_path: Path, kind: str) -> None:
    pytest.importorskip(kind)
    document = sweep_of(tmp_path, kind, init={"kind": "module"}, **DATA)
    plan = Plan(read_sweep(document, allow_python=True))
    starts = plan.task(plan.shard(0)).initial_parameters(np.arange(6))
    assert starts.shape == (33, 6)
    assert np.array_equal(starts[:, ::2], starts[:, 1::2])  # two learning rates per seed
    assert (starts[:10, 0] != starts[:10, 2]).all()
    names = plan.group(0).problem.parameter_names
    if kind == "jax":
        assert names[:2] == ["0_0_0_0", "0_0_0_1"]
        assert not starts[10:15].any()  # the biases
    else:
        assert names[:2] == ["0_weight_0_0", "0_weight_0_1"]
        assert np.abs(starts[:15]).max() < np.sqrt(1 / 2)  # the range of nn.Linear's own draws
    assert plan.facts()["repeats_exactly"] is True and plan.warnings == []


@pytest.mark.parametrize("kind", ["torch", "jax"])
def test_a_lane_gives_the_same_bits_alone_and_among_others(tmp_path: Path, kind: str) -> None:
    pytest.importorskip(kind)
    axes = TABLES["axes"] | {"seed": {"count": 40}}
    train = {"max_steps": 20, "dtype": "float32", "batch": {"size": 4}}
    many = trials_of(tmp_path, kind, axes=axes, train=train, **DATA)
    few = sweep_of(tmp_path, kind, axes={"learning_rate": [0.3], "seed": [7]}, train=train, **DATA)
    alone = run_sweep(few, out=tmp_path / "alone", jobs=1, allow_python=True).trials()
    among = many[(many["learning_rate"] == 0.3) & (many["seed"] == 7)]
    for name in ("final_loss", "gradient_norm", "validation_loss"):
        assert among[name].tolist() == alone[name].tolist()


ROSENBROCK = {
    "torch": """\
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.x = torch.nn.Parameter(torch.tensor(-1.2))
        self.y = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self):
        return (1 - self.x) ** 2 + 100 * (self.y - self.x**2) ** 2
""",
    "jax": """\
init = {"x": -1.2, "y": 1.0}

def model(parameters):
    x, y = parameters["x"], parameters["y"]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2
""",
}


@pytest.mark.parametrize("kind", ["torch", "jax"])
def test_a_model_without_data_returns_its_loss(tmp_path: Path, kind: str) -> None:
    pytest.importorskip(kind)
    tables = {
        "init": {"kind": "point", "values": [-1.2, 1.0]},
        "optimizer": {"kind": "gradient_descent"},
        "train": {"max_steps": 50},
        "axes": {"learning_rate": [1e-4, 1e-3, 0.1]},
    }
    own = trials_of(tmp_path, kind, ROSENBROCK[kind], **tables)
    function = {"kind": "function", "function": "rosenbrock"}
    native = run_sweep({"name": "own", "problem": function} | tables, out=tmp_path / "n", jobs=1)
    for name in ("outcome", "steps"):
        assert own[name].tolist() == native.trials()[name].tolist()
    assert np.allclose(own["final_loss"], native.trials()["final_loss"], rtol=1e-9)
    document = sweep_of(tmp_path, kind, ROSENBROCK[kind], **{**tables, "init": {"kind": "module"}})
    plan = Plan(read_sweep(document, allow_python=True))
    assert np.allclose(plan.task(plan.shard(0)).initial_parameters(np.arange(1)).T, [[-1.2, 1.0]])


# native counterparts of modules ----------------------------------------------------------------


def test_a_module_becomes_a_native_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    kinds = [nn.ELU(0.5), nn.GELU(), nn.GELU("tanh"), nn.Hardtanh(), nn.LeakyReLU(0.2), nn.Mish()]
    kinds += [nn.ReLU(), nn.ReLU6(), nn.SELU(), nn.SiLU(), nn.Sigmoid(), nn.Softplus()]
    kinds += [nn.Softsign(), nn.Tanh(), nn.Identity()]
    for kind in kinds:
        layers = [nn.Flatten(), nn.Linear(2, 4), kind, nn.Dropout(0.0)]
        module = nn.Sequential(nn.Sequential(*layers), nn.Linear(4, 3), nn.Linear(3, 2)).double()
        inputs, targets = np.array([[0.3, -2.0], [1.5, 0.7]]), np.array([[0.1, 0.2], [0.0, 1.0]])
        tables = from_torch(module)
        tables["problem"] |= {"inputs": inputs.tolist(), "targets": targets.tolist()}
        document = tables | {"name": "one", "optimizer": TABLES["optimizer"]}
        document |= {"train": {"max_steps": 1}, "axes": {"learning_rate": [0.1]}}
        plan = Plan(read_sweep(document))
        start = plan.task(plan.shard(0)).initial_parameters(np.arange(1))
        loss, gradient = np.zeros(1), np.zeros_like(start)
        evaluator = plan.group(0).problem.evaluator(1, start.dtype)
        evaluator.prepare(start, {}, np.zeros(1, np.int64), Evaluation(gradient, loss))()
        expected = nn.functional.mse_loss(module(torch.tensor(inputs)), torch.tensor(targets))
        expected.backward()
        assert np.isclose(loss[0], expected.item(), rtol=1e-12)
        assert np.allclose(gradient[-2:, 0], module[-1].bias.grad, rtol=1e-9)
        assert np.allclose(gradient[:8, 0], module[0][1].weight.grad.T.ravel(), rtol=1e-9)


def test_scores_get_the_outputs_that_the_loss_needs() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn
    for end in ([], [nn.Softmax(dim=1)]):
        tables = from_torch(nn.Sequential(nn.Linear(2, 3), *end), loss="cross_entropy")
        assert tables["problem"]["activation"] == ["softmax"]
    nowhere = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    for module, loss, words in (
        (nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3)), "huber", 'LayerNorm ("1") has no native'),
        (nn.Sequential(nn.Tanh(), nn.Linear(2, 3)), "huber", 'Tanh ("0") is before the first'),
        (nn.Sequential(nowhere, nn.ReLU()), "huber", 'ReLU ("1") follows another activation'),
        (nn.Sequential(nn.Linear(2, 3), nn.Softplus(2)), "huber", "other options"),
        (nn.Sequential(nn.Linear(2, 3), nn.Dropout()), "huber", 'Dropout ("1") has no native'),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1, False)), "huber", "all or none"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)), "huber", "does not fit"),
        (nn.Linear(2, 3), "hubert", 'did you mean "huber"?'),
        (nn.Sequential(), "huber", "no nn.Linear"),
    ):
        with pytest.raises(UsageError) as caught:
            from_torch(module, loss)
        assert words in str(caught.value)


# what is refused -------------------------------------------------------------------------------


def test_a_missing_framework_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for kind in CODES:
        told = refusal(tmp_path, kind, **DATA)
        assert f'problem.kind: kind = "{kind}" needs' in told
        assert f'pip install "gdbatch[{kind}]"' in told


LAYERS = "nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 3))"
WRONG_TORCH: dict[str, tuple[str, str, dict[str, Any], list[str]]] = {
    "dropout": ("nn.Tanh()", "nn.Dropout(0.5)", {}, ['Dropout ("1") is in train mode', "eval()"]),
    "running statistics": ("nn.Tanh()", "nn.BatchNorm1d(5)", {},
        ['BatchNorm1d ("1")', "running statistics", "GroupNorm"]),
    "too few outputs": ("nn.Linear(5, 3)", "nn.Linear(5, 2)", {},
        ["outputs of shape (24, 2)", "one output per class: 3"]),
    "wrong inputs": ("nn.Linear(2, 5)", "nn.Linear(4, 5)", {}, ["RuntimeError", "own.py"]),
    "no module": (LAYERS, "3", {}, ["type int", "must be a torch.nn.Module"]),
    "nothing to train": (LAYERS, "nn.Sequential(nn.Tanh())", {}, ["no parameters to train"]),
    "a lazy layer": ("nn.Linear(2, 5)", "nn.LazyLinear(5)", {}, ["no shape before its first use"]),
    "chance": ("nn.Tanh()", "Noise()", {}, ["own.py, line 7", "draws random numbers"]),
    "a decision": ("nn.Tanh()", "Decision()", {}, ["own.py, line 11", "use torch.where"]),
    "a counter": ("nn.Tanh()", "Counter()", {}, ['changes its buffer "1.count"']),
    "an unknown loss": ("nn.Tanh()", "nn.Tanh()", {"loss": "cros_entropy"},
        ['unknown loss "cros_entropy"', 'did you mean "cross_entropy"?', "define a function"]),
    "no loss": ("nn.Tanh()", "nn.Tanh()", {"loss": None}, ["which loss?", "mse_loss"]),
    "a loss of many numbers": ("nn.Tanh()", "nn.Tanh()", {"loss": "terms", "classes": True},
        ["the loss terms returns a tensor of shape (24, 3)", "return one number"]),
    "a start by layers": ("nn.Tanh()", "nn.LayerNorm(5)", {"init": {"kind": "he"}},
        ["1_weight", 'kind = "module"']),
    "biases of a module": ("nn.Tanh()", "nn.Tanh()", {"init": {"kind": "module", "biases": 1.0}},
        ["leave biases out"]),
}  # fmt: skip
PARTS = """\
import torch
from torch import nn

class Noise(nn.Module):
    def forward(self, x):
        return x + \\
            torch.randn(5)

class Decision(nn.Module):
    def forward(self, x):
        if x.sum() > 0: return x
        return -x

class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        return x

def terms(outputs, targets):
    return (outputs - targets) ** 2

"""


@pytest.mark.parametrize(("old", "new", "changes", "words"), WRONG_TORCH.values(), ids=WRONG_TORCH)
def test_a_wrong_module_is_refused(
    tmp_path: Path, old: str, new: str, changes: dict[str, Any], words: list[str]
) -> None:
    pytest.importorskip("torch")
    code = PARTS + TORCH.split("\n\n", 1)[1].replace(old, new)
    given = {key: value for key, value in (DATA | changes).items() if value is not None}
    told = refusal(tmp_path, "torch", code, **given)
    for word in words:
        assert word in told
    assert "\n" not in told


WRONG_JAX: dict[str, tuple[str, str, list[str]]] = {
    "wrong shapes": ("(2, 5)", "(4, 5)", ["own.py, line 13", "TypeError"]),
    "too few outputs": ("@ w2 + b2", "@ w2[:, :1]", ["outputs of shape (24, 1)", "(24, 3)"]),
    "no arrays": ("return [", "return []\n    [", ["init has no arrays"]),
    "a decision": ("jnp.tanh(", "abs(0 if inputs.sum() + w1.sum() > 0 else 1) + (", ["own.py"]),
    "no function": ("def model", "model = 3\ndef other", ["model", "no function"]),
}


@pytest.mark.parametrize(("old", "new", "words"), WRONG_JAX.values(), ids=WRONG_JAX)
def test_a_wrong_jax_model_is_refused(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    pytest.importorskip("jax")
    told = refusal(tmp_path, "jax", JAX.replace(old, new), **DATA)
    for word in words:
        assert word in told


def test_results_that_depend_on_neighbours_are_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gdbatch.ingredients.problems.network.problem import Network

    monkeypatch.setattr(Network, "lanes_are_independent", lambda *_: False)
    plan = Plan(read_sweep(sweep_of(tmp_path, "network", **DATA)))
    assert plan.facts()["repeats_exactly"] is False
    assert "within a tolerance, not to the byte" in plan.warnings[0]
