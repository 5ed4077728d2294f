"""The plan: which trials a sweep has, in which order, and how they are cut into shards.

A pure function of the sweep: nothing here depends on the machine. Trials are computed on demand, so
a plan of 10¹² trials needs no more memory than one of ten; facts about all groups are gathered in
one pass.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np

from ..engine import Recording, Task
from ..errors import IngredientError, SweepFileError
from ..errors import Problem as FileProblem
from ..ingredients.problems.feature_scales import FeatureScales
from ..search import Search, ShardTask
from ..search.protocol import Values
from ..sweep_file import Sweep
from ..sweep_file.axis import Axis
from . import identity
from .cut import Cut
from .groups import Group, Shard
from .recorded import Dimension, Indices, recorded_indices, recorded_values
from .tasks import make_task

Item = TypeVar("Item")

_CACHED_GROUPS = 8
_MOST_TARGETS = 1000  # among the facts; figures draw them
_FOR_WORKERS = ("hash", "recording_hash", "parameter_names")  # pickled once they are computed


@dataclass(frozen=True)
class _Survey:
    """Facts about all groups."""

    contents: dict[str, str]  # a digest for each section
    cut: Cut
    parameter_names: tuple[str, ...]
    targets: list[float] | None  # if all groups have the same, and few
    curvature: float | None
    feature_scales: dict[str, object] | None  # if all groups have the same
    repeats_exactly: bool  # whether the lanes of every group are independent to the bit


class Plan:
    """The trials of a sweep in plan order: structural axes slowest, then seed, then the others."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        lanes = [one for one in sweep.dimensions if all(axis.per_lane for axis in one)]
        seeds = [one for one in lanes if any(axis.key == "seed" for axis in one)]
        self.structural = [one for one in sweep.dimensions if one not in lanes]
        others = [one for one in lanes if one not in seeds]
        self.search: Search = sweep.search
        # the axes that the search decides on vary fastest
        together = self.search.axes
        self.lanes = [*seeds, *sorted(others, key=lambda one: one[0].key in together)]
        self.groups = math.prod(_size(one) for one in self.structural)
        self.group_trials = math.prod(_size(one) for one in self.lanes)
        self.trials = self.groups * self.group_trials
        if self.trials >= 2**63:
            message = f"the axes span {self.trials:.3g} trials; a plan must have fewer than 2⁶³"
            raise SweepFileError([FileProblem(message, "axes", source=sweep.source)])
        self._group = functools.lru_cache(maxsize=_CACHED_GROUPS)(self._make_group)

    def __getstate__(self) -> dict[str, object]:
        known = {
            name: value for name, value in self.__dict__.items() if name in (*_FOR_WORKERS, "cut")
        }
        return {"sweep": self.sweep, **known}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state.pop("sweep"))  # type: ignore[misc]
        self.__dict__ |= state

    @property
    def dimensions(self) -> list[Dimension]:
        """Axes in plan order, the slowest first; those that move together stand together."""
        return [*self.structural, *self.lanes]

    @property
    def warnings(self) -> list[str]:
        """About valid input that looks like a mistake, and results that are not exact."""
        messages = list(self.sweep.warnings)
        if not self._survey.repeats_exactly:
            messages.append(
                "the results of a trial depend in their last digits on the trials beside it, so "
                "repeats with another number of trials agree within a tolerance, not to the byte"
            )
        return messages

    @property
    def axes(self) -> list[Axis]:
        """All axes in plan order."""
        return [axis for dimension in self.dimensions for axis in dimension]

    # groups and shards ---------------------------------------------------------------------

    def group(self, number: int) -> Group:
        """A group by its number."""
        return self._group(number)

    def _make_group(self, number: int) -> Group:
        structural: dict[str, object] = {}
        moved: dict[str, object] = {}  # values of per-lane axes in the same zip
        rest = number
        for dimension in reversed(self.structural):
            rest, index = divmod(rest, _size(dimension))
            for axis in dimension:
                if not axis.per_lane:
                    structural[axis.key] = axis.value(index)
                elif axis.key != "seed":
                    moved[axis.key] = axis.value(index)
        try:
            sections = self.sweep.sections(structural | moved)
        except IngredientError as error:  # reading a sweep checks the first combinations only
            where = ", ".join(f"{key} = {value}" for key, value in reversed(structural.items()))
            message = f"{where}: {error.message}"
            raise SweepFileError([FileProblem(message, "axes", source=self.sweep.source)]) from None
        start = number * self.group_trials
        return Group(number, start, self.group_trials, structural, sections)

    @functools.cached_property
    def _survey(self) -> _Survey:
        """One pass over all groups."""
        contents = identity.ContentDigest()
        names: dict[str, None] = {}
        targets: list[list[float]] = []  # up to two different ones
        curvatures: list[float | None] = []
        scales: list[FeatureScales | None] = []
        independent: set[bool] = set()
        span = self.search.span or self.group_trials

        def repeats() -> Iterator[tuple[int, Iterable[tuple[int, int]]]]:
            for group in map(self.group, range(self.groups)):
                contents.add(group.sections)
                if self.sweep.record.final_parameters:
                    names.update(dict.fromkeys(group.problem.parameter_names))
                _note(targets, list(group.problem.targets))
                _note(curvatures, group.problem.curvature)
                _note(scales, group.problem.feature_scales)
                independent.add(group.lanes_are_independent)
                yield group.trials // span, self.search.cut(span, group.block_width)

        cut = Cut.of(repeats())
        return _Survey(
            contents.as_data(),
            cut,
            tuple(names),
            targets[0] if len(targets) == 1 and len(targets[0]) <= _MOST_TARGETS else None,
            curvatures[0] if len(curvatures) == 1 else None,
            asdict(scales[0]) if len(scales) == 1 and scales[0] is not None else None,
            False not in independent,
        )

    @functools.cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the final parameters of all groups, each once, if the sweep records them."""
        return self._survey.parameter_names

    @functools.cached_property
    def cut(self) -> Cut:
        """How the plan is cut into shards."""
        return self._survey.cut

    def with_cut(self, cut: Cut) -> Plan:
        """The same plan with another cut, such as that of a run written by another version.

        Raises ValueError if a shard would not lie inside a group, or would split what is trained
        together.
        """
        if cut.trials != self.trials:
            raise ValueError(f"the cut has {cut.trials:,} trials, the plan {self.trials:,}")
        if not cut.fits(self.search.span or self.group_trials, self.search.unit):
            raise ValueError("the cut does not fit the plan")
        plan = copy.copy(self)
        plan.cut = cut
        return plan

    def for_workers(self) -> Plan:
        """The plan without its cut, for workers, which receive their shards.

        Its pickle does not grow with the number of groups.
        """
        for name in _FOR_WORKERS:
            getattr(self, name)
        plan = copy.copy(self)
        plan.__dict__.pop("cut", None)
        return plan

    @property
    def shard_count(self) -> int:
        """The number of shards in the whole plan."""
        return self.cut.shards

    def shard(self, number: int) -> Shard:
        """A shard by its number; raises IndexError if there is no such shard."""
        start, stop = self.cut.range_of(number)
        return Shard(number, start // self.group_trials, start, stop)

    def shards(self) -> Iterator[Shard]:
        """All shards, in plan order."""
        for number, (start, stop) in enumerate(self.cut.ranges()):
            yield Shard(number, start // self.group_trials, start, stop)

    # trials --------------------------------------------------------------------------------

    def indices(self, trials: Indices) -> list[Indices]:
        """The indices of some trials along each dimension."""
        indices: list[Indices] = []
        rest = trials
        for dimension in reversed(self.dimensions):
            rest, index = np.divmod(rest, _size(dimension))
            indices.append(index)
        return indices[::-1]

    def columns(
        self, trials: Indices, decided: Mapping[str, Values] | None = None
    ) -> dict[str, Any]:
        """The axis columns of some trials, in plan order.

        decided: as for `task_of`.
        """
        columns: dict[str, Any] = {}
        for dimension, index in zip(self.dimensions, self.indices(trials), strict=True):
            for axis in dimension:
                found = (decided or {}).get(axis.key)
                columns[axis.column] = axis.column_values(index) if found is None else found
        return columns

    def task(self, shard: Shard) -> Task:
        """The engine's task for a shard."""
        return self.task_of(shard.group, np.arange(shard.start, shard.stop))

    def task_of(
        self, number: int, trials: Indices, decided: Mapping[str, Values] | None = None
    ) -> Task:
        """The engine's task for some trials of one group.

        decided: values of the axes that the search decides on, by key; if None, those known before
        training.
        """
        values = {
            axis.key: np.asarray(axis.column_values(index))
            for dimension, index in zip(self.dimensions, self.indices(trials), strict=True)
            for axis in dimension
            if axis.per_lane
        }
        values |= decided or {}
        entropy, measures = self.sweep.heading.entropy, self.sweep.record.measures
        return make_task(self.group(number), len(trials), values, entropy, measures)

    def shard_task(self, shard: Shard) -> ShardTask:
        """The search's task for a shard."""
        record = self.sweep.record

        def task_of(rows: Indices, values: Mapping[str, Values] | None = None) -> Task:
            return self.task_of(shard.group, shard.start + rows, values)

        return ShardTask(
            shard.start % self.group_trials,
            len(shard),
            task_of,
            self.recording(shard),
            record.final_parameters,
            record.measures,
        )

    # recording -----------------------------------------------------------------------------

    def recording(self, shard: Shard) -> Recording | None:
        """The rows of a shard to record, and which values; None if there are none."""
        rows = self._recorded_rows(shard)
        if not rows.size:
            return None
        return Recording(rows, *recorded_values(self.sweep.record, self.group(shard.group)))

    @property
    def recorded_trials(self) -> int:
        """The number of recorded trials."""
        pairs = zip(self._recorded, self.dimensions, strict=True)
        return math.prod(_size(one) if chosen is None else len(chosen) for chosen, one in pairs)

    def is_recorded(self, shard: Shard) -> bool:
        """Whether any trial of a shard is recorded."""
        return bool(self._recorded_rows(shard).size)

    def _recorded_rows(self, shard: Shard) -> Indices:
        trials = np.arange(shard.start, shard.stop)
        chosen = np.ones(len(trials), bool)
        for wanted, index in zip(self._recorded, self.indices(trials), strict=True):
            if wanted is not None:
                chosen &= np.isin(index, wanted)
        return np.flatnonzero(chosen)

    @functools.cached_property
    def _recorded(self) -> list[Indices | None]:
        return recorded_indices(self.structural, self.lanes, self.sweep.record)

    # identity ------------------------------------------------------------------------------

    def resolved(self) -> dict[str, object]:
        """The sweep with every default written out, as plain data."""
        return identity.resolved(self.sweep)

    def identity(self) -> dict[str, object]:
        """The resolved sweep, and what else determines `trials`, as plain data."""
        return {
            "sweep": self.resolved(),
            "results_version": identity.RESULTS_VERSION,
            "contents": self._survey.contents,
        }

    @functools.cached_property
    def hash(self) -> str:
        """The digest of what determines `trials` in any group."""
        return identity.plan_hash(self.identity())

    @functools.cached_property
    def recording_hash(self) -> str:
        """The digest of what else determines `trajectories`."""
        return identity.recording_hash(self.sweep)

    def facts(self) -> dict[str, object]:
        """Facts for figures and analyses, as plain data."""
        varies = any(axis.per_lane and axis.key.startswith("problem.") for axis in self.axes)
        return {
            "targets": self._survey.targets,
            "curvature": None if varies else self._survey.curvature,
            "feature_scales": self._survey.feature_scales,
            "repeats_exactly": self._survey.repeats_exactly,
            "search": self.search.facts(),
        }


def _size(dimension: Dimension) -> int:
    return dimension[0].form.size


def _note(seen: list[Item], item: Item) -> None:
    """Keep up to two different values."""
    if len(seen) < 2 and item not in seen:
        seen.append(item)
