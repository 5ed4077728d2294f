"""The answer of a run: its entries as data, and the same as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from .. import registry
from ..errors import UsageError
from .protocol import Analysis, SweepFacts


@dataclasses.dataclass(frozen=True)
class Answer(Sequence[Any]):
    """What a sweep says: a sequence with one entry per combination of its other axes.

    `str()` gives it as text. The entries are dataclass instances of the search that chose the
    trials: `GridAnswer`, `EdgeAnswer` where an axis is refined, `MapAnswer` of an adaptive map.
    """

    entries: tuple[Any, ...]
    text: str
    partial: str = ""  # what is missing from a run that is not complete

    def __getitem__(self, place: Any) -> Any:
        return self.entries[place]

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        return f"partial: {self.partial}\n{self.text}" if self.partial else self.text

    def as_dicts(self) -> list[dict[str, object]]:
        """The entries as plain data."""
        return [dataclasses.asdict(entry) for entry in self.entries]


def analysis_of(facts: SweepFacts) -> Analysis:
    """The analysis of the search of a sweep; raises UsageError if nothing registers one."""
    try:
        made: Analysis = registry.get("analysis", str(facts.search["kind"]))(facts)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    return made


def answer_of(analysis: Analysis, summary: pd.DataFrame, partial: str = "") -> Answer:
    """The answer of a summary that the same analysis made."""
    entries = analysis.answers(summary)
    return Answer(tuple(entries), analysis.words(entries, summary), partial)
