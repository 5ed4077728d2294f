"""The typer application: every registered command, with shared options and error handling."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from .. import registry
from ..errors import GdbatchError
from ..signals import Interrupt
from ..version import __version__
from .terminal import fail, replace_unencodable, say


def main() -> None:
    """The command line, without the handling of signals."""
    replace_unencodable()
    with errors_as_messages():
        command = typer.main.get_command(application())
    command()


def application() -> typer.Typer:
    """An application with every registered command, those of plug-ins included."""
    app = typer.Typer(
        add_completion=False,
        cls=_Group,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="At which learning rates does gradient descent converge, how fast, and how reliably?",
    )
    app.callback()(_options_of_all)
    for name, command in registry.family("command").items():
        app.command(name, cls=_Command)(errors_as_messages()(command))
    return app


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> Any:
        return _plain_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> Any:
        return _plain_flags(super().get_params(ctx))


def _plain_flags(params: list[Any]) -> list[Any]:
    """Show flags as `--quiet` in help; Typer 0.29 adds the type of a value, `<bool>`."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


@contextlib.contextmanager
def errors_as_messages() -> Iterator[None]:
    """Turn every error into one message and an exit code; also usable as a decorator."""
    try:
        yield
    except GdbatchError as error:
        fail(str(error), error.exit_code)
    except Interrupt as interrupt:
        say(f"\n{interrupt}", err=True)
        raise SystemExit(interrupt.exit_code) from None
    except BrokenPipeError:  # the reader of the output, such as `head`, has exited
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for the final flush at exit
        raise SystemExit(0) from None
    except OSError as error:
        fail(f"{error.filename or 'the system'}: {error.strerror or error}", 1)
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if os.environ.get("GDBATCH_TRACEBACK"):
            raise
        fail(
            f"gdbatch failed: {type(error).__name__}: {error}; this is a bug: "
            "please report it, with the traceback that GDBATCH_TRACEBACK=1 shows",
            1,
        )


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"gdbatch {__version__}")
        raise typer.Exit


def _options_of_all(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass
