"""The quantities that kernels compute for stop rules, one row of an array each."""

from __future__ import annotations

ROWS = ("prediction_error", "loss", "gradient_norm")  # as `StopRule.fused_row` names them
ERROR, LOSS, NORM = range(len(ROWS))
