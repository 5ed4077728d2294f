"""Users' problems in Python: run only if that is allowed, and refused if they are wrong.

Every refusal is one message with the file, the line if there is one, and no traceback.
"""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gdbatch.api import load_run, run_sweep
from gdbatch.errors import SweepFileError
from gdbatch.plan import Plan
from gdbatch.sweep_file import read_sweep
from tests.run.helpers import command, message, parts_of, write_sweep

BOWL = """\
import numpy as np

class Problem:
    parameters = ["x", "y"]

    def loss_and_gradient(self, parameters):
        x, y = parameters
        return x**2 + 3 * y**2, np.stack([2 * x, 6 * y])
"""
PLAIN = """\
import gdbatch
import numpy as np

def bowl(w):
    return w[0]**2 + 3 * w[1]**2

Problem = gdbatch.from_function(bowl, ["x", "y"])
"""


def sweep_of(folder: Path, code: str, **changes: Any) -> Path:
    """A sweep of the code; changes are tables, or keys of [problem]."""
    (folder / "own.py").write_text(code, encoding="utf-8")
    problem = {"kind": "python", "file": "own.py", **changes.pop("problem", {})}
    return write_sweep(
        folder / "own.toml",
        {
            "name": "own",
            "problem": problem,
            "init": {"kind": "uniform", "low": 0.5},
            "optimizer": {"kind": "gradient_descent"},
            "train": {"max_steps": 500, "stop": {"gradient_norm": 1e-6}},
            "axes": {"learning_rate": [0.1, 0.3, 0.4], "seed": {"count": 3}},
            **changes,
        },
    )


def refusal(folder: Path, code: str, **changes: Any) -> str:
    with pytest.raises(SweepFileError) as caught:
        read_sweep(sweep_of(folder, code, **changes), allow_python=True)
    (problem,) = caught.value.problems
    assert problem.line is not None
    assert problem.key.startswith("problem")
    return f"{problem.key}: {problem.message}"


def trials_of(folder: Path, code: str, **changes: Any) -> pd.DataFrame:
    path = sweep_of(folder, code, **changes)
    out = folder / f"run {len(list(folder.iterdir()))}"
    run = run_sweep(path, out=out, jobs=1, figures=False, allow_python=True)
    assert run.totals is not None and run.totals.failures == []
    return run.trials()


# valid problems --------------------------------------------------------------------------------


def test_a_python_problem_trains_like_the_built_in_function(tmp_path: Path) -> None:
    own = trials_of(tmp_path, BOWL)
    quadratic = {"kind": "function", "function": "quadratic", "eigenvalues": [2.0, 6.0]}
    path = sweep_of(tmp_path, BOWL, problem=quadratic | {"file": "own.py"})
    path.write_text(path.read_text().replace(', "file" = "own.py"', ""))
    same = run_sweep(path, out=tmp_path / "function", jobs=1, figures=False).trials()
    for name in ("outcome", "steps"):
        assert own[name].tolist() == same[name].tolist()
    assert np.allclose(own["final_loss"], same["final_loss"], rtol=1e-12)
    assert own.groupby("learning_rate")["outcome"].first().tolist() == [
        "converged", "converged", "diverged"
    ]  # fmt: skip


@pytest.mark.parametrize(
    "gradient", ["", ', "central"', ', lambda w: [2 * w[0], 6 * w[1]]', ', "complex_step"']
)  # fmt: skip
def test_a_plain_function_becomes_a_problem(tmp_path: Path, gradient: str) -> None:
    found = trials_of(tmp_path, PLAIN.replace('"y"])', f'"y"]{gradient})'))
    expected = trials_of(tmp_path, BOWL)
    assert found["outcome"].tolist() == expected["outcome"].tolist()
    assert found["steps"].tolist() == expected["steps"].tolist()


def test_the_arrays_may_be_overwritten(tmp_path: Path) -> None:
    code = BOWL.replace("x, y = parameters", "parameters *= 1; x, y = parameters; parameters *= 1")
    assert trials_of(tmp_path, code).equals(trials_of(tmp_path, BOWL))


LAYER = """\
import numpy as np

class Problem:
    parameters = {"weight": (2, 1), "bias": (1,)}
    n_samples = 6
    inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 1], [1, 3]]).T[:, :, None]
    targets = np.array([1, 0, 3, 2, 2, 5.])[:, None]

    def loss_and_gradient(self, parameters, samples):
        x, t = self.inputs, self.targets
        if samples is not None:
            x, t = x[:, samples, 0], t[samples, 0]
        weight, bias = parameters["weight"], parameters["bias"]
        error = (weight * x).sum(axis=0) + bias - t
        gradient = {"weight": 2 * (x * error).mean(axis=1)[:, None], "bias": 2 * error.mean(axis=0)}
        gradient["bias"] = gradient["bias"][None]
        return (error**2).mean(axis=0), gradient
"""


