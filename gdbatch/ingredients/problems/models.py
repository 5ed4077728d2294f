"""Models of a framework with automatic differentiation, trained over lanes.

Batched kernels may depend on the width of a block, so lanes are evaluated in blocks of one fixed
width, the last of which is padded with copies.
"""

from __future__ import annotations

import functools
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from ...errors import IngredientError, nearest
from ...numerics.buffers import DType, new_buffer
from ...numerics.lanczos import Hessian, Values
from ..options import Context, Floats, context_of
from .feature_scales import FeatureScales, feature_scales
from .parameters import ParameterArray, element_names
from .preparation import Outputs, Samples
from .protocol import (
    Call,
    ChosenSamples,
    Evaluation,
    Evaluator,
    Problem,
    ProblemOptions,
    SampleIndices,
    lanes_in_cache,
)
from .samples import SampleOptions
from .user_code import CodeOptions

_FEWEST, _MOST = 8, 64  # lanes that are evaluated at once
_CACHES = 2  # L2 caches that they may fill: calls of a framework cost more than cache misses
_TEST_UPDATES = 3


@dataclass(frozen=True)
class NamedLoss:
    """A loss that frameworks know by name: what it expects, and how it tells classes."""

    has_classes: bool = False
    one_output_per_class: bool = False
    takes_index: bool = False  # of the class, in place of a row of probabilities
    threshold: float = 0.0  # of a single output, from which on it means the second class


LOSSES: Mapping[str, NamedLoss] = {
    "binary_cross_entropy": NamedLoss(True, threshold=0.5),
    "binary_cross_entropy_with_logits": NamedLoss(True),
    "cross_entropy": NamedLoss(True, one_output_per_class=True),
    "huber_loss": NamedLoss(),
    "l1_loss": NamedLoss(),
    "mse_loss": NamedLoss(),
    "multi_margin_loss": NamedLoss(True, one_output_per_class=True, takes_index=True),
    "nll_loss": NamedLoss(True, one_output_per_class=True, takes_index=True),
    "poisson_nll_loss": NamedLoss(),
    "smooth_l1_loss": NamedLoss(),
    "soft_margin_loss": NamedLoss(),
}


