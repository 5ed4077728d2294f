"""Your own problem in Python: an object in a file that computes its loss and gradient.

It has

    parameters: list[str]
        the names of its parameters
    loss_and_gradient(parameters) -> (loss, gradient)
        parameters (parameters, lanes) are many points at once, one per column; loss is (lanes,)
        and gradient (parameters, lanes). Each column's results must depend on that column alone.
        The arrays may be overwritten.
    curvature: float, optional
        the largest curvature of the loss at the solution

`parameters` may instead be a dict of names and shapes, {"weight_1": (2, 4), "bias_1": (4,)}; then
parameters and gradient are dicts of arrays (*shape, lanes), and initializers know the layers.
Arrays of one dimension whose names contain "bias" are biases.

With n_samples, a number, the method is loss_and_gradient(parameters, samples): samples is None for
all samples, or (batch, lanes), the indices of each lane's minibatch.

`from_function` makes such an object from a plain function of one parameter vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, ValidationInfo, model_validator

from ...errors import IngredientError
from ...numerics.buffers import DType
from ...registry import register
from ..options import Floats, context_of
from . import python_check
from .parameters import ParameterArray, element_names
from .protocol import (
    Call,
    ChosenSamples,
    Evaluation,
    Evaluator,
    Problem,
    SampleIndices,
    lanes_in_cache,
)
from .user_code import CodeOptions

Parameters = Floats | dict[str, Floats]


class UserProblem(Protocol):
    """What an object in a user's file must have."""

    parameters: Sequence[str] | Mapping[str, Sequence[int]]

    def loss_and_gradient(
        self, parameters: Parameters, samples: SampleIndices | None = None, /
    ) -> tuple[ArrayLike, ArrayLike | Mapping[str, ArrayLike]]:
        """Loss (lanes,) and gradient (parameters, lanes) at parameters (parameters, lanes)."""


class PythonOptions(CodeOptions):
    """Options of `[problem]` with kind = "python"; needs --allow-python."""

    kind: Literal["python"]
    object: str = Field(
        "Problem", description="Its class, which takes no arguments, or its object."
    )

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> PythonOptions:
        self._read_code(context_of(info))
        self.load()
        return self

    def load(self) -> UserProblem:
        """A new object; raises IngredientError if it lacks what a problem needs."""
        found = self.named(self.object, "object")
        if isinstance(found, type):
            with self.reporting("object"):
                found = found()
        _arrays_of(found, self.object)
        if not callable(getattr(found, "loss_and_gradient", None)):
            message = f"{self.object} needs a method loss_and_gradient(parameters)"
            raise IngredientError(message, "object")
        samples = getattr(found, "n_samples", 0)
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 0:
            message = f"{self.object}.n_samples must be the number of samples, not {samples!r}"
            raise IngredientError(message, "object")
        return cast(UserProblem, found)


def _arrays_of(found: object, name: str) -> list[ParameterArray]:
    """The parameters of a user's object, called `name`; raises IngredientError."""
    given = getattr(found, "parameters", None)
    if isinstance(given, list | tuple) and given and len(set(map(str, given))) == len(given):
        if all(isinstance(one, str) and one.isidentifier() for one in given):
            return [ParameterArray("parameters", (len(given),))]
    elif isinstance(given, dict) and given:
        arrays = []
        for key, shape in given.items():
            sizes = (shape,) if isinstance(shape, int) else shape
            is_shape = isinstance(sizes, list | tuple) and all(
                isinstance(size, int) and size > 0 for size in sizes
            )
            if not (is_shape and isinstance(key, str) and key.isidentifier()):
                message = f"{name}.parameters must give a shape per name, such as "
                example = f'{{"weight_1": (2, 4)}}, not {key!r}: {shape!r}'
                raise IngredientError(message + example, "object")
            is_bias = len(sizes) == 1 and "bias" in key
            arrays.append(ParameterArray(key, tuple(sizes), is_bias))
        return arrays
    raise IngredientError(
        f"{name}.parameters must be a list of names, all different, or a dict of names and "
        f"shapes, not {given!r}",
        "object",
    )


