"""`gdbatch sweep`: run a sweep file."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import SweepFileWarning
from ...registry import register
from ..terminal import duration, print_json, resumable, say, size, warn
from .summary import print_answer

if TYPE_CHECKING:
    from ...api import Run

PART_FAILED = 3

Jobs = Annotated[int, typer.Option("-j", "--jobs", help="Worker processes; -1 means one per core.")]


@register("command", "sweep")
@resumable()
def sweep(
    file: Annotated[str, typer.Argument(help="A sweep file, or the name of a shipped sweep.")],
    out: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--out",
            help="Run directory, or STORE://PLACE; see `gdbatch list stores`.",
            show_default="results/NAME",
        ),
    ] = None,
    jobs: Jobs = -1,
    engine: Annotated[
        str | None,
        typer.Option("--engine", help="Override the file's engine; see `gdbatch list engines`."),
    ] = None,
    executor: Annotated[
        str,
        typer.Option("--executor", help="Where shards are trained; see `gdbatch list executors`."),
    ] = "local",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a value of the file, in TOML."),
    ] = None,
    allow_python: Annotated[
        bool, typer.Option("--allow-python", help="Allow the Python code named in the file to run.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Replace an existing run in the directory.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the axes and the cost; train nothing.")
    ] = False,
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Draw no figures.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Also write trials.csv.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only errors.")] = False,
) -> None:
    """Train the models that a sweep file describes, and print the answer.

    Resumes an interrupted run of the same sweep.
    """
    overrides = set_ or []
    if dry_run:
        _dry_run(file, overrides, engine, allow_python, jobs, json)
        return
    from ...api import run_sweep

    with _warnings_on_stderr(quiet):
        run = run_sweep(
            file,
            out=out,
            jobs=jobs,
            engine=engine,
            executor=executor,
            fresh=fresh,
            progress=not quiet,
            overrides=overrides,
            allow_python=allow_python,
            on_error="keep",
        )
    _finish(run, csv, json, quiet, not no_figures)


@contextlib.contextmanager
def _warnings_on_stderr(quiet: bool) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if quiet else "always", SweepFileWarning)
        warnings.showwarning = lambda message, *_, **__: warn(str(message))
        yield


def _finish(run: Run, csv: bool, json: bool, quiet: bool, figures: bool) -> None:
    """Print and write what the options ask for; exits with 3 if a shard failed."""
    totals = run.totals
    assert totals is not None
    for stray in run.strays:
        warn(stray)
    for failure in totals.failures:
        say(f"error: {failure}", err=True)
    if totals.trials:
        if csv:
            run.save_trials_csv()
        if json or not quiet:
            print_answer(run, json)
        if figures:  # last: a figure that fails must not hide the answer
            run.save_figures(on_failure=warn)
    if not quiet:
        shards = "1 shard" if totals.kept_shards == 1 else f"{totals.kept_shards:,} shards"
        kept = f" ({shards} kept)" if totals.kept_shards else ""
        count = f"{totals.trials:,} {run.analysis.noun}"
        say(f"{count} in {totals.seconds:.1f} s{kept}: {run.location}", err=True)
    if totals.failures:
        raise SystemExit(PART_FAILED)


def _dry_run(
    file: str,
    overrides: list[str],
    engine: str | None,
    allow_python: bool,
    jobs: int,
    as_json: bool,
) -> None:
    from ...plan import Plan
    from ...run.estimate import estimate
    from ...sweep_file import read_sweep
    from ...sweep_file.shipped import find_sweep

    plan = Plan(read_sweep(find_sweep(file), overrides, engine, allow_python))
    for message in plan.warnings:
        warn(message)
    cost = estimate(plan, jobs)
    if as_json:
        print_json(cost.as_dict())
        return
    at_most = "at most " if cost.upper_bound else "about "
    workers = "1 worker" if cost.workers == 1 else f"{cost.workers} workers"
    rows = [
        *((axis.column, axis.preview()) for axis in plan.axes),
        ("trials", f"{cost.trials:,}"),
        ("groups", f"{cost.groups:,}"),
        ("shards", f"{cost.shards:,}"),
        ("time", f"{at_most}{duration(cost.seconds)} on {workers}"),
        ("disk", f"about {size(cost.bytes)}"),
    ]
    width = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        say(f"{name:<{width}}{value}")
