"""Layered networks: their options in the sweep file, and the problem built from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator
from pydantic.fields import FieldInfo

from .... import registry
from ....errors import IngredientError, nearest
from ....numerics.buffers import DType
from ....numerics.lanczos import Hessian
from ....registry import register
from ...activations.protocol import Activation, OutputActivation
from ...losses.protocol import CoupledLoss, Loss, OutputLoss
from ...options import context_of
from ...parametrizations.protocol import Parametrization
from ..feature_scales import FeatureScales, feature_scales
from ..layers import Layers
from ..preparation import Outputs, Samples
from ..protocol import ChosenSamples, Problem, lanes_in_cache, refuse_overflow
from ..samples import SampleOptions
from ..scaling import Scaling
from .classes import check_class_weight, check_targets, targets_and_weights
from .curvature import NetworkHessian
from .elementwise import ElementwiseEvaluator
from .evaluator import NetworkEvaluator
from .products import ProductsEvaluator
from .widths import Named, check_base_width, filled_in

# above these, a product per lane beats elementwise arithmetic: 1,000 multiplications of a forward
# pass in float64, 2,000 in float32, on several samples (measured on 15 shapes, AVX-512, NumPy 2.4)
_PRODUCTS_FROM_BYTES = 8000
_PRODUCTS_FROM_SAMPLES = 4

Width = Annotated[int, Field(ge=1, le=1_000_000)]


def _names_of(family: str) -> FieldInfo:
    """A field whose allowed values in the JSON schema are the names of a family."""

    def add_names(schema: dict[str, object]) -> None:
        schema["enum"] = [*registry.family(family)]

    extra = cast(Callable[[dict[str, object]], None], add_names)
    return cast(FieldInfo, Field(json_schema_extra=extra))  # type: ignore[arg-type]


ActivationName = Annotated[str, _names_of("activation")]
LossName = Annotated[str, _names_of("loss")]


class NetworkOptions(SampleOptions):
    """Options of `[problem]` with kind = "network"."""

    kind: Literal["network"]
    layers: list[Width | Literal["inputs", "width", "outputs"]] = Field(
        min_length=2,
        description='Units per layer, inputs first: [2, 4, 1] is 2→4→1. "inputs" in the first '
        'place and "outputs" in the last stand for the numbers that the samples have, "width" in '
        "between for `width` hidden units.",
    )
    width: Width | None = Field(
        None, description='Units of the layers written as "width"; often an axis.'
    )
    depth: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description='How many hidden layers a single "width" stands for; 1 by default.'
    )
    activation: ActivationName | list[ActivationName] = Field(
        "sigmoid", description="One for all layers, or a list with one per layer after the inputs."
    )
    output_activation: ActivationName | None = Field(
        None,
        description="Of the last layer: by default the one that the loss needs (softmax for "
        "cross_entropy, sigmoid for binary_cross_entropy), else that of `activation`, which is "
        "then only of the hidden layers.",
    )
    parametrization: Annotated[str, _names_of("parametrization")] = Field(
        "standard",
        description="How multipliers, initial weights and learning rates scale with the width: a "
        "name from `gdbatch list parametrizations`.",
    )
    base_width: Width | None = Field(
        None, description="The width at which every parametrization is the standard one."
    )
    bias: bool = Field(False, description="Whether every unit has a bias.")
    layer_scale: list[float] | None = Field(
        None,
        description="One factor per layer after the inputs that multiplies its weights (not its "
        "biases) wherever they are used: 1/√inputs keeps the trained weights of order 1.",
    )
    loss: LossName = Field("squared_error", description="A loss from `gdbatch list losses`.")
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="The share ε of a target that is spread evenly over all K classes: t becomes "
        "(1 - ε) t + ε/K. For losses of classes.",
    )
    class_weight: Literal["balanced"] | list[Annotated[float, Field(ge=0)]] | None = Field(
        None,
        description='Weights of the classes\' samples: a list with one per class, or "balanced": '
        "samples/(classes × samples of the class). For losses of classes.",
    )
    derivative_at: Literal["sop", "prediction"] = Field(
        "sop",
        description="Where the derivative of an activation is evaluated: at the sum of products "
        '("sop", the true gradient), or at the prediction (the mistake of the tutorial).',
    )

    _filled: list[Named] = PrivateAttr()
    _units: tuple[int, ...] = PrivateAttr(())

    @property
    def rule(self) -> type[Parametrization]:
        """The parametrization."""
        rule: type[Parametrization] = registry.get("parametrization", self.parametrization)
        return rule

    @property
    def base_units(self) -> tuple[int, ...]:
        """Units per layer of the network of base width."""
        base = filled_in(self.layers, self.base_width or self.width, self.depth)
        numbers = (one for one in base[1:-1] if isinstance(one, int))
        return (self._units[0], *numbers, self._units[-1])

    @property
    def units(self) -> tuple[int, ...]:
        """Units per layer as numbers."""
        return self._units

    def resolved(self) -> dict[str, object]:
        """The options, with the samples themselves, and the layers as numbers."""
        return super().resolved() | {"layers": list(self._units)}

    def activation_names(self) -> list[str]:
        """One name per layer after the inputs."""
        given, count = self.activation, len(self._filled) - 1
        output = self.output_activation
        if isinstance(given, str):
            needed = registry.get("loss", self.loss).output_activation
            if output is None and needed is not None:
                output = registry.name_of("activation", needed)
            return [given] * (count - 1) + [output or given]
        return [*given, output] if output is not None and len(given) == count - 1 else given

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the problem overflows `dtype`."""
        super().check_dtype(dtype)
        refuse_overflow(np.array(self.layer_scale or ()), dtype, "layer_scale")

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> NetworkOptions:
        self._check_names()
        self._filled = filled_in(self.layers, self.width, self.depth)
        self._check_layers()
        loss: type[OutputLoss] = registry.get("loss", self.loss)
        self._check_outputs(loss)
        who = f"layers = {self.layers}"
        counts = [units if isinstance(units, int) else None for units in self._filled]
        self._take_samples(context_of(info), counts[0], _outputs(loss, counts[-1]), who)
        hidden = (units for units in counts[1:-1] if units is not None)
        samples = self.samples
        self._units = (samples.inputs.shape[1], *hidden, samples.targets.shape[1])
        self._check_targets(loss)
        return self

    def _check_names(self) -> None:
        """Raises IngredientError if a name is unknown."""
        known = registry.family("activation")
        listed = [self.activation] if isinstance(self.activation, str) else self.activation
        for index, name in enumerate(listed):
            if name not in known:
                hint = nearest(name, known)
                place = () if isinstance(self.activation, str) else (index,)
                raise IngredientError(f'unknown activation "{name}"; {hint}', "activation", *place)
        if self.output_activation is not None and self.output_activation not in known:
            hint = nearest(self.output_activation, known)
            message = f'unknown activation "{self.output_activation}"; {hint}'
            raise IngredientError(message, "output_activation")
        for family in ("loss", "parametrization"):
            name, names = getattr(self, family), registry.family(family)
            if name not in names:
                raise IngredientError(f'unknown {family} "{name}"; {nearest(name, names)}', family)

    def _check_layers(self) -> None:
        check_base_width(self.rule, self.parametrization, self.layers, self.base_width)
        count = len(self._filled) - 1
        names = self.activation_names()
        if len(names) != count:
            raise IngredientError(
                f"{len(names)} activations for {count} layers "
                "after the inputs; give one name, or one per layer",
                "activation",
            )
        if self.output_activation not in (None, names[-1]):
            raise IngredientError(
                f"activation ends with {names[-1]}, but output_activation is "
                f"{self.output_activation}; leave one of them out",
                "output_activation",
            )
        for index, name in enumerate(names[:-1]):
            if not issubclass(registry.get("activation", name), Activation):
                place = () if isinstance(self.activation, str) else (index,)
                raise IngredientError(
                    f"{name} is for outputs only, not for hidden layers; give it as "
                    f'output_activation = "{name}"',
                    "activation",
                    *place,
                )
        if self.layer_scale is not None and len(self.layer_scale) != count:
            raise IngredientError(
                f"{len(self.layer_scale)} factors for {count} layers after the "
                "inputs; give one per layer",
                "layer_scale",
            )

    def _check_outputs(self, loss: type[OutputLoss]) -> None:
        """Raises IngredientError unless the loss accepts the outputs' number and activation."""
        name = self.activation_names()[-1]
        output: type[OutputActivation] = registry.get("activation", name)
        if loss.output_activation is None:
            if issubclass(output, Activation):
                return
            losses = registry.family("loss").items()
            fitting = [known for known, one in losses if one.output_activation is output]
            raise IngredientError(
                f"{name} outputs need the loss {' or '.join(fitting)}, not {self.loss}", "loss"
            )
        if output is not loss.output_activation:
            wanted = registry.name_of("activation", loss.output_activation)
            key = "loss" if self.output_activation is None else "output_activation"
            raise IngredientError(
                f"{self.loss} needs {wanted} outputs, not {name}; leave output_activation out, "
                f'or set it to "{wanted}"',
                key,
            )
        if issubclass(loss, CoupledLoss) and self.layers[-1] == 1:
            raise IngredientError(
                f"{self.loss} needs at least two outputs, one per class; for a single output use "
                "binary_cross_entropy",
                "loss",
            )
        if self.derivative_at != "sop":
            raise IngredientError(
                f"{self.loss} takes no derivative of the outputs, so there is none to evaluate at "
                "the prediction; use a squared loss",
                "derivative_at",
            )

    def _check_targets(self, loss: type[OutputLoss]) -> None:
        """Raises IngredientError unless the loss accepts the targets."""
        for samples in filter(None, (self.samples, self.held_out)):
            check_targets(self.loss, loss, samples.targets)
        for key in ("label_smoothing", "class_weight"):
            if getattr(self, key) and not loss.is_classification:
                losses = registry.family("loss").items()
                known = ", ".join(name for name, one in losses if one.is_classification)
                raise IngredientError(f"{self.loss} has no classes; {key} is for {known}", key)
        if isinstance(self.class_weight, list):
            check_class_weight(self.class_weight, self._units[-1])


