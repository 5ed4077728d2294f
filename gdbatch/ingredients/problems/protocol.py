"""What the engine, the plan and the figures need of a problem.

Lanes are always the last axis. An evaluator is made once for a width and then only filled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..options import Floats, Options

_BLOCK_BYTES = 2 << 20  # a block and its work arrays: about a second-level cache
_MOST_ROW_BYTES = 128 << 10  # of one number of all lanes
_FEWEST_LANES = 8


class ProblemOptions(Options):
    """Options that all problems share."""

    kind: str


Chosen = NDArray[np.intp]


@dataclass(frozen=True)
class ParameterArray:
    """Parameters that stand together: the weights or the biases of a layer, or all of them."""

    name: str
    shape: tuple[int, ...]  # of weights (units below, units)
    is_bias: bool = False

    @property
    def size(self) -> int:
        """How many parameters."""
        return math.prod(self.shape)


def layers_of(arrays: list[ParameterArray]) -> NDArray[np.int64]:
    """For each parameter its layer, from 0: an array of weights begins one."""
    layer = np.cumsum([not one.is_bias for one in arrays]) - 1
    return np.repeat(layer, [one.size for one in arrays])


@dataclass
class Evaluation:
    """Where one evaluation of all lanes lands; what is None is not asked for, nor computed."""

    gradient: Floats | None  # (parameters, lanes)
    loss: Floats | None = None  # (lanes,)
    predictions: Floats | None = None  # (predictions, lanes)
    prediction_error: Floats | None = None  # (lanes,): max |prediction - target|

    @property
    def asks_nothing(self) -> bool:
        """Whether there is nothing to compute."""
        return all(getattr(self, one.name) is None for one in fields(self))


class Evaluator(Protocol):
    """A problem made ready for blocks of one width."""

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Fill `out` for all lanes: parameters (parameters, lanes), step (lanes,).

        `lane_data` has those numbers of the problem that differ by lane, (lanes,) or
        (numbers, lanes) each.
        """


class Problem(Protocol):
    """What is trained: shapes, facts and evaluators; built from validated options."""

    Options: ClassVar[type[ProblemOptions]]
    uses_step: ClassVar[bool]  # whether evaluate looks at `step`; else it is kept by windows only
    n_parameters: int
    n_samples: int  # that minibatches can be drawn from; 0 where the loss is no sum over samples
    n_predictions: int  # 0 where nothing is predicted: then `prediction_error` is NaN
    is_bias: NDArray[np.bool_]  # (parameters,): which parameters are biases
    arrays: list[ParameterArray]  # all parameters, in their order
    parameter_names: list[str]
    targets: list[float]  # one a prediction
    loss_bound: float  # no finite parameters give a larger |loss|; inf when there is no bound
    curvature: float | None  # largest curvature of the loss at the solution, where it is known

    def __init__(self, options: Any) -> None: ...

    def block_width(self, dtype: np.dtype[Any], samples: int | None = None) -> int:
        """Lanes that step together, on so many samples: a function of the shapes only."""

    def evaluator(
        self, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> Evaluator:
        """Buffers and kernels for blocks of `lanes` lanes.

        chosen: (batch, lanes), where at every evaluation those samples stand that each lane's loss
        is of, as if there were no others; predictions are then left alone.
        """


def lanes_in_cache(numbers: int, dtype: np.dtype[Any]) -> int:
    """The power of two of lanes, of so many numbers each, that fill a second-level cache."""
    lanes = 1 << int(math.log2(max(1.0, _BLOCK_BYTES / (numbers * dtype.itemsize))))
    return min(_MOST_ROW_BYTES // dtype.itemsize, max(_FEWEST_LANES, lanes))
