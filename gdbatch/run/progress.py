"""The progress bar: trials done, trials per second, time left and the count of each outcome.

It writes to stderr only, and draws nothing if stderr is not a terminal.
"""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from .runner import Observer, ShardReport

_ROOMY = 60  # columns of a terminal that has room for the bar and the rate


class ProgressBar(Observer):
    """Shows a run on a terminal."""

    def __init__(self) -> None:
        self._outcomes: dict[str, int] = {}
        self._done = 0
        self._words = ""
        console = Console(stderr=True)
        room = console.width >= _ROOMY
        self._progress = Progress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width=min(24, console.width // 8))] if room else []),
            MofNCompleteColumn(),
            *([TextColumn("trials · {task.fields[rate]}")] if room else []),
            TextColumn("· left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            # takes what the others leave
            TextColumn("{task.fields[outcomes]}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            expand=True,
        )
        self._task: TaskID | None = None

    def start(self, trials: int, kept_trials: int) -> None:
        """Draw the bar, including the trials that earlier runs finished."""
        if self._progress.console.is_terminal:
            self._progress.start()
        self._words = "resuming" if kept_trials else "training"
        self._task = self._progress.add_task(self._words, total=trials, rate="…", outcomes="")
        self._progress.advance(self._task, kept_trials)

    def preparing(self) -> None:
        """Show why the bar does not move yet."""
        assert self._task is not None
        self._progress.update(self._task, description="compiling, once")
        self._progress.refresh()

    def shard_done(self, report: ShardReport) -> None:
        """Advance the bar by one shard."""
        assert self._task is not None
        self._done += report.trials
        for name, count in report.outcomes.items():
            self._outcomes[name] = self._outcomes.get(name, 0) + count
        self._progress.advance(self._task, report.trials)
        self._progress.update(self._task, description=self._words)
        elapsed = self._progress.tasks[self._task].elapsed or 0.0
        rate = f"{self._done / elapsed:,.0f}/s" if elapsed else "…"
        outcomes = " ".join(f"{name} {count:,}" for name, count in self._outcomes.items() if count)
        self._progress.update(self._task, rate=rate, outcomes=outcomes)

    def stop(self) -> None:
        """Leave the last state of the bar on the screen."""
        if self._progress.console.is_terminal:  # any other output would get an empty line
            self._progress.stop()
