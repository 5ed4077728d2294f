"""Names of columns: those of a sweep's axes, parameters and measures, and reserved ones."""

from __future__ import annotations

from .. import registry
from ..engine import RECORDABLE
from .diagnostics import Diagnostic
from .sweep import Sweep

_OF_TRAJECTORIES = ("step", "index")


def column_diagnostics(sweep: Sweep) -> list[Diagnostic]:
    """Errors in the columns of parameters and measures, and in recorded values."""
    diagnostics: list[Diagnostic] = []
    problem = sweep.first.make_problem()
    taken = {*reserved_columns(), *(axis.column for axis in sweep.axes)}
    measured = [
        (("record", "measures", index), column.name)
        for index, options in enumerate(sweep.record.measures)
        for column in options.columns()
    ]
    # a large network has millions of names: make them only if they are needed
    named = sweep.record.final_parameters or not problem.n_predictions
    parameters = set(problem.parameter_names) if named else set()
    for name in sorted(taken & parameters):
        message = f'the parameter "{name}" has the same name as a column of results; rename it'
        diagnostics.append((("problem",), message))
    taken = taken - set(RECORDABLE) | parameters  # measures are not columns of trajectories
    for place, name in measured:
        if name in taken:
            diagnostics.append((place, f'there is a column "{name}" already'))
        taken.add(name)
    for index, value in enumerate(sweep.record.values or []):
        lacking = RECORDABLE[value].lacking(problem)
        if lacking:
            others = [name for name, one in RECORDABLE.items() if not one.lacking(problem)]
            message = f"{lacking}; record {', '.join(others)}"
            diagnostics.append((("record", "values", index), message))
    for index, options in enumerate(sweep.record.measures):
        lacking = options.lacking(problem)
        if lacking:
            diagnostics.append((("record", "measures", index), lacking))
    return diagnostics


def reserved_columns() -> frozenset[str]:
    """Names of columns that results can have in any sweep."""
    summaries = (analysis.summary_columns() for analysis in registry.family("analysis").values())
    declared = (registry.family("column"), RECORDABLE, _OF_TRAJECTORIES, *summaries)
    return frozenset(name for names in declared for name in names)
