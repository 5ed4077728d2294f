"""What a person gets: the wheel, and pages whose commands and examples run as they stand.

The commands of each page are run once, in the order of the page, in a folder of their own.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import gdbatch
from gdbatch import registry
from gdbatch.api import run_sweep
from gdbatch.cli.listing import describe
from gdbatch.cli.pages import FOLDER, topics
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.shipped import shipped_sweeps
from tests.documents import document

ROOT = Path(__file__).resolve().parent.parent
FILES = {"README": ROOT / "README.md"} | {name: FOLDER / f"{name}.md" for name in topics()}
PAGES = {name: path.read_text(encoding="utf-8") for name, path in FILES.items()}
README = PAGES["README"]


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], flags=re.DOTALL)


def write_tables(page: str, folder: Path) -> None:
    """Write the CSV files that a page shows as ```csv NAME."""
    for name, text in re.findall(r"```csv (\S+)\n(.*?)```", PAGES[page], flags=re.DOTALL):
        (folder / name).write_text(text, encoding="utf-8")


def commands(page: str) -> list[list[str]]:
    """Arguments of every gdbatch command of a page, in order."""
    found = []
    for line in "".join(blocks(page, "sh")).splitlines():
        command = line.split("&&")[-1].split(" #")[0].split(" > ")[0].replace(".venv/bin/", "")
        if command.startswith(("gdbatch ", " gdbatch ")):
            found.append(shlex.split(command)[1:])
    return found


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@dataclass(frozen=True)
class Tried:
    """A page whose commands have been run: where, and what each printed."""

    folder: Path
    printed: dict[str, str]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pages")


@functools.cache
def tried(page: str, folders: Path) -> Tried:
    """Run the commands of a page, once, where the sweep files that it shows are."""
    folder = folders / page
    folder.mkdir()
    write_tables(page, folder)
    for text in blocks(page, "toml"):
        if name := tomllib.loads(text).get("name"):
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    printed = {}
    for arguments in commands(page):
        done = run(["-m", "gdbatch", *arguments], folder)
        assert done.returncode == 0, f"gdbatch {' '.join(arguments)}: {done.stderr}"
        printed[" ".join(arguments)] = done.stdout
    return Tried(folder, printed)


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


# pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", [name for name in PAGES if commands(name)])
def test_the_commands_of_a_page_run(folders: Path, page: str) -> None:
    assert tried(page, folders).printed


@pytest.mark.parametrize("page", [name for name in PAGES if blocks(name, "python")])
def test_the_python_of_a_page_runs(folders: Path, page: str) -> None:
    folder = tried(page, folders).folder
    (folder / "example.py").write_text("\n".join(blocks(page, "python")), encoding="utf-8")
    done = run(["example.py"], folder)
    assert done.returncode == 0, done.stderr


SWEEPS = [
    pytest.param(page, text, id=f"{page}-{place}")
    for page in PAGES
    for place, text in enumerate(blocks(page, "toml"))
    if "project" not in tomllib.loads(text)
]


@pytest.mark.parametrize(("page", "text"), SWEEPS)
def test_the_sweep_files_of_a_page_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, text: str
) -> None:
    """A fragment takes the place of those tables in a small sweep of two layers."""
    write_tables(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = tomllib.loads(text)
    small = document({"problem.layers": [1, 2, 1]}) | shown
    source = shown if "name" in shown else small
    for table in {*source} & {*source["axes"]}:  # which varies
        del source[table]
    totals = run_sweep(source, out=tmp_path / "run", jobs=1, figures=False).totals
    assert totals is not None and totals.trials and not totals.failures


def test_every_page_is_linked_from_the_readme() -> None:
    assert re.findall(r"\(gdbatch/help/([a-z-]+)\.md\)", README) and not {
        name for name in topics() if f"[{name}](gdbatch/help/{name}.md)" not in README
    }


def test_the_readme_has_every_outcome_as_it_is_registered() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", README, flags=re.MULTILINE)
    outcomes = registry.family("outcome")
    assert rows == [(name, describe(outcome)) for name, outcome in outcomes.items()]


def test_the_answer_in_the_readme_is_the_one_that_is_given(folders: Path) -> None:
    assert tried("README", folders).printed["sweep one_input"] in blocks("README", "text")


def test_one_input_converges_up_to_its_edge_and_not_beyond(folders: Path) -> None:
    trials = pd.read_parquet(tried("README", folders).folder / "results/one_input/trials")
    assert len(trials) == 141_000
    rate = trials["learning_rate"]
    converged = trials["outcome"] == "converged"
    assert converged[(rate >= 10) & (rate <= 2260)].all()
    assert not converged[(rate >= 2400) & (rate <= 4000)].any()
    # gradient flow: steps × learning rate is constant, up to the last step
    medians = trials[converged & (rate > 0.1) & (rate < 10)].groupby("learning_rate")["steps"]
    constants = medians.median() * medians.median().index
    assert constants.max() / constants.min() < 1.01


def test_the_claims_of_the_tutorial(folders: Path) -> None:
    page = tried("published", folders)
    summary = pd.read_csv(page.folder / "results/tutorial_claims/summary.csv")
    steps = summary.set_index(["derivative_at", "learning_rate"])["steps_median"]
    for at, expected in (("prediction", [499397, 49938, 9986]), ("sop", [550689, 55067, 11012])):
        assert steps[at].tolist() == expected
        for number in expected:
            assert f"{number:,}" in PAGES["published"]
    assert page.printed["summary results/tutorial_claims --csv"].startswith("derivative_at,")


@pytest.mark.parametrize(
    ("page", "name"), [("README", "one_input"), ("published", "tutorial_claims")]
)
def test_the_figures_are_there(folders: Path, page: str, name: str) -> None:
    folder = tried(page, folders).folder / "results" / name / "figures"
    figures = {path.name for path in folder.iterdir()}
    for kind in ("convergence", "loss", "prediction"):
        assert {f"{kind}.png", f"{kind}.svg"} <= figures


def test_the_gallery_is_small_and_shown() -> None:
    pictures = list((ROOT / "results" / "gallery").iterdir())
    assert sum(path.stat().st_size for path in pictures) < 2_000_000
    for path in pictures:
        assert f"results/gallery/{path.name}" in README + PAGES["published"]