class ModelOptions(CodeOptions, SampleOptions):
    """Options of problems that a framework differentiates; they need --allow-python."""

    losses: ClassVar[tuple[str, ...]]  # names that the framework knows

    object: str
    loss: str | None = Field(
        None,
        description="A loss by name, or a function in the file that takes outputs and targets and "
        "returns one number. Without data, leave it out: the model returns its loss itself.",
    )
    classes: bool = Field(
        False,
        description="Whether a loss of your own has classes: labels then become rows of "
        "probabilities, and there is an accuracy.",
    )

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> ModelOptions:
        context = context_of(info)
        self._read_code(context)
        self._expect_framework()
        self.named(self.object, "object")
        if self.has_samples:
            self._take(context)
        elif self.loss is not None:
            raise IngredientError(
                "the loss compares outputs with targets, but there are none: set data; or leave "
                "loss out if the model returns its loss itself",
                "data",
            )
        return self

    def _expect_framework(self) -> None:
        """Raise IngredientError if the framework is not installed."""
        raise NotImplementedError

    @property
    def has_samples(self) -> bool:
        """Whether the model is trained on samples."""
        return self.data is not None or self.inputs is not None

    @property
    def named_loss(self) -> NamedLoss | None:
        """What is known about the loss; None if it is the user's own."""
        own = getattr(self.module(), self.loss or "", None)
        if self.loss is None or self.loss not in self.losses or self._is_own(own):
            return None
        return LOSSES[self.loss]

    def _is_own(self, found: Any) -> bool:
        """Whether an object of the file replaces the framework's loss of the same name."""
        return found is not None and getattr(found, "__module__", "") == self.module().__name__

    def own_loss(self) -> Callable[..., Any]:
        """The loss in the file; raises IngredientError."""
        assert self.loss is not None
        found: Any = getattr(self.module(), self.loss, None)
        if not callable(found):
            hint = nearest(self.loss, self.losses)
            raise IngredientError(
                f'unknown loss "{self.loss}"; {hint}; or define a function of this name in '
                f"{self.file}",
                "loss",
            )
        own: Callable[..., Any] = found
        return own

    def _take(self, context: Context) -> None:
        if self.loss is None:
            raise IngredientError(
                f"which loss? Give one by name ({', '.join(self.losses)}), or a function in "
                f"{self.file} that takes outputs and targets",
                "loss",
            )
        known = self.named_loss
        if known is None:
            self.own_loss()
            known = NamedLoss(self.classes, one_output_per_class=self.classes)
        elif self.classes:
            message = f"{self.loss} needs no classes = true; it is for losses of your own"
            raise IngredientError(message, "classes")
        outputs = Outputs(None, known.has_classes, tells_two=not known.one_output_per_class)
        self._take_samples(context, None, outputs, f"the model {self.object}")
        if self.samples.weights is not None and self.named_loss is None:
            message = "a loss of your own takes no weights; leave weight out, or name a loss: "
            raise IngredientError(message + ", ".join(self.losses), "weight")

    @property
    def has_classes(self) -> bool:
        """Whether every sample has a class."""
        known = self.named_loss
        return self.classes if known is None else known.has_classes

    @property
    def threshold(self) -> float:
        """From which value on a single output means the second class."""
        known = self.named_loss
        return 0.0 if known is None else known.threshold

    def resolved(self) -> dict[str, Any]:
        """Everything that determines training."""
        if self.has_samples:
            return super().resolved()
        return ProblemOptions.resolved(self) | {"file": None, "code": self.digest}

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the samples overflows `dtype`."""
        if self.has_samples:
            super().check_dtype(dtype)


@dataclass(frozen=True)
class LaneSamples:
    """The samples of each lane, and the factors of their terms of a mean; None: 1."""

    indices: SampleIndices  # (lanes, batch)
    weights: Floats | None = None  # (lanes, batch)


class LaneModel(ABC):
    """A model with its samples in one number type, evaluated for a fixed number of lanes."""

    def __init__(self, width: int) -> None:
        self.width = width  # lanes of every call

    @abstractmethod
    def gradient(self, points: Floats, chosen: LaneSamples | None) -> tuple[Floats, Floats]:
        """Loss (lanes,) and gradient (lanes, parameters) at points (lanes, parameters).

        chosen: the samples of each lane; None: all.
        """

    @abstractmethod
    def loss(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        """The loss alone, (lanes,)."""

    @abstractmethod
    def right(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        """The (weighted) number of samples whose class is right, (lanes,)."""

    @abstractmethod
    def product(self, points: Floats, directions: Floats) -> Floats:
        """The Hessian at each point times its direction, all (lanes, parameters)."""


@dataclass(frozen=True)
class _Key:
    """What a lane model depends on; it is built once per process."""

    identity: tuple[object, ...]
    problem: ModelProblem = field(compare=False)
    dtype: DType = field(compare=False)


@functools.lru_cache(maxsize=32)
def _lane_model(key: _Key) -> LaneModel:
    return key.problem.make_lane_model(key.dtype)


@functools.lru_cache(maxsize=64)
def _is_independent(key: _Key, batch: int) -> bool:
    return independent_lanes(_lane_model(key), key.problem, key.dtype, batch)


class ModelProblem(Problem):
    """A model of a framework; a subclass sets `arrays` and makes lane models."""

    Options: ClassVar[type[ModelOptions]]
    options: ModelOptions
    n_checked_starts = 4
    has_own_start = True

    def __init__(self, options: ModelOptions, samples: Samples | None = None) -> None:
        """samples: those to evaluate on; None: those of the options."""
        self.options = options
        self.trains = samples is None  # rather than being evaluated on held-out samples
        self.samples: Samples | None = None
        if options.has_samples:
            if samples is None and options.held_out is not None:
                self.held_out = type(self)(options, options.held_out)
            self.samples = options.samples if samples is None else samples
            self.n_samples = len(self.samples)
            self.has_classes = options.has_classes
            self.takes_partial_batches = options.named_loss is not None
        self.arrays = self.define()

    @abstractmethod
    def define(self) -> list[ParameterArray]:
        """Load the model; its parameters. Raises IngredientError if it cannot be trained."""

    @abstractmethod
    def make_lane_model(self, dtype: DType) -> LaneModel:
        """The model for `width(dtype)` lanes."""

    @abstractmethod
    def examine(self) -> None:
        """Raises IngredientError if the model or its loss give what cannot be trained."""

    @abstractmethod
    def draw_start(self, random: Generator) -> Floats:
        """Parameters (parameters,) drawn by the model's own initialisation."""

    @property
    def parameter_names(self) -> list[str]:
        """The names of the arrays with their indices."""
        return element_names(self.arrays)

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are."""
        if self.samples is None:
            return None
        return feature_scales(self.samples.inputs, self.samples.features)

    def width(self, dtype: DType) -> int:
        """The number of lanes that are evaluated at once; depends only on shapes."""
        units = sum(one.shape[-1] for one in self.arrays if not one.is_bias and one.shape)
        inputs = 0 if self.samples is None else self.samples.inputs.shape[1]
        numbers = 3 * self.n_parameters + max(1, self.n_samples) * (inputs + 3 * units)
        return min(_MOST, max(_FEWEST, lanes_in_cache(max(1, numbers // _CACHES), dtype)))

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The number of lanes that are evaluated at once."""
        return self.width(dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> ModelEvaluator:
        """An evaluator for blocks of any width, on the chosen samples or on all."""
        return ModelEvaluator(self, lanes, dtype, chosen)

    def lane_model(self, dtype: DType) -> LaneModel:
        """The model in a number type, which is built once per process."""
        return _lane_model(self._key(dtype))

    def _key(self, dtype: DType) -> _Key:
        options, digest = self.options, hashlib.sha256()
        if self.samples is not None:
            for array in (self.samples.inputs, self.samples.targets, self.samples.weights):
                digest.update(b"" if array is None else array.tobytes())
                digest.update(str(None if array is None else array.shape).encode())
        own = {*type(options).model_fields} - {*SampleOptions.model_fields} - {"file"}
        plain = options.model_dump_json(include=own)
        identity = (
            type(self),
            str(options._path),
            options.digest,
            plain,
            digest.digest(),
            self.trains,
        )
        return _Key((*identity, str(dtype)), self, dtype)

    def hessian(
        self, parameters: NDArray[np.float64], lane_data: Mapping[str, NDArray[np.float64]]
    ) -> Hessian:
        """The exact Hessian of the loss at parameters (parameters, lanes)."""
        return _ModelHessian(self, parameters)

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError unless the loss and its gradient are numbers at the starts."""
        self.examine()
        loss = new_buffer(starts.shape[1], np.float64)
        gradient = new_buffer(starts.shape, np.float64)
        evaluator = self.evaluator(starts.shape[1], starts.dtype)
        no_steps = np.zeros(len(loss), np.int64)
        evaluator.prepare(starts, {}, no_steps, Evaluation(gradient, loss))()
        wrong = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(gradient).all(axis=0)))
        if wrong.size:
            place = wrong[0]
            array = gradient[:, place]
            raise IngredientError(
                f"{self.options.file}: {self.options.object} gives the loss {loss[place]:g} and "
                f"{np.count_nonzero(~np.isfinite(array))} infinite or undefined numbers in the "
                f"gradient at the start of seed {place}; choose a smaller start in [init], or "
                "standardize the data",
                "object",
            )

    def lanes_are_independent(self, dtype: DType, batch: int) -> bool:
        """Whether a lane gives the same bits alone and among others, on a few updates."""
        return _is_independent(self._key(dtype), batch)


class ModelEvaluator(Evaluator):
    """Evaluates a block in parts of one width; the last is padded with copies."""

    def __init__(
        self, problem: ModelProblem, lanes: int, dtype: DType, chosen: ChosenSamples | None
    ) -> None:
        self._model, self._lanes, self._chosen = problem.lane_model(dtype), lanes, chosen
        self._options, self._n_samples = problem.options, problem.n_samples
        width = self._model.width
        self._points = new_buffer((width, problem.n_parameters), dtype)
        self._samples: LaneSamples | None = None
        self._weights: tuple[Floats, Call] | None = None
        if chosen is not None:
            self._weights = chosen.weights(lambda count: 1 / count, dtype)
            shape = width, len(chosen)
            self._samples = LaneSamples(
                new_buffer(shape, np.intp),
                None if self._weights is None else new_buffer(shape, dtype),
            )

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`; there are no predictions."""
        model = self._model

        def evaluate() -> None:
            if self._weights is not None:
                self._weights[1]()
            with self._options.reporting("object"):
                for first in range(0, self._lanes, model.width):
                    self._evaluate_part(slice(first, first + model.width), parameters, out)
            if out.prediction_error is not None:
                out.prediction_error.fill(np.nan)

        return evaluate

    def _evaluate_part(self, part: slice, parameters: Floats, out: Evaluation) -> None:
        model, points, samples = self._model, self._points, self._samples
        count = _fill(points, parameters[:, part])
        if samples is not None:
            assert self._chosen is not None
            _fill(samples.indices, self._chosen.indices[:, part])
            if samples.weights is not None:
                assert self._weights is not None
                _fill(samples.weights, self._weights[0][:, part])
        if out.gradient is not None:
            loss, gradient = model.gradient(points, samples)
            np.copyto(out.gradient[:, part], gradient[:count].T)
            if out.loss is not None:
                np.copyto(out.loss[part], loss[:count])
        elif out.loss is not None:
            np.copyto(out.loss[part], model.loss(points, samples)[:count])
        if out.accuracy is not None:
            n_samples = self._n_samples if samples is None else samples.indices.shape[1]
            np.divide(model.right(points, samples)[:count], n_samples, out.accuracy[part])


def _fill(rows: NDArray[np.generic], columns: NDArray[np.generic]) -> int:
    """Copy columns to the first rows, and the first one to the others; how many there are."""
    count = int(columns.shape[1])
    np.copyto(rows[:count], columns.T)
    rows[count:] = rows[0]
    return count


class _ModelHessian:
    def __init__(self, problem: ModelProblem, parameters: Values) -> None:
        self._model = problem.lane_model(np.dtype(np.float64))
        self._options, self._parameters = problem.options, parameters
        shape = (self._model.width, len(parameters))
        self._points, self._directions = (new_buffer(shape, np.float64) for _ in range(2))

    def product(self, direction: Values) -> Values:
        """The Hessian times a direction, both (parameters, lanes)."""
        product, width = np.empty_like(direction), self._model.width
        for first in range(0, direction.shape[1], width):
            part = slice(first, first + width)
            count = _fill(self._points, self._parameters[:, part])
            _fill(self._directions, direction[:, part])
            with self._options.reporting("object"):
                found = self._model.product(self._points, self._directions)
            product[:, part] = found[:count].T
        return product


def independent_lanes(model: LaneModel, problem: ModelProblem, dtype: DType, batch: int) -> bool:
    """Whether a lane's bits are the same alone in a padded block and among others.

    A few updates with the learning rate 0.1, in three slots. batch: samples per update, 0 for all.
    """
    random = np.random.default_rng(0)
    width = model.width
    start = (random.standard_normal((width, problem.n_parameters)) / 3).astype(dtype)
    chosen = random.integers(max(1, problem.n_samples), size=(_TEST_UPDATES, width, batch))
    ends = []
    for slot in (None, 0, width // 2, width - 1):
        order = np.roll(np.arange(width), slot or 0) if slot is not None else np.zeros(width, int)
        points, found = start[order], b""
        for update in range(_TEST_UPDATES):
            samples = LaneSamples(chosen[update][order].astype(np.intp)) if batch else None
            with problem.options.reporting("object"):
                loss, gradient = model.gradient(points, samples)
            points = points - dtype.type(0.1) * gradient
            found += loss[slot or 0].tobytes() + points[slot or 0].tobytes()
        ends.append(found)
    return all(end == ends[0] for end in ends)
