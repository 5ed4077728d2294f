"""Your own problem in Python: an object in a file that computes its loss and gradient.

It has

    parameters: list[str]
        the names of its parameters
    loss_and_gradient(parameters) -> (loss, gradient)
        parameters (parameters, lanes) are many points at once, one per column; loss is (lanes,)
        and gradient (parameters, lanes). Each column's results must depend on that column alone,
        and the parameters must not be modified.
    curvature: float, optional
        the largest curvature of the loss at the solution

`from_function` makes such an object from a plain function of one parameter vector.
"""

from __future__ import annotations

import functools
import hashlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...errors import IngredientError, nearest
from ...numerics.buffers import DType
from ...registry import register
from ..data_files import expect_file
from ..options import Floats, context_of
from . import python_check
from .parameters import ParameterArray
from .protocol import (
    Call,
    ChosenSamples,
    Evaluation,
    Evaluator,
    Problem,
    ProblemOptions,
    lanes_in_cache,
)

_FAILURES = (Exception, SystemExit)  # what a user's code may raise


class UserProblem(Protocol):
    """What an object in a user's file must have."""

    parameters: list[str]

    def loss_and_gradient(self, parameters: Floats) -> tuple[ArrayLike, ArrayLike]:
        """Loss (lanes,) and gradient (parameters, lanes) at parameters (parameters, lanes)."""


class PythonOptions(ProblemOptions):
    """Options of `[problem]` with kind = "python"; needs --allow-python."""

    kind: Literal["python"]
    file: str = Field(description="A Python file, relative to the sweep file.")
    object: str = Field(
        "Problem", description="Its class, which takes no arguments, or its object."
    )
    _path: Path = PrivateAttr()
    _code: bytes = PrivateAttr()

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> PythonOptions:
        context = context_of(info)
        self._path = context.path(self.file)
        expect_file(self._path, (".py",), "Python file", "file")
        if not context.allow_python:
            raise IngredientError(
                f"this runs the code in {self.file}; if you trust it, add --allow-python "
                "(in Python: allow_python=True)",
                "kind",
            )
        try:
            self._code = self._path.read_bytes()
        except OSError as error:
            message = f"cannot read {self._path}: {error.strerror or error}"
            raise IngredientError(message, "file") from None
        self.load()
        return self

    @property
    def digest(self) -> str:
        """Hash of the code."""
        return hashlib.sha256(self._code).hexdigest()

    def resolved(self) -> dict[str, Any]:
        """The options, with a hash of the code in place of its file; imports are not covered."""
        return super().resolved() | {"file": None, "code": self.digest}

    def load(self) -> UserProblem:
        """A new object; raises IngredientError if it lacks what a problem needs."""
        module = _module(str(self._path), self._code)
        try:
            found = getattr(module, self.object)
        except AttributeError:
            public = [name for name in vars(module) if not name.startswith("_")]
            message = f'{self.file} has no "{self.object}"; {nearest(self.object, public)}'
            raise IngredientError(message, "object") from None
        if isinstance(found, type):
            try:
                found = found()
            except _FAILURES as error:
                raise IngredientError(self.describe(error), "object") from None
        names = getattr(found, "parameters", None)
        if (
            not isinstance(names, list | tuple)
            or not names
            or not all(isinstance(name, str) and name.isidentifier() for name in names)
            or len(set(names)) < len(names)
        ):
            message = f"{self.object}.parameters must be a list of names, all different"
            raise IngredientError(f"{message}, not {names!r}", "object")
        if not callable(getattr(found, "loss_and_gradient", None)):
            message = f"{self.object} needs a method loss_and_gradient(parameters)"
            raise IngredientError(message, "object")
        return cast(UserProblem, found)

    def describe(self, error: BaseException) -> str:
        """What went wrong in the code, and on which line."""
        return _describe(error, str(self._path), self.file)


@functools.lru_cache(maxsize=16)
def _module(path: str, code: bytes) -> ModuleType:
    """The code as a module, run once per process; raises IngredientError."""
    module = ModuleType(f"gdbatch_python_{hashlib.sha256(path.encode() + code).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # dataclasses, for one, look it up there
    try:
        exec(compile(code, path, "exec"), module.__dict__)
    except _FAILURES as error:
        del sys.modules[module.__name__]
        raise IngredientError(_describe(error, path, Path(path).name), "file") from None
    return module


def _describe(error: BaseException, path: str, name: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename == path]
    line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
    place = name if line is None else f"{name}, line {line}"
    if isinstance(error, ValueError) and "read-only" in str(error):
        return f"{place}: the code changes its input; work on a copy"
    return f"{place}: {type(error).__name__}: {error}"


@register("problem", "python")
class PythonProblem(Problem):
    """Your own problem in a Python file, with --allow-python; see `gdbatch new --python`."""

    Options = PythonOptions
    options: PythonOptions
    n_checked_starts = 4

    def __init__(self, options: PythonOptions) -> None:
        self.options = options
        self._object = options.load()
        self.arrays = [ParameterArray("parameters", (len(self._object.parameters),))]
        curvature = getattr(self._object, "curvature", None)
        self.curvature = None if curvature is None else float(curvature)

    @property
    def parameter_names(self) -> list[str]:
        """The names that the object gives its parameters."""
        return list(self._object.parameters)

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The power of two of lanes whose arrays and temporaries about fill an L2 cache."""
        return lanes_in_cache(8 * self.n_parameters, dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> PythonEvaluator:
        """An evaluator for blocks of any width."""
        return PythonEvaluator(self)

    def check(self, starts: NDArray[np.float64]) -> None:
        """Raises IngredientError if the gradient is wrong, or lanes influence each other."""
        identity = self.options.digest, self.options.object
        try:
            python_check.check(self.loss_and_gradient, self.parameter_names, starts, identity)
        except python_check.CheckFailed as error:
            message = f"{self.options.file}: {self.options.object} {error}"
            raise IngredientError(message, "object") from None

    def loss_and_gradient(self, parameters: Floats) -> tuple[Floats, Floats]:
        """Loss and gradient by the user's code; raises IngredientError if a shape is wrong."""
        shown = parameters.view()
        shown.flags.writeable = False
        try:
            result = self._object.loss_and_gradient(shown)
            loss, gradient = (np.asarray(part) for part in result)
        except _FAILURES as error:
            raise IngredientError(self.options.describe(error), "object") from None
        for name, array, shape in (
            ("loss", loss, parameters.shape[1:]),
            ("gradient", gradient, parameters.shape),
        ):
            if array.shape != shape or array.dtype.kind not in "fiu":
                raise IngredientError(
                    f"{self.options.file}: the {name} of {self.options.object} is an array of "
                    f"{array.dtype} of shape {array.shape}, but must be real numbers of shape "
                    f"{shape}",
                    "object",
                )
        return loss, gradient


class PythonEvaluator(Evaluator):
    """Copies the results of the user's code to the engine's arrays."""

    def __init__(self, problem: PythonProblem) -> None:
        self._problem = problem

    def prepare(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        steps: NDArray[np.int64],
        out: Evaluation,
    ) -> Call:
        """See `Evaluator`; there are no predictions."""

        def evaluate() -> None:
            loss, gradient = self._problem.loss_and_gradient(parameters)
            if out.gradient is not None:
                np.copyto(out.gradient, gradient, casting="same_kind")
            if out.loss is not None:
                np.copyto(out.loss, loss, casting="same_kind")
            if out.prediction_error is not None:
                out.prediction_error.fill(np.nan)
            if out.accuracy is not None:
                out.accuracy.fill(np.nan)

        return evaluate