@pytest.mark.parametrize("batch", [None, {"size": 2}, {"size": 4, "tracked": "batch"}])
def test_named_arrays_and_minibatches_train_like_a_network(
    tmp_path: Path, batch: dict[str, Any] | None
) -> None:
    shared = {
        "init": {"kind": "xavier", "biases": 0.5},
        "train": {"max_steps": 30, "stop": {"loss": 0.01}, **({"batch": batch} if batch else {})},
        "optimizer": {"kind": "adam"},
        "record": {"final_parameters": True},
    }
    own = trials_of(tmp_path, LAYER, **shared)
    samples = {
        "inputs": [[0, 0], [0, 1], [1, 0], [1, 1], [2, 1], [1, 3]],
        "targets": [[1], [0], [3], [2], [2], [5]],
    }
    network = {"kind": "network", "layers": [2, 1], "bias": True, "loss": "mean_squared_error"}
    path = sweep_of(tmp_path, LAYER, **shared)
    document = {
        **tomllib.loads(path.read_text()),
        "problem": network | {"activation": "identity"} | samples,
    }
    same = run_sweep(document, out=tmp_path / "same", jobs=1).trials()
    assert own["outcome"].tolist() == same["outcome"].tolist()
    assert own["steps"].tolist() == same["steps"].tolist()
    for name, other in {"final_loss": "final_loss", "bias_0": "bias_1_0"}.items():
        assert np.allclose(own[name], same[other], rtol=1e-9)


def test_a_loss_that_ignores_the_chosen_samples_is_refused(tmp_path: Path) -> None:
    code = LAYER.replace("(error**2).mean", "(error**2).sum")
    train = {"max_steps": 5, "batch": {"size": 2}}
    assert "wrong gradient" in refusal(tmp_path, code, train=train)
    code = LAYER.replace("t[samples, 0]", "t[samples, 0] + 1")
    assert "return a mean over the chosen samples" in refusal(tmp_path, code, train=train)
    code = LAYER.replace("n_samples = 6", "n_samples = 6.0")
    assert "n_samples must be the number of samples" in refusal(tmp_path, code, train=train)


@pytest.mark.parametrize(
    ("loss", "words"),
    [("return w**2", "shape (1,); return one number"), ("w**2", "returns nothing")],
)
def test_a_function_is_told_to_return_one_number(tmp_path: Path, loss: str, words: str) -> None:
    code = PLAIN.replace("return w[0]**2 + 3 * w[1]**2", loss).replace('["x", "y"]', '["x"]')
    assert words in refusal(tmp_path, code)


def test_an_object_may_have_any_name_and_know_its_curvature(tmp_path: Path) -> None:
    code = BOWL.replace("class Problem:", "class _Bowl:\n    curvature = 6") + "\nbowl = _Bowl()\n"
    sweep = read_sweep(sweep_of(tmp_path, code, problem={"object": "bowl"}), allow_python=True)
    assert Plan(sweep).facts()["curvature"] == 6
    record = {"values": ["loss", "parameters"], "every": 10}
    path = sweep_of(tmp_path, code, problem={"object": "bowl"}, record=record)
    run = run_sweep(path, out=tmp_path / "run", jobs=1, figures=True, allow_python=True)
    assert {"x", "y", "loss"} <= set(run.trajectories().columns)
    assert (run.path / "figures" / "convergence.png").is_file()


def test_a_plan_with_python_code_can_be_sent_to_another_process(tmp_path: Path) -> None:
    plan = Plan(read_sweep(sweep_of(tmp_path, BOWL), allow_python=True))
    again = pickle.loads(pickle.dumps(plan))
    assert again.hash == plan.hash
    shard = next(plan.shards())
    assert len(again.task(shard)) == len(plan.task(shard)) == 9


@pytest.mark.long
def test_workers_run_the_code_too(tmp_path: Path) -> None:
    axes = {"learning_rate": {"log10": [-3, -1], "num": 40}, "seed": {"count": 2000}}
    train = {"max_steps": 20_000, "stop": {"gradient_norm": 1e-9}}
    path = sweep_of(tmp_path, BOWL, axes=axes, train=train)
    parts = []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        run_sweep(path, out=out, jobs=jobs, figures=False, allow_python=True)
        parts.append(parts_of(out))
    assert parts[0] == parts[1]


