"""Layered networks: forward pass, loss and chain rule for all lanes at once.

Arrays are (units, samples, lanes); a bias is one more input that is always 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from ... import catalogue
from ...catalogue import register
from ...errors import IngredientError, nearest
from ..activations import Activation
from ..data_files import Samples, read_samples
from ..losses import Loss
from ..options import Floats, Options, data_path
from .protocol import Evaluation

_BLOCK_BYTES = 2 << 20  # a block and its work arrays: about a second-level cache
_MOST_LANES = 16_384
_FEWEST_LANES = 32

Width = Annotated[int, Field(ge=1, le=1_000_000)]


def _names_of(family: str) -> Any:
    """A field whose values are, in the schema, the names of a family."""
    return Field(json_schema_extra=lambda schema: schema.update(enum=[*catalogue.family(family)]))


ActivationName = Annotated[str, _names_of("activation")]
LossName = Annotated[str, _names_of("loss")]


class NetworkOptions(Options):
    """`[problem]` with kind = "network"."""

    kind: Literal["network"]
    layers: list[Width] = Field(
        min_length=2, description="Units a layer, inputs first: [2, 4, 1] is 2→4→1."
    )
    activation: ActivationName | list[ActivationName] = Field(
        "sigmoid", description="One for all layers, or a list with one a layer after the inputs."
    )
    bias: bool = Field(False, description="Whether every unit has a bias.")
    loss: LossName = Field("squared_error", description="See `gdbatch list`.")
    inputs: list[list[float]] | None = Field(None, description="One list of inputs a sample.")
    targets: list[list[float]] | None = Field(None, description="One list of targets a sample.")
    data: str | None = Field(
        None, description="CSV (inputs, then targets) or npz (`inputs`, `targets`) file instead."
    )
    derivative_at: Literal["sop", "prediction"] = Field(
        "sop",
        description='Where the slope of an activation is taken: "sop" is the true gradient, '
        '"prediction" the slip of the tutorial.',
    )
    _samples: Samples = PrivateAttr()

    @property
    def samples(self) -> Samples:
        """Inputs (samples, n) and targets (samples, n), wherever they came from."""
        return self._samples

    def activation_names(self) -> list[str]:
        """One name a layer after the inputs."""
        if isinstance(self.activation, str):
            return [self.activation] * (len(self.layers) - 1)
        return self.activation

    def resolved(self) -> dict[str, Any]:
        """The options, with the samples themselves for the name of a data file."""
        inputs, targets = (part.tolist() for part in self._samples)
        return super().resolved() | {"data": None, "inputs": inputs, "targets": targets}

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> NetworkOptions:
        self._check_names()
        context: dict[str, Any] | None = info.context
        if self.data is not None:
            if self.inputs is not None or self.targets is not None:
                raise IngredientError("give either data or inputs and targets, not both", "data")
            path = data_path(self.data, context)
            self._samples = read_samples(path, self.layers[0], self.layers[-1])
        else:
            self._samples = self._inline_samples()
        if self.loss == "binary_cross_entropy":
            self._check_cross_entropy()
        return self

    def _check_names(self) -> None:
        for index, name in enumerate(self.activation_names()):
            if name not in catalogue.family("activation"):
                hint = nearest(name, catalogue.family("activation"))
                place = () if isinstance(self.activation, str) else (index,)
                raise IngredientError(f'unknown activation "{name}"; {hint}', "activation", *place)
        if len(self.activation_names()) != len(self.layers) - 1:
            raise IngredientError(
                f"{len(self.activation_names())} activations for {len(self.layers) - 1} layers "
                "after the inputs: give one name, or one a layer",
                "activation",
            )
        if self.loss not in catalogue.family("loss"):
            hint = nearest(self.loss, catalogue.family("loss"))
            raise IngredientError(f'unknown loss "{self.loss}"; {hint}', "loss")

    def _inline_samples(self) -> Samples:
        arrays = []
        for key, width in (("inputs", self.layers[0]), ("targets", self.layers[-1])):
            rows: list[list[float]] | None = getattr(self, key)
            if not rows:
                raise IngredientError(
                    f"{key} are missing: one list of {width} a sample, or data = a file", key
                )
            for index, row in enumerate(rows):
                if len(row) != width:
                    raise IngredientError(
                        f"sample {index} has {len(row)} numbers, but layers = {self.layers} "
                        f"needs {width}",
                        key,
                    )
            arrays.append(np.array(rows, dtype=np.float64))
        if len(arrays[0]) != len(arrays[1]):
            raise IngredientError(
                f"there are {len(arrays[1])} lists of targets for {len(arrays[0])} of inputs",
                "targets",
            )
        return arrays[0], arrays[1]

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
        self.activations: list[Activation] = [
            catalogue.get("activation", name) for name in options.activation_names()
        ]
        self.loss: Loss = catalogue.get("loss", options.loss)
        self.shapes = [  # weights a layer, the biases as the last row
            (above + options.bias, below)
            for above, below in zip(self.layers[:-1], self.layers[1:], strict=True)
        ]
        self.n_parameters = sum(rows * columns for rows, columns in self.shapes)
        self.n_predictions = target_rows.size
        self.target_rows = target_rows
        self.targets = [float(target) for target in target_rows.ravel()]
        self.is_bias = np.concatenate(
            [
                np.repeat(np.arange(rows) >= rows - options.bias, columns)
                for rows, columns in self.shapes
            ]
        )
        self.loss_bound = self._loss_bound()
        self.curvature = self._curvature()

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

    def block_width(self, dtype: np.dtype[Any]) -> int:
        """The power of two of lanes whose arrays fill about a second-level cache."""
        work = 4 * len(self.inputs) * sum(self.layers[1:])  # sop, value, memory, delta
        lane_bytes = (3 * self.n_parameters + work) * dtype.itemsize
        lanes = 1 << int(math.log2(max(1.0, _BLOCK_BYTES / lane_bytes)))
        return min(_MOST_LANES, max(_FEWEST_LANES, lanes))

    def evaluator(self, lanes: int, dtype: np.dtype[Any]) -> NetworkEvaluator:
        """Buffers and views for blocks of `lanes` lanes."""
        return NetworkEvaluator(self, lanes, dtype)

    def _loss_bound(self) -> float:
        lowest, highest = self.activations[-1].bounds
        scale = self.loss.scale(self.n_predictions)
        return scale * sum(self.loss.bound(lowest, highest, target) for target in self.targets)

    def _curvature(self) -> float | None:
        """Largest eigenvalue of the update's Jacobian at the solution, per unit learning rate.

        Known for one layer on one sample, where the outputs can meet their targets:
        factor · f'(s) · slope used(s) · ‖x‖², largest over the outputs; 2·(p(1-p))²·‖x‖² for
        the tutorial's sigmoid and squared error.
        """
        if len(self.shapes) != 1 or len(self.inputs) != 1:
            return None
        activation = self.activations[0]
        norm = float(np.sum(self.inputs**2)) + self.options.bias
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


class _Layer:
    """Buffers of one layer for one width, as (units, samples, lanes) and flat."""

    def __init__(
        self,
        activation: Activation,
        shape: tuple[int, int],
        samples: int,
        lanes: int,
        dtype: np.dtype[Any],
        constant_input: bool,
    ) -> None:
        self.activation = activation
        self.shape = shape
        units = shape[1]
        self.sop = np.empty((units, samples, lanes), dtype)
        self.output = np.ones((units + constant_input, samples, lanes), dtype)
        self.value = self.output[:units]
        self.memory = np.empty_like(self.sop)
        self.delta = np.empty_like(self.sop)
        self.flat_sop, self.flat_value = self.sop.reshape(-1), self.value.reshape(-1)
        self.flat_memory, self.flat_delta = self.memory.reshape(-1), self.delta.reshape(-1)


class _ByLayer:
    """Views (inputs, units, lanes) of an array (parameters, lanes), kept while it is the same."""

    def __init__(self, shapes: list[tuple[int, int]]) -> None:
        self._shapes = shapes
        self._array: Floats | None = None
        self._views: list[Floats] = []

    def of(self, array: Floats) -> list[Floats]:
        """One view a layer."""
        if array is not self._array:
            self._array, self._views, start = array, [], 0
            for rows, columns in self._shapes:
                end = start + rows * columns
                self._views.append(array[start:end].reshape(rows, columns, -1))
                start = end
        return self._views


class NetworkEvaluator:
    """A network made ready for blocks of one width; see `protocol.Evaluator`."""

    def __init__(self, network: Network, lanes: int, dtype: np.dtype[Any]) -> None:
        self._loss = network.loss
        self._lanes = lanes
        self._layers = []
        samples = len(network.inputs)
        for index, (activation, shape) in enumerate(
            zip(network.activations, network.shapes, strict=True)
        ):
            inner = index + 1 < len(network.shapes)
            constant_input = network.options.bias and inner
            self._layers.append(_Layer(activation, shape, samples, lanes, dtype, constant_input))
        inputs = network.inputs.T.astype(dtype)
        if network.options.bias:
            inputs = np.vstack([inputs, np.ones((1, samples), dtype)])
        self._inputs = inputs  # (inputs, samples)
        self._targets = np.ascontiguousarray(network.target_rows.T, dtype)[:, :, None]
        self._target = np.array(network.targets[0], dtype)  # of a single prediction
        count = network.n_predictions
        self._scale = np.array(network.loss.scale(count), dtype)
        self._factor = np.array(network.loss.factor(count), dtype)
        # the gradient is linear in the factor: with one layer it goes into the constant inputs
        self._gradient_inputs = inputs * self._factor if len(self._layers) == 1 else inputs
        self._single = inputs.size == 1 and self._layers[0].shape == (1, 1)
        self._input = inputs.reshape(-1)[0:1].reshape(())
        self._gradient_input = self._gradient_inputs.reshape(-1)[0:1].reshape(())
        self._slope_at_prediction = network.options.derivative_at == "prediction"
        self._slope_value = (
            np.empty(max(layer.flat_sop.size for layer in self._layers), dtype)
            if self._slope_at_prediction
            else np.empty(0, dtype)
        )
        self._work = np.empty_like(self._layers[-1].sop)
        self._weights, self._gradients = _ByLayer(network.shapes), _ByLayer(network.shapes)

    def evaluate(
        self,
        parameters: Floats,
        lane_data: Mapping[str, Floats],
        step: NDArray[np.int64],
        out: Evaluation,
    ) -> None:
        """Forward pass, loss and chain rule for all lanes."""
        weights = self._weights.of(parameters)
        self._forward(weights)
        last = self._layers[-1]
        if last.flat_value.size == self._lanes:
            np.subtract(last.flat_value, self._target, last.flat_delta)
        else:
            np.subtract(last.value, self._targets, last.delta)
        self._report(last, out)
        self._backward(weights, self._gradients.of(out.gradient))

    def _forward(self, weights: list[Floats]) -> None:
        above: Floats = self._inputs
        for layer, weight in zip(self._layers, weights, strict=True):
            if above is not self._inputs:
                np.einsum("iol,isl->osl", weight, above, out=layer.sop)
            elif self._single:
                np.multiply(weight.reshape(-1), self._input, layer.flat_sop)
            else:
                np.einsum("iol,is->osl", weight, above, out=layer.sop)
            layer.activation.forward(layer.flat_sop, layer.flat_value, layer.flat_memory)
            above = layer.output

    def _report(self, last: _Layer, out: Evaluation) -> None:
        """Loss, predictions and prediction error, where asked for; delta is still p - t."""
        if out.loss is not None:
            self._loss.total(last.delta, last.sop, self._targets, out.loss, self._work)
            if self._scale != 1:
                np.multiply(out.loss, self._scale, out.loss)
        if out.prediction_error is not None:
            if last.flat_value.size == self._lanes:
                np.absolute(last.flat_delta, out.prediction_error)
            else:
                np.absolute(last.delta, self._work)
                work = self._work.reshape(-1, self._lanes)
                np.maximum.reduce(work, axis=0, out=out.prediction_error)
        if out.predictions is not None:  # sample by sample, outputs fastest
            by_sample = out.predictions.reshape(-1, len(last.value), self._lanes)
            np.copyto(by_sample, last.value.swapaxes(0, 1))

    def _backward(self, weights: list[Floats], gradients: list[Floats]) -> None:
        last = self._layers[-1]
        if len(self._layers) > 1:
            np.multiply(last.flat_delta, self._factor, last.flat_delta)
        for index in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[index]
            if layer is not last:
                below = self._layers[index + 1]
                weight = weights[index + 1][: layer.shape[1]]  # no way back through the biases
                np.einsum("iol,osl->isl", weight, below.delta, out=layer.delta)
            if layer is not last or not self._loss.through_sigmoid:
                self._slope(layer)
            if index:
                above = self._layers[index - 1].output
                np.einsum("isl,osl->iol", above, layer.delta, out=gradients[index])
            elif self._single:
                np.multiply(layer.flat_delta, self._gradient_input, gradients[0].reshape(-1))
            else:
                np.einsum("is,osl->iol", self._gradient_inputs, layer.delta, out=gradients[0])

    def _slope(self, layer: _Layer) -> None:
        """Multiply delta by the slope, at the sum of products or, as the slip, at the value."""
        if self._slope_at_prediction:
            value = self._slope_value[: layer.flat_sop.size]
            layer.activation.forward(layer.flat_value, value, layer.flat_memory)
            layer.activation.backward(layer.flat_delta, layer.flat_value, value, layer.flat_memory)
        else:
            layer.activation.backward(
                layer.flat_delta, layer.flat_sop, layer.flat_value, layer.flat_memory
            )
