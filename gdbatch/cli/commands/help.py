"""`gdbatch help`: reference pages, and descriptions of components."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ...registry import register
from ..terminal import say


@register("command", "help")
def help_(
    topic: Annotated[
        str | None,
        typer.Argument(
            help="A page, or a name from `gdbatch list`; without it, the pages are listed."
        ),
    ] = None,
) -> None:
    """Print a reference page, or describe an optimizer, a measure, an outcome, …"""
    from ..pages import find, topics

    if topic is None:
        width = max(map(len, topics())) + 2
        for name, title in topics().items():
            say(f"{name:<{width}}{title}")
    elif sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(find(topic)))
    else:
        say(find(topic))
