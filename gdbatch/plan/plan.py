"""The plan: which trials a sweep has, in which order, and how they are cut into shards.

A pure function of the sweep: nothing here depends on the machine, and nothing is made before it
is asked for, so a plan of 10¹² trials is as light as one of ten.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import registry
from ..engine.task import Task, block_width
from ..engine.trajectories import Recording
from ..errors import Problem as FileProblem
from ..errors import SweepFileError
from ..ingredients.options import Number
from ..ingredients.problems.protocol import Problem
from ..search import Search, ShardTask
from ..search.adaptive_map import AdaptiveMap
from ..search.bisection import Bisection
from ..search.grid import Grid
from ..search.protocol import Values
from ..sweep_file import Sweep
from ..sweep_file.axis import Axis
from ..sweep_file.sweep import Sections
from .cut import Cut

RESULTS_VERSION = 2  # counts up when the same sweep would give other `trials`

_MOST_RECORDED = 9  # trajectories without [record]
_MOST_PREDICTIONS = 16  # recorded without [record]
_DEFAULT_ROWS = 10_000  # of a trajectory without [record].every
_MOST_HASHED_GROUPS = 1000


@dataclass(frozen=True)
class Group:
    """The trials that share every structural value."""

    number: int
    start: int  # the first trial
    trials: int
    structural: dict[str, Any]  # dotted key → value
    sections: Sections
    problem: Problem

    @property
    def block_width(self) -> int:
        """Lanes that step together."""
        return block_width(self.problem, self.sections.train.training())


@dataclass(frozen=True)
class Shard:
    """A contiguous range of trials inside one group: the unit of work, storage and resuming."""

    number: int
    group: int
    start: int  # the first trial, counted over the whole plan
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Plan:
    """The trials of a sweep in plan order: structural axes slowest, then seed, then the others."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        lanes = [one for one in sweep.dimensions if all(axis.per_lane for axis in one)]
        seeds = [one for one in lanes if any(axis.key == "seed" for axis in one)]
        self.structural = [one for one in sweep.dimensions if one not in lanes]
        others = [one for one in lanes if one not in seeds]
        self.search = _search(sweep)
        # axes that are decided on together vary fastest
        together = self.search.axes
        self.lanes = [*seeds, *sorted(others, key=lambda one: one[0].key in together)]
        self.groups = math.prod(_size(one) for one in self.structural)
        self.group_trials = math.prod(_size(one) for one in self.lanes)
        self.trials = self.groups * self.group_trials
        if self.trials >= 2**63:
            message = f"the axes span {self.trials:.3g} trials; a plan holds fewer than 2⁶³"
            raise SweepFileError([FileProblem(message, "axes", source=sweep.source)])
        self._group = functools.lru_cache(maxsize=8)(self._make_group)

    def __getstate__(self) -> dict[str, Any]:
        return {"sweep": self.sweep, "cut": self.__dict__.get("cut")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["sweep"])  # type: ignore[misc]
        if state["cut"] is not None:
            self.cut = state["cut"]

    @property
    def axes(self) -> list[Axis]:
        """All axes in plan order, the slowest first."""
        return [axis for dimension in (*self.structural, *self.lanes) for axis in dimension]

    @functools.cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters of all groups, each once."""
        groups = map(self.group, range(self.groups))
        return tuple(dict.fromkeys(name for one in groups for name in one.problem.parameter_names))

    # groups and shards -------------------------------------------------------------------

    def group(self, number: int) -> Group:
        """A group by its number."""
        return self._group(number)

    def _make_group(self, number: int) -> Group:
        values: dict[str, Any] = {}
        rest = number
        for dimension in reversed(self.structural):
            rest, place = divmod(rest, _size(dimension))
            for axis in dimension:
                if not axis.per_lane:
                    one = axis.values(np.array([place]))
                    values[axis.key] = one[0] if isinstance(one, list) else one.tolist()[0]
        # a per-lane axis zipped with a structural one moves with the group
        sections = self.sweep.sections(values | self._zipped(number))
        problem = sections.make_problem()
        return Group(
            number,
            number * self.group_trials,
            self.group_trials,
            values,
            sections,
            problem,
        )

    def _zipped(self, number: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        rest = number
        for dimension in reversed(self.structural):
            rest, place = divmod(rest, _size(dimension))
            for axis in dimension:
                if axis.per_lane and axis.key != "seed":
                    values[axis.key] = float(axis.column_values(np.array([place]))[0])
        return values

    @functools.cached_property
    def cut(self) -> Cut:
        """How the plan is cut into shards."""
        groups = map(self.group, range(self.groups))
        return Cut.of(run for one in groups for run in self.search.cut(one.trials, one.block_width))

    def with_cut(self, cut: Cut) -> Plan:
        """The same plan with another cut, such as that of a run written by another version.

        Raises ValueError if a shard would not lie inside a group, or would split what is trained
        together.
        """
        plan = Plan(self.sweep)
        plan.cut = cut
        whole, unit = plan.search.span or plan.group_trials, plan.search.unit
        end = 0
        for shards, length in cut.runs:
            room = whole - end % whole
            fits = shards * length <= room or (room % length == 0 == whole % length)
            if length % unit or not fits:
                raise ValueError("the cut does not fit the plan")
            end += shards * length
        if end != plan.trials:
            raise ValueError(f"the cut has {end:,} trials, the plan {plan.trials:,}")
        return plan

    @property
    def shard_count(self) -> int:
        """How many shards the whole plan has."""
        return self.cut.shards

    def shards(self) -> Iterator[Shard]:
        """All shards, in plan order."""
        for number, (start, stop) in enumerate(self.cut.ranges()):
            yield Shard(number, start // self.group_trials, start, stop)

    # trials ------------------------------------------------------------------------------

    def places(self, trials: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """For each dimension, structural first, the places of some trials on it."""
        places: list[NDArray[np.int64]] = []
        rest = trials
        for dimension in reversed([*self.structural, *self.lanes]):
            rest, place = np.divmod(rest, _size(dimension))
            places.append(place)
        return places[::-1]

    def columns(
        self, trials: NDArray[np.int64], refined: NDArray[np.float64] | None = None
    ) -> dict[str, Any]:
        """The axis columns of some trials, in plan order.

        refined: values of the axis that is; without them, those known before training.
        """
        places = self.places(trials)
        columns = {
            axis.column: axis.column_values(place)
            for dimension, place in zip([*self.structural, *self.lanes], places, strict=True)
            for axis in dimension
        }
        if refined is not None and self.sweep.refined is not None:
            columns[self.sweep.refined.column] = refined
        return columns

    def task(self, shard: Shard) -> Task:
        """What the engine is to train for a shard."""
        return self.task_of(shard.group, np.arange(shard.start, shard.stop))

    def shard_task(self, shard: Shard) -> ShardTask:
        """What the search is to train for a shard."""
        record = self.sweep.record

        def task_of(rows: NDArray[np.int64], values: Mapping[str, Values] | None = None) -> Task:
            return self.task_of(shard.group, shard.start + rows, values)

        return ShardTask(
            shard.start % self.group_trials,
            len(shard),
            task_of,
            self.recording(shard),
            record.final_parameters,
            record.measures,
        )

    def task_of(
        self,
        number: int,
        trials: NDArray[np.int64],
        decided: Mapping[str, Values] | None = None,
    ) -> Task:
        """What the engine is to train for some trials of one group.

        decided: values of axes that the search decides on, by key; without them, those known before
        training.
        """
        sections = self.group(number).sections
        values = {
            axis.key: np.asarray(axis.column_values(place))
            for dimension, place in zip(
                [*self.structural, *self.lanes], self.places(trials), strict=True
            )
            for axis in dimension
            if axis.per_lane
        }
        values |= decided or {}
        seeds = values.get("seed", np.zeros(len(trials), np.int64)).astype(np.int64)
        return Task(
            self.group(number).problem,
            sections.make_initializer(self.group(number).problem),
            registry.get("optimizer", sections.optimizer.kind),
            sections.train.training(),
            seeds,
            _numbers("init", sections.init, values),
            _numbers("optimizer", sections.optimizer, values),
            self.sweep.heading.entropy,
            _numbers("problem", sections.problem, values),
            registry.get("schedule", sections.schedule.kind),
            _numbers("schedule", sections.schedule, values),
            sections.optimizer.decoupled,
        )

    # recording ---------------------------------------------------------------------------

    def recording(self, shard: Shard) -> Recording | None:
        """Which rows of a shard are recorded, and what of them."""
        trials = np.arange(shard.start, shard.stop)
        chosen = np.ones(len(trials), bool)
        for wanted, place in zip(self._recorded_places, self.places(trials), strict=True):
            if wanted is not None:
                chosen &= np.isin(place, wanted)
        if not chosen.any():
            return None
        record, group = self.sweep.record, self.group(shard.group)
        every = record.every or max(1, group.sections.train.max_steps // _DEFAULT_ROWS)
        values = record.values
        if values is None:
            few = 0 < group.problem.n_predictions <= _MOST_PREDICTIONS
            values = ["loss", "prediction"] if few else ["loss"]
        return Recording(np.flatnonzero(chosen), every, tuple(values))

    @functools.cached_property
    def _recorded_places(self) -> list[NDArray[np.int64] | None]:
        """For each dimension the places that are recorded; None for all of them."""
        dimensions = [*self.structural, *self.lanes]
        chosen = self.sweep.record.trials
        if chosen is not None:
            return [self._chosen_places(dimension, chosen) for dimension in dimensions]
        fan = next(
            (one for one in dimensions for axis in one if axis.column == "learning_rate"),
            dimensions[-1] if dimensions else None,
        )
        places: list[NDArray[np.int64] | None] = []
        for dimension in dimensions:
            size = _size(dimension)
            if dimension is fan or dimension in self.structural:
                count = min(_MOST_RECORDED, size)
                places.append(np.unique(np.linspace(0, size - 1, count).round().astype(np.int64)))
            else:
                places.append(np.zeros(1, np.int64))
        return places

    def _chosen_places(
        self, dimension: tuple[Axis, ...], chosen: dict[str, list[Any]]
    ) -> NDArray[np.int64] | None:
        places = None
        for axis in dimension:
            if axis.column in chosen:
                found = [axis.place_of(wanted) for wanted in chosen[axis.column]]
                places = np.unique(found) if places is None else np.intersect1d(places, found)
        return places

    def facts(self) -> dict[str, Any]:
        """What figures need to know of the problem, where it is the same in every group."""
        problems = [self.group(one).problem for one in range(min(self.groups, _MOST_HASHED_GROUPS))]
        targets = {tuple(problem.targets) for problem in problems}
        curvatures = {problem.curvature for problem in problems}
        if any(axis.per_lane and axis.key.startswith("problem.") for axis in self.axes):
            curvatures = {None}  # it differs from lane to lane
        return {
            "targets": list(targets.pop()) if len(targets) == 1 else None,
            "curvature": curvatures.pop() if len(curvatures) == 1 else None,
            "refined": self.sweep.refined.column if self.sweep.refined else None,
            "refined_rows": self.search.unit,
            "map": [axis.column for axis in self.sweep.map.axes] if self.sweep.map else None,
            "search": self.search.facts(),
        }

    # identity ----------------------------------------------------------------------------

    def resolved(self) -> dict[str, Any]:
        """The sweep with every default written out, as plain data."""
        first = self.sweep.first
        resolved = {
            **self.sweep.heading.model_dump(mode="json"),
            "problem": first.problem.model_dump(mode="json"),
            "init": first.init.model_dump(mode="json"),
            "optimizer": first.optimizer.model_dump(mode="json"),
            "schedule": first.schedule.model_dump(mode="json"),
            "train": first.train.resolved(),
            "axes": [
                [{"key": axis.key, **axis.form.model_dump(mode="json")} for axis in dimension]
                for dimension in self.sweep.dimensions
            ],
            "record": self.sweep.record.model_dump(mode="json"),
        }
        if self.sweep.map:
            resolved["map"] = self.sweep.map.resolved()
        return resolved

    @functools.cached_property
    def hash(self) -> str:
        """Of whatever changes `trials`; not of names, descriptions or recording."""
        resolved = self.resolved()
        for key in ("name", "description", "record", "problem"):
            del resolved[key]
        groups = [self.group(one) for one in range(min(self.groups, _MOST_HASHED_GROUPS))]
        resolved["problems"] = [one.sections.problem.resolved() for one in groups]
        resolved["init"] = self.sweep.first.init.resolved()
        if "file" in resolved["init"]:  # another group may start from another
            resolved["inits"] = [one.sections.init.resolved() for one in groups]
        resolved["final_parameters"] = self.sweep.record.final_parameters
        if self.sweep.record.measures:
            resolved["measures"] = self.resolved()["record"]["measures"]
        resolved["results_version"] = RESULTS_VERSION
        return _digest(resolved)

    @functools.cached_property
    def recording_hash(self) -> str:
        """Of whatever changes `trajectories` beyond the plan's hash."""
        return _digest(self.sweep.record.model_dump(mode="json", exclude={"measures"}))


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _search(sweep: Sweep) -> Search:
    """The search that a sweep asks for."""
    if sweep.map is not None:
        slow, fast = sweep.map.axes
        return AdaptiveMap(
            (slow.key, fast.key),
            (slow.column, fast.column),
            slow.form.size,
            fast.form.size,
            sweep.map.coarse,
            sweep.map.by,
        )
    if sweep.refined is not None:
        form: Any = sweep.refined.form
        low, high = form.refine
        axis = sweep.refined
        return Bisection(axis.key, axis.column, low, high, form.size, form.middle)
    return Grid()


def _size(dimension: tuple[Axis, ...]) -> int:
    return dimension[0].form.size


def _numbers(family: str, options: Any, values: dict[str, Any]) -> dict[str, Number]:
    """The numbers of an ingredient that the arrays carry; `values` has those that are axes."""
    numbers: dict[str, Number] = {}
    for name in options.lane_keys():
        key, given = f"{family}.{name}", getattr(options, name)
        if given is None:
            continue
        if not isinstance(given, list):
            numbers[name] = values.get(key, float(given))
            continue
        parts = [values.get(f"{key}.{place}", float(one)) for place, one in enumerate(given)]
        varies = any(isinstance(part, np.ndarray) for part in parts)
        numbers[name] = np.array(np.broadcast_arrays(*parts)) if varies else tuple(parts)
    return numbers
