"""gdbatch: at which learning rates does gradient descent converge, how fast, and how reliably?

The public names are imported on first access, so that `import gdbatch` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from .analysis import Answer, EdgeAnswer, GridAnswer, MapAnswer
    from .api import Run, load_run, run_sweep
    from .errors import (
        FigureError,
        FigureWarning,
        GdbatchError,
        IngredientError,
        PluginError,
        RunError,
        ShardError,
        SweepFileError,
        SweepFileWarning,
        UsageError,
    )
    from .ingredients.problems.from_function import from_function
    from .ingredients.problems.from_torch import from_torch

__all__ = [
    "Answer",
    "EdgeAnswer",
    "FigureError",
    "FigureWarning",
    "GdbatchError",
    "GridAnswer",
    "IngredientError",
    "MapAnswer",
    "PluginError",
    "Run",
    "RunError",
    "ShardError",
    "SweepFileError",
    "SweepFileWarning",
    "UsageError",
    "__version__",
    "from_function",
    "from_torch",
    "load_run",
    "run_sweep",
]

_HOMES = {
    "Answer": "analysis",
    "EdgeAnswer": "analysis",
    "GridAnswer": "analysis",
    "MapAnswer": "analysis",
    "Run": "api",
    "from_function": "ingredients.problems.from_function",
    "from_torch": "ingredients.problems.from_torch",
    "load_run": "api",
    "run_sweep": "api",
}

if not TYPE_CHECKING:  # for which every attribute would exist

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module 'gdbatch' has no attribute {name!r}")
        home = importlib.import_module(f".{_HOMES.get(name, 'errors')}", __name__)
        return getattr(home, name)


def __dir__() -> list[str]:
    return __all__
