"""The commands: parse, call, print. No logic lives here, and nothing heavy is imported on top.

Data goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from .errors import GdbatchError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="At which learning rates does gradient descent converge, how fast, and how surely?",
)

Command = TypeVar("Command", bound=Callable[..., Any])

PART_FAILED = 3
INTERRUPTED = 130


def _end(message: str, code: int) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code)


def _guarded(command: Command) -> Command:
    """Every error becomes one message and an exit code; a traceback would be a bug."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> Any:
        try:
            return command(*arguments, **options)
        except GdbatchError as error:
            lines = str(error).splitlines()
            _end("\n".join(f"error: {line}" for line in lines), error.exit_code)
        except KeyboardInterrupt:
            _end(
                "\ninterrupted; finished shards are kept: run the same command to go on",
                INTERRUPTED,
            )
        except BrokenPipeError:  # the reader of our output has gone, as `head` does
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for the interpreter's last flush
            raise typer.Exit(0) from None
        except OSError as error:
            _end(f"error: {error.filename or 'the system'}: {error.strerror or error}", 1)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if os.environ.get("GDBATCH_TRACEBACK"):
                raise
            _end(
                f"error: gdbatch failed: {type(error).__name__}: {error}\n"
                "this is a bug; GDBATCH_TRACEBACK=1 shows where, please report it",
                1,
            )

    return guarded  # type: ignore[return-value]


def _version(wanted: bool) -> None:
    if wanted:
        from .version import __version__

        typer.echo(f"gdbatch {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    pass


@app.command()
@_guarded
def sweep(
    file: Annotated[str, typer.Argument(help="A sweep file, or the name of a shipped sweep.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Run directory.", show_default="results/NAME"),
    ] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="Worker processes; -1 is one a core.")
    ] = -1,
    engine: Annotated[
        str | None, typer.Option("--engine", help="What trains, in place of the file's.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value of the file (TOML)."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would cost, and stop.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Replace the run that is in the directory.")
    ] = False,
    allow_python: Annotated[
        bool, typer.Option("--allow-python", help="Run the Python code that the file names.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write trials.csv too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Answer as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Train what a sweep file describes, and answer.

    Goes on where an earlier run of the same sweep stopped.
    """
    overrides = set_ or []
    if dry_run:
        _dry_run(file, overrides, engine, allow_python, jobs, json)
        return
    from .api import run_sweep

    run = run_sweep(
        file,
        out=out,
        jobs=jobs,
        engine=engine,
        fresh=fresh,
        progress=not quiet,
        overrides=overrides,
        allow_python=allow_python,
    )
    assert run.totals is not None
    if csv and run.totals.trials:
        run.save_trials_csv()
    for failure in run.totals.failures:
        typer.echo(f"error: {failure}", err=True)
    if run.totals.trials and not (quiet and not json):
        _print_answer(run, json)
    if not quiet:
        kept = f" ({run.totals.kept_shards} shards kept)" if run.totals.kept_shards else ""
        what = "pixels" if run.maps else "trials"
        typer.echo(
            f"{run.totals.trials:,} {what} in {run.totals.seconds:.1f} s{kept}: {run.path}",
            err=True,
        )
    if run.totals.failures:
        raise typer.Exit(PART_FAILED)


def _dry_run(
    file: str,
    overrides: list[str],
    engine: str | None,
    allow_python: bool,
    jobs: int,
    as_json: bool,
) -> None:
    from .plan.plan import Plan
    from .run.estimate import estimate
    from .sweep_file import read_sweep
    from .sweep_file.shipped import find_sweep

    plan = Plan(read_sweep(find_sweep(file), overrides, engine, allow_python))
    cost = estimate(plan, jobs)
    if as_json:
        _print_json(cost.as_dict())
        return
    at_most = "at most " if cost.upper_bound else "about "
    rows = {
        "trials": f"{cost.trials:,}",
        "groups": f"{cost.groups:,}",
        "shards": f"{cost.shards:,}",
        "time": f"{at_most}{_duration(cost.seconds)} on {cost.workers} workers",
        "disk": f"about {_size(cost.bytes)}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<8}{value}")


def _duration(seconds: float) -> str:
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "1 s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:,.0f} PB"


def _print_answer(run: Any, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        _print_json(
            {
                "run": str(run.path),
                "answers": [asdict(one) for one in run.edges or run.maps or run.answers],
            }
        )
    else:
        typer.echo(run.in_words)


def _print_json(data: Any) -> None:
    import json

    typer.echo(json.dumps(data, indent=2))


@app.command()
@_guarded
def summary(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    csv: Annotated[bool, typer.Option("--csv", help="The summary table as CSV.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The answer as JSON.")] = False,
) -> None:
    """Answer again from a run, finished or not."""
    from .api import load_run

    loaded = load_run(run)
    if csv:
        typer.echo(loaded.summary.to_csv(index=False), nl=False)
    else:
        _print_answer(loaded, json)


@app.command()
@_guarded
def plot(
    run: Annotated[Path, typer.Argument(help="A run directory.")],
    kind: Annotated[
        str | None,
        typer.Argument(
            help="convergence, map, loss, prediction, bifurcation, trainability or sharpness; "
            "all if left out."
        ),
    ] = None,
) -> None:
    """Draw the figures of a run again, as PNG and SVG."""
    from .api import load_run

    for path in load_run(run).save_figures(None if kind is None else [kind]):
        typer.echo(path)


@app.command("list")
@_guarded
def list_() -> None:
    """List the shipped sweeps and every ingredient, a line each."""
    from . import registry
    from .sweep_file import read_sweep  # noqa: F401  registers the ingredients
    from .sweep_file.shipped import description, shipped_sweeps

    blocks = {
        "sweeps": {name: description(path) for name, path in shipped_sweeps().items()},
        **{
            family: {name: registry.summary(one) for name, one in registry.family(family).items()}
            for family in (
                "problem",
                "function",
                "dataset",
                "activation",
                "loss",
                "init",
                "optimizer",
                "schedule",
                "measure",
            )
        },
    }
    width = max(len(name) for block in blocks.values() for name in block) + 2
    for index, (title, block) in enumerate(blocks.items()):
        typer.echo(("\n" if index else "") + title)
        for name, line in block.items():
            typer.echo(f"  {name:<{width}}{line}")


@app.command()
@_guarded
def schema() -> None:
    """Print the JSON Schema of sweep files, for editors."""
    from .sweep_file.schema import json_schema

    _print_json(json_schema())


@app.command()
@_guarded
def new(
    name: Annotated[str, typer.Argument(help="Name of the sweep; NAME.toml is written here.")],
    python: Annotated[
        bool, typer.Option("--python", help="A problem in Python too, in NAME.py.")
    ] = False,
) -> None:
    """Write a commented sweep file to start from, with --python a problem of your own too."""
    from .sweep_file.starter import write_starter

    for path in write_starter(name, Path.cwd(), python):
        typer.echo(path)


@app.command()
@_guarded
def reproduce(
    name: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Which results; all if left out."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Coarser sweeps, in under three minutes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder of the runs.", show_default="results/reproduce"),
    ] = None,
    jobs: Annotated[
        int, typer.Option("-j", "--jobs", help="Worker processes; -1 is one a core.")
    ] = -1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Train published results again, and print what was published next to what was measured.

    Goes on where an earlier call stopped.
    """
    from .reproduce import as_markdown
    from .reproduce import reproduce as reproduce_results

    table = reproduce_results(name or (), out=out, quick=quick, jobs=jobs, progress=not quiet)
    typer.echo(as_markdown(table))


def main() -> None:
    """The console script."""
    app()
