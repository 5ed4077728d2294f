"""JAX functions of a tree of parameters, trained over lanes; JAX is imported only when it is used.

JAX computes in float64 only if that is enabled, which is done for the duration of a call.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.random import Generator
from pydantic import Field

from ...errors import IngredientError
from ...numerics.buffers import DType
from ...registry import register
from ..options import Floats
from .models import LaneModel, LaneSamples, ModelOptions, ModelProblem
from .parameters import ParameterArray

_FLOAT64 = np.dtype(np.float64)


class JaxOptions(ModelOptions):
    """Options of `[problem]` with kind = "jax"; needs --allow-python."""

    losses: ClassVar[tuple[str, ...]] = (
        "binary_cross_entropy_with_logits",
        "cross_entropy",
        "l1_loss",
        "mse_loss",
    )

    kind: Literal["jax"]
    object: str = Field(
        "model",
        description="A function of parameters and inputs that returns outputs; without data, of "
        "parameters alone, and it returns the loss.",
    )
    parameters: str = Field(
        "init",
        description="A function of a key of jax.random that draws the parameters, a tree of "
        "arrays; or such a tree.",
    )

    def _expect_framework(self) -> None:
        if importlib.util.find_spec("jax") is None:
            message = 'kind = "jax" needs JAX: pip install "gdbatch[jax]"'
            raise IngredientError(message, "kind")

    def function(self) -> Callable[..., Any]:
        """The model; raises IngredientError."""
        found: Any = self.named(self.object, "object")
        if not callable(found):
            message = f"{self.object} in {self.file} is no function but a {type(found).__name__}"
            raise IngredientError(message, "object")
        function: Callable[..., Any] = found
        return function

    def draw(self, seed: int) -> Any:
        """A tree of parameters."""
        import jax

        found: Any = self.named(self.parameters, "parameters")
        if not callable(found):
            return found
        with _precision(np.dtype(np.float32)), self.reporting("parameters"):
            return found(jax.random.key(seed))


@register("problem", "jax")
class JaxProblem(ModelProblem):
    """A JAX function of a tree of parameters in a Python file, with --allow-python.

    Arrays (inputs, units) are weights; those of one dimension that are called bias or b, or that
    stand beside a matrix with as many columns, are biases. `[init] kind = "module"` calls `init`.
    """

    Options = JaxOptions
    options: JaxOptions
    packages = ("jax", "jaxlib")

    def define(self) -> list[ParameterArray]:
        options = self.options
        options.function()
        self.tree = _tree(_Key(options))
        return self.tree.arrays

    def make_lane_model(self, dtype: DType) -> JaxLanes:
        return JaxLanes(self, dtype)

    def draw_start(self, random: Generator) -> Floats:
        return self.tree.flat(self.options.draw(int(random.integers(2**32))))

    def examine(self) -> None:
        """Raises IngredientError for outputs or losses of a wrong shape."""
        import jax

        options, samples = self.options, self.samples
        like = jax.ShapeDtypeStruct
        leaves = [like(one.leaf_shape, np.float32) for one in self.tree.leaves]
        with _precision(np.dtype(np.float32)), options.reporting("object"):
            if samples is None:
                result = jax.eval_shape(options.function(), self.tree.tree_of(leaves))
                _expect_one_number(result, options.object, options.file)
                return
            given = [like(one.shape, np.float32) for one in (samples.inputs, samples.targets)]
            outputs = jax.eval_shape(options.function(), self.tree.tree_of(leaves), given[0])
            if options.named_loss is not None:
                _expect_outputs(outputs, samples.targets.shape, options)
            result = jax.eval_shape(loss_of(options), outputs, given[1], None)
            _expect_one_number(result, f"the loss {options.loss}", options.file)


def _expect_outputs(outputs: Any, targets: tuple[int, ...], options: JaxOptions) -> None:
    where = f"{options.file}: {options.object}"
    if not hasattr(outputs, "shape"):
        message = f"{where} returns {type(outputs).__name__}; return one array, the outputs"
        raise IngredientError(message, "object")
    if outputs.shape != targets:
        raise IngredientError(
            f"{where} gives outputs of shape {outputs.shape} for targets of shape {targets}; "
            "they must be equal",
            "object",
        )


def _expect_one_number(result: Any, what: str, file: str) -> None:
    shape = getattr(result, "shape", None)
    if shape != ():
        found = f"a {type(result).__name__}" if shape is None else f"an array of shape {shape}"
        message = f"{file}: {what} returns {found}; return one number, such as the mean"
        raise IngredientError(message, "loss")


class _Key:
    """The options of a tree of parameters, equal if they make the same one."""

    def __init__(self, options: JaxOptions) -> None:
        self.options = options
        self._key = (str(options._path), options.digest, options.parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@functools.lru_cache(maxsize=16)
def _tree(key: _Key) -> ParameterTree:
    return ParameterTree(key.options)


class _Leaf:
    """An array of the tree: its place among the leaves, its name and its shape."""

    def __init__(self, place: int, path: tuple[str, ...], leaf_shape: tuple[int, ...]) -> None:
        self.place, self.path, self.leaf_shape = place, path, leaf_shape
        self.is_bias = False

    @property
    def array(self) -> ParameterArray:
        """The leaf as weights (inputs × places, units), or as it is."""
        shape = self.leaf_shape or (1,)
        if len(shape) > 1:
            shape = (int(np.prod(shape[:-1])), shape[-1])
        return ParameterArray("_".join(self.path) or "parameters", shape, self.is_bias)


class ParameterTree:
    """How the leaves of a tree lie in one vector: biases after the weights beside them."""

    def __init__(self, options: JaxOptions) -> None:
        import jax

        self._options = options
        leaves, self._structure = jax.tree_util.tree_flatten_with_path(options.draw(0))
        if not leaves:
            raise IngredientError(f"{options.parameters} has no arrays", "parameters")
        found = []
        for place, (path, leaf) in enumerate(leaves):
            names = tuple(_name_of(part) for part in path)
            array = np.asarray(leaf)
            if array.dtype.kind not in "fiu" and array.dtype.name != "bfloat16":
                message = f"{options.parameters}: {'.'.join(names)} must be an array of numbers"
                raise IngredientError(message, "parameters")
            found.append(_Leaf(place, names, array.shape))
        for leaf in found:
            beside = [one.leaf_shape for one in found if one.path[:-1] == leaf.path[:-1]]
            follows = any(len(one) > 1 and one[-1:] == leaf.leaf_shape for one in beside)
            own = leaf.path[-1] if leaf.path else ""
            leaf.is_bias = len(leaf.leaf_shape) == 1 and (
                "bias" in own or own == "b" or (own.isdecimal() and follows)
            )
        groups = list(dict.fromkeys(leaf.path[:-1] for leaf in found))
        self.leaves = sorted(found, key=lambda one: (groups.index(one.path[:-1]), one.is_bias))
        self.arrays = [leaf.array for leaf in self.leaves]

    def tree_of(self, leaves: list[Any]) -> Any:
        """The tree with these leaves, which are in our order."""
        import jax

        ordered = [leaf for _, leaf in sorted(zip(self._places, leaves, strict=True), key=_first)]
        return jax.tree_util.tree_unflatten(self._structure, ordered)

    @property
    def _places(self) -> list[int]:
        return [leaf.place for leaf in self.leaves]

    def at(self, point: Any) -> Any:
        """The tree of parameters of one lane, from a point (parameters,)."""
        leaves, start = [], 0
        for leaf, array in zip(self.leaves, self.arrays, strict=True):
            leaves.append(point[start : start + array.size].reshape(leaf.leaf_shape))
            start += array.size
        return self.tree_of(leaves)

    def flat(self, tree: Any) -> Floats:
        """The parameters of a tree of this kind, (parameters,)."""
        import jax

        found = jax.tree_util.tree_leaves(tree)
        shapes = [np.shape(found[place]) for place in self._places if place < len(found)]
        if shapes != [leaf.leaf_shape for leaf in self.leaves]:
            message = f"{self._options.parameters} draws other arrays at each call"
            raise IngredientError(message, "parameters")
        parts = [np.asarray(found[place], np.float64).reshape(-1) for place in self._places]
        return np.concatenate(parts)


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _name_of(part: Any) -> str:
    """A key, an index or a field on the path to a leaf."""
    name = next(getattr(part, one) for one in ("key", "idx", "name") if hasattr(part, one))
    return "".join(one if one.isalnum() else "_" for one in str(name))


def loss_of(options: JaxOptions) -> Callable[..., Any]:
    """The loss of outputs, targets and weights (or None) of some samples."""
    import jax
    import jax.numpy as jnp

    if options.named_loss is None:
        own = options.own_loss()
        return lambda outputs, targets, weights: own(outputs, targets)
    terms: Callable[[Any, Any], Any] = {
        "binary_cross_entropy_with_logits": lambda s, t: jax.nn.softplus(s) - t * s,
        "cross_entropy": lambda s, t: -(t * jax.nn.log_softmax(s, axis=-1)).sum(axis=-1),
        "l1_loss": lambda p, t: jnp.abs(p - t),
        "mse_loss": lambda p, t: (p - t) ** 2,
    }[options.loss or ""]

    def loss(outputs: Any, targets: Any, weights: Any) -> Any:
        found = terms(outputs, targets)
        return (
            found.mean()
            if weights is None
            else (weights * found.reshape(len(found), -1).mean(axis=1)).mean()
        )

    return loss


class JaxLanes(LaneModel):
    """A function with its samples in one number type, compiled for one width."""

    def __init__(self, problem: JaxProblem, dtype: DType) -> None:
        import jax
        import jax.numpy as jnp

        super().__init__(problem.width(dtype))
        options, samples = problem.options, problem.samples
        self._dtype, self._trains = dtype, problem.trains
        model, tree = options.function(), problem.tree
        loss = None if samples is None else loss_of(options)
        threshold = options.threshold

        def loss_at(point: Any, inputs: Any, targets: Any, weights: Any) -> Any:
            if loss is None:
                return model(tree.at(point))
            return loss(model(tree.at(point), inputs), targets, weights)

        def right_at(point: Any, inputs: Any, targets: Any, weights: Any) -> Any:
            outputs = model(tree.at(point), inputs).reshape(len(targets), -1)
            if outputs.shape[1] == 1:
                right = ((outputs >= threshold) == (targets >= 0.5))[:, 0]
            else:
                right = outputs.argmax(axis=1) == targets.argmax(axis=1)
            right = right.astype(outputs.dtype)
            return right.sum() if weights is None else (weights * right).sum() / weights.mean()

        def product_at(point: Any, direction: Any, *given: Any) -> Any:
            return jax.jvp(lambda p: jax.grad(loss_at)(p, *given), (point,), (direction,))[1]

        def lanes(function: Callable[..., Any], *axes: int) -> Callable[..., Any]:
            """Over all lanes, with the samples shared or (after a choice) one set per lane."""

            def shared(*arguments: Any) -> Any:
                return jax.vmap(function, (*axes, None, None, None))(*arguments)

            def chosen(point: Any, *given: Any) -> Any:
                *tables, index, factors = given
                parts = [None if one is None else one[index] for one in tables]
                if factors is not None:
                    parts[2] = factors if parts[2] is None else parts[2] * factors
                each = [None if one is None else 0 for one in parts]
                return jax.vmap(function, (*axes, *each))(point, *parts)

            compiled = jax.jit(shared), jax.jit(chosen)
            return lambda *arguments: compiled[len(arguments) > 3 + len(axes)](*arguments)

        self._gradient = lanes(jax.value_and_grad(loss_at), 0)
        self._loss, self._right = lanes(loss_at, 0), lanes(right_at, 0)
        self._product = lanes(product_at, 0, 0)
        with _precision(dtype):
            tables = (
                (None,) * 3
                if samples is None
                else (samples.inputs, samples.targets, samples.weights)
            )
            self._tables = [None if one is None else jnp.asarray(one, dtype) for one in tables]

    def gradient(self, points: Floats, chosen: LaneSamples | None) -> tuple[Floats, Floats]:
        loss, gradient = self._call(self._gradient, points, chosen)
        return np.asarray(loss), np.asarray(gradient)

    def loss(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        """The loss alone; compiled without the gradient, its last digits may differ."""
        if self._trains:
            return self.gradient(points, chosen)[0]
        return np.asarray(self._call(self._loss, points, chosen))

    def right(self, points: Floats, chosen: LaneSamples | None) -> Floats:
        return np.asarray(self._call(self._right, points, chosen))

    def product(self, points: Floats, directions: Floats) -> Floats:
        with _precision(self._dtype):
            return np.asarray(self._product(points, directions, *self._tables))

    def _call(
        self, function: Callable[..., Any], points: Floats, chosen: LaneSamples | None
    ) -> Any:
        with _precision(self._dtype):
            given = [] if chosen is None else [chosen.indices, chosen.weights]
            return function(points, *self._tables, *given)


@contextlib.contextmanager
def _precision(dtype: DType) -> Iterator[None]:
    """JAX on the CPU in this number type inside; afterwards as before."""
    import jax

    x64: Any = getattr(jax, "enable_x64", None)
    if x64 is None:  # before JAX 0.8
        from jax import experimental

        x64 = experimental.enable_x64
    with x64(dtype == _FLOAT64), jax.default_device(jax.devices("cpu")[0]):
        yield
