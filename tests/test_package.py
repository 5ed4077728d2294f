"""What a person gets: the wheel, and a README whose commands and examples run as they stand.

The README's sweeps are run once, in the order of the page, and their results looked at.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import gdbatch
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.shipped import shipped_sweeps

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """Arguments of every gdbatch command of the page, in order."""
    found = []
    for line in "".join(blocks("sh")).splitlines():
        command = line.split("&&")[-1].split("#")[0].replace(".venv/bin/", "").strip()
        if command.startswith("gdbatch "):
            found.append(shlex.split(command)[1:])
    return found


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder in which the README's commands were run, and what they printed."""
    folder = tmp_path_factory.mktemp("readme")
    printed = {}
    for arguments in commands():
        done = run(["-m", "gdbatch", *arguments], folder)
        assert done.returncode == 0, f"gdbatch {' '.join(arguments)}: {done.stderr}"
        printed[" ".join(arguments)] = done.stdout
    return folder, printed


@pytest.mark.skipif("GDBATCH_INSTALLED" not in os.environ, reason="only python -m tests says so")
def test_what_is_tested_is_what_was_installed() -> None:
    assert gdbatch.__file__ is not None
    assert not Path(gdbatch.__file__).is_relative_to(ROOT / "gdbatch")
    assert (Path(gdbatch.__file__).parent / "py.typed").is_file()


def test_the_oldest_versions_admitted_are_those_that_were_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    admitted = [*project["dependencies"], *project["optional-dependencies"]["fused"]]
    lines = (ROOT / "tests" / "lower_bounds.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert len(tested) == len(admitted)
    for requirement in admitted:
        name, oldest = requirement.split(">=")
        assert f"{tested[name]}.".replace("*", "0").startswith(f"{oldest}.")


def test_every_shipped_sweep_is_installed() -> None:
    in_checkout = {path.stem for path in (ROOT / "sweeps").glob("*.toml")}
    assert set(shipped_sweeps()) == in_checkout
    for name, path in shipped_sweeps().items():
        assert path.read_bytes() == (ROOT / "sweeps" / f"{name}.toml").read_bytes()
        assert read_sweep(path).name == name


def test_the_sweep_file_of_the_readme_is_one() -> None:
    text, of_a_map = blocks("toml")
    assert read_sweep(tomllib.loads(text)).name == "short"
    by_layer = tomllib.loads(shipped_sweeps()["fractal_identity"].read_text(encoding="utf-8"))
    read = read_sweep(by_layer | tomllib.loads(of_a_map)).map
    assert read is not None and (read.coarse, read.by) == (8, "outcome")


def test_the_answer_in_the_readme_is_the_one_that_is_given(
    page: tuple[Path, dict[str, str]],
) -> None:
    assert page[1]["sweep one_input"] in blocks("text")


def test_one_input_converges_up_to_its_edge_and_not_beyond(
    page: tuple[Path, dict[str, str]],
) -> None:
    trials = pd.read_parquet(page[0] / "results/one_input/trials")
    assert len(trials) == 141_000
    rate = trials["learning_rate"]
    converged = trials["outcome"] == "converged"
    assert converged[(rate >= 10) & (rate <= 2260)].all()
    assert not converged[(rate >= 2400) & (rate <= 4000)].any()
    # gradient flow: steps × learning rate is constant, up to the last step
    medians = trials[converged & (rate > 0.1) & (rate < 10)].groupby("learning_rate")["steps"]
    constants = medians.median() * medians.median().index
    assert constants.max() / constants.min() < 1.01


def test_the_claims_of_the_tutorial(page: tuple[Path, dict[str, str]]) -> None:
    summary = pd.read_csv(page[0] / "results/tutorial_claims/summary.csv")
    steps = summary.set_index(["derivative_at", "learning_rate"])["steps_median"]
    for at, expected in (("prediction", [499397, 49938, 9986]), ("sop", [550689, 55067, 11012])):
        assert steps[at].tolist() == expected
        for number in expected:
            assert f"{number:,}" in README
    assert page[1]["summary results/tutorial_claims --csv"].startswith("derivative_at,")


def test_the_figures_are_there(page: tuple[Path, dict[str, str]]) -> None:
    for name in ("one_input", "tutorial_claims"):
        figures = {path.name for path in (page[0] / "results" / name / "figures").iterdir()}
        for kind in ("convergence", "loss", "prediction"):
            assert {f"{kind}.png", f"{kind}.svg"} <= figures


def test_the_python_of_the_readme_runs(page: tuple[Path, dict[str, str]]) -> None:
    script = page[0] / "example.py"
    script.write_text("\n".join(blocks("python")), encoding="utf-8")
    done = run([str(script)], page[0])
    assert done.returncode == 0, done.stderr
    assert (page[0] / "convergence.pdf").stat().st_size > 1000


def test_the_gallery_is_small_and_shown() -> None:
    pictures = list((ROOT / "results" / "gallery").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 2_000_000
    for path in pictures:
        assert f"results/gallery/{path.name}" in README
