"""Published results: the fast ones are reproduced here, and disagreement is reported."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gdbatch.reproduce import REPRODUCTIONS, Finding, as_markdown, reproduce
from gdbatch.sweep_file import read_sweep
from gdbatch.sweep_file.shipped import find_sweep
from tests.run.helpers import command, message

FAST = ["quadratic_descent", "quadratic_nesterov", "bifurcation_logistic", "edge_of_stability"]


def test_the_fast_reproductions_agree(tmp_path: Path) -> None:
    table = reproduce(FAST, out=tmp_path, quick=True, jobs=1)
    assert len(table) == 13
    assert set(table["agreement"]) == {"yes"}, as_markdown(table)
    for name in FAST:
        assert list((tmp_path / name / "figures").glob("*.png"))
    again = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("part-*.parquet")}
    assert reproduce(FAST[:1], out=tmp_path, quick=True, jobs=1).equals(table[:3])
    assert again == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("part-*.parquet")}


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        (Finding("", 2.0, 1.9, 2.1), "yes"),
        (Finding("", 2.0, 2.1, 2.2), "no: 5% higher"),
        (Finding("", 2.0, 1.0, 1.5), "no: 25% lower"),
        (Finding("", 2.0, 2.1, 2.2, 0.06), "yes"),
        (Finding("", 50_000, 499_397, 499_397, 0.01, "why"), "no: 9.99 times as large; why"),
        (Finding("", 0.0, 0.25, 0.25), "no: 25% higher"),
        (Finding("", 1.0, 1.2, 0.8), "no: 20% higher"),  # nothing lies between
        (Finding("", 1.0, math.nan, math.nan), "no: nothing was measured"),
    ],
)
def test_a_disagreement_is_reported_with_its_size(finding: Finding, told: str) -> None:
    assert finding.agreement == told


@pytest.mark.parametrize(
    ("name", "here", "changed"),
    [
        ("quadratic_descent", "[0.1, 1.0]", "[0.2, 1.2]"),
        ("edge_of_stability", "max_steps = 20_000", "max_steps = 500"),  # before it arrives there
        ("edge_of_stability", "scale = 0.8", "scale = 3.0"),  # sharp from the start
        pytest.param(
            "catapult", "scale = 0.03162277660168379", "scale = 0.04", marks=pytest.mark.long
        ),
        pytest.param("tutorial_claims", "value = 0.5", "value = -5.0", marks=pytest.mark.long),
        pytest.param(
            "hidden_layer", "targets = [[0.2]]", "targets = [[0.1]]", marks=pytest.mark.long
        ),
        pytest.param(
            "ten_inputs", "targets = [[0.3]]", "targets = [[0.99]]", marks=pytest.mark.long
        ),
    ],
)
def test_another_sweep_does_not_agree(
    name: str, here: str, changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measured numbers come from the run: another sweep does not give them."""
    text = find_sweep(name).read_text()
    assert text.count(here) == 1
    other = tmp_path / "other.toml"
    other.write_text(text.replace(here, changed))
    monkeypatch.setattr("gdbatch.api.find_sweep", lambda _: other)
    table = reproduce([name], out=tmp_path / "runs", quick=True, jobs=1)
    assert all(agreement.startswith("no: ") for agreement in table["agreement"]), as_markdown(table)


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_the_quick_form_is_a_sweep(name: str) -> None:
    read_sweep(find_sweep(name), REPRODUCTIONS[name].quick)


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    done = command("reproduce", "quadratic_descent", "--quick", "-o", tmp_path, "-q", "-j", "1")
    assert done.exit_code == 0
    heading, _, first, *_ = done.stdout.splitlines()
    assert [cell.strip() for cell in heading.strip("|").split("|")] == [
        *("result", "source", "published", "measured", "agreement")
    ]
    assert "Polyak 1987" in first


def test_an_unknown_name_gets_the_nearest_one() -> None:
    done = command("reproduce", "catapul")
    assert done.exit_code == 2
    assert 'did you mean "catapult"?' in message(done.stderr)
