"""The protocol of analyses, which turn the trials of a search into a summary, answers and text.

There is one analysis per search, registered in the family "analysis" under the search's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd

from ..ingredients.problems.quantities import rises

# the columns of `trials`, besides the axes, from which every summary is made
TRIAL_COLUMNS = ("outcome", "steps", "initial_loss", "final_loss", "gradient_norm")


@dataclass(frozen=True)
class Criterion:
    """What makes a value of an axis the best one."""

    objective: str = "steps"  # "steps", "final_loss", or a column of a measure
    success: float = 0.95  # the share of trials that must converge, or be stable

    @property
    def is_share(self) -> bool:
        """Whether the objective is a share, from 0 to 1, of which more is better."""
        return rises(self.objective)

    @property
    def column(self) -> str:
        """The column of the summary with the median of the objective."""
        return f"{self.objective}_median"


FEWEST_STEPS = Criterion()


@dataclass(frozen=True)
class SweepFacts:
    """What an analysis needs to know about a sweep, besides its trials."""

    axes: tuple[str, ...]  # axis columns in plan order, the slowest first
    trials: int  # of the whole plan
    criterion: Criterion = FEWEST_STEPS
    further: tuple[str, ...] = ()  # columns of measures whose medians are in the summary
    max_steps: int | None = None  # None if it varies, or is given in epochs
    search: Mapping[str, Any] = field(default_factory=lambda: {"kind": "grid"})
    is_complete: bool = True  # whether all shards are there
    feature_scales: Mapping[str, Any] | None = None  # of the training samples; see `FeatureScales`


class Analysis(ABC):
    """Summarises the trials of one search and draws answers from them."""

    noun: ClassVar[str] = "trials"  # what the trials of the plan are called

    def __init__(self, facts: SweepFacts) -> None:
        self.facts = facts

    @property
    def trial_columns(self) -> Sequence[str]:
        """The columns of `trials`, besides the axes, that the summary is made from."""
        return (*TRIAL_COLUMNS, *self.facts.further)

    @staticmethod
    def summary_columns() -> Sequence[str]:
        """The columns of the summary besides the axes; no axis can have these names."""
        return ()

    @abstractmethod
    def summarise(self, parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
        """The summary of trials, given in parts with the axes and `trial_columns`."""

    @abstractmethod
    def answers(self, summary: pd.DataFrame) -> Sequence[Any]:
        """One dataclass instance of plain values for each combination of the other axes."""

    @abstractmethod
    def words(self, answers: Sequence[Any], summary: pd.DataFrame) -> str:
        """The answers as text."""

    @property
    def sparse_map(self) -> tuple[str, str] | None:
        """The axes, slower one first, of a map with untrained pixels; None if there is no such map.

        Figures fill such a map from the nearest trained pixels.
        """
        return None
