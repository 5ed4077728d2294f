"""A command: how many trials a run has."""

from pathlib import Path
from typing import Annotated

import typer

from gdbatch.registry import register


@register("command", "count")
def count(run: Annotated[Path, typer.Argument(help="A run directory.")]) -> None:
    """Count the trials of a run."""
    from gdbatch import load_run

    typer.echo(len(load_run(run).trials()))
