"""Data for figures, made by a formula instead of training.

This file has no tests.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gdbatch.analysis import Criterion
from gdbatch.figures import FigureData
from tests.analysis.tables import START, summary_of

RATE = "learning_rate"
LOSS = Criterion("final_loss")
EDGE = 500.0  # half of the trials diverge there, and all above it

End = tuple[str, int, float]
Ends = Callable[[dict[str, Any], int], End]


# ends of trials ----------------------------------------------------------------------------


def rule(values: dict[str, Any], seed: int) -> End:
    """Steps fall with the rate up to the edge; each seed takes a little longer than the last."""
    rate = float(values.get(RATE, 1.0))
    if rate > EDGE or (rate == EDGE and seed % 2):
        return "diverged", 7, 1e9
    if rate < 0.05:
        return "unfinished", 100_000, 0.04
    return "converged", math.ceil((1000 + 50 * seed) / rate), 1e-6


def all_of(outcome: str, steps: int = 9, loss: float = 0.5) -> Ends:
    """All trials end in the same way."""
    return lambda values, seed: (outcome, steps, loss)


def completed(values: dict[str, Any], seed: int) -> End:
    """The ends of a sweep without stop rule; pass `criterion=LOSS` too."""
    outcome, _, loss = rule(values, seed)
    rate = float(values[RATE])
    return ("completed", 100, 1 / rate) if outcome == "converged" else (outcome, 100, loss)


def rates(count: int, low: float = -2, high: float = 4) -> list[float]:
    """Learning rates, evenly spread by their logarithms."""
    return [float(rate) for rate in np.logspace(low, high, count)]


# figure data -------------------------------------------------------------------------------


def figure_data(
    axes: dict[str, Sequence[Any]],
    ends: Ends = rule,
    seeds: int = 4,
    name: str = "made_up",
    zipped: bool = False,
    **more: Any,
) -> FigureData:
    """The data of a sweep over these axes whose trials follow the formula."""
    rows = []
    combinations = zip(*axes.values(), strict=True) if zipped else itertools.product(*axes.values())
    for combination in combinations:
        values = dict(zip(axes, combination, strict=True))
        for seed in range(seeds):
            outcome, steps, loss = ends(values, seed)
            rows.append(
                {**values, "seed": seed, "outcome": outcome, "steps": steps, "final_loss": loss,
                 "initial_loss": START, "gradient_norm": 0.1}
            )  # fmt: skip
    summary = summary_of(pd.DataFrame(rows), [*axes, "seed"])
    options: dict[str, Any] = {"trajectories": None, "targets": None, "curvature": None} | more
    return FigureData(name=name, summary=summary, axes=tuple(axes), **options)


def trajectories(
    axes: dict[str, Sequence[Any]],
    steps: Sequence[int] = range(60),
    columns: Sequence[str] = ("loss", "prediction"),
    value: Callable[[float, Any], Any] = lambda rate, steps: (1 - 0.4 * rate**0.5) ** steps,
) -> pd.DataFrame:
    """One trial per combination: a value that shrinks, oscillates or grows with its rate."""
    parts = []
    for trial, combination in enumerate(itertools.product(*axes.values())):
        values = dict(zip(axes, combination, strict=True))
        at = np.asarray(steps)
        error = value(float(values.get(RATE, 1.0)), at.astype(float))
        part = {"trial": trial, **values, "step": at}
        part |= {name: error**2 if name == "loss" else 0.3 + 0.2 * error for name in columns}
        parts.append(pd.DataFrame(part))
    return pd.concat(parts, ignore_index=True)


def recorded(axes: dict[str, Sequence[Any]], **options: Any) -> FigureData:
    """Figure data with trajectories of every combination."""
    table = trajectories(axes, **options)
    predictions = sum(str(name).startswith("prediction") for name in table)
    return figure_data(axes, trajectories=table, targets=(0.3,) * predictions)


def orbits() -> FigureData:
    """A parameter that alternates above a rate of 1, from starts on either side of 0."""

    def value(rate: float, steps: Any) -> Any:
        return 1 + (-1.0) ** steps * math.sqrt(max(0.0, rate - 1))

    axes: dict[str, Sequence[Any]] = {
        "start": [-1, 1],
        RATE: [place / 50 for place in range(40, 100)],
    }
    table = trajectories(axes, columns=["x"], value=value)
    return figure_data(axes, completed, trajectories=table, criterion=LOSS)


def trainable() -> FigureData:
    """Trials that train if the product of two rates is small."""
    axes: dict[str, Sequence[Any]] = {"learning_rate.0": rates(9), "learning_rate.1": rates(12)}
    rows = []
    for first, second in itertools.product(*axes.values()):
        product = first * second
        rows.append(
            {
                **{"learning_rate.0": first, "learning_rate.1": second},
                "outcome": "diverged" if product > 1000 else "completed",
                "trained": int(product < 10),
                **{"relative_loss_sum": 1 + product, "relative_loss_inverse_sum": 1 / product},
            }
        )
    return figure_data(
        axes, all_of("completed"), seeds=1, trials=pd.DataFrame(rows), criterion=LOSS
    )


def sharpened(axes: dict[str, Sequence[Any]], ends: Ends = completed, seeds: int = 5) -> FigureData:
    """Trials that begin at a curvature of 1 plus a tenth of the seed and end 1% above 2/η."""
    rows = []
    for combination in itertools.product(*axes.values()):
        values = dict(zip(axes, combination, strict=True))
        for seed in range(seeds):
            final = 2.02 / (float(values.get(RATE, 1.0)) or 1.0)
            rows.append({**values, "seed": seed, "outcome": ends(values, seed)[0],
                         "initial_sharpness": 1 + seed / 10, "final_sharpness": final})  # fmt: skip
    return figure_data(
        axes,
        ends,
        seeds,
        trials=pd.DataFrame(rows),
        criterion=Criterion() if ends is rule else LOSS,
    )


def edges_data(
    axes: dict[str, Sequence[Any]], searches: int = 9, found: bool = True, **more: Any
) -> FigureData:
    """Edges at a thousand over the product of the numbers."""
    rows = []
    for values in itertools.product(*axes.values()):
        numbers = [one for one in values if isinstance(one, int | float) and one is not False]
        edge = 1000 / float(np.prod(numbers)) if found else np.nan
        places = {name: edge * (1 + 0.1 * place) for place, name in zip(
            (-2, -1, 0, 1, 2), ("low", "q25", "median", "q75", "high"), strict=True)}  # fmt: skip
        rows.append(dict(zip(axes, values, strict=True)) | {"searches": searches}
                    | {f"edge_{name}": place for name, place in places.items()})  # fmt: skip
    options: dict[str, Any] = {"trajectories": None, "targets": None, "curvature": None} | more
    return FigureData("edges", pd.DataFrame(rows), axes=(*axes, RATE), **options)


# cases -------------------------------------------------------------------------------------

LAYERS = [f"2-{width}-1" for width in range(1, 13)]
NAMES = ["sigmoid", "tanh", "relu"]
FOUR, THREE = rates(4, -2, 0.9), ["convergence", "loss", "prediction"]


def _nonsense() -> FigureData:
    """Losses and predictions with some non-finite values, or only those in a trial."""
    data = recorded({RATE: FOUR})
    table = data.trajectories
    assert table is not None
    bad = [math.nan, math.inf, -math.inf, 1e308, -1e308, 0.0]
    for place, value in enumerate(bad):
        table.loc[table["step"] == 5 + place, ["loss", "prediction"]] = value
    table.loc[table["trial"] == 2, ["loss", "prediction"]] = math.nan
    return data


def _zero(rate: float, steps: Any) -> Any:
    return np.where(steps < 20, 1 / (1 + steps), 0.0)


CASES: dict[str, tuple[Callable[[], FigureData], list[str]]] = {
    "an ordinary sweep": (
        lambda: figure_data({RATE: rates(61)}, curvature=0.004),
        ["convergence"],
    ),
    "one rate": (lambda: recorded({RATE: [0.5]}), THREE),
    "three rates": (lambda: recorded({RATE: [0.1, 0.2, 5.0]}), THREE),
    "two rates": (lambda: figure_data({RATE: [1.0, 9.0]}, curvature=0.25), ["convergence"]),
    "rates on a line": (
        lambda: figure_data({RATE: [float(rate) for rate in range(50, 550, 20)]}, curvature=0.004),
        ["convergence"],
    ),
    "tiny rates on a line": (
        lambda: figure_data({RATE: [1e-6 * place for place in range(1, 31)]}, all_of("stalled")),
        ["convergence"],
    ),
    "a thousand rates": (lambda: figure_data({RATE: rates(1000)}, seeds=2), ["convergence"]),
    "one seed": (lambda: figure_data({RATE: rates(31)}, seeds=1), ["convergence"]),
    "two structures": (
        lambda: figure_data({"activation": NAMES[:2], RATE: rates(31)}),
        ["convergence"],
    ),
    "twelve structures": (
        lambda: recorded({"layers": LAYERS, RATE: rates(7, -2, 0.9)}),
        THREE,
    ),
    "forty combinations": (
        lambda: figure_data({"x": NAMES, "y": LAYERS, RATE: rates(11)}, seeds=1),
        ["convergence"],
    ),
    "a second numeric axis": (
        lambda: recorded({"high": [0.5, 2.0], RATE: rates(14, -2, 0.9)}),
        ["convergence", "loss", "map", "prediction"],
    ),
    "three numeric axes": (
        lambda: figure_data({"low": [0, -1], "high": [1.0, 5.0, 30.0], RATE: rates(9)}),
        ["best", "convergence", "map"],
    ),
    "a small map": (
        lambda: figure_data({"high": [1, 2, 10], RATE: [1.0, 100.0]}),
        ["best", "convergence", "map"],
    ),
    "a map of losses": (
        lambda: figure_data({"high": [1, 2], RATE: rates(9)}, completed, criterion=LOSS),
        ["convergence", "map"],
    ),
    "axes that move together": (
        lambda: figure_data({RATE: rates(9), "low": list(range(9))}, zipped=True),
        ["convergence"],
    ),
    "a truth value": (
        lambda: recorded({"bias": [False, True], RATE: FOUR}),
        THREE,
    ),
    "text alone": (lambda: recorded({"activation": NAMES}), ["loss", "prediction"]),
    "no axis": (lambda: recorded({}), ["loss", "prediction"]),
    "nothing converged": (
        lambda: figure_data({"high": [1, 2], RATE: FOUR}, all_of("unfinished")),
        ["convergence", "map"],
    ),
    "everything diverged": (
        lambda: figure_data({"high": [1, 2], RATE: FOUR}, all_of("diverged", loss=math.nan)),
        ["convergence", "map"],
    ),
    "converged from the start": (
        lambda: figure_data({"high": [1, 2], RATE: FOUR}, all_of("converged", steps=0)),
        ["convergence", "map"],
    ),
    "no stop rule": (
        lambda: figure_data({RATE: rates(21)}, completed, criterion=LOSS),
        ["convergence"],
    ),
    "losses of zero": (
        lambda: figure_data(
            {"high": [1, 2], RATE: FOUR}, all_of("completed", loss=0.0), criterion=LOSS
        ),
        ["convergence", "map"],
    ),
    "the largest and the smallest losses": (
        lambda: figure_data(
            {"high": [1, 2], RATE: FOUR},
            lambda values, seed: ("completed", 9, 1.7e308 if values[RATE] > 1 else 5e-324),
            criterion=LOSS,
        ),
        ["convergence", "map"],
    ),
    "a loss that reaches zero": (lambda: recorded({RATE: FOUR}, value=_zero), THREE),
    "a loss of zero throughout": (
        lambda: recorded({RATE: FOUR}, value=lambda rate, steps: 0 * steps),
        THREE,
    ),
    "values that are not numbers": (_nonsense, THREE),
    "lines that run away": (lambda: recorded({RATE: [*FOUR, 60.0]}), THREE),
    "one step": (lambda: recorded({RATE: FOUR}, steps=[0]), THREE),
    "two steps": (lambda: recorded({RATE: FOUR}, steps=[0, 1]), THREE),
    "three predictions": (
        lambda: recorded({RATE: FOUR}, columns=["prediction_0", "prediction_1", "prediction_2"]),
        ["convergence", "prediction"],
    ),
    "twelve predictions": (
        lambda: recorded({RATE: FOUR}, columns=[f"prediction_{place}" for place in range(12)]),
        ["convergence", "prediction"],
    ),
    "sharpness": (lambda: sharpened({RATE: rates(9, -2, 0)}), ["convergence", "sharpness"]),
    "sharpness of seventy rates and names": (
        lambda: sharpened({"layers": LAYERS, "activation": NAMES, RATE: rates(70, -2, 0)}),
        ["convergence", "sharpness"],
    ),
    "sharpness at one rate, of one seed": (
        lambda: sharpened({RATE: [0.1]}, seeds=1),
        ["convergence", "sharpness"],
    ),
    "sharpness of what diverged": (
        lambda: sharpened({RATE: FOUR}, all_of("diverged")),
        ["convergence", "sharpness"],
    ),
    "names that are not words": (
        lambda: recorded({"data": ["_a.csv", "$x_1$.csv", "a$b" + "/long" * 20], RATE: FOUR}),
        THREE,
    ),
    "the largest rates": (
        lambda: recorded(
            {RATE: [1.0, 1e308], "low": [0.0, 1e308]},
            columns=["loss"],
            value=lambda rate, steps: 1 / (1 + steps),
        ),
        ["convergence", "loss", "map"],
    ),
    "many of the largest rates": (
        lambda: figure_data({RATE: [10.0**power for power in range(-300, 309, 8)]}),
        ["convergence"],
    ),
    "rates that are all large": (
        lambda: figure_data({RATE: [9e307, 1.2e308, 1.7e308]}),
        ["convergence"],
    ),
    "a long name": (
        lambda: figure_data({RATE: FOUR}, name="x" * 100),
        ["convergence"],
    ),
}
