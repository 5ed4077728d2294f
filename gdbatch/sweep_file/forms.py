"""The forms of an axis; their values are computed on demand, never all at once.

Each class is one form: a table with the key under which the class is registered.
"""

from __future__ import annotations

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, model_validator

from .. import registry
from ..errors import IngredientError, nearest
from ..ingredients.options import Options
from ..registry import register

_MOST_VALUES = 2**62
_MOST_DRAWS = 10_000_000  # random values of an axis are held in memory while a plan is used

_LOWEST_EXPONENT, _HIGHEST_EXPONENT = -324, 308  # of 10, in float64
_POWERS = np.array(
    [float(f"1e{exponent}") for exponent in range(_LOWEST_EXPONENT, _HIGHEST_EXPONENT + 1)]
)

Index = NDArray[np.int64]
Numbers = NDArray[np.float64] | NDArray[np.int64]
Values = Numbers | list[object]
Draw = Callable[[], Generator]


class AxisForm(Options, ABC):
    """One way to write the values of an axis.

    It is registered under the name of one of its fields, by which its tables are recognised.
    """

    is_monotone: ClassVar[bool] = False  # whether values only rise, or only fall, along the axis
    is_drawn: ClassVar[bool] = False  # whether values are random, so that repeats are allowed

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of values."""

    @abstractmethod
    def values(self, index: Index, draw: Draw) -> Values:
        """The values at the given indices; `draw` makes the axis's random generator."""

    def ends(self) -> list[object]:
        """The outermost values, as plain Python numbers: all are valid if these are."""
        places = np.array([0, self.size - 1])
        values = self.values(places, np.random.default_rng)
        return list(values if isinstance(values, list) else values.tolist())

    def warning(self) -> str:
        """A warning about a valid axis that looks like a mistake, or ""."""
        return ""


class _Spaced(AxisForm):
    is_monotone = True
    num: int = Field(ge=1, le=_MOST_VALUES, description="Number of values, both ends included.")

    @property
    def size(self) -> int:
        return self.num

    def _between(self, ends: list[float], index: Index) -> NDArray[np.float64]:
        if self.num == 1 and ends[0] != ends[1]:
            raise IngredientError(
                f"num = 1 leaves no room for both ends, {ends[0]:g} and {ends[1]:g}; give num = 2 "
                "or more, or a list of one value",
                "num",
            )
        gaps = max(1, self.num - 1)
        if max(map(abs, ends)) > sys.float_info.max / gaps:
            raise IngredientError("the values of this axis overflow")
        # a weighted mean of the ends, not multiples of a step, so that round values are exact
        inner = (ends[0] * (gaps - index) + ends[1] * index) / gaps
        return np.where(index == 0, ends[0], np.where(index == gaps, ends[1], inner))


@register("axis_form", "linear")
class Linear(_Spaced):
    """`{ linear = [a, b], num = n }`: n evenly spaced values from a to b, both included."""

    linear: list[float] = Field(min_length=2, max_length=2, description="First and last value.")

    def values(self, index: Index, draw: Draw) -> Numbers:
        return self._between(self.linear, index)


@register("axis_form", "log10")
class Log10(_Spaced):
    """`{ log10 = [a, b], num = n }`: n powers of ten, with exponents from a to b."""

    log10: list[float] = Field(min_length=2, max_length=2, description="First and last exponent.")

    @model_validator(mode="after")
    def _within_float64(self) -> Log10:
        for exponent in self.log10:
            if not _LOWEST_EXPONENT < exponent < _HIGHEST_EXPONENT + 1:
                word = "overflows" if exponent > 0 else "underflows"
                raise IngredientError(
                    f"10^{exponent:g} {word}: exponents of float64 go from "
                    f"{_LOWEST_EXPONENT + 1} to {_HIGHEST_EXPONENT}",
                    "log10",
                )
        return self

    def values(self, index: Index, draw: Draw) -> Numbers:
        exponents = self._between(self.log10, index)
        whole = np.round(exponents).astype(np.int64).clip(_LOWEST_EXPONENT, _HIGHEST_EXPONENT)
        # np.power misses some whole powers by an ulp, but 1e-5 must be exactly 1e-5
        exact = _POWERS[whole - _LOWEST_EXPONENT]
        return np.where(exponents == whole, exact, np.power(10.0, exponents))

    def warning(self) -> str:
        if not 0 < min(self.log10) <= 0.1:
            return ""
        meant = ", ".join(f"{math.log10(one):.4g}" for one in self.log10)
        first, last = (10.0**one for one in self.log10)
        return (
            f"log10 = {self.log10} are exponents, so this axis goes from {first:.6g} to "
            f"{last:.6g}; for {self.log10[0]:g} to {self.log10[1]:g} write log10 = [{meant}]"
        )


