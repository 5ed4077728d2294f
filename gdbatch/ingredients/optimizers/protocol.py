"""What the engine and the reference trainer need of an optimizer, and what all of them share.

Weight decay, clipping, schedules and learning rates that differ by layer are the engine's affair:
an entry knows its own rule only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import Field

from ..options import Floats, LaneNumber, Options, PerLane

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
LayerRates = Annotated[
    _Positive | Annotated[list[_Positive], Field(min_length=1)],
    PerLane(),
]
Limit = Annotated[_Positive | None, PerLane()]


class OptimizerOptions(Options):
    """Options that all optimizers share."""

    kind: str
    learning_rate: LayerRates = Field(
        description="Step size η; usually an axis. A list has one a layer, the first layer first."
    )
    weight_decay: LaneNumber = Field(0.0, ge=0, description="λ: the gradient becomes g + λ w.")
    decoupled: bool = Field(
        False, description="Whether λ shrinks the weights instead: w becomes w - η λ w first."
    )
    clip_value: Limit = Field(None, description="Each slope of the loss is cut to this size.")
    clip_norm: Limit = Field(None, description="A gradient longer than this is cut to it.")


@dataclass(frozen=True)
class Step:
    """What an update works on: the arrays of one block, (parameters, lanes) where not told."""

    parameters: Floats
    gradient: Floats  # clipped, with coupled weight decay; may be used up
    state: Mapping[str, Floats]
    hyperparameters: Mapping[
        str, Floats
    ]  # of the options: without axes, or (lanes,) where they vary
    rate: Floats  # η at this step; broadcasts to the parameters
    work: Floats  # scratch
    scaled_rate: Floats  # scratch for the rate times a number a lane
    rows: tuple[Floats, ...]  # scratch, two of (1, lanes)


class Optimizer(Protocol):
    """An update rule, for all lanes and for one weight; both give the same but for rounding.

    State is zero at first. An update depends on nothing but what `Step` holds, so that one that
    changes nothing is followed by its like.
    """

    Options: ClassVar[type[OptimizerOptions]]
    state: ClassVar[tuple[str, ...]]  # names of arrays (parameters, lanes)
    row_state: ClassVar[tuple[str, ...]]  # and of arrays (1, lanes)

    @staticmethod
    def update(step: Step) -> None:
        """One update of all lanes, in place, without allocating."""

    # an entry that compiled kernels are made for has `fused_numbers`, names of options, too, and
    # fused(weight, slope, state, shares, numbers, rate), which gives weight, state and shares
    # after the update as tuples of `state`, `row_state` and `fused_numbers`; see `elementary`

    @staticmethod
    def update_one(
        weight: Any,
        slope: Any,
        rate: Any,
        hyperparameters: Mapping[str, Any],
        state: dict[str, Any],
    ) -> Any:
        """The weight after one update, as the equation says it; `memory` is empty at first."""
