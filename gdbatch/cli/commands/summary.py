"""`gdbatch summary`: the answer or the summary table of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...registry import register
from ..terminal import print_json, say, warn

if TYPE_CHECKING:
    from ...api import Run

RunLocation = Annotated[str, typer.Argument(help="A run directory, or STORE://PLACE.")]


@register("command", "summary")
def summary(
    run: RunLocation,
    csv: Annotated[bool, typer.Option("--csv", help="Print the summary table as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Print the answer of a complete or partial run."""
    from ...api import load_run

    loaded = load_run(run)
    for stray in loaded.strays:
        warn(stray)
    if csv:
        if loaded.partial:
            warn(f"the run is partial: {loaded.partial}")
        say(loaded.summary.to_csv(index=False).removesuffix("\n"))
    else:
        print_answer(loaded, json)


def print_answer(run: Run, as_json: bool) -> None:
    """Print the answer of a run, in words or as JSON."""
    if not as_json:
        say(str(run.answer))
        return
    partial = {"partial": run.answer.partial} if run.answer.partial else {}
    print_json({"run": run.location, **partial, "answers": run.answer.as_dicts()})
