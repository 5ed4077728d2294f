"""The columns of `trials` and `trajectories`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..engine.results import Results
from ..outcomes import OUTCOMES
from ..plan.plan import Plan, Shard
from ..sweep_file.axis import Axis


def trials_table(plan: Plan, shard: Shard, results: Results) -> pa.Table:
    """One row a trial, in plan order; the columns of DESIGN §6."""
    trials = _trials_of(shard, results)
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials, results.refined)
    columns["outcome"] = pa.DictionaryArray.from_arrays(
        pa.array(results.outcome, pa.int8()), pa.array(OUTCOMES, pa.string())
    )
    columns["steps"] = pa.array(results.steps, pa.int64())
    for name in ("initial_loss", "final_loss", "gradient_norm"):
        columns[name] = pa.array(getattr(results, name), pa.float64())
    if results.final_parameters is not None:
        names = plan.group(shard.group).problem.parameter_names
        widest = _all_parameter_names(plan)
        by_name = dict(zip(names, results.final_parameters, strict=True))
        for name in widest:
            values = by_name.get(name)
            columns[name] = (
                pa.nulls(len(trials), pa.float64()) if values is None else pa.array(values)
            )
    for options in plan.sweep.record.measures:
        for column in options.columns():
            values = results.measures[column.name]
            columns[column.name] = pa.array(values)
            if column.whole:  # where there is none, empty
                whole = np.nan_to_num(values).astype(np.int64)
                columns[column.name] = pa.array(whole, mask=np.isnan(values))
    return pa.table(columns)


def _trials_of(shard: Shard, results: Results) -> NDArray[np.int64]:
    """The trials that results are of: all of a shard, or those pixels of a map that it trained."""
    if results.rows is None:
        return np.arange(shard.start, shard.stop)
    return shard.start + results.rows


def _all_parameter_names(plan: Plan) -> list[str]:
    """Names of the parameters of every group: all parts have the same columns."""
    names: dict[str, None] = {}
    for number in range(plan.groups):
        names |= dict.fromkeys(plan.group(number).problem.parameter_names)
    return list(names)


def trajectories_table(plan: Plan, shard: Shard, results: Results) -> pa.Table:
    """One row a (trial, step); a value of which there are several gets a column each."""
    recorded = results.trajectories
    trials = _trials_of(shard, results)[recorded["row"]]
    refined = None if results.refined is None else results.refined[recorded["row"]]
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials, refined)
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


def _axis_columns(plan: Plan, trials: Any, refined: Any) -> dict[str, Any]:
    values = plan.columns(trials, refined)
    return {axis.column: pa.array(values[axis.column], _axis_type(axis)) for axis in plan.axes}


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
