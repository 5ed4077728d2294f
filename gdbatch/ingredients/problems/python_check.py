"""Checks a user's problem before training: does its gradient match its loss?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..options import Floats

_MAX_CHECKED = 200  # parameters
_passed: set[tuple[object, bytes]] = set()  # in this process

LossAndGradient = Callable[..., tuple[Floats, Floats]]


class CheckFailed(Exception):
    """The message continues a sentence whose subject is the user's object."""


def check(
    loss_and_gradient: LossAndGradient,
    names: Sequence[str],
    starts: NDArray[np.float64],
    identity: object,
    n_samples: int = 0,
) -> None:
    """Raises CheckFailed if the problem is wrong at starts (parameters, lanes).

    identity: identifies the code, hashable; a passed check is not repeated in the same process.
    n_samples: of which the second argument of loss_and_gradient may choose some, 0 if none.
    """
    key = identity, starts.tobytes()
    if key in _passed:
        return
    with np.errstate(all="ignore"):
        loss, gradient = loss_and_gradient(starts)
        _check_finite(names, starts, loss, gradient)
        if not np.array_equal(loss, loss_and_gradient(starts)[0]):
            raise CheckFailed("gives a different loss when called again with the same parameters")
        mirrored = loss_and_gradient(np.ascontiguousarray(starts[:, ::-1]))
        for found, turned in zip((loss, gradient), mirrored, strict=True):
            if not np.allclose(found, turned[..., ::-1], rtol=1e-9, atol=1e-12):
                raise CheckFailed("mixes lanes: the results of a column depend on its neighbours")
        _check_gradient(loss_and_gradient, names, starts, loss, gradient)
        if n_samples:
            _check_samples(loss_and_gradient, starts, loss, n_samples)
    _passed.add(key)


def _check_finite(
    names: Sequence[str], starts: NDArray[np.float64], loss: Floats, gradient: Floats
) -> None:
    wrong = np.flatnonzero(~(np.isfinite(loss) & np.isfinite(gradient).all(axis=0)))
    if wrong.size:
        lane = int(wrong[0])
        shown = ", ".join(f"{one:g}" for one in gradient[:8, lane])
        raise CheckFailed(
            f"gives the loss {loss[lane]:g} and the gradient {shown} at an initial point, "
            + _at(names, starts[:, lane])
        )


def _check_gradient(
    loss_and_gradient: LossAndGradient,
    names: Sequence[str],
    starts: NDArray[np.float64],
    loss: Floats,
    gradient: Floats,
) -> None:
    """Compare with central differences, whose accuracy is estimated from two step sizes."""
    count = len(starts)
    worst, worst_place, worst_expected = 1.0, None, np.zeros(0)
    for place in np.unique(np.linspace(0, count - 1, _MAX_CHECKED).astype(int)):
        (wide, step), (narrow, _) = (
            _differences(loss_and_gradient, starts, place, share) for share in (1.0, 0.5)
        )
        expected = (4 * narrow - wide) / 3
        size = np.abs(gradient).max(axis=0)
        tolerance = 2 * np.abs(wide - narrow) + 1e-6 * np.abs(expected) + 1e-7 * size + 1e-9
        # the loss may carry a large constant, whose rounding the differences magnify
        tolerance += 16 * np.finfo(np.float64).eps * np.abs(loss) / step
        distance = np.abs(gradient[place] - expected) / tolerance
        lane = int(np.argmax(distance))
        if not distance[lane] <= worst:
            worst, worst_place, worst_expected = distance[lane], (place, lane), expected
    if worst_place is not None:
        place, lane = worst_place
        raise CheckFailed(
            f"has a wrong gradient: ∂loss/∂{names[place]} is {gradient[place, lane]:.6g}, but "
            f"differences of the loss give {worst_expected[lane]:.6g}, "
            + _at(names, starts[:, lane])
        )


def _check_samples(
    loss_and_gradient: LossAndGradient,
    starts: NDArray[np.float64],
    loss: Floats,
    n_samples: int,
) -> None:
    """All samples by their indices must give the loss of all; one sample must be accepted."""
    everything = np.repeat(np.arange(n_samples)[:, None], starts.shape[1], axis=1)
    listed = loss_and_gradient(starts, everything)[0]
    if not np.allclose(listed, loss, rtol=1e-9, atol=1e-12):
        raise CheckFailed(
            f"gives the loss {listed[0]:g} for the indices of all samples, but {loss[0]:g} for "
            "None, which also stands for all; return a mean over the chosen samples"
        )
    loss_and_gradient(starts, everything[:1])


def _differences(
    loss_and_gradient: LossAndGradient, starts: NDArray[np.float64], place: int, share: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Central differences of the loss along one parameter, and their steps, both (lanes,)."""
    step = share * np.cbrt(np.finfo(np.float64).eps) * np.maximum(1.0, np.abs(starts[place]))
    ahead, behind = starts.copy(), starts.copy()
    ahead[place] += step
    behind[place] -= step
    rise = loss_and_gradient(ahead)[0] - loss_and_gradient(behind)[0]
    return np.asarray(rise / (ahead[place] - behind[place]), np.float64), step


def _at(names: Sequence[str], point: NDArray[np.float64]) -> str:
    named = zip(names, point, strict=True)
    shown = [f"{name} = {number:.6g}" for name, number in named][:8]
    return "where " + ", ".join(shown) + (", …" if len(point) > 8 else "")
