"""A stop rule: the factor by which the loss has decreased."""

from typing import Any

import numpy as np

from gdbatch.registry import register
from gdbatch.stopping import Observed, StopRule


@register("stop_rule", "outside_loss_drop")
class LossDrop(StopRule):
    """The initial loss divided by the loss."""

    direction = "≥"
    reads = ("loss", "initial_loss")
    description = "initial loss/loss ≥"

    @staticmethod
    def value(observed: Observed) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.divide(observed.initial_loss, observed.loss)
