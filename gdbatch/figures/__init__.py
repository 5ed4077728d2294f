"""Figures: a table goes in, a matplotlib Figure comes out, one function per figure.

Every module of this folder is imported, so a new figure is a new file. No pyplot, no global state.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import pkgutil
from collections.abc import Callable, Iterator
from typing import cast

from matplotlib.figure import Figure

from .. import registry
from ..errors import FigureError
from .data import FigureData
from .style import house_style

for _module in pkgutil.iter_modules(__path__, __name__ + "."):
    importlib.import_module(_module.name)

__all__ = ["FigureData", "draw", "names", "rendered"]

_FORMATS: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "svg": {"Date": None}}


def names() -> tuple[str, ...]:
    """The names of all figures."""
    return tuple(registry.family("figure"))


def draw(kind: str, data: FigureData) -> Figure | None:
    """One figure, or None if there is no data for it.

    Raises KeyError for an unknown name, and FigureError if it cannot be drawn.
    """
    function = cast(Callable[[FigureData], Figure | None], registry.get("figure", kind))
    with house_style(), _failures_named(kind):
        return function(data)


def rendered(kind: str, figure: Figure) -> dict[str, bytes]:
    """A figure as files, `kind.png` and `kind.svg`; equal figures give equal bytes.

    Raises FigureError if it cannot be drawn.
    """
    files = {}
    for suffix, metadata in _FORMATS.items():
        file = io.BytesIO()
        with house_style(), _failures_named(kind):
            figure.savefig(file, format=suffix, metadata=metadata)
        files[f"{kind}.{suffix}"] = file.getvalue()
    return files


@contextlib.contextmanager
def _failures_named(kind: str) -> Iterator[None]:
    """Turn every exception in a figure's code into a FigureError that names the figure."""
    try:
        yield
    except Exception as error:
        message = f'the figure "{kind}" cannot be drawn: {type(error).__name__}: {error}'
        raise FigureError(message) from error
