"""Figures as files: the same data give the same bytes, without side effects.

`test_layout.py` tests whether they are readable, the other files whether they are correct.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from cycler import cycler

from gdbatch.api import run_sweep
from gdbatch.figures import FigureData, draw, names, rendered
from tests.documents import document
from tests.figures.data import (
    RATE,
    edges_data,
    figure_data,
    orbits,
    rates,
    recorded,
    rule,
    sharpened,
    trainable,
)
from tests.figures.looking import curves_of, drawn, legend_of, marks_of, points, save

# bytes and surroundings --------------------------------------------------------------------

DATA: dict[str, Callable[[], FigureData]] = {
    "best": lambda: figure_data({"width": [16, 32, 64], RATE: rates(9)}),
    "bifurcation": orbits,
    "convergence": lambda: figure_data({RATE: rates(21)}, curvature=0.004),
    "edges": lambda: edges_data({"high": rates(9, 0, 2)}),
    "loss": lambda: recorded({RATE: rates(12, -2, 0.9)}),
    "map": lambda: figure_data({"high": [1, 2, 3], RATE: rates(9)}),
    "prediction": lambda: recorded({RATE: [0.1, 1.0]}),
    "sharpness": lambda: sharpened({RATE: rates(9, -2, 0)}),
    "trainability": trainable,
}
STYLES: dict[str, Mapping[str, Any]] = {
    "large text": {"font.size": 30, "axes.grid": False, "savefig.dpi": 31, "figure.dpi": 57},
    "dark": {"figure.facecolor": "black", "axes.facecolor": "black", "text.color": "white"},
    "a salt": {"svg.hashsalt": "other", "svg.fonttype": "none", "savefig.bbox": "tight"},
    "a cycle": {"axes.prop_cycle": cycler(color="rgb"), "lines.linewidth": 9},
}


def bytes_of(folder: Path, kind: str) -> dict[str, str]:
    """Hashes of the saved files, by name."""
    folder.mkdir(exist_ok=True)
    paths = save(drawn(kind, DATA[kind]()), folder, kind)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_every_figure_is_tested_here() -> None:
    assert set(DATA) == set(names())


@pytest.mark.parametrize(("kind", "style"), list(zip(DATA, itertools.cycle(STYLES))))
def test_the_same_data_give_the_same_bytes_whatever_the_style_of_the_user(
    kind: str, style: str, tmp_path: Path
) -> None:
    expected = bytes_of(tmp_path / "a", kind)
    assert list(expected) == [f"{kind}.png", f"{kind}.svg"]
    with mpl.rc_context(dict(STYLES[style])):  # type: ignore[arg-type]
        assert bytes_of(tmp_path / "b", kind) == expected


SCRIPT = """
import json, sys
from pathlib import Path
from tests.figures.test_figures import bytes_of
print(json.dumps([bytes_of(Path(sys.argv[1]), "convergence"),
                  "matplotlib.pyplot" in sys.modules]))
"""


def test_another_process_saves_the_same_bytes_and_never_loads_pyplot(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "other")],
        env=os.environ | {"PYTHONHASHSEED": "77", "MPLBACKEND": "svg"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found, pyplot = json.loads(done.stdout)
    assert not pyplot
    assert found == bytes_of(tmp_path / "here", "convergence")


def test_drawing_and_saving_do_not_change_the_settings_of_the_user(tmp_path: Path) -> None:
    with mpl.rc_context({"font.size": 17, "svg.hashsalt": "mine", "axes.grid": True}):
        before = dict(mpl.rcParams)
        figures = [drawn(kind, make()) for kind, make in DATA.items()]
        rendered("figure", figures[-1])
        with pytest.raises(KeyError):
            draw("no such figure", DATA["loss"]())
        assert dict(mpl.rcParams) == before


def test_a_figure_is_rendered_as_png_and_svg() -> None:
    files = rendered("loss", drawn("loss", DATA["loss"]()))
    assert files["loss.png"].startswith(b"\x89PNG\r\n\x1a\n")
    assert files["loss.svg"].rstrip().endswith(b"</svg>")


@pytest.mark.parametrize("kind", DATA)
def test_drawing_does_not_modify_the_tables(kind: str) -> None:
    data, again = DATA[kind](), DATA[kind]()
    drawn(kind, data)
    assert data.summary.equals(again.summary)
    if data.trajectories is not None and again.trajectories is not None:
        assert data.trajectories.equals(again.trajectories)


def test_an_svg_of_many_long_lines_stays_small(tmp_path: Path) -> None:
    data = recorded({RATE: rates(200, -2, 0.9)}, steps=range(3000))
    assert len(rendered("loss", drawn("loss", data))["loss.svg"]) < 3e6


def test_a_dollar_sign_in_a_name_is_a_dollar_sign() -> None:
    figure = drawn("convergence", figure_data({"data": ["$a_1$.csv", "b$"], RATE: rates(5)}))
    assert {"$a_1$.csv", "b$"} < set(legend_of(figure))
    figure.draw_without_rendering()
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    assert [text.get_parse_math() for text in texts] == [False] * len(texts)


# of a run ----------------------------------------------------------------------------------


def test_the_figures_of_a_run_show_its_tables(tmp_path: Path) -> None:
    run = run_sweep(document(), out=tmp_path / "run", jobs=1, figures=False)
    (curve,) = curves_of(run.plot("convergence").axes[0])
    assert points(curve)[0] == run.summary[RATE].tolist()
    np.testing.assert_array_equal(points(curve)[1], run.summary["steps_median"])
    for kind in ("loss", "prediction"):
        lines = curves_of(run.plot(kind).axes[0])
        wanted = run.trajectories().groupby("trial")[kind].apply(list).tolist()
        assert sorted(points(line)[1] for line in lines) == sorted(wanted)
    # the sigmoid's curvature at 0.3 with an input of 0.1 puts 2/λ at 2,268
    run = run_sweep(document({"axes.learning_rate": [1000.0, 3000.0]}), out=tmp_path / "edge",
                    jobs=1, figures=False)  # fmt: skip
    assert marks_of(run.plot("convergence").axes[0]) == pytest.approx([1 / 8.82e-4, 2 / 8.82e-4])


def test_the_made_up_rule_converges_below_its_edge_and_not_above() -> None:
    outcomes = {rate: rule({RATE: rate}, 0)[0] for rate in (0.01, 0.1, 499.0, 501.0)}
    assert list(outcomes.values()) == ["unfinished", "converged", "converged", "diverged"]
