"""The largest eigenvalue of a symmetric matrix in every lane, of which only products are known.

Lanczos's method with full orthogonalisation, begun anew from the best vector until that is one
(Golub and Van Loan, Matrix Computations, §10.1). A lane's bits are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Product = Callable[[Values], Values]  # (n, lanes) → (n, lanes)


class Hessian(Protocol):
    """A symmetric matrix in every lane."""

    def product(self, direction: Values, /) -> Values:
        """Times a direction, (n, lanes) both."""


_BASIS = 32
_MOST_RESTARTS = 30
_TOLERANCE = 1e-10  # of a residual, in terms of the largest entry of the projected matrix


def largest_eigenvalue(product: Product, start: Values) -> Values:
    """(lanes,) from vectors to begin with, (n, lanes); NaN where a product is not finite.

    A matrix of up to 32 rows is done in one go, to rounding; of a larger one the result is from
    below, and after 30 restarts the best that is known.
    """
    size = min(len(start), _BASIS)
    vector = start
    found = np.full(start.shape[1], np.nan)
    unsure = np.ones(start.shape[1], bool)
    for _ in range(_MOST_RESTARTS):
        value, residual, vector = _cycle(product, vector, size)
        np.copyto(found, value, where=unsure)
        unsure &= residual > _TOLERANCE
        if size == len(start) or not unsure.any():
            break
    return found


def _cycle(product: Product, start: Values, size: int) -> tuple[Values, Values, Values]:
    """Largest eigenvalue in a basis of so many vectors, its relative residual, and its vector."""
    lanes = start.shape[1]
    basis = np.zeros((size, *start.shape))
    diagonal, beside = np.zeros((size, lanes)), np.zeros((size, lanes))
    basis[0] = start / _norm(start)
    scale = np.zeros(lanes)
    for place in range(size):
        image = product(basis[place])
        diagonal[place] = _inner(basis[place], image)
        # no vector left: a value that is never above the largest in its place
        ended = (basis[place] == 0).all(axis=0)
        np.copyto(diagonal[place], diagonal[0], where=ended)
        for _ in range(2):  # the second time for what rounding left
            for known in basis[: place + 1]:
                image -= known * _inner(known, image)
        length = _norm(image)
        scale = np.maximum(scale, np.maximum(np.abs(diagonal[place]), length))
        beside[place] = np.where(length > 1e-14 * scale, length, 0.0)
        if place + 1 < size:
            np.divide(image, length, out=basis[place + 1], where=beside[place] > 0)
    matrix = np.zeros((lanes, size, size))
    for place in range(size):
        matrix[:, place, place] = diagonal[place]
        if place + 1 < size:
            matrix[:, place, place + 1] = matrix[:, place + 1, place] = beside[place]
    lost = ~np.isfinite(matrix).all(axis=(1, 2))
    matrix[lost] = 0.0
    values, vectors = np.linalg.eigh(matrix)
    best = vectors[:, :, -1].T  # (size, lanes)
    residual = beside[-1] * np.abs(best[-1]) / np.where(scale > 0, scale, 1.0)
    value = np.where(lost, np.nan, values[:, -1])
    return value, np.where(lost, 0.0, residual), np.einsum("bl,bpl->pl", best, basis)


def _inner(one: Values, other: Values) -> Values:
    inner: Values = np.einsum("pl,pl->l", one, other)
    return inner


def _norm(vector: Values) -> Values:
    norm: Values = np.sqrt(_inner(vector, vector))
    return norm
