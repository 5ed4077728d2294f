"""`[answer]`: what makes a value of an axis the best one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from ..errors import nearest
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import Options
from .text import shortened
from .train import Train


class AnswerOptions(Options):
    """`[answer]`: what makes a value of an axis the best one. It can be changed after a run."""

    objective: str | None = Field(
        None,
        description="steps, final_loss, or a column of a measure, such as validation_loss or "
        "accuracy; by default steps with a stop rule, else validation_loss with held-out data, "
        "else final_loss.",
    )
    success: float = Field(
        0.95, gt=0, lt=1, description="The share of trials that must converge, or be stable."
    )

    def resolved_for(self, train: Train, measures: Sequence[MeasureOptions]) -> AnswerOptions:
        """The options with the default objective of a sweep filled in."""
        if self.objective is not None:
            return self
        held_out = "validation_loss" in _columns(measures)
        fallback = "validation_loss" if held_out else "final_loss"
        objective = "steps" if train.has_stop_rule else fallback
        return self.model_copy(update={"objective": objective})

    def complaints(self, train: Train, measures: Sequence[MeasureOptions]) -> Iterator[str]:
        """Why the objective cannot be found in the results of a sweep."""
        known = ["final_loss", *_columns(measures)]
        if self.objective == "steps" and not train.has_stop_rule:
            yield "the sweep has no stop rule, so no trial converges; choose another objective"
        elif self.objective not in (None, "steps", *known):
            allowed = nearest(str(self.objective), ["steps", *known])
            yield (
                f'"{shortened(str(self.objective))}" is not in the results; {allowed}, or add it '
                "to record.measures"
            )


def _columns(measures: Sequence[MeasureOptions]) -> list[str]:
    return [column.name for options in measures for column in options.columns()]
