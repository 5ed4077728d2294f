"""The initializer that leaves the start to the model."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.random import Generator
from pydantic import model_validator

from ...errors import IngredientError
from ...registry import register
from ..options import Floats
from ..problems.protocol import Problem
from .protocol import Hyperparameters, Initializer, InitOptions


@register("init", "module")
class OwnStart(Initializer):
    """The model's own initialisation: of a PyTorch module, or the function `init` of JAX.

    One draw per seed.
    """

    class Options(InitOptions):
        kind: Literal["module"]

        @model_validator(mode="after")
        def _without_biases(self) -> OwnStart.Options:
            if "biases" in self.model_fields_set:
                message = "biases start where the model puts them; leave biases out"
                raise IngredientError(message, "biases")
            return self

    def __init__(self, options: Options, problem: Problem) -> None:
        if not problem.has_own_start:
            raise IngredientError(
                "this problem has no initialisation of its own; that is for models, such as "
                '[problem] kind = "torch"',
                "kind",
            )
        self._problem = problem

    def draw(self, random: Generator, seed: int) -> Floats:
        """The parameters (parameters,)."""
        return self._problem.draw_start(random)

    def start(self, draws: Floats, hyperparameters: Hyperparameters) -> Floats:
        """The draws as they are."""
        return np.array(draws)
