"""`gdbatch list`: every shipped sweep and registered component."""

from __future__ import annotations

from typing import Annotated

import typer

from ...registry import register
from ..terminal import described, say


@register("command", "list")
def list_(
    family: Annotated[
        str | None,
        typer.Argument(help="A family, such as optimizers, outcomes or figures; all by default."),
    ] = None,
) -> None:
    """List the shipped sweeps and all components by family, one per line."""
    from ..listing import families, find_family

    shown = {title: entries for title, entries in families().items() if entries}
    if family is not None:
        title = find_family(family, shown)
        shown = {title: shown[title]}
    width = max(len(name) for entries in shown.values() for name in entries) + 2
    blocks = (f"{title}\n{described(entries, width, '  ')}" for title, entries in shown.items())
    say("\n\n".join(blocks))
