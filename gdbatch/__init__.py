"""gdbatch: at which learning rates does gradient descent converge, how fast, and how surely?

The public names are handed on lazily, so that `import gdbatch` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

__all__ = ["Run", "__version__", "from_function", "load_run", "run_sweep"]

if TYPE_CHECKING:
    from .api import Run, load_run, run_sweep
    from .ingredients.problems.from_function import from_function

_HOMES = {"from_function": ".ingredients.problems.from_function"}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, ".api"), __name__), name)
    raise AttributeError(f"module 'gdbatch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
