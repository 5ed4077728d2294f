"""Limits and counts the chaotic trials, whose last bits grow, that comparisons leave out.

This file has no tests.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence

CHAOS = "chaos"  # the mark of a trial that a comparison leaves out

counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])  # by test: trials left out, of all


def count_left_out(found: Sequence[str]) -> int:
    """Count the chaotic ones of some compared trials, for the report; returns their number."""
    test = os.environ["PYTEST_CURRENT_TEST"].partition("[")[0].partition(" ")[0]
    left = list(found).count(CHAOS)
    counts[test][0] += left
    counts[test][1] += len(found)
    return left


def assert_few_left_out(found: Sequence[str], share: float) -> None:
    """Check that at most a share of the compared trials was left out."""
    assert count_left_out(found) <= share * len(found)
