"""Fixtures that several test files share.

This file has no tests.
"""

from __future__ import annotations

import pytest

from tests.run.helpers import parts_of, slow, sweep_in


@pytest.fixture(scope="session")
def slow_parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The parts of the slow sweep, trained in one go."""
    return parts_of(sweep_in(tmp_path_factory.mktemp("slow") / "run", slow()).path)
