"""Groups and shards: the parts of a plan."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..engine import block_width
from ..ingredients.initializers.protocol import Initializer
from ..ingredients.measures.protocol import MeasureOptions
from ..ingredients.measures.quantities import tracked_quantities
from ..ingredients.problems.protocol import Problem
from ..ingredients.problems.quantities import QUANTITIES
from ..sweep_file.sections import Sections
from ..training import Training


@dataclass(frozen=True)
class Group:
    """The trials that share every structural value."""

    number: int
    start: int  # the first trial
    trials: int
    structural: Mapping[str, object]  # values of the structural axes by key
    sections: Sections

    @functools.cached_property
    def problem(self) -> Problem:
        """The problem to train."""
        return self.sections.make_problem()

    @functools.cached_property
    def initializer(self) -> Initializer:
        """The initializer."""
        return self.sections.make_initializer(self.problem)

    @property
    def block_width(self) -> int:
        """The number of lanes that step together."""
        return block_width(self.problem, self.training)

    @functools.cached_property
    def training(self) -> Training:
        """How the trials are trained."""
        return self.sections.train.training(self.problem.n_samples)

    @property
    def lanes_are_independent(self) -> bool:
        """Whether the bits of a trial are the same whatever trains beside it."""
        batch = self.training.batch.size if self.training.batch else 0
        return self.problem.lanes_are_independent(self.training.dtype, batch)

    def quantities(self, measures: Sequence[MeasureOptions]) -> tuple[str, ...]:
        """The quantities that are evaluated during training: for rules, and for the measures."""
        wanted = self.training.quantities | tracked_quantities(measures)
        return tuple(
            name
            for name, quantity in QUANTITIES.items()
            if name in wanted and not quantity.lacking(self.problem)
        )


@dataclass(frozen=True)
class Shard:
    """A contiguous range of trials inside one group: the unit of work, storage and resuming."""

    number: int
    group: int
    start: int  # the first trial, counted from the first of the plan
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start
