"""How trials end, on problems whose every step is known: w ← w - 2η w, with loss w².

Every test runs with both engines.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gdbatch import registry
from gdbatch.engine import Recording, train
from gdbatch.reference import train_reference
from gdbatch.training import Training
from tests.engine.helpers import network, outcomes, reference_of, single, started_at
from tests.engine.updating import updates_of, with_updates

LIMIT = 1.0  # 2/λ with λ = 2
engines = pytest.mark.parametrize("engine", ["numpy", "fused"])


def trained(start: Any, rates: Any, engine: str, **options: Any) -> Any:
    training = Training(**({"max_steps": 1000} | options), engine=engine)
    return train(started_at(start, single(), training, rates), None, True)


@engines
@pytest.mark.parametrize("rate", [0.003, 0.05, 0.2, 0.45, 0.62, 0.9, 0.98])
def test_steps_follow_a_geometric_series(rate: float, engine: str) -> None:
    # |w| = |1 - 2η|^k falls below 1e-3 at the first k above log 1e-3 / log |1 - 2η|
    found = trained(1.0, rate, engine, max_steps=3000, stop={"prediction_error": 1e-3})
    steps = math.ceil(math.log(1e-3) / math.log(abs(1 - 2 * rate)))
    assert outcomes(found) == ["converged"]
    assert found.steps.tolist() == [steps]
    assert found.final_loss[0] == pytest.approx((1 - 2 * rate) ** (2 * steps), rel=1e-10)
    assert found.gradient_norm[0] == pytest.approx(2 * abs(1 - 2 * rate) ** steps, rel=1e-10)


@engines
def test_the_best_rate_converges_in_one_step_and_the_edge_never(engine: str) -> None:
    rates = [LIMIT / 2, LIMIT, np.nextafter(LIMIT, 0), 1.01 * LIMIT]
    found = trained(1.0, rates, engine, stop={"loss": 1e-6})
    assert outcomes(found) == ["converged", "oscillating", "unfinished", "diverged"]
    assert found.steps[0] == 1
    # |w|² = 1.02^2k passes 1e8
    assert found.steps[3] == math.ceil(math.log(1e8) / (2 * math.log(1.02)))
    assert found.final_loss[3] <= 1e300 and math.isnan(found.gradient_norm[3])


@engines
def test_rules_are_checked_before_the_first_update_and_after_the_last(engine: str) -> None:
    # 0.5^k: the loss is 0.25^k
    for most, wanted in ((2, "unfinished"), (3, "converged")):
        found = trained(1.0, 0.25, engine, max_steps=most, stop={"loss": 0.25**3})
        assert (outcomes(found), found.steps.tolist()) == ([wanted], [min(most, 3)])
    found = trained([0.001, 1.0], [0.25, 0.25], engine, max_steps=0, stop={"loss": 1e-4})
    assert outcomes(found) == ["converged", "unfinished"]
    assert found.steps.tolist() == [0, 0]


@engines
@pytest.mark.parametrize("hold", [1, 2, 7, 63, 64, 65, 200])
def test_a_streak_reports_its_first_check_and_needs_all_checks(hold: int, engine: str) -> None:
    stop = {"loss": 0.25**5}
    for most in (5 + hold - 2, 5 + hold - 1, 400):
        found = trained(1.0, 0.25, engine, max_steps=most, stop=stop, hold=hold)
        wanted = ("converged", 5) if most >= 5 + hold - 1 else ("unfinished", most)
        assert (outcomes(found)[0], found.steps[0]) == wanted
        if wanted[0] == "converged":  # final values are those of the first check
            assert found.final_parameters.tolist() == [[0.5**5]]
            assert found.final_loss.tolist() == [0.25**5]


@engines
def test_all_rules_must_hold_at_once(engine: str) -> None:
    # |w| = 0.5^k ≤ 0.1 from 4 on, the norm 2·0.5^k ≤ 0.1 from 5 on
    stop = {"prediction_error": 0.1, "gradient_norm": 0.1}
    found = trained(1.0, 0.25, engine, stop=stop)
    assert (outcomes(found), found.steps.tolist()) == (["converged"], [5])


@engines
def test_an_update_that_changes_nothing_is_a_stall(engine: str) -> None:
    # an exact solution, and a step below half an ulp
    found = trained([0.0, 1.0], [0.25, 1e-17], engine, stop={"gradient_norm": 1e-300})
    assert outcomes(found) == ["converged", "stalled"]
    assert found.steps.tolist() == [0, 1]
    found = trained(1.0, 1e-17, engine)
    assert (outcomes(found), found.steps.tolist()) == (["stalled"], [1])


OPTIMIZERS = sorted(registry.family("optimizer"))
IN_SHORT = ("adam", "momentum")  # another test needs the kernels of momentum
FUSED = [
    one if one in IN_SHORT else pytest.param(one, marks=pytest.mark.long)
    for one in OPTIMIZERS
    if registry.get("optimizer", one).fused is not None
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_dead_relu_stalls_at_once_under_every_optimizer(optimizer: str) -> None:
    assert_a_dead_relu_stalls_at_once(optimizer, "numpy")


@pytest.mark.parametrize("optimizer", FUSED)
def test_a_dead_relu_stalls_at_once_in_the_fused_engine(optimizer: str) -> None:
    assert_a_dead_relu_stalls_at_once(optimizer, "fused")


def assert_a_dead_relu_stalls_at_once(optimizer: str, engine: str) -> None:
    """Without gradient and moments, nothing changes but bias corrections."""
    problem = single("relu", target=1.0)
    for stop in ({}, {"loss": 1e-3}):
        training = Training(500, stop=stop, engine=engine)
        task = with_updates(
            started_at([-1.0, -2.0], problem, training, [0.1, 0.1]), optimizer, weight_decay=0.0
        )
        found = train(task)
        assert outcomes(found) == ["stalled"] * 2
        assert found.steps.tolist() == [1, 1]
        end = train_reference(reference_of(problem), [-1.0], updates_of(task, 0), training)
        assert (end.outcome, end.steps) == ("stalled", 1)


@engines
def test_changing_moments_are_not_a_stall(engine: str) -> None:
    """A relu that dies under momentum keeps moving while its velocity decays."""
    problem = single("relu", target=0.0)
    task = with_updates(started_at(1.0, problem, Training(20, engine=engine), 0.6), "momentum")
    found = train(task, keep_parameters=True)
    assert outcomes(found) == ["completed"]


@engines
@pytest.mark.parametrize("limit", [None, 1e8, 10.0])
def test_a_divergence_ends_at_the_first_loss_beyond_the_limit(
    limit: float | None, engine: str
) -> None:
    # w = (-3)^k, loss 9^k
    limits = {"divergence_factor": None, "divergence_limit": limit}
    found = trained(1.0, 2.0, engine, **limits)
    largest = np.finfo(float).max if limit is None else limit
    steps = math.floor(math.log(largest) / math.log(9)) + 1
    assert (outcomes(found), found.steps.tolist()) == (["diverged"], [steps])
    # the last finite loss is the one above the limit, unless it overflowed
    last = steps - 1 if limit is None else steps
    assert found.final_loss[0] == pytest.approx(9.0**last, rel=1e-9)


@engines
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_loss_limit_is_relative_to_the_initial_loss(
    dtype: type[np.floating], engine: str
) -> None:
    # w = start (-3)^k, loss start² 9^k: past factor × max(start², 1)
    starts = [1e-2, 1.0, 3e4]
    options = {"dtype": np.dtype(dtype), "divergence_factor": 1e4}
    found = trained(starts, [2.0] * 3, engine, **options)
    assert outcomes(found) == ["diverged"] * 3
    by_limit = [math.floor(math.log(1e4 * max(s**2, 1) / s**2) / math.log(9)) + 1 for s in starts]
    assert found.steps.tolist() == by_limit
    # a factor that overflows leaves the largest finite number
    options["divergence_factor"] = 1e300
    endless = trained(3e4, 2.0, engine, **options)
    without = trained(3e4, 2.0, engine, **options | {"divergence_factor": None})
    if dtype == np.float32:
        assert endless.steps.tolist() == without.steps.tolist()


@engines
def test_large_targets_are_not_a_divergence(engine: str) -> None:
    # mean squared error of a line: the largest curvature is 11.09, so the edge is at 0.1803
    problem = network(
        [1, 1],
        inputs=[[1.0], [2.0], [3.0]],
        targets=[[210000.0], [330000.0], [405000.0]],
        activation="identity",
        bias=True,
        loss="mean_squared_error",
    )
    training = Training(1000, stop={"gradient_norm": 1.0}, engine=engine)
    found = train(started_at(0.0, problem, training, [0.1, 0.17, 0.19]))
    assert outcomes(found)[::2] == ["converged", "diverged"]
    assert found.steps[0] == 401
    assert found.steps[2] > 50


@settings(deadline=None)  # kernels may have to be compiled
@given(
    st.floats(0.01, 0.45),  # 1 - 2η keeps its digits
    st.integers(1, 90),
    st.integers(1, 50),
    st.sampled_from(["numpy", "fused"]),
)
def test_recorded_rows_are_the_start_the_multiples_and_the_end(
    rate: float, steps: int, every: int, engine: str
) -> None:
    task = started_at(1.0, single(), Training(steps, engine=engine), [rate])
    recording = Recording(np.array([0]), every, ("loss", "parameters", "gradient_norm"))
    found = train(task, recording)
    end = int(found.steps[0])
    table = found.trajectories
    assert table["step"].tolist() == sorted({*range(0, end + 1, every), end})
    assert (table["row"] == 0).all()
    weights = (1 - 2 * rate) ** table["step"].astype(float)
    # each update rounds, so errors grow by some ulp a step
    near: dict[str, Any] = {"rel": 1e-14 * (end + 1), "abs": 1e-300}
    assert table["parameters"][0] == pytest.approx(weights, **near)
    assert table["loss"][0] == pytest.approx(weights**2, **near)
    assert table["gradient_norm"][0] == pytest.approx(2 * np.abs(weights), **near)
    assert table["loss"][0][-1] == found.final_loss[0]
