"""The softmax and its cross-entropy: exact in both tails, and refused where they do not fit."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from gdbatch.errors import SweepFileError
from gdbatch.sweep_file import read_sweep
from tests.documents import document
from tests.engine.helpers import F32, F64, FORMS, Array, evaluated, network, present

EPS = {F64: 2.0**-52, F32: 2.0**-23}


def scores(dtype: np.dtype[Any]) -> Array:
    """Scores (outputs, lanes) up to ±1e4: both tails, ties, and near ties."""
    random = np.random.default_rng(5)
    spreads = 10 ** random.uniform(-8, 4, 60)
    drawn = random.uniform(-1, 1, (3, 60)) * spreads
    chosen = [[0, 0, 0], [1e4, -1e4, 0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4], [30, 0, -30],
              [40, 40, 0], [1, 1 + 1e-6, 0], [600, 0, 1], [-80, 0, -80]]  # fmt: skip
    return np.concatenate([drawn, np.array(chosen).T], axis=1).astype(dtype)


def exactly(column: Array, targets: list[float]) -> tuple[Any, list[Any], list[Any]]:
    """The loss, its slopes and the probabilities of one sample, to 60 digits."""
    s, t = [mpmath.mpf(float(x)) for x in column], [mpmath.mpf(x) for x in targets]
    place = s.index(max(s))
    e = [mpmath.exp(x - s[place]) for x in s]
    rest = sum(e[:place] + e[place + 1 :])
    loss = sum(b * (mpmath.log1p(rest) - (a - s[place])) for a, b in zip(s, t, strict=True))
    slopes = [(a - b - b * rest) / (1 + rest) for a, b in zip(e, t, strict=True)]
    return loss, slopes, [one / (1 + rest) for one in e]


@pytest.mark.parametrize("dtype", [F64, F32], ids=str)
@pytest.mark.parametrize("form", [*FORMS, "fused"])
def test_cross_entropy_is_exact_in_both_tails(form: str, dtype: np.dtype[Any]) -> None:
    """One weight per output: weights are scores, and the gradient is that of the scores."""
    s, eps = scores(dtype), EPS[dtype]
    smallest = 2.02 * float(np.exp(-708.39 if dtype == F64 else -87.33))  # exp is clamped there
    for targets in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, 0.5, 0.25]):
        problem = network(
            [1, 3], form=form, loss="cross_entropy", inputs=[[1.0]], targets=[targets]
        )
        out = evaluated(problem, s, dtype)
        with mpmath.workdps(60):
            for lane in range(s.shape[1]):
                # a few rounded operations; one of them is the distance of scores, if p is not tiny
                few = 8 * eps * (1 + min(float(np.ptp(s[:, lane])), 750.0) / 8)
                loss, slopes, p = exactly(s[:, lane], targets)
                assert abs(present(out.loss)[lane] - loss) <= few * loss + smallest
                for unit in range(3):
                    found = present(out.gradient)[unit, lane]
                    # p - t near 0 is exact relative to p and t unless t is 0 or 1
                    size = slopes[unit] if targets[unit] in (0, 1) else p[unit] + targets[unit]
                    assert abs(found - slopes[unit]) <= few * abs(size) + smallest
                    value = present(out.predictions)[unit, lane]
                    assert abs(value - p[unit]) <= few * p[unit] + smallest


@pytest.mark.parametrize("form", [*FORMS, "fused"])
def test_a_nan_score_is_a_nan_loss(form: str) -> None:
    problem = network([1, 3], form=form, loss="cross_entropy", inputs=[[1.0]], targets=[[1, 0, 0]])
    weights = np.ones((3, 3)) + np.diag([np.nan, np.nan, np.nan])
    with np.errstate(invalid="ignore"):
        assert np.isnan(present(evaluated(problem, weights).loss)).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activation": ["softmax", "softmax"]}, 'softmax is for outputs only.*"softmax"'),
        ({"layers": [1, 2, 1], "targets": [[1.0]]}, "at least two outputs.*binary_cross_entropy"),
        ({"targets": [[0.5, 0.4]]}, "targets of sample 0 add up to 0.9, not to 1"),
        ({"targets": [[1.5, -0.5]]}, "needs targets from 0 to 1"),
        ({"output_activation": "tanh"}, "cross_entropy needs softmax outputs, not tanh"),
        ({"output_activation": "softmaxx"}, 'unknown activation "softmaxx"; did you mean'),
        ({"activation": ["tanh", "tanh"]}, "cross_entropy needs softmax outputs, not tanh"),
        (
            {"activation": ["tanh", "sigmoid"], "output_activation": "softmax"},
            "activation ends with sigmoid, but output_activation is softmax",
        ),
        (
            {"loss": "squared_error", "output_activation": "softmax"},
            "softmax outputs need the loss cross_entropy, not squared_error",
        ),
        ({"derivative_at": "prediction"}, "takes no derivative of the outputs"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    problem = {
        "kind": "network",
        "layers": [1, 2, 2],
        "loss": "cross_entropy",
        "inputs": [[0.1]],
        "targets": [[1.0, 0.0]],
    }
    with pytest.raises(SweepFileError, match=message):
        read_sweep(document(problem=problem | changes))


def test_probabilities_are_divided_by_their_sum() -> None:
    problem = network(
        [1, 2], loss="cross_entropy", inputs=[[1.0]], targets=[[0.3333333, 0.6666666]]
    )
    assert problem.layers.targets.sum() == 1.0
