"""Stop rules: the quantities that end a trial."""

from __future__ import annotations

STOP_RULES = ("prediction_error", "loss", "gradient_norm")
