"""Signals that end a command: Ctrl-C, `kill`, and a terminal that is closed."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

# Windows has no SIGHUP
ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}


class Interrupt(BaseException):
    """A signal asks the process to end.

    Not a KeyboardInterrupt, after which Typer would exit without a message.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number  # as a shell reports it
        self._words = _WORDS[signal.Signals(number).name]

    def __str__(self) -> str:
        return "; ".join([self._words, *getattr(self, "__notes__", [])])


def raise_interrupt(number: int, _: FrameType | None = None) -> NoReturn:
    """A signal handler."""
    raise Interrupt(number)


def raise_interrupts() -> None:
    """Raise Interrupt on each ending signal; one that is ignored, as by `nohup`, stays ignored."""
    for number in ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, raise_interrupt)
