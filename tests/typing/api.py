"""The types of the public interface, checked by mypy in strict mode; never imported.

Each function is code that a user may write; `assert_type` states the type that mypy must infer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import gdbatch


def sweeps_come_from_files_names_and_dicts() -> None:
    assert_type(gdbatch.run_sweep("two_inputs"), gdbatch.Run)
    gdbatch.run_sweep(Path("sweep.toml"), out="run", jobs=1, fresh=True, figures=True)
    gdbatch.run_sweep({"name": "line", "axes": {"seed": range(3)}}, progress=True)
    gdbatch.run_sweep("xor", overrides=["train.max_steps = 5"], on_error="keep")
    gdbatch.run_sweep("xor", overrides={"axes.learning_rate": np.logspace(0, 4, 9)})
    gdbatch.run_sweep("xor", engine="fused", executor="local", allow_python=False)
    gdbatch.run_sweep("xor", on_error="ignore")  # type: ignore[arg-type]
    gdbatch.run_sweep("xor", "run")  # type: ignore[call-arg]


def runs_have_tables(path: Path) -> None:
    run = gdbatch.load_run(path)
    assert_type(run, gdbatch.Run)
    assert_type(gdbatch.load_run("run").path, Path)
    assert_type(gdbatch.load_run("store://run").location, str)
    assert_type(run.name, str)
    assert_type(run.axes, list[str])
    assert_type(run.partial, str)
    assert_type(run.trials(), pd.DataFrame)
    assert_type(run.trials(["steps"]), pd.DataFrame)
    assert_type(run.trajectories(columns=("step", "loss")), pd.DataFrame)
    assert_type(run.summary, pd.DataFrame)
    run.trials("steps", "outcome")  # type: ignore[call-arg]


def runs_have_one_answer(run: gdbatch.Run) -> None:
    answer = run.answer
    assert_type(answer, gdbatch.Answer)
    assert_type(len(answer), int)
    assert_type(answer.partial, str)
    assert_type(answer.as_dicts(), list[dict[str, object]])
    sequence: Sequence[object] = answer
    for one in sequence:
        if isinstance(one, gdbatch.GridAnswer):
            assert_type(one.best, float | None)
            assert_type(one.edge, tuple[float, float] | None)
            assert_type(one.combination, dict[str, object])
        elif isinstance(one, gdbatch.EdgeAnswer):
            assert_type(one.median, float | None)
        elif isinstance(one, gdbatch.MapAnswer):
            assert_type(one.saved, float | None)
    print(answer[0].best, answer)


def runs_have_figures(run: gdbatch.Run, told: list[str]) -> None:
    assert_type(run.plot(), Figure)
    assert_type(run.plot("map"), Figure)
    assert_type(run.save_figures(), list[str])
    assert_type(run.save_figures(["map"], on_failure=told.append), list[str])


def errors_are_a_tree() -> None:
    try:
        gdbatch.run_sweep("xor")
    except gdbatch.SweepFileError as error:
        print(error.problems[0].line)
    except gdbatch.ShardError as error:
        assert_type(error.failures, list[str])
        gdbatch.load_run(error.location)
    except (gdbatch.UsageError, gdbatch.RunError) as error:
        assert_type(error.exit_code, int)
    except gdbatch.GdbatchError:
        raise


def other_names_do_not_exist() -> None:
    gdbatch.sweep_run  # type: ignore[attr-defined]  # noqa: B018


def functions_become_problems(loss: Any) -> None:
    gdbatch.from_function(loss, parameters=["x", "y"])
