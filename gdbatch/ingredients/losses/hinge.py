"""Margin losses, for targets of -1 and 1."""

from __future__ import annotations

import numpy as np

from ...numerics.elementary import Scalar, like, where
from ...registry import register
from ..options import Floats
from .protocol import MeanLoss


class _Margin(MeanLoss):
    """A function of what is missing to the margin: max(0, 1 - t p), as t is 1 or -1: t (t - p)."""

    target_range = (-1.0, 1.0)
    is_classification = True
    needs_hard_labels = True
    is_quadratic_at_target = False

    @staticmethod
    def _fill_missing(difference: Floats, targets: Floats, out: Floats) -> None:
        np.multiply(difference, targets, out)
        np.negative(out, out)
        np.maximum(out, out.dtype.type(0), out=out)


@register("loss", "hinge")
class Hinge(_Margin):
    """Mean of max(0, 1 - t p) over outputs and samples, for targets t of -1 and 1 (Vapnik 1995)."""

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.maximum(target * (target - prediction), 0)

    def slope(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return -target * np.sign(np.maximum(target * (target - prediction), 0))

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        missing = target * (target - prediction)
        zero = like(missing, 0.0)
        return where(missing < zero, zero, missing)

    @staticmethod
    def fused_slope(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        missing = target * (target - prediction)
        zero = like(missing, 0.0)
        return where(missing > zero, -target, where(missing <= zero, zero, missing))

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        self._fill_missing(difference, targets, out)

    def slopes(self, difference: Floats, sop: Floats, targets: Floats, work: Floats) -> None:
        self._fill_missing(difference, targets, work)
        np.sign(work, work)
        np.multiply(work, targets, work)
        np.negative(work, difference)

    def slope_changes(self, difference: Floats, targets: Floats, changes: Floats) -> Floats:
        return np.zeros_like(changes)

    def bound(self, lowest: float, highest: float, target: float) -> float:
        return max(0.0, target * (target - lowest), target * (target - highest))


@register("loss", "squared_hinge")
class SquaredHinge(_Margin):
    """Mean of max(0, 1 - t p)² over outputs and samples, for targets t of -1 and 1."""

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.maximum(target * (target - prediction), 0) ** 2

    def slope(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return -2 * target * np.maximum(target * (target - prediction), 0)

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        missing = target * (target - prediction)
        missing = where(missing < like(missing, 0.0), like(missing, 0.0), missing)
        return missing * missing

    @staticmethod
    def fused_slope(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        missing = target * (target - prediction)
        missing = where(missing < like(missing, 0.0), like(missing, 0.0), missing)
        return -(target + target) * missing

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        self._fill_missing(difference, targets, out)
        np.multiply(out, out, out)

    def slopes(self, difference: Floats, sop: Floats, targets: Floats, work: Floats) -> None:
        self._fill_missing(difference, targets, work)
        np.multiply(work, targets, work)
        np.multiply(work, work.dtype.type(-2), difference)

    def slope_changes(self, difference: Floats, targets: Floats, changes: Floats) -> Floats:
        changed: Floats = 2 * changes * (-targets * difference > 0)
        return changed

    def bound(self, lowest: float, highest: float, target: float) -> float:
        missing = max(0.0, target * (target - lowest), target * (target - highest))
        return missing * missing
