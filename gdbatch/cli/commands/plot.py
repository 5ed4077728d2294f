"""`gdbatch plot`: the figures of a run, again."""

from __future__ import annotations

from typing import Annotated

import typer

from ...registry import register
from .summary import RunDirectory


@register("command", "plot")
def plot(
    run: RunDirectory,
    kind: Annotated[
        str | None,
        typer.Argument(help="A figure that `gdbatch list figures` shows; all by default."),
    ] = None,
) -> None:
    """Draw the figures of a run again, as PNG and SVG, and print their paths."""
    from ...api import load_run

    for path in load_run(run).save_figures(None if kind is None else [kind]):
        typer.echo(path)