@register("axis_form", "count")
class Count(AxisForm):
    """`{ count = n }`: 0, 1, …, n - 1."""

    is_monotone = True
    count: int = Field(ge=1, le=_MOST_VALUES, description="Number of values: 0, 1, … count - 1.")

    @property
    def size(self) -> int:
        return self.count

    def values(self, index: Index, draw: Draw) -> Numbers:
        return index


@register("axis_form", "range")
class Range(AxisForm):
    """`{ range = [a, b, step] }`: a, a + step, … up to but not including b, as in Python."""

    is_monotone = True
    range: list[int | float] = Field(
        min_length=3, max_length=3, description="[first, end (not included), step]"
    )

    @model_validator(mode="after")
    def _not_empty(self) -> Range:
        first, end, step = self._fractions
        if step == 0 or (end - first) / step <= 0:
            raise IngredientError(f"range = {self.range} has no values", "range")
        if self.size > _MOST_VALUES or max(abs(first), abs(end)) > _MOST_VALUES:
            message = "its ends and its number of values must be at most 2⁶²"
            raise IngredientError(f"range = {self.range}: {message}", "range")
        return self

    @property
    def _fractions(self) -> list[Fraction]:
        """The numbers as written: 0.1 is one tenth, not the nearest float."""
        return [Fraction(repr(number)) for number in self.range]

    @property
    def size(self) -> int:
        first, end, step = self._fractions
        return math.ceil((end - first) / step)

    def values(self, index: Index, draw: Draw) -> Numbers:
        first, _, step = self._fractions
        unit = math.lcm(first.denominator, step.denominator)
        if unit == 1:
            return int(first) + index * int(step)
        return (float(first * unit) + index * float(step * unit)) / unit


class _Drawn(AxisForm):
    is_drawn = True
    num: int = Field(ge=1, le=_MOST_DRAWS, description="Number of values to draw.")

    @property
    def size(self) -> int:
        return self.num

    def _draws(self, low: float, high: float, index: Index, draw: Draw) -> NDArray[np.float64]:
        draws: NDArray[np.float64] = draw().uniform(low, high, self.num)
        return draws[index]

    def _outermost(self, pair: list[float]) -> list[object]:
        if not pair[0] < pair[1]:
            name = registry.name_of("axis_form", type(self))
            raise IngredientError(f"{name} = {pair}: the lower end must come first", name)
        return list(pair)


@register("axis_form", "uniform")
class Uniform(_Drawn):
    """`{ uniform = [a, b], num = n }`: n random values between a and b, drawn once."""

    uniform: list[float] = Field(min_length=2, max_length=2, description="Lower and upper end.")

    def values(self, index: Index, draw: Draw) -> Numbers:
        return self._draws(self.uniform[0], self.uniform[1], index, draw)

    def ends(self) -> list[object]:
        return self._outermost(self.uniform)


@register("axis_form", "log_uniform")
class LogUniform(_Drawn):
    """`{ log_uniform = [a, b], num = n }`: n random values, uniform in their logarithm."""

    log_uniform: list[float] = Field(min_length=2, max_length=2, description="Ends, both > 0.")

    def values(self, index: Index, draw: Draw) -> Numbers:
        low, high = np.log(self.log_uniform)
        values: NDArray[np.float64] = np.exp(self._draws(low, high, index, draw))
        return values

    def ends(self) -> list[object]:
        if min(self.log_uniform) <= 0:
            raise IngredientError("the ends of log_uniform must be above 0", "log_uniform")
        return self._outermost(self.log_uniform)


