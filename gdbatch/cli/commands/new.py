"""`gdbatch new`: a sweep file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...registry import register
from ..terminal import say


@register("command", "new")
def new(
    name: Annotated[str, typer.Argument(help="Name of the sweep; NAME.toml is written here.")],
    python: Annotated[
        bool, typer.Option("--python", help="Also write NAME.py, an example of your own problem.")
    ] = False,
) -> None:
    """Write a commented sweep file to start from."""
    from ...sweep_file.starter import write_starter

    for path in write_starter(name, Path.cwd(), python):
        say(path)
