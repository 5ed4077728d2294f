"""Interface of optimizers, and the options that all of them share.

The engine handles weight decay, clipping, schedules and learning rates by layer; an optimizer only
defines its update rule.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import Field

from ...numerics.elementary import Scalar
from ..options import Floats, LaneNumber, Options, PerLane
from ..parametrizations.protocol import GradientPower

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LayerRates = Annotated[
    _Positive | Annotated[list[_Positive], Field(min_length=1)],
    PerLane(),
]
Limit = Annotated[_Positive | None, PerLane()]

Hyperparameters = Mapping[str, Scalar]
State = dict[str, Scalar]
Scalars = tuple[Scalar, ...]


class OptimizerOptions(Options):
    """Options that all optimizers share."""

    kind: str
    learning_rate: LayerRates = Field(
        description="Step size η; usually an axis. A list has one per layer, first layer first."
    )
    weight_decay: LaneNumber = Field(0.0, ge=0, description="λ: the gradient becomes g + λ w.")
    decoupled: bool = Field(
        False, description="true: weight decay is w ← w - η λ w before the update instead."
    )
    l1: LaneNumber = Field(
        0.0, ge=0, description="The gradient becomes g + l1 sign(w), with sign(0) = 0."
    )
    decayed: Literal["all", "weights"] = Field(
        "all",
        description='What weight_decay and l1 act on: "all" parameters, biases included, or only '
        'the "weights".',
    )
    clip_value: Limit = Field(
        None, description="Every component of the gradient is clipped to ± this."
    )
    clip_norm: Limit = Field(
        None, description="A gradient with a larger norm is scaled down to this norm."
    )


@dataclass(frozen=True)
class Step:
    """What an update works on: arrays (parameters, lanes), unless noted otherwise."""

    parameters: Floats
    gradient: Floats  # clipped, with l1 and coupled weight decay; may be overwritten
    state: Mapping[str, Floats]
    hyperparameters: Mapping[str, Floats]  # (), or (lanes,) if they vary
    rate: Floats  # η at this step; broadcasts to the parameters
    work: Floats  # scratch
    scaled_rate: Floats  # scratch in the shape of the rate by lane
    rows: tuple[Floats, ...]  # scratch: two arrays (1, lanes)


class FusedUpdate(Protocol):
    """One weight and its state after one update, for the fused engine.

    It has no branches, and uses the functions in `numerics.elementary`. The tuples are in the order
    of the optimizer's `state`, `row_state` and `fused_hyperparameters`.
    """

    def __call__(
        self,
        weight: Scalar,
        gradient: Scalar,
        state: Scalars,
        row_state: Scalars,
        hyperparameters: Scalars,
        rate: Scalar,
        /,
    ) -> tuple[Scalar, Scalars, Scalars]: ...


class Optimizer(ABC):
    """An update rule, once for all lanes and once for one weight; used as a class.

    The state starts at zero. An update must depend only on the contents of `Step`.
    """

    Options: ClassVar[type[OptimizerOptions]]
    # 1 if updates are in proportion to the gradients, as in gradient descent; 0 if the size of the
    # gradients does not matter, as in Adam. None: unknown, so only for the standard parametrization
    gradient_power: ClassVar[GradientPower | None] = None
    state: ClassVar[tuple[str, ...]] = ()  # names of state arrays (parameters, lanes)
    row_state: ClassVar[tuple[str, ...]] = ()  # names of bias corrections (1, lanes)
    numerator: ClassVar[str | None] = None  # in `state`: where it is 0, corrections have no effect
    fused: ClassVar[FusedUpdate | None] = None  # None: not available in the fused engine
    fused_hyperparameters: ClassVar[tuple[str, ...]] = ()  # names of options

    @staticmethod
    @abstractmethod
    def update(step: Step) -> None:
        """Update all lanes once, in place, without allocating memory."""

    @staticmethod
    @abstractmethod
    def update_one(
        weight: Scalar,
        gradient: Scalar,
        rate: Scalar,
        hyperparameters: Hyperparameters,
        state: State,
    ) -> Scalar:
        """One weight after one update: the equation, for the reference trainer.

        `state` starts as an empty dict for the method to fill, with the names in the class
        attribute `state`; those in `row_state` no longer have an effect once they are exactly 1.
        """
