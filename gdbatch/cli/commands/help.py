"""`gdbatch help`: reference pages, and descriptions of components."""

from __future__ import annotations

from typing import Annotated

import typer

from ...registry import register
from ..terminal import described, is_terminal, say


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
    from ..pages import find, topics, without_images

    if topic is None:
        say(described(topics(), max(map(len, topics())) + 2))
    elif is_terminal():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(without_images(find(topic))))
    else:
        say(find(topic))
