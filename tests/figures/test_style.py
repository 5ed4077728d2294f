"""The common style of figures: numbers, scales, cells and colours.

Colours are tested for normal and colour-blind vision.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from gdbatch.analysis import number
from gdbatch.figures.colours import Colours
from gdbatch.figures.style import (
    CYCLE,
    cell_edges,
    is_logarithmic,
    log_limits,
    outcome_colours,
    words,
)

# numbers and words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.01, "0.01"),
        (0.0001, "0.0001"),
        (1e-5, "1e-5"),
        (-2.5e-12, "-2.5e-12"),
        (10, "10"),
        (999.4, "999"),
        (2267.57, "2,268"),
        (999_999, "999,999"),
        (1e6, "1e6"),
        (1e22, "1e22"),
        (-1.5e100, "-1.5e100"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_are_written_for_people(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (1000.25, 4, "1,000"),
        (1000.25, 5, "1,000.2"),
        (12_345.678, 7, "12,345.68"),
        (0.123456, 5, "0.12346"),
        (1234567.0, 4, "1.235e6"),
    ],
)
def test_a_number_has_the_requested_digits(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


@given(st.floats(-1e307, 1e307))
def test_a_formatted_number_is_close_to_its_value(value: float) -> None:
    text = number(value)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.006)
    assert len(text) <= 10


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (np.bool_(False), "False"),
        (np.float32(0.5), "0.5"),
        (12_345, "12,345"),
        ("relu", "relu"),
        ("_a.csv", " _a.csv"),
        ("/a/long/way/to/a/file/of/samples/data.csv", "…way/to/a/file/of/samples/data.csv"[-32:]),
    ],
)
def test_values_are_words_that_a_legend_shows(value: object, text: str) -> None:
    found = words(value)
    assert found == text or (len(text) == 32 and found == f"…{text[1:]}")
    assert len(found) <= 33
    assert not found.startswith("_")


# scales ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        (np.logspace(-2, 5, 141), True),
        (np.logspace(0, 1, 11), True),
        (np.linspace(0.1, 1000, 100), False),
        (np.linspace(100, 500, 21), False),
        ([0.01, 0.1, 0.5], True),
        ([1, 2, 10], True),
        ([1, 100], True),
        ([1, 2], False),
        ([1, 2, 3, 4, 5, 6, 7, 8], False),
        ([0.0, 1.0, 10.0, 100.0], False),
        ([-1.0, 1.0, 100.0], False),
        ([5.0], False),
        ([], False),
        ([1.0, math.nan, 10.0, math.inf, 100.0], True),
        (np.repeat(np.logspace(0, 3, 5), 7), True),
    ],
)
def test_an_axis_is_logarithmic_if_its_values_are(values: list[float], logarithmic: bool) -> None:
    assert is_logarithmic(values) is logarithmic


@given(
    st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30, unique=True)
    | st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=30, unique=True)
)
def test_every_value_lies_in_its_own_cell(values: list[float]) -> None:
    values = sorted({float(f"{value:.6g}") for value in values})
    edges = cell_edges(values)
    assert len(edges) == len(values) + 1
    for value, low, high in zip(values, edges[:-1], edges[1:], strict=True):
        assert low <= value < high or (low < value <= high)
    if values[0] >= 0 and len(values) > 1:
        assert edges[0] >= 0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_limits_contain_all_drawable_values_and_do_not_overflow(
    values: list[float],
) -> None:
    limits = log_limits(values)
    positive = [value for value in values if 0 < value < math.inf]
    assert (limits is None) is (positive == [])
    if limits is None:
        return
    assert 1e-150 < limits[0] < limits[1] < 1e150
    for value in positive:
        assert limits[0] < value < limits[1] or not 1e-100 <= value <= 1e100


# colours -----------------------------------------------------------------------------------

# Machado, Oliveira and Fernandes 2009, severity 1, on linear RGB
EYES = {
    "of most": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "without red": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "without green": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "without blue": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "without colours": [[0.2126, 0.7152, 0.0722]] * 3,
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
     [0.0193339, 0.1191920, 0.9503041]]
)  # fmt: skip


def seen(colour: Any, eyes: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A colour in CIELAB as these eyes see it; distances there are perceived differences."""
    srgb: np.ndarray[tuple[int], np.dtype[np.float64]] = np.array(to_rgb(colour))
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(EYES[eyes]) @ linear, 0, 1)
    xyz = TO_XYZ @ linear / np.array([0.95047, 1.0, 1.08883])
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = bent
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def least_difference(colours: list[Any], eyes: str) -> float:
    return min(
        float(np.linalg.norm(seen(one, eyes) - seen(other, eyes)))
        for one, other in itertools.combinations(colours, 2)
    )


@pytest.mark.parametrize("eyes", EYES)
def test_outcomes_can_be_told_apart(eyes: str) -> None:
    # lightness is from 0 to 100: eight outcomes and white still fit at distances of 8
    least = 8 if eyes == "without colours" else 16
    assert least_difference([*outcome_colours().values(), "white"], eyes) > least


@pytest.mark.parametrize("eyes", [eyes for eyes in EYES if eyes != "without colours"])
def test_curves_can_be_told_apart(eyes: str) -> None:
    assert least_difference([*CYCLE, "white"], eyes) > 15


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("values", [(1.0, 2.0, 3.0), (0.01, 1.0, 10.0, 1000.0), range(9)])
def test_shades_rise_in_lightness_and_differ_from_white(
    eyes: str, values: tuple[float, ...]
) -> None:
    colours = Colours({value: str(value) for value in values})
    lightness = [seen(colours.of(value)["color"], eyes)[0] for value in values]
    for one, other in itertools.pairwise(lightness):
        assert other - one > 3
    assert lightness[-1] < 85


def test_shades_are_as_far_apart_as_their_values() -> None:
    linear = Colours(dict.fromkeys((0, 5, 10), ""))
    logarithmic = Colours(dict.fromkeys((1, 10, 100), ""))
    for colours, middle in ((linear, 5), (logarithmic, 10)):
        assert colours.norm is not None
        assert float(colours.norm(middle)) == pytest.approx(0.5)


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [(1, "a"), (2, "b")], ["a", 1.0]])
def test_unordered_values_have_no_shades(values: list[object]) -> None:
    colours = Colours({value: str(value) for value in values})
    assert colours.norm is None
    assert [colours.of(value)["color"] for value in values] == list(CYCLE[:2])


def test_sixteen_unordered_values_look_different() -> None:
    names = [f"name {place}" for place in range(Colours.most)]
    colours = Colours({name: name for name in names})
    assert len({tuple(colours.of(name).items()) for name in names}) == 16
