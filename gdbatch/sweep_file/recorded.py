"""What a sweep records, held against its axes and its problem; names that columns have already."""

from __future__ import annotations

from ..errors import IngredientError, nearest
from .diagnostics import Diagnostic
from .measures import clashes
from .sweep import NO_PREDICTIONS, Sweep

RESERVED_COLUMNS = frozenset(
    {
        *("trial", "outcome", "steps", "step", "initial_loss", "final_loss", "gradient_norm"),
        *("loss", "prediction", "prediction_error", "parameters", "index"),
        *("trials", "converged", "diverged", "stalled", "unfinished", "completed"),
        *("success_rate", "success_low", "success_high"),
        *("steps_q25", "steps_median", "steps_q75", "final_loss_median"),
        *("searches", "edges", "rising", "all_stable", "none_stable"),
        *("edge_low", "edge_q25", "edge_median", "edge_q75", "edge_high"),
    }
)


def record_diagnostics(sweep: Sweep) -> list[Diagnostic]:
    """What is wrong with what a sweep records, and with the names of its columns."""
    diagnostics: list[Diagnostic] = []
    problem = sweep.first.make_problem()
    taken = {*RESERVED_COLUMNS, *(axis.column for axis in sweep.axes)}
    diagnostics += clashes(sweep.record.measures, taken | {*problem.parameter_names})
    if not problem.n_predictions:
        for name in taken.intersection(problem.parameter_names):
            message = f'the parameter "{name}" has the name of a column of results; rename it'
            diagnostics.append((("problem",), message))
        for index, value in enumerate(sweep.record.values or []):
            if value in ("prediction", "prediction_error"):
                message = f"{NO_PREDICTIONS}; record loss, gradient_norm or parameters"
                diagnostics.append((("record", "values", index), message))
    columns = {axis.column: axis for axis in sweep.axes if axis is not sweep.refined}
    for name, values in (sweep.record.trials or {}).items():
        path = ("record", "trials", name)
        if sweep.refined is not None and name == sweep.refined.column:
            message = f"{name} is refined, so its values are not known; choose by other axes"
            diagnostics.append((path, message))
        elif name not in columns:
            hint = nearest(name, columns)
            diagnostics.append((path, f'the sweep has no axis "{name}"; {hint}'))
        elif not values:
            diagnostics.append((path, "give at least one value"))
        for value in values if name in columns else ():
            try:
                columns[name].place_of(value)
            except IngredientError as error:
                diagnostics.append((path, error.message))
    return diagnostics
