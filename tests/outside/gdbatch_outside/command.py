"""A command: how many trials a run has."""

import typer

from gdbatch.cli.commands.summary import RunLocation
from gdbatch.registry import register


@register("command", "outside_count")
def count(run: RunLocation) -> None:
    """Count the trials of a run."""
    from gdbatch import load_run

    typer.echo(len(load_run(run).trials()))
