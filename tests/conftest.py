"""What the tests say at their end: how many trials the comparisons left out as chaotic.

Nothing is tested here.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.left_out import counts


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands its counts on."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = dict(counts)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """The main process adds up the counts of the workers."""
    for test, (left, trials) in getattr(node, "workeroutput", {}).get("left_out", {}).items():
        counts[test][0] += left
        counts[test][1] += trials


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per test that compares trials."""
    if counts:
        terminalreporter.section("trials left out of comparisons as chaotic")
    for test, (left, trials) in sorted(counts.items()):
        terminalreporter.line(f"{left:,} of {trials:,}: {test}")
