"""The NumPy engine."""

from __future__ import annotations

from ...registry import register
from ..lane_state import LaneState
from ..loop import LaneEngine
from ..stepping import SteppingBlock
from ..task import Task
from .stepping import NumpySteppingBlock


@register("engine", "numpy")
class NumpyEngine(LaneEngine):
    """Vectorised NumPy, many trials per update; trains everything."""

    longest_intervals = (128, 64)

    def stepping_block(self, task: Task, lanes: LaneState, interval: int) -> SteppingBlock:
        return NumpySteppingBlock(task, self, lanes, interval)