@register("axis_form", "refine")
class Refine(AxisForm):
    """`{ refine = [a, b], tolerance = t }`: found by bisection; see `gdbatch help refine`.

    With a tolerance, the midpoint is the mean of the ends. Without one, it is the middle one of the
    float64 numbers between them, so that the last bracket is two neighbouring floats.
    """

    refine: list[float] = Field(
        min_length=2, max_length=2, description="Bracket: lower and upper end."
    )
    tolerance: float = Field(
        0.0, ge=0, description="Largest width of the last bracket; 0: down to neighbouring floats."
    )

    @model_validator(mode="after")
    def _narrows(self) -> Refine:
        low, high = self.refine
        if not low < high:
            raise IngredientError(
                f"refine = {self.refine}: the lower end must come first", "refine"
            )
        if not math.isfinite(high - low):
            raise IngredientError("the values of this axis overflow", "refine")
        if self.tolerance >= high - low:
            message = f"tolerance = {self.tolerance:g} must be below the width {high - low:g}"
            raise IngredientError(message, "tolerance")
        spacing = math.ulp(max(-low, high))
        if 0 < self.tolerance < spacing:
            message = f"tolerance = {self.tolerance:g} is below {spacing:g}, the spacing of floats "
            message += "here; leave it out to go down to neighbouring floats"
            raise IngredientError(message, "tolerance")
        return self

    @property
    def size(self) -> int:
        low, high = self.refine
        if self.tolerance:
            return 2 + math.ceil(math.log2((high - low) / self.tolerance))
        first, last = map(int, _float_places(np.array(self.refine)))
        return 2 + (last - first - 1).bit_length()

    def middle(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
        """The midpoints of brackets."""
        if self.tolerance:
            return low + (high - low) / 2
        first, last = _float_places(low), _float_places(high)
        return _floats_at((first >> 1) + (last >> 1) + (first & last & 1))

    def values(self, index: Index, draw: Draw) -> Numbers:
        """The ends, then the first midpoint in place of all those that training will choose."""
        low, high = self.refine
        others: NDArray[np.float64] = np.where(index == 1, high, (low + high) / 2)
        return np.where(index == 0, low, others)

    def ends(self) -> list[object]:
        return list(self.refine)


def _float_places(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Ranks of floats among all floats; 0.0 has rank 0."""
    bits = values.view(np.int64)
    return np.where(bits < 0, np.iinfo(np.int64).min - bits, bits)


def _floats_at(places: NDArray[np.int64]) -> NDArray[np.float64]:
    bits = np.where(places < 0, np.iinfo(np.int64).min - places, places)
    return bits.view(np.float64)


class Listed(AxisForm):
    """The values themselves."""

    listed: list[object] = Field(min_length=1)

    @property
    def size(self) -> int:
        return len(self.listed)

    def values(self, index: Index, draw: Draw) -> Values:
        return [self.listed[place] for place in index]

    def ends(self) -> list[object]:
        return self.listed


def form_of(value: dict[str, object]) -> type[AxisForm] | None:
    """The form of a table, if it has the key of exactly one."""
    chosen = [form for name, form in registry.family("axis_form").items() if name in value]
    return chosen[0] if len(chosen) == 1 else None


def parse_axis(value: object) -> AxisForm:
    """Parse the values of an axis.

    Raises IngredientError, or pydantic's ValidationError for a field of the form.
    """
    if isinstance(value, list):
        if not value:
            raise IngredientError("an axis needs at least one value")
        return Listed(listed=value)
    known = registry.family("axis_form")
    allowed = "a list of values, or a table with one of " + ", ".join(known)
    if not isinstance(value, dict):
        raise IngredientError(f"an axis is {allowed}; to fix a value, put it into its section")
    model = form_of(value)
    if model is None:
        fields = {field for form in known.values() for field in form.model_fields}
        unknown = [key for key in value if key not in fields]
        hint = f'; unknown key "{unknown[0]}", {nearest(unknown[0], known)}' if unknown else ""
        raise IngredientError(f"an axis is {allowed}{hint}")
    form = model.model_validate(value)
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            ends = np.array(form.ends(), dtype=float)  # `ends` refuses a wrong order
    except OverflowError:
        ends = np.array([np.inf])
    if not np.isfinite(ends).all():
        raise IngredientError("the values of this axis overflow")
    return form
