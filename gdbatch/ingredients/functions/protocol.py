"""What `problems.function` needs of a function of n variables.

Lanes are the last axis everywhere, and filling allocates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from ..options import Floats
from ..problems.protocol import ProblemOptions

Examples = tuple[dict[str, Any], ...]


class FunctionOptions(ProblemOptions):
    """Options that all functions share: `[problem]` with kind = "function"."""

    kind: Literal["function"]
    function: str


@dataclass(frozen=True)
class Minimum:
    """Where a function is lowest; of several such places the flattest."""

    at: list[float]
    loss: float
    curvature: float  # the largest eigenvalue of the Hessian there


class Function(Protocol):
    """One function; built from its options, whose values are those of the first lane."""

    Options: ClassVar[type[FunctionOptions]]
    examples: Examples  # options, as in a sweep file, with which it is shown and tested
    names: Sequence[str]  # of the variables
    work_rows: int  # rows of scratch that `fill` is given
    minimum: Minimum | None  # None where there is none, or it is not known

    def __init__(self, options: Any) -> None: ...

    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        """Fill loss (lanes,), where it is asked for, and gradient at x, both (variables, lanes).

        numbers: the options that may differ by lane, without axes or (lanes,), lists of them
        (numbers, 1) or (numbers, lanes). work: (work_rows, lanes), to be used up.
        """


def variables(count: int, stem: str = "x") -> list[str]:
    """Names of variables: `x`, or `x_0`, `x_1`, … where there are several."""
    return [stem] if count == 1 else [f"{stem}_{index}" for index in range(count)]
