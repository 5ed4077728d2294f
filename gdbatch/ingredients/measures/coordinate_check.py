"""The sizes of a network's sums of products: whether training scales with the width."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ...registry import register
from ..options import Floats
from ..problems.layers import Layers
from ..problems.network.preactivations import preactivations
from ..problems.protocol import Problem
from .protocol import Chosen, Column, MeasureOptions, Now, PathMeasure, Values

_FEWEST_LANES = 8  # of fewer, NumPy adds in another order

_Step = Annotated[int, Field(ge=0)]
_Layer = Annotated[int, Field(ge=1)]


@register("measure", "coordinate_check")
class CoordinateCheck(PathMeasure):
    """The size of each layer's sums of products s at given steps, or at the end.

    The size is the root mean square over units and samples: of s or, with `change`, of s - s at the
    start. If a parametrization is right, the change after a few steps does not depend on the width
    (Yang et al. 2022, appendix D.1). The size is NaN after a trial's end and if it overflows.
    """

    class Options(MeasureOptions):
        kind: Literal["coordinate_check"]
        steps: list[_Step] | None = Field(
            None, min_length=1, description="The steps, counted from 0; by default the last one."
        )
        change: bool = Field(False, description="Whether to measure s - s at the start.")
        layers: list[_Layer] | None = Field(
            None,
            min_length=1,
            description="The layers, counted from 1, the first after the inputs. By default all "
            "that the network has with the first value of every axis.",
        )

        def columns(self) -> list[Column]:
            stem = "preactivation_change" if self.change else "preactivation"
            ends = [""] if self.steps is None else [f"_at_{step}" for step in self.steps]
            return [Column(f"{stem}_{layer}{end}") for layer in self.layers or () for end in ends]

        def resolved_for(self, problem: Problem) -> MeasureOptions:
            if problem.layers is None or self.layers is not None:
                return self
            layers = list(range(1, len(problem.layers.activations) + 1))
            return self.model_copy(update={"layers": layers})

        def lacking(self, problem: Problem) -> str:
            if problem.layers is None:
                return "this problem is no network, so it has no layers to check"
            count = len(problem.layers.activations)
            beyond = [layer for layer in self.layers or () if layer > count]
            return f"there is no layer {beyond[0]}; the last is layer {count}" if beyond else ""

    def __init__(self, options: Options, n_parameters: int, lanes: int) -> None:
        self._options = options
        self._network: Layers | None = None
        self._places = {step: place for place, step in enumerate(options.steps or ())}
        self._sizes = np.full((len(options.layers or ()), len(self._places), lanes), np.nan)
        self._start = np.zeros((n_parameters if options.change else 0, lanes))
        self._last = np.zeros((0 if options.steps else n_parameters, lanes))

    def update(self, now: Now) -> None:
        if now.step == 0:
            self._network = now.problem.layers
            if self._options.change:
                np.copyto(self._start, now.parameters)
        if self._options.steps is None:
            np.copyto(self._last, now.parameters)
        elif now.step in self._places:
            sizes = self._measured(now.parameters, self._start)
            np.copyto(self._sizes[:, self._places[now.step]], sizes)

    def compute(self, step: int, chosen: Chosen, missing: Values) -> list[Values]:
        if self._options.steps is None:
            return list(self._measured(self._last[:, chosen], self._start[:, chosen]))
        return [sizes for layer in self._sizes for sizes in layer[:, chosen]]

    def _measured(self, parameters: Floats, start: Floats) -> Values:
        """The sizes (layers, lanes) at parameters (parameters, lanes)."""
        assert self._network is not None
        lanes = parameters.shape[1]
        padded = np.arange(max(lanes, _FEWEST_LANES)) % max(lanes, 1)
        found = []
        sums = preactivations(self._network, parameters[:, padded])
        before = preactivations(self._network, start[:, padded]) if self._options.change else None
        for sop in sums:  # which the next layer is computed from
            shown = sop if before is None else sop - next(before)
            squares = np.einsum("osl,osl->l", shown, shown)
            found.append(np.sqrt(squares / (sop.shape[0] * sop.shape[1]))[:lanes])
        missing = np.full(lanes, np.nan)
        chosen = [found[one - 1] if one <= len(found) else missing
                  for one in self._options.layers or ()]  # fmt: skip
        sizes = np.reshape(chosen, (-1, lanes))
        return np.where(np.isfinite(sizes), sizes, np.nan)
