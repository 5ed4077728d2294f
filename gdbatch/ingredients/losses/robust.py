"""Losses that grow linearly: huber and absolute_error."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ...numerics.elementary import Scalar, like, where
from ...registry import register
from ..options import Floats, PartOptions
from .protocol import MeanLoss


@register("loss", "huber")
class Huber(MeanLoss):
    """Mean of (p - t)²/2 up to |p - t| = delta, then linear: delta (|p - t| - delta/2).

    Huber 1964. With q = min(|p - t|, delta) a term is q |p - t| - q²/2.
    """

    aliases = ("huber_loss", "smooth_l1")

    class Options(PartOptions):
        kind: Literal["huber"]
        delta: float = Field(1.0, gt=0, description="Where the parabola becomes a line.")

    options: Options

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        size = abs(prediction - target)
        near = np.minimum(size, size.dtype.type(self.options.delta))
        return near * size - near * near / 2

    def slope(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        difference = prediction - target
        delta = difference.dtype.type(self.options.delta)
        return np.clip(difference, -delta, delta)

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar, delta: Scalar) -> Scalar:
        size = abs(prediction - target)
        near = where(size > delta, delta, size)
        return near * size - like(size, 0.5) * near * near

    @staticmethod
    def fused_slope(prediction: Scalar, sop: Scalar, target: Scalar, delta: Scalar) -> Scalar:
        difference = prediction - target
        return where(difference > delta, delta, where(difference < -delta, -delta, difference))

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.absolute(difference, work)
        np.minimum(work, work.dtype.type(self.options.delta), out=out)
        np.multiply(work, out, work)
        np.multiply(out, out, out)
        np.multiply(out, out.dtype.type(0.5), out)
        np.subtract(work, out, out)

    def slopes(self, difference: Floats, sop: Floats, targets: Floats, work: Floats) -> None:
        delta = difference.dtype.type(self.options.delta)
        np.minimum(difference, delta, out=difference)
        np.maximum(difference, -delta, out=difference)

    def slope_changes(self, difference: Floats, targets: Floats, changes: Floats) -> Floats:
        changed: Floats = changes * (np.abs(difference) <= self.options.delta)
        return changed

    def bound(self, lowest: float, highest: float, target: float) -> float:
        largest = max(abs(lowest - target), abs(highest - target))
        return self.options.delta * largest


@register("loss", "absolute_error")
class AbsoluteError(MeanLoss):
    """Mean of |p - t|, with slope 0 where p = t."""

    aliases = ("mae", "l1", "l1_loss", "mean_absolute_error")
    is_quadratic_at_target = False

    def term(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return abs(prediction - target)

    def slope(self, prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return np.sign(prediction - target)

    @staticmethod
    def fused(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        return abs(prediction - target)

    @staticmethod
    def fused_slope(prediction: Scalar, sop: Scalar, target: Scalar) -> Scalar:
        difference = prediction - target
        zero, one = like(difference, 0.0), like(difference, 1.0)
        return where(difference > zero, one, where(difference < zero, -one, difference))

    def terms(
        self, difference: Floats, sop: Floats, targets: Floats, out: Floats, work: Floats
    ) -> None:
        np.absolute(difference, out)

    def slopes(self, difference: Floats, sop: Floats, targets: Floats, work: Floats) -> None:
        np.sign(difference, difference)

    def slope_changes(self, difference: Floats, targets: Floats, changes: Floats) -> Floats:
        return np.zeros_like(changes)

    def bound(self, lowest: float, highest: float, target: float) -> float:
        return max(abs(lowest - target), abs(highest - target))
