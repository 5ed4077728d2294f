"""Layered networks: what a sweep file says of them, and what follows from that.

The arithmetic is in `network_elementwise` and `network_products`; which of the two, is told here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, model_validator

from .... import registry
from ....errors import IngredientError, nearest
from ....registry import register
from ...activations.protocol import Activation
from ...losses.protocol import Loss
from ...options import Floats, context_of
from ..protocol import Chosen, ParameterArray, lanes_in_cache
from ..samples import SampleOptions
from .curvature import NetworkCurvature
from .elementwise import ElementwiseEvaluator
from .evaluator import NetworkEvaluator
from .products import ProductsEvaluator

# from here on a product a lane beats elementwise arithmetic: 1,000 multiplications of a forward
# pass in float64, 2,000 in float32, on several samples (measured on 15 shapes, AVX-512, NumPy 2.4)
_PRODUCTS_FROM_BYTES = 8000
_PRODUCTS_FROM_SAMPLES = 4

Width = Annotated[int, Field(ge=1, le=1_000_000)]


def _names_of(family: str) -> Any:
    """A field whose values are, in the schema, the names of a family."""
    return Field(json_schema_extra=lambda schema: schema.update(enum=[*registry.family(family)]))


ActivationName = Annotated[str, _names_of("activation")]
LossName = Annotated[str, _names_of("loss")]


class NetworkOptions(SampleOptions):
    """`[problem]` with kind = "network"."""

    kind: Literal["network"]
    layers: list[Width] = Field(
        min_length=2, description="Units a layer, inputs first: [2, 4, 1] is 2→4→1."
    )
    activation: ActivationName | list[ActivationName] = Field(
        "sigmoid", description="One for all layers, or a list with one a layer after the inputs."
    )
    bias: bool = Field(False, description="Whether every unit has a bias.")
    layer_scale: list[float] | None = Field(
        None,
        description="One factor a layer after the inputs, by which its weights (not its biases) "
        "are multiplied wherever they are used: 1/√inputs leaves the trained weights of order 1.",
    )
    loss: LossName = Field("squared_error", description="See `gdbatch list`.")
    derivative_at: Literal["sop", "prediction"] = Field(
        "sop",
        description='Where the slope of an activation is taken: "sop" is the true gradient, '
        '"prediction" the slip of the tutorial.',
    )

    def activation_names(self) -> list[str]:
        """One name a layer after the inputs."""
        if isinstance(self.activation, str):
            return [self.activation] * (len(self.layers) - 1)
        return self.activation

    def resolved(self) -> dict[str, Any]:
        """The options, with the samples themselves for what they come from."""
        resolved = super().resolved()
        if self.layer_scale is None:  # as before there was one, so that old runs go on
            del resolved["layer_scale"]
        return resolved

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> NetworkOptions:
        self._check_layers()
        who = f"layers = {self.layers}"
        self._take_samples(context_of(info), self.layers[0], self.layers[-1], who)
        if self.loss == "binary_cross_entropy":
            self._check_cross_entropy()
        return self

    def _check_layers(self) -> None:
        for index, name in enumerate(self.activation_names()):
            if name not in registry.family("activation"):
                hint = nearest(name, registry.family("activation"))
                place = () if isinstance(self.activation, str) else (index,)
                raise IngredientError(f'unknown activation "{name}"; {hint}', "activation", *place)
        if len(self.activation_names()) != len(self.layers) - 1:
            raise IngredientError(
                f"{len(self.activation_names())} activations for {len(self.layers) - 1} layers "
                "after the inputs: give one name, or one a layer",
                "activation",
            )
        if self.layer_scale is not None and len(self.layer_scale) != len(self.layers) - 1:
            raise IngredientError(
                f"{len(self.layer_scale)} factors for {len(self.layers) - 1} layers after the "
                "inputs: give one a layer",
                "layer_scale",
            )
        if self.loss not in registry.family("loss"):
            hint = nearest(self.loss, registry.family("loss"))
            raise IngredientError(f'unknown loss "{self.loss}"; {hint}', "loss")

    def _check_cross_entropy(self) -> None:
        if self.activation_names()[-1] != "sigmoid":
            raise IngredientError("binary_cross_entropy needs sigmoid outputs", "loss")
        if self.derivative_at != "sop":
            raise IngredientError(
                "binary_cross_entropy takes no slope of the output, so there is none to take at "
                "the prediction; use a squared loss",
                "derivative_at",
            )
        targets = self.samples[1]
        if targets.min() < 0 or targets.max() > 1:
            raise IngredientError("binary_cross_entropy needs targets from 0 to 1", "targets")


@register("problem", "network")
class Network:
    """Fully connected layers of any number and width on given samples."""

    Options = NetworkOptions
    uses_step = False

    def __init__(self, options: NetworkOptions) -> None:
        self.options = options
        self.inputs, target_rows = options.samples
        self.layers = options.layers
        self.activations: list[type[Activation]] = [
            registry.get("activation", name) for name in options.activation_names()
        ]
        self.loss: Loss = registry.get("loss", options.loss)
        self.shapes = [  # weights a layer, the biases as the last row
            (above + options.bias, below)
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]
        self.n_parameters = sum(rows * columns for rows, columns in self.shapes)
        self.n_samples = len(self.inputs)
        self.n_predictions = target_rows.size
        self.target_rows = target_rows
        self.targets = [float(target) for target in target_rows.ravel()]
        self.arrays = list(self._arrays())
        self.is_bias = np.repeat(
            [one.is_bias for one in self.arrays], [one.size for one in self.arrays]
        )
        self.factors = self._factors()
        self.loss_bound = self._loss_bound()
        self.curvature = self._curvature()

    def _arrays(self) -> Iterator[ParameterArray]:
        for layer, (rows, columns) in enumerate(self.shapes, 1):
            yield ParameterArray(f"weight_{layer}", (rows - self.options.bias, columns))
            if self.options.bias:
                yield ParameterArray(f"bias_{layer}", (columns,), is_bias=True)

    @property
    def parameter_names(self) -> list[str]:
        """`weight_LAYER_FROM_TO` and `bias_LAYER_TO`, layers from 1, units from 0."""
        names = []
        for layer, (rows, columns) in enumerate(self.shapes, 1):
            for row in range(rows):
                stem = f"weight_{layer}_{row}_"
                if self.options.bias and row == rows - 1:
                    stem = f"bias_{layer}_"
                names += [f"{stem}{column}" for column in range(columns)]
        return names

    def block_width(self, dtype: np.dtype[Any], samples: int | None = None) -> int:
        """The power of two of lanes whose arrays fill about a second-level cache."""
        samples = samples or self.n_samples
        work = sum(
            (3 + self.keeps_sops(index)) * units  # value, memory, delta
            for index, units in enumerate(self.layers[1:])
        )
        return lanes_in_cache(3 * self.n_parameters + samples * work, dtype)

    def evaluator(
        self, lanes: int, dtype: np.dtype[Any], chosen: Chosen | None = None
    ) -> NetworkEvaluator:
        """Buffers and products for blocks of `lanes` lanes, on the chosen samples or all."""
        samples = self.n_samples if chosen is None else len(chosen)
        form = ProductsEvaluator if self.in_products(samples, dtype) else ElementwiseEvaluator
        return form(self, lanes, dtype, chosen)

    def hessian(self, parameters: NDArray[np.float64]) -> NetworkCurvature:
        """The Hessian of the loss at parameters (parameters, lanes), ready for products."""
        return NetworkCurvature(self, parameters)

    def in_products(self, samples: int, dtype: np.dtype[Any]) -> bool:
        """Whether a matrix product a lane beats elementwise arithmetic."""
        weights = sum(rows * columns for rows, columns in self.shapes)
        large = samples * weights * dtype.itemsize >= _PRODUCTS_FROM_BYTES
        return large and samples >= _PRODUCTS_FROM_SAMPLES

    def keeps_sops(self, index: int) -> bool:
        """Whether the sums of products of a layer are looked at once there are values."""
        last = index == len(self.activations) - 1
        return self.activations[index].reads_sop or (last and self.loss.through_sigmoid)

    def layer_list(self) -> Iterator[tuple[type[Activation], tuple[int, int], bool]]:
        """For each layer its activation, its shape, and whether a bias reads its output."""
        for index, (activation, shape) in enumerate(
            zip(self.activations, self.shapes, strict=True)
        ):
            yield activation, shape, self.options.bias and index + 1 < len(self.shapes)

    def by_layer(self, array: Floats) -> list[Floats]:
        """Views (inputs, units, lanes), one a layer, of an array (parameters, lanes)."""
        ends = np.cumsum([rows * columns for rows, columns in self.shapes])
        parts = np.split(array, ends[:-1])
        return [part.reshape(*shape, -1) for part, shape in zip(parts, self.shapes, strict=True)]

    def _factors(self) -> NDArray[np.float64] | None:
        """What each parameter is multiplied by where it is used, (parameters,); None for 1."""
        if self.options.layer_scale is None:
            return None
        weights = iter(self.options.layer_scale)
        factors = [1.0 if one.is_bias else next(weights) for one in self.arrays]
        return np.repeat(factors, [one.size for one in self.arrays])

    def _loss_bound(self) -> float:
        lowest, highest = self.activations[-1].bounds
        scale = self.loss.scale(self.n_predictions)
        return scale * sum(self.loss.bound(lowest, highest, target) for target in self.targets)

    def _curvature(self) -> float | None:
        """Largest eigenvalue of the update's Jacobian at the solution, per unit learning rate.

        Known for one layer on one sample, where the outputs can meet their targets:
        factor · f'(s) · slope used(s) · ‖x‖², largest over the outputs, with x scaled as the
        weights are; 2·(p(1-p))²·‖x‖² for the tutorial's sigmoid and squared error.
        """
        if len(self.shapes) != 1 or len(self.inputs) != 1:
            return None
        activation = self.activations[0]
        scale = self.options.layer_scale[0] if self.options.layer_scale else 1.0
        norm = scale**2 * float(np.sum(self.inputs**2)) + self.options.bias
        largest = 0.0
        for target in self.targets:
            sop = activation.inverse(target)
            if not math.isfinite(sop):
                return None
            at = target if self.options.derivative_at == "prediction" else sop
            slope = float(activation.slope(np.float64(sop)))
            used = 1.0 if self.loss.through_sigmoid else float(activation.slope(np.float64(at)))
            largest = max(largest, slope * used)
        return self.loss.factor(self.n_predictions) * largest * norm
