"""Your own problem in Python: an object in a file that says its loss and gradient.

It has

    parameters: list[str]
        the names of its parameters
    loss_and_gradient(parameters) -> (loss, gradient)
        parameters (parameters, lanes) are many points at once, each a column; loss is (lanes,)
        and gradient (parameters, lanes). A column's results follow from that column alone, and
        the parameters must not be changed.
    curvature: float, if known
        the largest curvature of the loss at the solution

`from_function` makes such an object of a plain function of one parameter vector.
"""

from __future__ import annotations

import functools
import hashlib
import math
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ...errors import IngredientError, nearest
from ...registry import register
from ..data_files import expect_file
from ..options import Floats, context_of
from .protocol import Chosen, Evaluation, ParameterArray, ProblemOptions, lanes_in_cache

_FAILURES = (Exception, SystemExit)  # what code that is not ours may raise


class PythonOptions(ProblemOptions):
    """`[problem]` with kind = "python"; run only with --allow-python."""

    kind: Literal["python"]
    file: str = Field(description="A Python file, beside the sweep file unless absolute.")
    object: str = Field("Problem", description="Its class, called without arguments, or object.")
    _path: Path = PrivateAttr()
    _code: bytes = PrivateAttr()

    @model_validator(mode="after")
    def _load(self, info: ValidationInfo) -> PythonOptions:
        context = context_of(info)
        self._path = context.path(self.file)
        expect_file(self._path, (".py",), "Python file", "file")
        if not context.allow_python:
            raise IngredientError(
                f"this runs the code in {self.file}; if you trust it, allow that with "
                "--allow-python, or allow_python=True in Python",
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
        """Of the code."""
        return hashlib.sha256(self._code).hexdigest()

    def resolved(self) -> dict[str, Any]:
        """The options, with the code for the name of its file; what it imports is not known."""
        return super().resolved() | {"file": None, "code": self.digest}

    def load(self) -> Any:
        """The object, new; raises IngredientError where it is not what it must be."""
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
                raise IngredientError(self.words_of(error), "object") from None
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
        return found

    def words_of(self, error: BaseException) -> str:
        """What went wrong in the code, and in which line of it."""
        return _words(error, str(self._path), self.file)


@functools.lru_cache(maxsize=16)
def _module(path: str, code: bytes) -> ModuleType:
    """The code run as a module, once; raises IngredientError."""
    module = ModuleType(f"gdbatch_python_{hashlib.sha256(path.encode() + code).hexdigest()[:16]}")
    module.__file__ = path
    sys.modules[module.__name__] = module  # where dataclasses, for one, look for it
    try:
        exec(compile(code, path, "exec"), module.__dict__)
    except _FAILURES as error:
        del sys.modules[module.__name__]
        raise IngredientError(_words(error, path, Path(path).name), "file") from None
    return module


def _words(error: BaseException, path: str, name: str) -> str:
    lines = [
        one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == path
    ]
    line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
    place = name if line is None else f"{name}, line {line}"
    if isinstance(error, ValueError) and "read-only" in str(error):
        return f"{place}: the code changes its input; work on a copy"
    return f"{place}: {type(error).__name__}: {error}"


@register("problem", "python")
class PythonProblem:
    """Your own, from a Python file, with --allow-python; `gdbatch new --python` writes one."""

    Options = PythonOptions
    uses_step = False
    n_samples = 0
    n_predictions = 0
    loss_bound = math.inf

    def __init__(self, options: PythonOptions) -> None:
        self.options = options
        self._object = options.load()
        self.parameter_names = list(self._object.parameters)
        self.n_parameters = len(self.parameter_names)
        self.is_bias = np.zeros(self.n_parameters, bool)
        self.arrays = [ParameterArray("parameters", (self.n_parameters,))]
        self.targets: list[float] = []
        curvature = getattr(self._object, "curvature", None)
        self.curvature = None if curvature is None else float(curvature)

    def block_width(self, dtype: np.dtype[Any], samples: int | None = None) -> int:
        """The power of two of lanes whose arrays, and some temporaries, fill about a cache."""
        return lanes_in_cache(8 * self.n_parameters, dtype)

    def evaluator(
        self, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> PythonEvaluator:
        """For blocks of `lanes` lanes."""
        return PythonEvaluator(self)

    def loss_and_gradient(self, parameters: Floats) -> tuple[Any, Any]:
        """What the code gives, of the right shapes; raises IngredientError."""
        shown = parameters.view()
        shown.flags.writeable = False
        try:
            result = self._object.loss_and_gradient(shown)
            loss, gradient = (np.asarray(part) for part in result)
        except _FAILURES as error:
            raise IngredientError(self.options.words_of(error), "object") from None
        for name, array, shape in (
            ("loss", loss, parameters.shape[1:]),
            ("gradient", gradient, parameters.shape),
        ):
            if array.shape != shape or array.dtype.kind not in "fiu":
                raise IngredientError(
                    f"{self.options.file}: the {name} of {self.options.object} is an array of "
                    f"{array.dtype} of the shape {array.shape}, but must be real numbers of the "
                    f"shape {shape}",
                    "object",
                )
        return loss, gradient


class PythonEvaluator:
    """Puts what the code gives where the engine wants it."""

    def __init__(self, problem: PythonProblem) -> None:
        self._problem = problem

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Fill `out` for all lanes; nothing is predicted."""
        loss, gradient = self._problem.loss_and_gradient(parameters)
        if out.gradient is not None:
            np.copyto(out.gradient, gradient, casting="same_kind")
        if out.loss is not None:
            np.copyto(out.loss, loss, casting="same_kind")
        if out.prediction_error is not None:
            out.prediction_error.fill(np.nan)
