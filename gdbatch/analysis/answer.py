"""The answer of a run, as data and as text."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from .. import registry
from ..errors import UsageError
from .protocol import Analysis, SweepFacts

_MOST_RATIO = 1e4  # of the features' curvatures, without a remark


@dataclasses.dataclass(frozen=True)
class Answer(Sequence[Any]):
    """The answer of a sweep: a sequence with one entry per combination of its other axes.

    `str()` gives it as text. The entries are dataclass instances, whose class depends on the
    search: `GridAnswer`, `EdgeAnswer` for a refined axis, `MapAnswer` for an adaptive map.
    """

    entries: tuple[Any, ...]
    text: str
    partial: str = ""  # how much of an incomplete run exists

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
    """The analysis of the search of a sweep; raises UsageError if there is none."""
    try:
        made: Analysis = registry.get("analysis", str(facts.search["kind"]))(facts)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    return made


def answer_of(analysis: Analysis, summary: pd.DataFrame, partial: str = "") -> Answer:
    """The answer from a summary that the same analysis made."""
    entries = analysis.answers(summary)
    words = analysis.words(entries, summary) + _scale_words(analysis.facts)
    return Answer(tuple(entries), words, partial)


def _scale_words(facts: SweepFacts) -> str:
    """A line that names an unscaled feature, or ""."""
    scales = facts.feature_scales
    if scales is None or scales["ratio"] <= _MOST_RATIO:
        return ""
    return (
        f'\nunscaled features: "{scales["widest"]}" has {scales["ratio"]:.1e} times the variance '
        f'of "{scales["narrowest"]}", which makes training slow; try standardize = true'
    )