def _outputs(loss: type[OutputLoss], count: int | None) -> Outputs:
    """What a loss expects of its targets."""
    if not loss.is_classification:
        return Outputs(count)
    return Outputs(count, True, *loss.target_range, not issubclass(loss, CoupledLoss))


@register("problem", "network")
class Network(Problem):
    """A fully connected network of any depth and width, trained on samples."""

    Options = NetworkOptions
    options: NetworkOptions
    layers: Layers

    def __init__(self, options: NetworkOptions, samples: Samples | None = None) -> None:
        """samples: those to evaluate on; None: those of the options."""
        self.options = options
        if samples is None and options.held_out is not None:
            self.held_out = Network(options, options.held_out)
        samples = samples or options.samples
        loss: type[OutputLoss] = registry.get("loss", options.loss)
        targets, weights = targets_and_weights(
            loss, samples, options.label_smoothing, options.class_weight, options.samples
        )
        activations: list[type[OutputActivation]] = [
            registry.get("activation", name) for name in options.activation_names()
        ]
        self.layers = Layers(
            options.units,
            tuple(activations),
            loss,
            samples.inputs,
            targets,
            options.bias,
            None,
            options.derivative_at == "prediction",
            weights,
        )
        self.arrays = self.layers.arrays
        self._scale_layers()
        self.n_samples = self.layers.n_samples
        self.has_classes = self.layers.has_classes
        self.n_predictions = self.layers.n_predictions
        self._given_targets = samples.targets
        self.curvature = _curvature_at_solution(self.layers)

    @cached_property  # a sweep is validated often, and data may be large
    def targets(self) -> list[float]:  # type: ignore[override]
        """One target per prediction, as given."""
        targets: list[float] = self._given_targets.ravel().tolist()
        return targets

    @cached_property
    def loss_bound(self) -> float:  # type: ignore[override]
        """Upper bound of |loss| at finite parameters."""
        loss = self.layers.loss
        lowest, highest = self.layers.activations[-1].bounds
        weights = np.ones(self.n_samples) if self.layers.weights is None else self.layers.weights
        bounds: Iterator[float] = (
            weight * loss.bound(lowest, highest, target)
            for weight, row in zip(weights.tolist(), self.layers.targets.tolist(), strict=True)
            for target in row
            if weight
        )
        return loss.scale(self.layers.n_terms) * sum(bounds)

    def _scale_layers(self) -> None:
        """Set the multipliers of the layers, given and by the parametrization, and `scaling`."""
        scales, options = self.options.layer_scale, self.options
        if options.rule.scales:
            base = replace(self.layers, units=options.base_units).arrays
            self.scaling = Scaling(options.rule, self.arrays, base)
            given = scales or [1.0] * len(self.layers.shapes)
            both = zip(given, self.scaling.multipliers(), strict=True)
            product = [one * other for one, other in both]
            scales = scales if product == given else product
        if scales:
            self.layers = replace(self.layers, scales=tuple(scales))

    @property
    def parameter_names(self) -> list[str]:
        """`weight_LAYER_FROM_TO` and `bias_LAYER_TO`; layers count from 1, units from 0."""
        names = []
        for layer, (rows, units) in enumerate(self.layers.shapes, 1):
            for row in range(rows):
                stem = f"weight_{layer}_{row}_"
                if self.layers.bias and row == rows - 1:
                    stem = f"bias_{layer}_"
                names += [f"{stem}{unit}" for unit in range(units)]
        return names

    @property
    def feature_scales(self) -> FeatureScales | None:
        """How differently scaled the features of the samples are."""
        return feature_scales(self.layers.inputs, self.options.samples.features)

    def block_width(self, dtype: DType, samples: int | None = None) -> int:
        """The power of two of lanes whose arrays about fill an L2 cache."""
        samples = samples or self.n_samples
        work = sum(
            (3 + self.layers.keeps_sops(index)) * units  # value, residuals, delta
            for index, units in enumerate(self.layers.units[1:])
        )
        return lanes_in_cache(3 * self.n_parameters + samples * work, dtype)

    def evaluator(
        self, lanes: int, dtype: DType, chosen: ChosenSamples | None = None
    ) -> NetworkEvaluator:
        """An evaluator for blocks of `lanes` lanes, on the chosen samples or on all."""
        samples = self.n_samples if chosen is None else len(chosen)
        form = ProductsEvaluator if self._in_products(samples, dtype) else ElementwiseEvaluator
        return form(self.layers, lanes, dtype, chosen)

    def _in_products(self, samples: int, dtype: DType) -> bool:
        """Whether a matrix product per lane beats elementwise arithmetic."""
        large = samples * self.n_parameters * dtype.itemsize >= _PRODUCTS_FROM_BYTES
        return large and samples >= _PRODUCTS_FROM_SAMPLES

    def hessian(
        self, parameters: NDArray[np.float64], lane_data: Mapping[str, NDArray[np.float64]]
    ) -> Hessian:
        """The Hessian of the loss at parameters (parameters, lanes)."""
        return NetworkHessian(self.layers, parameters)


