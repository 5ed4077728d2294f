"""Looks at a problem of the user's before a sweep trusts it: is its gradient that of its loss?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import IngredientError
from .python import PythonProblem

_MOST_CHECKED = 200  # parameters
_checked: set[tuple[str, str, bytes]] = set()  # in this process

Array = NDArray[np.float64]


def check(problem: PythonProblem, starts: Array) -> None:
    """Raises IngredientError unless all is well at starts (parameters, lanes), once a process."""
    key = problem.options.digest, problem.options.object, starts.tobytes()
    if key in _checked:
        return
    with np.errstate(all="ignore"):
        loss, gradient = problem.loss_and_gradient(starts)
        _check_numbers(problem, starts, loss, gradient)
        again, _ = problem.loss_and_gradient(starts)
        if not np.array_equal(loss, again):
            _refuse(problem, "gives another loss for the same parameters a second time")
        mirrored = problem.loss_and_gradient(np.ascontiguousarray(starts[:, ::-1]))
        for found, turned in zip((loss, gradient), mirrored, strict=True):
            if not np.allclose(found, turned[..., ::-1], rtol=1e-9, atol=1e-12):
                _refuse(problem, "mixes lanes: the results of a column depend on its neighbours")
        _check_gradient(problem, starts, gradient)
    _checked.add(key)


def _refuse(problem: PythonProblem, message: str) -> None:
    options = problem.options
    raise IngredientError(f"{options.file}: {options.object} {message}", "object")


def _check_numbers(problem: PythonProblem, starts: Array, loss: Any, gradient: Any) -> None:
    wrong = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(gradient).all(axis=0)))
    if wrong.size:
        lane = int(wrong[0])
        slopes = ", ".join(f"{slope:g}" for slope in gradient[:8, lane])
        _refuse(
            problem,
            f"gives the loss {loss[lane]:g} and the gradient {slopes} at a start, "
            f"{_point(problem, starts[:, lane])}",
        )


def _check_gradient(problem: PythonProblem, starts: Array, gradient: Any) -> None:
    """Against central differences; the two of them tell how far they can be trusted."""
    count = len(starts)
    worst, worst_place, worst_expected = 1.0, None, np.zeros(0)
    for place in np.unique(np.linspace(0, count - 1, _MOST_CHECKED).astype(int)):
        wide, narrow = (_slopes(problem, starts, place, share) for share in (1.0, 0.5))
        expected = (4 * narrow - wide) / 3
        size = np.abs(gradient).max(axis=0)
        trust = 2 * np.abs(wide - narrow) + 1e-6 * np.abs(expected) + 1e-7 * size + 1e-9
        distance = np.abs(gradient[place] - expected) / trust
        lane = int(np.argmax(distance))
        if not distance[lane] <= worst:
            worst, worst_place, worst_expected = distance[lane], (place, lane), expected
    if worst_place is not None:
        place, lane = worst_place
        _refuse(
            problem,
            f"has a wrong gradient: by {problem.parameter_names[place]} it gives "
            f"{gradient[place, lane]:.6g}, but differences of the loss give "
            f"{worst_expected[lane]:.6g}, {_point(problem, starts[:, lane])}",
        )


def _slopes(problem: PythonProblem, starts: Array, place: int, share: float) -> Array:
    step = share * np.cbrt(np.finfo(np.float64).eps) * np.maximum(1.0, np.abs(starts[place]))
    ahead, behind = starts.copy(), starts.copy()
    ahead[place] += step
    behind[place] -= step
    rise = problem.loss_and_gradient(ahead)[0] - problem.loss_and_gradient(behind)[0]
    slopes: Array = rise / (ahead[place] - behind[place])
    return slopes


def _point(problem: PythonProblem, point: Array) -> str:
    named = zip(problem.parameter_names, point, strict=True)
    shown = [f"{name} = {number:.6g}" for name, number in named][:8]
    return "where " + ", ".join(shown) + (", …" if len(point) > 8 else "")
