"""Bifurcation diagrams and trainability maps show the data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gdbatch.figures import draw
from tests.figures.data import RATE, figure_data, orbits, rates, recorded, trainable
from tests.figures.looking import drawn


def test_an_orbit_of_period_two_has_two_branches() -> None:
    (axes,) = drawn("bifurcation", orbits()).axes
    for line in axes.get_lines():
        rate, value = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        at_end = np.unique(value[rate == rate.max()].round(6))
        assert len(at_end) == 2 and at_end.mean() == pytest.approx(0.3 + 0.2)
        assert len(np.unique(value[rate == rate.min()])) == 1


def test_few_rates_or_no_recorded_parameters_give_no_diagram() -> None:
    assert draw("bifurcation", recorded({RATE: rates(9)}, columns=["x"])) is None
    assert draw("bifurcation", recorded({RATE: rates(60, -2, 0.9)})) is None


def test_trained_pixels_are_blue() -> None:
    data = trainable()
    (mesh,) = drawn("trainability", data).axes[0].collections
    assert data.trials is not None
    trains = data.trials["trained"] == 1
    shown = np.asarray(mesh.get_array()).reshape(9, 12)
    assert ((shown < 0).ravel() == trains).all()
    assert shown[0, 0] == shown[shown < 0].min()  # the smallest sum is the darkest


def test_without_its_measures_there_is_no_map_of_trainability() -> None:
    data = trainable()
    assert data.trials is not None
    without = dataclasses.replace(data, trials=data.trials.drop(columns="relative_loss_sum"))
    assert draw("trainability", without) is None
    assert draw("trainability", figure_data({RATE: rates(3)})) is None
