"""Checks an expression where trials start, term by term, to name the part that is undefined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ....errors import IngredientError
from .operations import FUNCTIONS, OPERATORS, REDUCTIONS, Values
from .syntax import Term, normalized, place

_MOST_SHOWN = 8  # values of a start


def check_values(
    text: str,
    terms: Sequence[Term],
    names: Sequence[str],
    starts: NDArray[np.float64],
    constants: Mapping[str, float],
) -> None:
    """Raises IngredientError if a term is not finite at starts (parameters, lanes).

    names: of the parameters.
    """
    operations = {**OPERATORS, **FUNCTIONS, **REDUCTIONS}
    given = {normalized(name): value for name, value in constants.items()}
    values: list[Values] = []
    for index, term in enumerate(terms):
        if term.operation == "number":
            value = np.full(starts.shape[1], term.number)
        elif term.operation == "constant":
            value = np.full(starts.shape[1], given[term.name])
        elif term.operation == "variable":
            value = starts[slice(*term.rows)] if term.size else starts[term.rows[0]]
        else:
            arguments = [values[one] for one in term.arguments]
            with np.errstate(all="ignore"):
                value = operations[term.operation].value(*arguments)
            wrong = np.flatnonzero(~np.isfinite(value).reshape(-1, starts.shape[1]).all(axis=0))
            if wrong.size:
                lane = int(wrong[0])
                numbers = [np.atleast_2d(one)[:, lane] for one in (*arguments, value)]
                start = dict(zip(names, starts[:, lane].tolist(), strict=True))
                shown = _shown(terms, index, start, given)
                message = f"{place(text, term.begin, term.end)} {_fault(term, numbers)}{shown}"
                raise IngredientError(message, "expression")
        values.append(value)


def check_gradient(
    names: Sequence[str], starts: NDArray[np.float64], gradient: NDArray[np.float64]
) -> None:
    """Raises IngredientError if the gradient is not finite at starts (parameters, lanes)."""
    wrong = np.argwhere(~np.isfinite(gradient))
    if wrong.size:
        row, lane = map(int, wrong[0])
        raise IngredientError(
            f"the derivative of the expression with respect to {names[row]} is not finite at the "
            f"start {names[row]} = {starts[row, lane]:.6g}",
            "expression",
        )


def _fault(term: Term, numbers: Sequence[Values]) -> str:
    """What is wrong with a value; numbers: the arguments' and its own."""
    if term.operation == "/" and (numbers[1] == 0).any():
        return "is a division by zero"
    return "is not a real number" if np.isnan(numbers[-1]).any() else "is infinite"


def _shown(
    terms: Sequence[Term], last: int, start: Mapping[str, float], constants: Mapping[str, float]
) -> str:
    """The values that a term depends on: " at the start x = 0.3, with a = 2"."""
    inside = {last}
    for index in range(last, -1, -1):
        if index in inside:
            inside.update(terms[index].arguments)
    used = [terms[one] for one in sorted(inside)]
    names, rows = list(start), {row for one in used for row in range(*one.rows)}
    variables = {names[row]: start[names[row]] for row in sorted(rows)}
    named = {one.name: constants[one.name] for one in used if one.operation == "constant"}
    words = " at the start " + _listed(variables) if variables else ""
    return words + (f"{',' if words else ''} with {_listed(named)}" if named else "")


def _listed(values: Mapping[str, float]) -> str:
    shown = [f"{name} = {value:.6g}" for name, value in values.items()][:_MOST_SHOWN]
    return ", ".join(shown) + (", …" if len(values) > _MOST_SHOWN else "")