def _curvature_at_solution(layers: Layers) -> float | None:
    """Largest eigenvalue of the update's Jacobian at the solution, per unit learning rate.

    It is known for one layer and one sample if the outputs can reach their targets: the maximum
    over the outputs of factor · f'(s) · f'(where the derivative is evaluated) · ‖x‖², with x scaled
    as the weights are. For the tutorial's sigmoid and squared error it is 2·(p(1-p))²·‖x‖².
    """
    if len(layers.shapes) != 1 or layers.n_samples != 1:
        return None
    activation, loss = layers.activations[0], layers.loss
    if not (issubclass(activation, Activation) and issubclass(loss, Loss)):
        return None
    scale = layers.scales[0] if layers.scales else 1.0
    with np.errstate(over="ignore"):
        norm = scale * scale * float(np.sum(layers.inputs**2)) + layers.bias
    largest = 0.0
    for target in layers.targets.ravel().tolist():
        sop = activation.inverse(target)
        if not math.isfinite(sop):
            return None
        at = target if layers.derivative_at_prediction else sop
        derivative = float(activation.derivative(np.float64(sop)))
        used = 1.0 if layers.loss_takes_sop else float(activation.derivative(np.float64(at)))
        largest = max(largest, derivative * used)
    curvature = loss.factor(layers.n_terms) * largest * norm
    return curvature if math.isfinite(curvature) else None
