"""Interface of problems: what is trained, and how it is evaluated for many lanes at once.

The last axis of every array is the lanes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ...errors import IngredientError
from ...numerics.buffers import DType, new_buffer
from ...numerics.lanczos import Hessian
from ..options import Floats, Options
from .feature_scales import FeatureScales
from .layers import Layers
from .parameters import ParameterArray
from .scaling import Scaling

_BLOCK_BYTES = 2 << 20  # a block and its work arrays about fill an L2 cache
_MAX_ROW_BYTES = 128 << 10  # for one number per lane
_MIN_LANES = 8

Call = Callable[[], object]
SampleIndices = NDArray[np.intp]


@dataclass(frozen=True)
class ChosenSamples:
    """The samples that each lane is evaluated on; both arrays are read at every evaluation.

    Only the first `counts` samples of a lane count; the rest are repetitions, so that they change
    no maximum. In sums and means they have the weight 0.
    """

    indices: SampleIndices  # (batch, lanes)
    counts: NDArray[np.intp] | None = None  # (lanes,); None: all count

    def __len__(self) -> int:
        return len(self.indices)

    def weights(self, scale: Callable[[int], float], dtype: DType) -> tuple[Floats, Call] | None:
        """Factors (batch, lanes) of the samples' terms, and a call that fills them; None: all 1.

        scale: the factor of a sum over so many samples, 1/n for a mean. A factor is the ratio of
        the scale for the lane's samples and that for the whole batch.
        """
        counts, size = self.counts, len(self)
        if counts is None:
            return None
        ratios = np.array([1.0, *(scale(one) / scale(size) for one in range(1, size + 1))], dtype)
        weights: Floats = new_buffer(self.indices.shape, dtype)
        ratio: Floats = new_buffer(len(counts), dtype)
        mask = np.zeros(self.indices.shape, bool)
        slots = np.arange(size)[:, None]

        def fill() -> None:
            np.take(ratios, counts, out=ratio, mode="clip")
            np.less(slots, counts, out=mask)
            np.multiply(mask, ratio, weights)

        return weights, fill


class ProblemOptions(Options):
    """Options that all problems share."""

    kind: str

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the problem overflows `dtype`."""
        for name, numbers in self.lane_numbers().items():
            refuse_overflow(numbers, dtype, *name.split("."))


def refuse_overflow(numbers: Floats, dtype: DType, *key: str) -> None:
    """Raises IngredientError about the option `key` if a finite number overflows `dtype`."""
    largest = float(np.abs(numbers).max(initial=0.0))
    limit = float(np.finfo(dtype).max)
    if limit < largest < math.inf:
        raise IngredientError(
            f"{largest:g} overflows {dtype}, whose largest number is {limit:.3g}; "
            'use dtype = "float64" or rescale the problem',
            *key,
        )


@dataclass
class Evaluation:
    """The arrays that an evaluation of all lanes fills; those that are None are not computed."""

    gradient: Floats | None  # (parameters, lanes)
    loss: Floats | None = None  # (lanes,)
    predictions: Floats | None = None  # (predictions, lanes)
    prediction_error: Floats | None = None  # (lanes,): max |prediction - target|
    accuracy: Floats | None = None  # (lanes,): share of samples in the right class; NaN: no classes

    @property
    def is_empty(self) -> bool:
        """Whether all arrays are None."""
        return all(getattr(self, one.name) is None for one in fields(self))


class Evaluator(ABC):
    """A problem with the work arrays for blocks of one width."""

    @abstractmethod
    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """A function that fills `out` for all lanes from the current contents of the arrays.

        Looking up the arrays at every step would cost small problems as much as the arithmetic, so
        an evaluation is prepared once and called in the step loop, where it must not allocate.

        parameters: (parameters, lanes). steps: (lanes,). lane_data: the numbers of the problem that
        vary between lanes, each (lanes,) or (numbers, lanes).
        """


class Problem(ABC):
    """What is trained, built from validated options.

    A subclass sets `options`, `arrays` and `parameter_names`; the defaults of all other attributes
    describe a loss without samples and without predictions.
    """

    Options: ClassVar[type[ProblemOptions]]
    uses_step: ClassVar[bool] = False  # whether the loss depends on `steps`
    packages: ClassVar[tuple[str, ...]] = ()  # besides NumPy, on which results depend
    n_checked_starts: int = 0  # number of initial points passed to `check`

    options: ProblemOptions
    arrays: Sequence[ParameterArray]  # all parameters, in order
    n_samples: int = 0  # that minibatches are drawn from; 0 unless the loss is a sum over samples
    held_out: Problem | None = None  # the same parameters, evaluated on held-out samples
    has_classes: bool = False  # whether `accuracy` can be evaluated
    n_predictions: int = 0  # 0 without predictions: `prediction_error` is then NaN
    targets: Sequence[float] = ()  # one per prediction
    loss_bound: float = math.inf  # upper bound of |loss| at finite parameters
    curvature: float | None = None  # largest curvature of the loss at the solution, if known
    scaling: Scaling | None = None  # by a parametrization; None: no factor differs from 1
    layers: Layers | None = None  # of a layered network, for engines that compile it
    takes_partial_batches: bool = True  # whether `evaluator` reads `ChosenSamples.counts`
    has_own_start: bool = False  # whether `draw_start` draws initial parameters

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are, if there are any."""
        return None

    @property
    @abstractmethod
    def parameter_names(self) -> Sequence[str]:
        """One name per parameter."""

    @cached_property
    def n_parameters(self) -> int:
        """The number of parameters."""
        return sum(one.size for one in self.arrays)

    @cached_property
    def is_bias(self) -> NDArray[np.bool_]:
        """Which parameters are biases, (parameters,)."""
        return np.repeat([one.is_bias for one in self.arrays], [one.size for one in self.arrays])

    @abstractmethod
    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The number of lanes that step together; depends only on shapes.

        samples: the number of samples per update, if not all.
        """

    @abstractmethod
    def evaluator(self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None) -> Evaluator:
        """An evaluator for blocks of `lanes` lanes.

        chosen: the samples that each lane is evaluated on; predictions are then not filled.
        """

    def hessian(
        self, parameters: NDArray[np.float64], lane_data: Mapping[str, NDArray[np.float64]]
    ) -> Hessian | None:
        """The exact Hessian of the loss at parameters (parameters, lanes).

        lane_data: as in `Evaluator.prepare`, in float64.
        None: not available; the engine uses central differences of the gradient.
        """
        return None

    def draw_start(self, random: Generator) -> Floats:
        """Initial parameters (parameters,) drawn by the problem itself, if `has_own_start`."""
        raise NotImplementedError(f"{type(self).__name__} has no start of its own")

    def lanes_are_independent(self, dtype: DType, batch: int) -> bool:
        """Whether a lane's bits depend neither on its slot nor on its neighbours.

        batch: samples per update, 0 for all. If not, repeats of a sweep agree within a tolerance.
        """
        return True

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError if the problem is wrong at starts (parameters, lanes).

        Called before a sweep starts, if `n_checked_starts` is positive.
        """
        return None


def lanes_in_cache(numbers: int, dtype: np.dtype[np.generic]) -> int:
    """The power of two of lanes, with `numbers` numbers each, that fit into an L2 cache.

    >>> lanes_in_cache(16, np.dtype(np.float64))
    16384
    """
    lanes = 1 << int(math.log2(max(1.0, _BLOCK_BYTES / (numbers * dtype.itemsize))))
    return min(_MAX_ROW_BYTES // dtype.itemsize, max(_MIN_LANES, lanes))
