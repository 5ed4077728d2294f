"""What every kind of data is read into, and which columns of a table are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.float64], NDArray[np.float64]]  # inputs and targets of all samples
Labels = NDArray[np.str_]


@dataclass(frozen=True)
class Selection:
    """What is read from a table with named columns."""

    target: tuple[str, ...] = ()  # none: those that the table itself names
    features: tuple[str, ...] | None = None  # None: all other columns
    categorical: tuple[str, ...] = ()  # features whose values are categories
    weight: str | None = None
    labels: bool = False  # whether a single target may hold labels

    @property
    def is_given(self) -> bool:
        """Whether any column is selected by name."""
        return bool(self.target or self.features or self.categorical or self.weight)


@dataclass(frozen=True, eq=False)
class Rows:
    """Samples as they were read: numbers, but labels and categories still in words."""

    inputs: NDArray[np.float64]  # (samples, columns)
    targets: NDArray[np.float64] | None  # (samples, outputs); None if there are labels
    labels: Labels | None = None  # (samples,)
    weights: NDArray[np.float64] | None = None  # (samples,)
    source: str = ""  # for messages
    features: tuple[str, ...] = ()  # a name per column of `inputs`
    outputs: tuple[str, ...] = ()  # the names of the target columns
    categories: Mapping[str, Labels] = field(default_factory=dict)  # (samples,) by feature
    order: tuple[str, ...] = ()  # the names of all features, categorical ones included
    classes: tuple[str, ...] = ()  # in the order of the source, if it has one

    def __len__(self) -> int:
        return len(self.inputs)


def named_rows(arrays: Arrays, source: str) -> Rows:
    """Rows of numbers without names; the features are called `input_0`, `input_1`, …"""
    names = tuple(f"input_{column}" for column in range(arrays[0].shape[1]))
    return Rows(*arrays, source=source, features=names, order=names)


def words_of(numbers: NDArray[np.float64]) -> Labels:
    """Numbers as labels.

    >>> words_of(np.array([1.0, -2.0, 0.5])).tolist()
    ['1', '-2', '0.5']
    """
    distinct, which = np.unique(numbers, return_inverse=True)
    shown = [str(int(one)) if are_whole(one) else repr(float(one)) for one in distinct]
    return np.array(shown, np.str_)[which]


def are_whole(numbers: NDArray[np.float64]) -> bool:
    """Whether all numbers are integers that float64 holds exactly."""
    return bool((numbers == np.floor(numbers)).all() and (np.abs(numbers) < 2**53).all())
