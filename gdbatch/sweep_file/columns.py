"""Names of columns: those that a sweep's axes, parameters and measures have, and those taken."""

from __future__ import annotations

from .. import registry
from ..engine import RECORDABLE
from .diagnostics import Diagnostic
from .sweep import Sweep

_OF_TRAJECTORIES = ("step", "index")


def column_diagnostics(sweep: Sweep) -> list[Diagnostic]:
    """What is wrong with the columns of parameters and measures, and with recorded values."""
    diagnostics: list[Diagnostic] = []
    problem = sweep.first.make_problem()
    taken = {*reserved_columns(), *(axis.column for axis in sweep.axes)}
    measured = [
        (("record", "measures", index), column.name)
        for index, options in enumerate(sweep.record.measures)
        for column in options.columns()
    ]
    # a large network has millions of names, so they are made only where they matter
    named = sweep.record.final_parameters or not problem.n_predictions
    parameters = set(problem.parameter_names) if named else set()
    for name in sorted(taken & parameters):
        message = f'the parameter "{name}" has the name of a column of results; rename it'
        diagnostics.append((("problem",), message))
    taken |= parameters
    for place, name in measured:
        if name in taken:
            diagnostics.append((place, f'there is a column "{name}" already'))
        taken.add(name)
    if not problem.n_predictions:
        for index, value in enumerate(sweep.record.values or []):
            if RECORDABLE[value].needs_predictions:
                others = [name for name, one in RECORDABLE.items() if not one.needs_predictions]
                message = "this problem has a loss, but no predictions; record "
                diagnostics.append((("record", "values", index), message + ", ".join(others)))
    return diagnostics


def reserved_columns() -> frozenset[str]:
    """Names that columns of results have, whatever the sweep."""
    summaries = (analysis.summary_columns() for analysis in registry.family("analysis").values())
    declared = (registry.family("column"), RECORDABLE, _OF_TRAJECTORIES, *summaries)
    return frozenset(name for names in declared for name in names)
