"""A validated sweep: its sections, its axes, and what to record.

`Sweep` is what the rest of the program sees of a sweep file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import IngredientError
from ..ingredients.options import Context
from ..search.protocol import Search
from .answer import AnswerOptions
from .axis import Axis
from .forms import Refine
from .record import Record
from .sections import Sections, validate_sections, with_values
from .train import Heading


@dataclass(frozen=True)
class Sweep:
    """A whole sweep file, validated."""

    heading: Heading
    document: Mapping[str, object]  # the sections, without the values that axes give
    dimensions: tuple[tuple[Axis, ...], ...]  # in file order; the axes of a zip move together
    record: Record
    answer: AnswerOptions
    search: Search
    first: Sections  # with the first value of every axis
    context: Context
    source: str
    warnings: tuple[str, ...] = ()  # about valid input that looks like a mistake

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return self.heading.name

    @property
    def axes(self) -> list[Axis]:
        """All axes, in file order."""
        return [axis for dimension in self.dimensions for axis in dimension]

    @property
    def refined(self) -> Axis | None:
        """The refined axis, if there is one."""
        return next((axis for axis in self.axes if isinstance(axis.form, Refine)), None)

    def with_axes_at(self, values: Mapping[str, object]) -> dict[str, object]:
        """The document with the given values of some axes, and the first values of the others."""
        first = {axis.key: axis.value(0) for axis in self.axes}
        return with_values(self.document, {**first, **values})

    def sections(self, structural: Mapping[str, object]) -> Sections:
        """The sections of `with_axes_at`; raises IngredientError if they are invalid."""
        sections, diagnostics = validate_sections(self.with_axes_at(structural), self.context)
        if sections is None:
            raise IngredientError("; ".join(message for _, message in diagnostics))
        return sections