def test_the_code_is_part_of_the_plan_and_the_name_of_its_file_is_not(tmp_path: Path) -> None:
    codes = (BOWL, BOWL + "\n# more\n", BOWL)
    paths = (sweep_of(tmp_path, code) for code in codes)
    first, changed, again = [Plan(read_sweep(path, allow_python=True)).hash for path in paths]
    assert first == again != changed
    path = sweep_of(tmp_path, BOWL, problem={"file": "other.py"})
    (tmp_path / "own.py").rename(tmp_path / "other.py")
    assert Plan(read_sweep(path, allow_python=True)).hash == first


# permission ------------------------------------------------------------------------------------


def test_code_runs_only_if_it_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = f"import pathlib\npathlib.Path({str(tmp_path / 'mark')!r}).touch()\n" + BOWL
    path = sweep_of(tmp_path, code)
    for options in ([], ["--dry-run"]):
        result = command("sweep", path, *options)
        assert result.exit_code == 2
        assert "--allow-python" in message(result.stderr)
        assert f"{path}, line 2: problem.kind" in message(result.stderr)
    with pytest.raises(SweepFileError, match="allow_python=True"):
        run_sweep(path, out=tmp_path / "run")
    assert not (tmp_path / "mark").exists()
    assert not (tmp_path / "run").exists()
    result = command("sweep", path, "--dry-run", "--allow-python", "-j", "1")
    assert result.exit_code == 0
    assert (tmp_path / "mark").exists()


def test_the_template_is_a_valid_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = command("new", "--python", "mine")
    assert result.exit_code == 0
    assert [Path(one).name for one in result.stdout.split()] == ["mine.py", "mine.toml"]
    small = ["--set", "axes.seed={ count = 2 }", "-o", "run", "-j", "1"]
    result = command("sweep", "mine.toml", "--allow-python", *small)
    assert result.exit_code == 0
    assert "best learning rate" in result.stdout
    assert load_run("run").answer[0].edge is not None
    again = command("new", "--python", "mine")
    assert again.exit_code == 2
    assert "mine.py exists" in message(again.stderr)


# errors found before the sweep -----------------------------------------------------------------

WRONG: dict[str, tuple[str, str, list[str]]] = {
    "a wrong gradient": ("6 * y]", "5 * y]", ["wrong gradient: ∂loss/∂y", "where x = "]),
    "a wrong sign": ("[2 * x", "[-2 * x", ["wrong gradient: ∂loss/∂x"]),
    "a loss that is one number": ("return x**2 + 3 * y**2,", "return 1.0,",
        ["loss", "shape ()", "(4,)"]),
    "a loss of another shape": ("return x**2 + 3 * y**2,", "return parameters**2,",
        ["loss", "(2, 4)", "(4,)"]),
    "a gradient on its side": ("np.stack([2 * x, 6 * y])", "np.stack([2 * x, 6 * y]).T",
        ["gradient", "(4, 2)", "(2, 4)"]),
    "a complex loss": ("return x**2", "return 0j + x**2", ["complex128", "real numbers"]),
    "texts": ("return x**2 + 3 * y**2,", "return np.array(['a'] * 4),", ["real numbers"]),
    "no number": ("return x**2", "return np.log(-x)", ["loss nan", "where x = "]),
    "an infinite gradient": ("[2 * x", "[2 * x / 0", ["gradient inf", "where x = "]),
    "one result": ("return x**2 + 3 * y**2, np", "return np",
        ["returns one array of shape (2, 4)", "return loss, gradient"]),
    "no result": ("        return x**2", "        x**2",
        ["returns nothing", "return loss, gradient"]),
    "an exception": ("x, y = parameters", "x, y = parameters[5]", ["own.py, line 7", "IndexError"]),
    "an exit": ("x, y = parameters", "x, y = parameters; exit(3)",
        ["own.py, line 7", "SystemExit"]),
    "chance": ("return x**2", "return np.random.rand(4) + x**2", ["different loss"]),
    "neighbours": ("return x**2", "return x[0] + x**2", ["mixes lanes"]),
    "no name": ("class Problem", "class Problme", ['no "Problem"', 'did you mean "Problme"?']),
    "no method": ("def loss_and_gradient", "def loss", ["needs a method loss_and_gradient"]),
    "no parameters": ("parameters = [", "params = [", ["Problem.parameters", "list of names"]),
    "twice the same": ('["x", "y"]', '["x", "x"]', ["all different"]),
    "one text": ('["x", "y"]', '"xy"', ["list of names"]),
    "numbers": ('["x", "y"]', "[0, 1]", ["list of names"]),
    "the name of a column": ('["x", "y"]', '["x", "loss"]', ['"loss" has the same name as']),
    "a class that needs arguments": ("    def loss", "    def __init__(self, a): ...\n    def loss",
        ["TypeError"]),
    "no Python": ("class Problem:", "class Problem", ["own.py, line 3", "SyntaxError"]),
    "no such module": ("import numpy as np", "import nmpy as np",
        ["own.py, line 1", "ModuleNotFoundError"]),
    "an exit at once": ("import numpy as np", "exit()", ["own.py, line 1", "SystemExit"]),
    "another number of parameters": ('["x", "y"]', '["x", "y", "z"]', ["line 7", "ValueError"]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "words"), WRONG.values(), ids=WRONG)
