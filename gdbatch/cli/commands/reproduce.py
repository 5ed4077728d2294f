"""`gdbatch reproduce`: published results, reproduced."""

from __future__ import annotations

from typing import Annotated

import typer

from ...registry import register
from ..terminal import resumable, say
from .sweep import Jobs


@register("command", "reproduce")
@resumable()
def reproduce(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Which results; all by default."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run coarser sweeps, in under three minutes.")
    ] = False,
    out: Annotated[
        str | None,
        typer.Option("-o", "--out", help="Folder for the runs.", show_default="results/reproduce"),
    ] = None,
    jobs: Jobs = -1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Reproduce published results, and print the published values next to the measured ones.

    Resumes an interrupted run.
    """
    from ...reproduce import as_markdown
    from ...reproduce import reproduce as reproduce_results

    table = reproduce_results(name or (), out=out, quick=quick, jobs=jobs, progress=not quiet)
    say(as_markdown(table))
