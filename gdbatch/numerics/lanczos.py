"""The largest eigenvalue of one symmetric matrix per lane, from matrix-vector products alone.

Lanczos's method with full reorthogonalisation, restarted from the best vector until it converges
(Golub and Van Loan, Matrix Computations, §10.1). The bits of a lane do not depend on the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Product = Callable[[Values], Values]  # (n, lanes) → (n, lanes)


class Hessian(Protocol):
    """A symmetric matrix per lane."""

    def product(self, direction: Values, /) -> Values:
        """The matrix times a direction, both (n, lanes)."""


_BASIS = 32
_MAX_RESTARTS = 30
_TOLERANCE = 1e-10  # of a residual, relative to the largest entry of the projected matrix


def largest_eigenvalue(product: Product, start: Values) -> Values:
    """The largest eigenvalues (lanes,); NaN if a product is not finite.

    start: initial vectors (n, lanes). For n ≤ 32 the result is exact to rounding; for larger n it
    is a converged lower bound, or the best one after 30 restarts.

    >>> diagonal = np.array([[1.0], [3.0], [-7.0]])
    >>> found = largest_eigenvalue(lambda vector: diagonal * vector, np.ones((3, 1)))
    >>> abs(float(found[0]) - 3.0) < 1e-12
    True
    """
    size = min(len(start), _BASIS)
    vector = start
    found = np.full(start.shape[1], np.nan)
    pending = np.ones(start.shape[1], bool)
    for _ in range(_MAX_RESTARTS):
        value, residual, vector = _cycle(product, vector, size)
        np.copyto(found, value, where=pending)
        pending &= residual > _TOLERANCE
        if size == len(start) or not pending.any():
            break
    return found


def _cycle(product: Product, start: Values, size: int) -> tuple[Values, Values, Values]:
    """The largest eigenvalue in a Krylov basis of `size` vectors, its residual and its vector."""
    lanes = start.shape[1]
    basis = np.zeros((size, *start.shape))
    diagonal, off_diagonal = np.zeros((size, lanes)), np.zeros((size, lanes))
    basis[0] = start / _norm(start)
    scale = np.zeros(lanes)
    for place in range(size):
        image = product(basis[place])
        diagonal[place] = _inner(basis[place], image)
        # the basis is complete: repeat a value that cannot exceed the largest
        ended = (basis[place] == 0).all(axis=0)
        np.copyto(diagonal[place], diagonal[0], where=ended)
        for _ in range(2):  # twice, against rounding
            for known in basis[: place + 1]:
                image -= known * _inner(known, image)
        length = _norm(image)
        scale = np.maximum(scale, np.maximum(np.abs(diagonal[place]), length))
        off_diagonal[place] = np.where(length > 1e-14 * scale, length, 0.0)
        if place + 1 < size:
            np.divide(image, length, out=basis[place + 1], where=off_diagonal[place] > 0)
    matrix = np.zeros((lanes, size, size))
    for place in range(size):
        matrix[:, place, place] = diagonal[place]
        if place + 1 < size:
            matrix[:, place, place + 1] = matrix[:, place + 1, place] = off_diagonal[place]
    not_finite = ~np.isfinite(matrix).all(axis=(1, 2))
    matrix[not_finite] = 0.0
    values, vectors = np.linalg.eigh(matrix)
    best = vectors[:, :, -1].T  # (size, lanes)
    residual = off_diagonal[-1] * np.abs(best[-1]) / np.where(scale > 0, scale, 1.0)
    value = np.where(not_finite, np.nan, values[:, -1])
    return value, np.where(not_finite, 0.0, residual), np.einsum("bl,bpl->pl", best, basis)


def _inner(one: Values, other: Values) -> Values:
    inner: Values = np.einsum("pl,pl->l", one, other)
    return inner


def _norm(vector: Values) -> Values:
    norm: Values = np.sqrt(_inner(vector, vector))
    return norm
