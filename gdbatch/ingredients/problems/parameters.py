"""The parameter arrays of a problem: their names, shapes and order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ParameterArray:
    """Adjacent parameters: the weights or the biases of a layer, or all parameters of a function.

    >>> ParameterArray("weight_1", (2, 3)).size
    6
    """

    name: str
    shape: tuple[int, ...]  # weights: (units below, units)
    is_bias: bool = False

    @property
    def size(self) -> int:
        """The number of parameters."""
        return math.prod(self.shape)


def count_layers(arrays: Sequence[ParameterArray]) -> int:
    """The number of layers; each has one array of weights."""
    return sum(not one.is_bias for one in arrays)


def layer_indices(arrays: Sequence[ParameterArray]) -> NDArray[np.int64]:
    """The layer of each parameter, counted from 0.

    >>> weights, bias = ParameterArray("weight_1", (1, 2)), ParameterArray("bias_1", (2,), True)
    >>> layer_indices([weights, bias, ParameterArray("weight_2", (2, 1))])
    array([0, 0, 0, 0, 1, 1])
    """
    layer = np.cumsum([not one.is_bias for one in arrays]) - 1
    return np.repeat(layer, [one.size for one in arrays])


def element_names(arrays: Sequence[ParameterArray]) -> list[str]:
    """A name per parameter: that of its array, and its indices.

    >>> element_names([ParameterArray("weight", (1, 2)), ParameterArray("bias", (1,))])
    ['weight_0_0', 'weight_0_1', 'bias_0']
    """
    return [
        "_".join([one.name, *map(str, index)]) for one in arrays for index in np.ndindex(one.shape)
    ]
