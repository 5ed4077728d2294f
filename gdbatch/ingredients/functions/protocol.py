"""Interface of functions of n variables. The last axis of every array is the lanes."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ...numerics.buffers import DType
from ...numerics.lanczos import Hessian
from ..options import Floats
from ..problems.feature_scales import FeatureScales
from ..problems.protocol import Call, ProblemOptions

Examples = tuple[dict[str, object], ...]


class FunctionOptions(ProblemOptions):
    """Options that all functions share: `[problem]` with kind = "function"."""

    chosen_by = "function"

    kind: Literal["function"]
    function: str


@dataclass(frozen=True)
class Minimum:
    """The global minimum of a function; if there are several, the flattest."""

    at: list[float]
    loss: float
    curvature: float  # the largest eigenvalue of the Hessian there


class Function(ABC):
    """A function built from its options; options that vary between lanes have their first value.

    A subclass sets `names`.
    """

    Options: ClassVar[type[FunctionOptions]]
    examples: ClassVar[Examples] = ({},)  # options for tests, as in a sweep file

    names: Sequence[str]  # of the variables
    work_rows: int = 0  # rows of scratch memory that `fill` needs
    minimum: Minimum | None = None  # None: there is none, or it is not known
    n_checked_starts: int = 0  # number of initial points passed to `check`
    n_samples: int = 0  # 0 unless the function is a sum over samples, see `regression`

    def __init__(self, options: FunctionOptions) -> None:
        self.options = options

    def held_out(self) -> Function | None:
        """The same function of held-out samples, if there are any."""
        return None

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are, if there are any."""
        return None

    @abstractmethod
    def fill(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> None:
        """Fill loss (lanes,), unless it is None, and gradient (variables, lanes) at x.

        It must not allocate memory.

        x: (variables, lanes). numbers: the options that may vary between lanes, of shape () or
        (lanes,); lists have (n, 1) or (n, lanes). work: (work_rows, lanes).
        """

    def prepare(
        self,
        x: Floats,
        numbers: Mapping[str, Floats],
        loss: Floats | None,
        gradient: Floats,
        work: Floats,
    ) -> Call:
        """A function that does what `fill` does, from the current contents of the arrays.

        A subclass may look up here what is the same at every step.
        """
        fill = self.fill
        return lambda: fill(x, numbers, loss, gradient, work)

    def hessian(
        self, x: NDArray[np.float64], numbers: Mapping[str, NDArray[np.float64]]
    ) -> Hessian | None:
        """The exact Hessian at x (variables, lanes); numbers: as in `fill`. None: not available."""
        return None

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError if the function is not defined at starts (variables, lanes).

        Called before a sweep starts, if `n_checked_starts` is positive.
        """
        return None

    def samples(self, dtype: DType) -> tuple[Floats, Floats]:
        """Inputs (samples, variables) and targets (samples, 1), if `n_samples` is positive."""
        raise NotImplementedError(f"{type(self).__name__} has samples, but no method `samples`")


def largest_eigenvalue(matrix: NDArray[np.float64]) -> float:
    """The largest eigenvalue of a symmetric matrix; inf if the matrix is not finite.

    >>> largest_eigenvalue(np.diag([1.0, 3.0]))
    3.0
    """
    if not np.isfinite(matrix).all():
        return math.inf
    return float(np.linalg.eigvalsh(matrix)[-1])


def variables(count: int, stem: str = "x") -> list[str]:
    """Names of variables.

    >>> variables(1), variables(3)
    (['x'], ['x_0', 'x_1', 'x_2'])
    """
    return [stem] if count == 1 else [f"{stem}_{index}" for index in range(count)]