@register("problem", "python")
class PythonProblem(Problem):
    """Your own problem in a Python file, with --allow-python; see `gdbatch new --python`."""

    Options = PythonOptions
    options: PythonOptions
    n_checked_starts = 4
    takes_partial_batches = False

    def __init__(self, options: PythonOptions) -> None:
        self.options = options
        self._object = options.load()
        self.arrays = _arrays_of(self._object, options.object)
        self._is_named = isinstance(self._object.parameters, Mapping)
        self.n_samples = int(getattr(self._object, "n_samples", 0))
        curvature = getattr(self._object, "curvature", None)
        self.curvature = None if curvature is None else float(curvature)

    @property
    def parameter_names(self) -> list[str]:
        """The names that the object gives its parameters, or those of the elements of arrays."""
        return element_names(self.arrays) if self._is_named else list(self._object.parameters)

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The power of two of lanes whose arrays and temporaries about fill an L2 cache."""
        return lanes_in_cache(8 * self.n_parameters + 4 * (samples or self.n_samples), dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> PythonEvaluator:
        """An evaluator for blocks of any width."""
        return PythonEvaluator(self, chosen)

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError if the gradient is wrong, or lanes influence each other."""
        identity = self.options.digest, self.options.object
        try:
            python_check.check(
                self.loss_and_gradient, self.parameter_names, starts, identity, self.n_samples
            )
        except python_check.CheckFailed as error:
            message = f"{self.options.file}: {self.options.object} {error}"
            raise IngredientError(message, "object") from None

    def loss_and_gradient(
        self, parameters: Floats, samples: SampleIndices | None = None
    ) -> tuple[Floats, Floats]:
        """Loss and gradient by the user's code; raises IngredientError if a shape is wrong."""
        given = parameters.copy()
        arguments: list[object] = [self._by_name(given) if self._is_named else given]
        if self.n_samples:
            arguments.append(None if samples is None else samples.copy())
        with self.options.reporting("object"):
            result = self._object.loss_and_gradient(*arguments)  # type: ignore[arg-type]
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise self._wrong(
                f"returns {_in_words(result)}; return two arrays, loss and gradient: "
                f"return loss, gradient"
            )
        loss = self._numbers("loss", result[0], parameters.shape[1:])
        if not self._is_named:
            return loss, self._numbers("gradient", result[1], parameters.shape)
        gradient = result[1]
        names = [one.name for one in self.arrays]
        if not isinstance(gradient, Mapping) or set(gradient) != set(names):
            raise self._wrong(
                f"must return the gradient as a dict with the keys {', '.join(names)}, like the "
                "parameters"
            )
        lanes = parameters.shape[1]
        parts = [
            self._numbers(f"gradient of {one.name}", gradient[one.name], (*one.shape, lanes))
            for one in self.arrays
        ]
        return loss, np.concatenate([part.reshape(-1, lanes) for part in parts])

    def _by_name(self, parameters: Floats) -> dict[str, Floats]:
        ends = np.cumsum([one.size for one in self.arrays])
        parts = np.split(parameters, ends[:-1])
        return {
            one.name: part.reshape(*one.shape, -1)
            for one, part in zip(self.arrays, parts, strict=True)
        }

    def _numbers(self, name: str, given: object, shape: tuple[int, ...]) -> Floats:
        """A result as an array; raises IngredientError unless it has real numbers and the shape."""
        with self.options.reporting("object"):
            array = np.asarray(given)
        if array.shape != shape or array.dtype.kind not in "fiu":
            each = "one number per column" if len(shape) == 1 else "the shape of the parameters"
            raise IngredientError(
                f"{self.options.file}: the {name} of {self.options.object} is an array of "
                f"{array.dtype} of shape {array.shape}, but must be real numbers of shape "
                f"{shape}: {each}",
                "object",
            )
        return array

    def _wrong(self, what: str) -> IngredientError:
        options = self.options
        message = f"{options.file}: loss_and_gradient of {options.object} {what}"
        return IngredientError(message, "object")


def _in_words(result: object) -> str:
    if result is None:
        return "nothing"
    if isinstance(result, np.ndarray):
        return f"one array of shape {result.shape}"
    count = f" of length {len(result)}" if isinstance(result, tuple | list) else ""
    return f"one {type(result).__name__}{count}"


class PythonEvaluator(Evaluator):
    """Copies the results of the user's code to the engine's arrays."""

    def __init__(self, problem: PythonProblem, chosen: ChosenSamples | None) -> None:
        self._problem = problem
        self._indices = None if chosen is None else chosen.indices

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`; there are no predictions."""

        def evaluate() -> None:
            loss, gradient = self._problem.loss_and_gradient(parameters, self._indices)
            if out.gradient is not None:
                np.copyto(out.gradient, gradient, casting="same_kind")
            if out.loss is not None:
                np.copyto(out.loss, loss, casting="same_kind")
            if out.prediction_error is not None:
                out.prediction_error.fill(np.nan)
            if out.accuracy is not None:
                out.accuracy.fill(np.nan)

        return evaluate
