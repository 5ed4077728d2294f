"""`gdbatch plot`: redraw the figures of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from ...registry import register
from ..terminal import say, warn
from .summary import RunLocation


@register("command", "plot")
def plot(
    run: RunLocation,
    kind: Annotated[
        str | None,
        typer.Argument(help="A figure from `gdbatch list figures`; all by default."),
    ] = None,
) -> None:
    """Redraw the figures of a run as PNG and SVG, and print their paths."""
    from ...api import load_run

    kinds = None if kind is None else [kind]
    for path in load_run(run).save_figures(kinds, on_failure=warn):
        say(path)
