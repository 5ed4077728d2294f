"""`[record]`: what is saved of a trial besides its outcome."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SerializeAsAny, model_validator

from ..engine import RECORDABLE
from ..errors import IngredientError, nearest
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.options import FromFamily, Options
from .text import shortened
from .train import MOST_STEPS, refuse_both


class Record(Options):
    """`[record]`: trajectories of some trials, and final parameters and measures of all."""

    every: int | None = Field(None, ge=1, description="Number of steps between recorded rows.")
    every_epochs: int | None = Field(
        None, ge=1, le=MOST_STEPS, description="The same in epochs, instead of every."
    )
    values: list[str] | None = Field(
        None,
        description="What to record: " + ", ".join(RECORDABLE),
        json_schema_extra={"items": {"enum": list(RECORDABLE), "type": "string"}},
    )
    trials: dict[str, list[object]] | None = Field(
        None, description="Which trials to record: the values of some axes."
    )
    final_parameters: bool = Field(False, description="Whether `trials` has the final parameters.")
    measures: Annotated[list[SerializeAsAny[MeasureOptions]], FromFamily("measure")] = Field(
        [], description="Further columns of `trials`: names of measures, or tables with options."
    )

    @model_validator(mode="after")
    def _known_values(self) -> Record:
        refuse_both(self, "every", "every_epochs")
        for index, value in enumerate(self.values or []):
            if value not in RECORDABLE:
                hint = nearest(value, RECORDABLE)
                message = f'"{shortened(value)}" cannot be recorded; {hint}'
                raise IngredientError(message, "values", index)
        return self
