"""Reports at the end of the tests how many trials the comparisons left out as chaotic.

This file has no tests.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.left_out import counts


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Pass on the counts of a worker of pytest-xdist."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add up the counts of the workers in the main process."""
    for test, (left, trials) in getattr(node, "workeroutput", {}).get("left_out", {}).items():
        counts[test][0] += left
        counts[test][1] += trials


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per test that compares trials."""
    if counts:
        terminalreporter.section("trials left out of comparisons as chaotic")
    for test, (left, trials) in sorted(counts.items()):
        terminalreporter.line(f"{left:,} of {trials:,}: {test}")
