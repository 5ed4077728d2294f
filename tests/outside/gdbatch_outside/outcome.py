"""An outcome: the budget ended, but the loss had more than halved."""

from gdbatch.outcomes import Check, Mask, Outcome
from gdbatch.registry import register


@register("outcome", "outside_improved")
class Improved(Outcome):
    """The budget ended with less than half of the initial loss."""

    precedence, colour = 45, "#117733"
    remedy = "more steps"
    is_too_slow = True

    @staticmethod
    def applies(check: Check) -> Mask:
        return check.is_at_end & check.has_stop_rule & (check.loss < check.initial_loss / 2)
