"""PyTorch modules, trained over lanes by torch.func; PyTorch is imported only when it is used."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...numerics.buffers import DType
from ...registry import register
from ..options import Floats
from . import torch_modules
from .models import LOSSES, LaneModel, LaneSamples, ModelOptions, ModelProblem
from .parameters import ParameterArray

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

LossOf = Callable[..., Any]


class TorchOptions(ModelOptions):
    """Options of `[problem]` with kind = "torch"; needs --allow-python."""

    losses: ClassVar[tuple[str, ...]] = tuple(LOSSES)

    kind: Literal["torch"]
    object: str = Field(
        "Model",
        description="A class of modules or a function without arguments that returns a module, or "
        "a module.",
    )

    def _expect_framework(self) -> None:
        if importlib.util.find_spec("torch") is None:
            message = 'kind = "torch" needs PyTorch: pip install "gdbatch[torch]"'
            raise IngredientError(message, "kind")

    def make(self) -> Module:
        """The module: a new one, unless the object in the file is a module itself."""
        from torch import nn

        found = self.named(self.object, "object")
        if not isinstance(found, nn.Module):
            if not callable(found):
                raise IngredientError(self._wanted(found), "object")
            with self.reporting("object"):
                found = found()
        if not isinstance(found, nn.Module):
            raise IngredientError(self._wanted(found), "object")
        return found

    def _wanted(self, found: Any) -> str:
        return (
            f"{self.object} in {self.file} gives an object of type {type(found).__name__}; it must "
            "be a torch.nn.Module, a class of modules, or a function that returns one"
        )


@register("problem", "torch")
class TorchProblem(ModelProblem):
    """A module of PyTorch in a Python file, with --allow-python, trained on samples.

    Linear and convolutional weights are (inputs × places, units), so that initializers know their
    layers; `[init] kind = "module"` draws the module's own initial values.
    """

    Options = TorchOptions
    options: TorchOptions
    packages = ("torch",)

    def define(self) -> list[ParameterArray]:
        self.definition = _definition(_DefinitionKey(self.options))
        return self.definition.arrays

    def make_lane_model(self, dtype: DType) -> TorchLanes:
        return TorchLanes(self, dtype)

    def draw_start(self, random: Generator) -> Floats:
        import torch

        seed = int(random.integers(2**63))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = self.options.make()
            if module is self.definition.module:
                torch_modules.reset(module, self.options.object)
            return self.definition.flat(module)

    def examine(self) -> None:
        with one_thread():
            self.definition.examine(self)


class _DefinitionKey:
    """The options of a module, equal if they make the same one."""

    def __init__(self, options: TorchOptions) -> None:
        self.options = options
        self._key = (str(options._path), options.digest, options.object)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _DefinitionKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@functools.lru_cache(maxsize=16)
def _definition(key: _DefinitionKey) -> Definition:
    return Definition(key.options)


class Definition:
    """A module and how its parameters lie in one vector."""

    def __init__(self, options: TorchOptions) -> None:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.module = options.make()
        torch_modules.expect_trainable(self.module, options.object)
        named = [(name, one) for name, one in self.module.named_parameters() if one.requires_grad]
        if not named:
            message = f"{options.object} has no parameters to train"
            raise IngredientError(message, "object")
        self.names = [name for name, _ in named]
        self.shapes = [tuple(one.shape) for _, one in named]
        self.arrays = [_array(name, tuple(one.shape)) for name, one in named]

    def flat(self, module: Module) -> Floats:
        """The parameters of a module of this kind, (parameters,)."""
        known = dict(module.named_parameters())
        if [tuple(known[name].shape) for name in self.names if name in known] != self.shapes:
            message = "the object makes a module with other parameters at each call"
            raise IngredientError(message, "object")
        parts = [_by_input(known[name].detach()).reshape(-1).double() for name in self.names]
        return np.concatenate([part.numpy() for part in parts])

    def split(self, points: Tensor) -> list[Tensor]:
        """The parameters of all lanes, each (lanes, *shape), from points (lanes, parameters)."""
        parts, start = [], 0
        for shape, array in zip(self.shapes, self.arrays, strict=True):
            part = points[:, start : start + array.size]
            start += array.size
            if len(shape) > 1:
                part = part.reshape(len(points), -1, shape[0]).transpose(1, 2)
            parts.append(part.reshape(len(points), *shape) if len(shape) != 2 else part)
        return parts

    def joined(self, parts: Sequence[Tensor]) -> Floats:
        """The reverse of `split`, as an array (lanes, parameters)."""
        import torch

        rows = [
            (one.flatten(2).transpose(1, 2) if one.dim() > 2 else one.transpose(1, 2)).flatten(1)
            if len(shape) > 1
            else one.reshape(len(one), -1)
            for one, shape in zip(parts, self.shapes, strict=True)
        ]
        joined: Floats = torch.cat(rows, dim=1).numpy()
        return joined

    def examine(self, problem: TorchProblem) -> None:
        """Raises IngredientError for outputs or losses of a wrong shape, and changed buffers."""
        import copy

        import torch

        options, samples = problem.options, problem.samples
        module = copy.deepcopy(self.module).double()
        before = {name: one.clone() for name, one in module.named_buffers()}
        with torch.no_grad(), _quiet_rng(), options.reporting("object"):
            inputs, targets = _tensors(problem, torch.float64)
            if samples is None:
                result, what = module(), f"the model {options.object}"
            else:
                outputs = module(inputs)
                if options.named_loss is not None:
                    torch_modules.expect_outputs(outputs, targets, options)
                result = loss_of(problem)(outputs, targets, None)
                what = f"the loss {options.loss}"
            torch_modules.expect_one_number(result, what, options.file)
        torch_modules.expect_unchanged(module, before, options.object)


def _array(name: str, shape: tuple[int, ...]) -> ParameterArray:
    own = name.rpartition(".")[2]
    joined = name.replace(".", "_")
    if len(shape) < 2:
        return ParameterArray(joined, shape or (1,), is_bias=len(shape) == 1 and "bias" in own)
    return ParameterArray(joined, (int(np.prod(shape[1:])), shape[0]))


def _by_input(parameter: Tensor) -> Tensor:
    """A weight (units, *inputs) as (inputs, units); others as they are."""
    return parameter.flatten(1).T if parameter.dim() > 1 else parameter


def _tensors(problem: TorchProblem, dtype: Any) -> tuple[Any, Any]:
    """Inputs and targets of all samples."""
    import torch

    if problem.samples is None:
        return None, None
    arrays = problem.samples.inputs, problem.samples.targets
    return tuple(torch.tensor(array, dtype=dtype) for array in arrays)


def loss_of(problem: TorchProblem) -> LossOf:
    """The loss of outputs, targets and weights (or None) of some samples."""
    from torch.nn import functional

    options = problem.options
    known = options.named_loss
    if known is None:
        own: Any = options.own_loss()
        return lambda outputs, targets, weights: own(outputs, targets)
    loss = getattr(functional, options.loss or "")
    takes_index = known.takes_index

    def named(outputs: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
        if takes_index:
            targets = targets.argmax(dim=1)
        if weights is None:
            found: Tensor = loss(outputs, targets)
            return found
        terms: Tensor = loss(outputs, targets, reduction="none")
        return (weights * terms.reshape(len(terms), -1).mean(dim=1)).mean()

    return named


class TorchLanes(LaneModel):
    """A module with its samples in one number type.

    Every function is traced once into plain operations on tensors, which saves torch.func's work
    at each call: a third of the time of a small network.
    """

    def __init__(self, problem: TorchProblem, dtype: DType) -> None:
        import copy

        import torch

        super().__init__(problem.width(dtype))
        self._definition, self._options = problem.definition, problem.options
        self._has_samples = problem.samples is not None
        self._type = getattr(torch, str(dtype))
        self._module = copy.deepcopy(self._definition.module).to(self._type)
        self._module.requires_grad_(False)
        self._loss = loss_of(problem) if self._has_samples else None
        self._inputs, self._targets = _tensors(problem, self._type)
        weights = None if problem.samples is None else problem.samples.weights
        self._weights = None if weights is None else torch.tensor(weights, dtype=self._type)
        self._threshold = problem.options.threshold
        self._traced: dict[tuple[object, ...], Any] = {}

    def gradient(self, points: Floats, chosen: LaneSamples | None) -> tuple[Floats, Floats]:
        from torch.func import grad_and_value

        gradient, loss = self._call("gradient", grad_and_value(self._loss_at), points, chosen)
        return loss.numpy(), self._definition.joined(gradient)

    def loss(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        found: Floats = self._call("loss", self._loss_at, points, chosen).numpy()
        return found

    def right(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        found: Floats = self._call("right", self._right_at, points, chosen).numpy()
        return found

    def product(self, points: Floats, directions: Floats) -> Floats:
        import torch
        from torch.func import grad, jvp, vmap

        def at(parameters: Any, towards: Any, *samples: Any) -> Any:
            def gradient(some: Any) -> Any:
                return grad(self._loss_at)(some, *samples)

            return jvp(gradient, (parameters,), (towards,))[1]

        with torch.no_grad(), one_thread(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch, about itself
            given = [self._definition.split(torch.from_numpy(one)) for one in (points, directions)]
            samples, axes = self._samples(None)
            product = vmap(at, (0, 0, *axes), randomness="error")(*given, *samples)
            return self._definition.joined(product)

    def _loss_at(self, parameters: Any, inputs: Any, targets: Any, weights: Any) -> Any:
        outputs = self._outputs(parameters, inputs)
        return outputs if self._loss is None else self._loss(outputs, targets, weights)

    def _right_at(self, parameters: Any, inputs: Any, targets: Any, weights: Any) -> Any:
        outputs = self._outputs(parameters, inputs).reshape(len(targets), -1)
        if outputs.shape[1] == 1:
            right = (outputs >= self._threshold) == (targets >= 0.5)
            right = right[:, 0]
        else:
            right = outputs.argmax(dim=1) == targets.argmax(dim=1)
        right = right.to(self._type)
        return right.sum() if weights is None else (weights * right).sum() / weights.mean()

    def _outputs(self, parameters: Any, inputs: Any) -> Any:
        from torch.func import functional_call

        named = dict(zip(self._definition.names, parameters, strict=True))
        return functional_call(self._module, named, (inputs,) if self._has_samples else ())

    def _samples(self, chosen: LaneSamples | None) -> tuple[list[Any], list[int | None]]:
        """Inputs, targets and weights, and the axis of each that is the lanes."""
        import torch

        tables = [self._inputs, self._targets, self._weights]
        if chosen is None:
            return tables, [None, None, None]
        index, shape = torch.from_numpy(chosen.indices).reshape(-1), chosen.indices.shape
        rows = [
            None
            if table is None
            else table.index_select(0, index).reshape(*shape, *table.shape[1:])
            for table in tables
        ]
        if chosen.weights is not None:
            weights = torch.from_numpy(chosen.weights)
            rows[2] = weights if rows[2] is None else rows[2] * weights
        return rows, [None if one is None else 0 for one in rows]

    def _call(self, name: str, function: LossOf, points: Floats, chosen: LaneSamples | None) -> Any:
        """A function of one lane, called for all lanes."""
        import torch

        partial = chosen is not None and chosen.weights is not None
        key = name, None if chosen is None else chosen.indices.shape[1], partial
        with torch.no_grad(), one_thread():
            parameters = self._definition.split(torch.from_numpy(points))
            samples, axes = self._samples(chosen)
            if key not in self._traced:
                lanes = torch.func.vmap(function, (0, *axes), randomness="error")
                self._traced[key] = self._trace(lanes, parameters, samples)
            return self._traced[key](parameters, *samples)

    def _trace(self, lanes: LossOf, parameters: Any, samples: Any) -> LossOf:
        """A function of lanes as plain operations, or itself where that is not possible."""
        try:
            lanes(parameters, *samples)  # whose errors name the user's line
        except RuntimeError as error:
            message = torch_modules.explain(error)
            if message is None:
                raise
            raise IngredientError(f"{self._options.describe(error)}\n{message}", "object") from None
        from torch.fx.experimental.proxy_tensor import make_fx

        try:
            traced: LossOf = make_fx(lambda p, x, t, w: lanes(p, x, t, w))(parameters, *samples)
        except Exception:
            return lanes
        return traced


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread inside, so that sums have one order; the former number afterwards."""
    import torch

    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def _quiet_rng() -> Iterator[None]:
    """Leave torch's random numbers outside as they are."""
    import torch

    with torch.random.fork_rng(devices=[]):
        yield
