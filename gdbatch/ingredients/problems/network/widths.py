"""The layers of a network as the sweep file writes them, with `width` and `depth` filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ....errors import IngredientError
from ...parametrizations.protocol import Parametrization

Written = int | Literal["inputs", "width", "outputs"]  # an entry of `layers`
Named = int | Literal["inputs", "outputs"]


def filled_in(layers: Sequence[Written], width: int | None, depth: int | None) -> list[Named]:
    """The layers with every "width" as a number, and a single one repeated `depth` times.

    Raises IngredientError if they do not fit together.

    >>> filled_in(["inputs", "width", "outputs"], 32, 3)
    ['inputs', 32, 32, 32, 'outputs']
    """
    _check_places(layers)
    count = layers.count("width")
    if count and width is None:
        raise IngredientError(
            'layers has "width", but width is missing: give a number, or make it an axis',
            "width",
        )
    if not count:
        for key, number in (("width", width), ("depth", depth)):
            if number is not None:
                raise IngredientError(
                    f'{key} is not used: write "width" for the hidden layers, such as '
                    'layers = ["inputs", "width", "outputs"]',
                    key,
                )
    if count > 1 and depth is not None:
        raise IngredientError(
            f'layers has "width" {count} times; depth repeats a single one: write it once, or '
            "leave depth out",
            "depth",
        )
    filled: list[Named] = []
    for units in layers:
        if units == "width":
            assert width is not None
            filled += [width] * (depth or 1)
        else:
            filled.append(units)
    return filled


def _check_places(layers: Sequence[Written]) -> None:
    last = len(layers) - 1
    for number, units in enumerate(layers):
        if units == "width" and number in (0, last):
            message = '"width" is for hidden layers: not in the first place, nor in the last'
            raise IngredientError(message, "layers", number)
        if units in ("inputs", "outputs") and number != (0 if units == "inputs" else last):
            where = "first" if units == "inputs" else "last"
            message = f'"{units}" stands for a number of units in the {where} place only'
            raise IngredientError(message, "layers", number)


def check_base_width(
    rule: type[Parametrization], name: str, layers: Sequence[Written], base_width: int | None
) -> None:
    """Raises IngredientError unless it is known which layers scale, and from which width."""
    if base_width is None:
        if rule.scales:
            raise IngredientError(
                f'parametrization = "{name}" needs base_width, the width at which it is the '
                "standard one: that of the network whose best rate is known, or the smallest",
                "parametrization",
            )
    elif "width" not in layers:
        raise IngredientError(
            'base_width is not used: write "width" for the layers that scale, such as '
            'layers = ["inputs", "width", "outputs"]',
            "base_width",
        )
