"""The columns of `trials`, each declared once, and those of `trajectories`.

A class declares the type, the place, the description (its docstring) and the values of a column, or
of all columns of a kind if their number depends on the sweep.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import outcomes, registry
from ..engine import Results
from ..errors import UsageError
from ..plan import Plan, Shard
from ..registry import register
from ..search import Trained
from ..sweep_file.axis import Axis

Values: TypeAlias = NDArray[np.generic] | Sequence[object] | pa.Array


@dataclass(frozen=True)
class Rows:
    """Trained trials of one group in plan order, and their results."""

    plan: Plan
    group: int
    trials: NDArray[np.int64]
    results: Results
    decided: Mapping[str, NDArray[np.float64]]  # values of axes that the search chose, by key


class Columns(ABC):
    """Columns of one kind. `name` is the name under which the class is registered."""

    place: ClassVar[int] = 100  # columns are sorted by place, then by name

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def types(self, plan: Plan) -> Mapping[str, pa.DataType]:
        """The names of the columns and their types, the same in all parts of a run."""

    @abstractmethod
    def arrays(self, rows: Rows) -> Mapping[str, Values]:
        """The values of all columns, without those that the group does not have."""


class Column(Columns):
    """A column of every sweep, with the name under which the class is registered."""

    type: ClassVar[pa.DataType]

    def types(self, plan: Plan) -> Mapping[str, pa.DataType]:
        """The name and the type."""
        return {self.name: self.type}

    def arrays(self, rows: Rows) -> Mapping[str, Values]:
        """The values under the name."""
        return {self.name: self.values(rows)}

    @abstractmethod
    def values(self, rows: Rows) -> Values:
        """One value per trial."""


# the columns ------------------------------------------------------------------------------------


@register("column", "trial")
class TrialColumn(Column):
    """The index of the trial in plan order, from 0."""

    place, type = 0, pa.int64()

    def values(self, rows: Rows) -> Values:
        """The numbers."""
        return rows.trials


@register("column", "axes")
class AxisColumns(Columns):
    """One column per axis, named after the last part of its key."""

    place = 10

    def types(self, plan: Plan) -> Mapping[str, pa.DataType]:
        """Plain types, even if the values of an axis are lists or tables."""
        return {axis.column: _axis_type(axis) for axis in plan.axes}

    def arrays(self, rows: Rows) -> Mapping[str, Values]:
        """The values of each axis."""
        return rows.plan.columns(rows.trials, rows.decided)


@register("column", "outcome")
class OutcomeColumn(Column):
    """How the trial ended."""

    place, type = 20, pa.dictionary(pa.int8(), pa.string())

    def values(self, rows: Rows) -> Values:
        """The outcomes; all parts have the same dictionary."""
        names = pa.array(outcomes.names(), pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(rows.results.outcome, pa.int8()), names)


@register("column", "steps")
class StepsColumn(Column):
    """The number of updates until the trial ended."""

    place, type = 30, pa.int64()

    def values(self, rows: Rows) -> Values:
        """The steps."""
        return rows.results.steps


@register("column", "initial_loss")
class InitialLossColumn(Column):
    """The loss before the first update."""

    place, type = 40, pa.float64()

    def values(self, rows: Rows) -> Values:
        """The losses."""
        return rows.results.initial_loss


@register("column", "final_loss")
class FinalLossColumn(Column):
    """The loss at the end, or the last finite loss if the trial diverged."""

    place, type = 41, pa.float64()

    def values(self, rows: Rows) -> Values:
        """The losses."""
        return rows.results.final_loss


@register("column", "gradient_norm")
class GradientNormColumn(Column):
    """The Euclidean norm of the gradient at the end."""

    place, type = 42, pa.float64()

    def values(self, rows: Rows) -> Values:
        """The norms."""
        return rows.results.gradient_norm


@register("column", "final_parameters")
class ParameterColumns(Columns):
    """One column per parameter with its final value, if `[record] final_parameters` is set."""

    place = 50

    def types(self, plan: Plan) -> Mapping[str, pa.DataType]:
        """The parameters of all groups; null in a group that does not have one."""
        if not plan.sweep.record.final_parameters:
            return {}
        return dict.fromkeys(plan.parameter_names, pa.float64())

    def arrays(self, rows: Rows) -> Mapping[str, Values]:
        """The parameters of this group."""
        if rows.results.final_parameters is None:
            return {}
        names = rows.plan.group(rows.group).problem.parameter_names
        return dict(zip(names, rows.results.final_parameters, strict=True))


@register("column", "measures")
class MeasureColumns(Columns):
    """The columns of the measures listed in `[record] measures`."""

    place = 60

    def types(self, plan: Plan) -> Mapping[str, pa.DataType]:
        """Integer or floating-point types, as the measures declare."""
        return {
            column.name: pa.int64() if column.whole else pa.float64()
            for options in plan.sweep.record.measures
            for column in options.columns()
        }

    def arrays(self, rows: Rows) -> Mapping[str, Values]:
        """The values; a missing integer is null."""
        arrays: dict[str, Values] = dict(rows.results.measures)
        for options in rows.plan.sweep.record.measures:
            for column in options.columns():
                values = rows.results.measures[column.name]
                if column.whole:
                    whole = np.nan_to_num(values).astype(np.int64)
                    arrays[column.name] = pa.array(whole, mask=np.isnan(values))
        return arrays


def _axis_type(axis: Axis) -> pa.DataType:
    """The plain Arrow type that holds every value of an axis."""
    if axis.key == "seed":
        return pa.int64()
    if axis.per_lane:
        return pa.float64()
    sample = axis.column_values(np.arange(min(axis.form.size, 10_000)))
    array = np.asarray(sample)
    kinds = {"b": pa.bool_(), "i": pa.int64(), "f": pa.float64()}
    return kinds.get(array.dtype.kind, pa.string())


# tables -----------------------------------------------------------------------------------------


@functools.cache
def registered() -> tuple[Columns, ...]:
    """All columns, in the order of the table."""
    columns: list[Columns] = [column(name) for name, column in registry.family("column").items()]
    return tuple(sorted(columns, key=lambda one: (one.place, one.name)))


@functools.lru_cache(maxsize=2)  # a worker has one plan
def trials_schema(plan: Plan) -> pa.Schema:
    """The names and types of the columns of `trials`, the same in every part of a run.

    Raises UsageError if two columns have the same name.
    """
    fields: dict[str, pa.DataType] = {}
    for columns in registered():
        for name, kind in columns.types(plan).items():
            if name in fields:
                raise UsageError(f'two columns of trials are called "{name}"; rename one of them')
            fields[name] = kind
    return pa.schema(fields)


def trials_table(plan: Plan, shard: Shard, trained: Trained) -> pa.Table:
    """One row per trial, in plan order."""
    trials = shard.start + trained.rows
    rows = Rows(plan, shard.group, trials, trained.results, trained.values)
    arrays: dict[str, Values] = {}
    for columns in registered():
        arrays |= columns.arrays(rows)
    schema = trials_schema(plan)
    filled = [
        _as_arrow(arrays[field.name], field.type)
        if field.name in arrays
        else pa.nulls(len(trials), field.type)
        for field in schema
    ]
    return pa.table(filled, schema)


def trajectories_table(plan: Plan, shard: Shard, trained: Trained) -> pa.Table:
    """One row per trial and recorded step; a quantity with several values has several columns."""
    recorded = trained.results.trajectories
    row = recorded["row"]
    trials = shard.start + trained.rows[row]
    axes = plan.columns(trials, {key: values[row] for key, values in trained.values.items()})
    columns = {"trial": pa.array(trials, pa.int64())}
    types = trials_schema(plan)
    columns |= {name: pa.array(values, types.field(name).type) for name, values in axes.items()}
    columns["step"] = pa.array(recorded["step"], pa.int64())
    problem = plan.group(shard.group).problem
    for name, values in recorded.items():
        if name in ("row", "step"):
            continue
        if name == "parameters":
            names = problem.parameter_names
        else:
            names = [name] if len(values) == 1 else [f"{name}_{i}" for i in range(len(values))]
        columns |= {one: pa.array(row) for one, row in zip(names, values, strict=True)}
    return pa.table(columns)


def _as_arrow(values: Values, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
