"""gdbatch: at which learning rates does gradient descent converge, how fast, and how surely?

The public names are handed on lazily, so that `import gdbatch` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .version import __version__

__all__ = ["Run", "__version__", "load_run", "run_sweep"]

if TYPE_CHECKING:
    from .api import Run, load_run, run_sweep


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module 'gdbatch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
