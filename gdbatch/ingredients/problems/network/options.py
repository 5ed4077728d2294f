"""The options of a layered network in the sweep file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import numpy as np
from pydantic import Field, PrivateAttr, SerializeAsAny, ValidationInfo, model_validator
from pydantic.fields import FieldInfo

from .... import registry
from ....errors import IngredientError, nearest
from ....numerics.buffers import DType
from ...activations.protocol import Activation, OutputActivation
from ...losses.protocol import CoupledLoss, OutputLoss
from ...options import FromFamily, Part, PartOptions, context_of
from ...parametrizations.protocol import Parametrization
from ..preparation import Outputs
from ..protocol import refuse_overflow
from ..samples import SampleOptions
from .classes import check_class_weight, check_targets
from .widths import Named, check_base_width, filled_in

Width = Annotated[int, Field(ge=1, le=1_000_000)]


def _names_of(family: str) -> FieldInfo:
    """A field whose allowed values in the JSON schema are the names of a family."""

    def add_names(schema: dict[str, object]) -> None:
        schema["enum"] = [*registry.family(family)]

    extra = cast(Callable[[dict[str, object]], None], add_names)
    return cast(FieldInfo, Field(json_schema_extra=extra))  # type: ignore[arg-type]


ActivationName = Annotated[str, _names_of("activation")]
LossName = Annotated[str, _names_of("loss")]


# a name, or a table with options
ActivationEntry = ActivationName | SerializeAsAny[PartOptions]
LossEntry = LossName | SerializeAsAny[PartOptions]


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
    activation: Annotated[ActivationEntry | list[ActivationEntry], FromFamily("activation")] = (
        Field(
            "sigmoid",
            description="One for all layers, or a list with one per layer after the inputs; each "
            'is a name or a table with options: { kind = "leaky_relu", slope = 0.1 }.',
        )
    )
    output_activation: Annotated[ActivationEntry | None, FromFamily("activation")] = Field(
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
    loss: Annotated[LossEntry, FromFamily("loss")] = Field(
        "squared_error",
        description="A loss from `gdbatch list losses`, or a table with options: "
        '{ kind = "huber", delta = 0.5 }.',
    )
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
        return [name_of(entry) for entry in self._entries()]

    def activations(self) -> list[OutputActivation]:
        """One per layer after the inputs."""
        return [part_of("activation", entry) for entry in self._entries()]

    def loss_with_options(self) -> OutputLoss:
        """The loss, ready to be used."""
        loss: OutputLoss = part_of("loss", self.loss)
        return loss

    def _entries(self) -> list[str | PartOptions]:
        """One name or table per layer after the inputs."""
        given, count = self.activation, len(self._filled) - 1
        output = self.output_activation
        if not isinstance(given, list):
            needed = registry.get("loss", name_of(self.loss)).output_activation
            if output is None and needed is not None:
                output = registry.name_of("activation", needed)
            return [given] * (count - 1) + [output or given]
        return [*given, output] if output is not None and len(given) == count - 1 else [*given]

    def check_dtype(self, dtype: DType) -> None:
        """Raises IngredientError if a number of the problem overflows `dtype`."""
        super().check_dtype(dtype)
        refuse_overflow(np.array(self.layer_scale or ()), dtype, "layer_scale")

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> NetworkOptions:
        self._check_names()
        self._filled = filled_in(self.layers, self.width, self.depth)
        self._check_layers()
        loss = self.loss_with_options()
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
        """Raises IngredientError if a name is unknown; those in tables are known."""
        listed = self.activation if isinstance(self.activation, list) else [self.activation]
        for index, entry in enumerate(listed):
            place = (index,) if isinstance(self.activation, list) else ()
            _check_name("activation", entry, "activation", *place)
        if self.output_activation is not None:
            _check_name("activation", self.output_activation, "output_activation")
        _check_name("loss", self.loss, "loss")
        _check_name("parametrization", self.parametrization, "parametrization")

    def _check_layers(self) -> None:
        check_base_width(self.rule, self.parametrization, self.layers, self.base_width)
        names, count = self.activation_names(), len(self._filled) - 1
        if len(names) != count:
            raise IngredientError(
                f"{len(names)} activations for {count} layers "
                "after the inputs; give one name, or one per layer",
                "activation",
            )
        output = self.output_activation
        if output is not None and output != self._entries()[-1]:
            raise IngredientError(
                f"activation ends with {names[-1]}, but output_activation is {name_of(output)}; "
                "leave one of them out",
                "output_activation",
            )
        for index, name in enumerate(names[:-1]):
            if not issubclass(registry.get("activation", name), Activation):
                place = (index,) if isinstance(self.activation, list) else ()
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

    def _check_outputs(self, loss: OutputLoss) -> None:
        """Raises IngredientError unless the loss accepts the outputs' number and activation."""
        name, called = self.activation_names()[-1], name_of(self.loss)
        output: type[OutputActivation] = registry.get("activation", name)
        if loss.output_activation is None:
            if issubclass(output, Activation):
                return
            losses = registry.family("loss").items()
            fitting = [known for known, one in losses if one.output_activation is output]
            raise IngredientError(
                f"{name} outputs need the loss {' or '.join(fitting)}, not {called}", "loss"
            )
        if output is not loss.output_activation:
            wanted = registry.name_of("activation", loss.output_activation)
            key = "loss" if self.output_activation is None else "output_activation"
            raise IngredientError(
                f"{called} needs {wanted} outputs, not {name}; leave output_activation out, "
                f'or set it to "{wanted}"',
                key,
            )
        if isinstance(loss, CoupledLoss) and self.layers[-1] == 1:
            raise IngredientError(
                f"{called} needs at least two outputs, one per class; for a single output use "
                "binary_cross_entropy",
                "loss",
            )
        if self.derivative_at != "sop":
            raise IngredientError(
                f"{called} takes no derivative of the outputs, so there is none to evaluate at "
                "the prediction; use a squared loss",
                "derivative_at",
            )

    def _check_targets(self, loss: OutputLoss) -> None:
        """Raises IngredientError unless the loss accepts the targets."""
        name = name_of(self.loss)
        for samples in filter(None, (self.samples, self.held_out)):
            check_targets(name, loss, samples.targets)
        for key in ("label_smoothing", "class_weight"):
            if getattr(self, key) and not loss.is_classification:
                losses = registry.family("loss").items()
                known = ", ".join(other for other, one in losses if one.is_classification)
                raise IngredientError(f"{name} has no classes; {key} is for {known}", key)
        if self.label_smoothing and loss.needs_hard_labels:
            message = f"{name} needs targets at the ends of their range, so it has no smoothed ones"
            raise IngredientError(message, "label_smoothing")
        if isinstance(self.class_weight, list):
            check_class_weight(self.class_weight, self._units[-1])


def _outputs(loss: OutputLoss, count: int | None) -> Outputs:
    """What a loss expects of its targets."""
    if not loss.is_classification:
        return Outputs(count)
    return Outputs(count, True, *loss.target_range, not isinstance(loss, CoupledLoss))


def name_of(entry: str | PartOptions) -> str:
    """The name of an activation or a loss."""
    return entry if isinstance(entry, str) else entry.kind


def part_of(family: str, entry: str | PartOptions) -> Any:
    """An activation or a loss with its options."""
    found: type[Part] = registry.get(family, name_of(entry))
    return found(found.Options(kind=entry) if isinstance(entry, str) else entry)


def _check_name(family: str, entry: str | PartOptions, *key: str | int) -> None:
    known, name = registry.family(family), name_of(entry)
    if name not in known:
        raise IngredientError(f'unknown {family} "{name}"; {nearest(name, known)}', *key)