def test_wrong_code_is_refused(tmp_path: Path, old: str, new: str, words: list[str]) -> None:
    assert BOWL.count(old) == 1
    told = refusal(tmp_path, BOWL.replace(old, new))
    for word in words:
        assert word in told


def test_the_error_names_the_worst_component_of_the_gradient(tmp_path: Path) -> None:
    code = BOWL.replace("2 * x,", "2.01 * x,").replace("6 * y", "12 * y")
    init = {"kind": "point", "values": [0.5, 0.25]}
    told = refusal(tmp_path, code, init=init)
    assert "∂loss/∂y is 3, but differences of the loss give 1.5, where x = 0.5, y = 0.25" in told


def test_a_complex_step_through_abs_is_detected(tmp_path: Path) -> None:
    told = refusal(tmp_path, PLAIN.replace("w[0]**2", "abs(w[0])**3"))
    assert "wrong gradient: ∂loss/∂x is 0" in told
    code = PLAIN.replace("w[0]**2", "abs(w[0])**3").replace('"y"])', '"y"], "central")')
    read_sweep(sweep_of(tmp_path, code), allow_python=True)


def test_steep_and_kinked_losses_are_accepted(tmp_path: Path) -> None:
    for loss, slope in (
        ("np.sin(1000 * x) + y**2", "1000 * np.cos(1000 * x)"),
        ("1e8 * x**4 + y**2", "4e8 * x**3"),
        ("np.abs(x) + y**2", "np.sign(x)"),
        ("1e-12 * x**2 + y**2", "2e-12 * x"),
    ):
        code = BOWL.replace("x**2 + 3 * y**2", loss).replace("2 * x, 6 * y", f"{slope}, 2 * y")
        read_sweep(sweep_of(tmp_path, code), allow_python=True)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ({"file": "owm.py"}, ["problem.file", "no such Python file", 'did you mean "own.py"?']),
        ({"file": "own.toml"}, ["problem.file", ".py"]),
        ({"file": "."}, ["problem.file"]),
        ({"file": 3}, ["problem.file", "string in quotes"]),
        ({"code": "x"}, ["problem.code", "unknown key"]),
    ],
)
def test_a_wrong_file_option_is_refused(
    tmp_path: Path, problem: dict[str, Any], words: list[str]
) -> None:
    told = refusal(tmp_path, BOWL, problem=problem)
    for word in words:
        assert word in told


def test_predictions_and_the_fused_engine_are_refused(tmp_path: Path) -> None:
    for changes in (
        {"train": {"max_steps": 5, "stop": {"prediction_error": 0.1}}},
        {"train": {"max_steps": 5, "engine": "fused"}},
        {"record": {"values": ["prediction"]}},
    ):
        with pytest.raises(SweepFileError, match=r"no predictions|fused"):
            read_sweep(sweep_of(tmp_path, BOWL, **changes), allow_python=True)


# errors during the sweep -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late", "words"),
    [
        ("raise KeyError('far')", ["own.py, line 8", "KeyError"]),
        ("return x, x", ["gradient", "must be"]),
    ],
)
def test_code_that_fails_in_the_sweep_fails_its_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    check = f"x, y = parameters\n        if np.abs(x).max() > 1e3: {late}"
    safe = BOWL.replace("import numpy as np", "").replace("class Problem", "class Safe")
    axes = {"learning_rate": [0.1, 1.5], "problem.object": ["Safe", "Problem"]}
    path = sweep_of(tmp_path, BOWL.replace("x, y = parameters", check) + safe, axes=axes)
    result = command("sweep", path, "--allow-python", "-o", "run", "-j", "1")
    assert result.exit_code == 3
    (told,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    for word in ["shard 1: own.py", *words]:
        assert word in told
    assert "Traceback" not in result.stderr
    assert load_run("run").trials()["object"].tolist() == ["Safe", "Safe"]


def test_a_loss_that_becomes_nan_is_a_divergence_not_a_failure(tmp_path: Path) -> None:
    code = BOWL.replace("return x**2 +", "return np.where(np.abs(x) > 5, np.nan, x**2) +")
    trials = trials_of(tmp_path, code, axes={"learning_rate": [0.1, 1.5]})
    assert trials["outcome"].tolist() == ["converged", "diverged"]
