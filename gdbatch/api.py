"""The Python interface: run a sweep, load a run, and read its tables, answer and figures.

The commands use it too; they only parse and print.
"""

from __future__ import annotations

import functools
import io
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from .analysis import Analysis, Answer, analysis_of, answer_of, sweep_facts
from .errors import (
    FigureError,
    FigureWarning,
    ShardError,
    SweepFileWarning,
    UsageError,
    nearest,
)
from .plan import Plan
from .run.directory import RunDirectory
from .run.progress import ProgressBar
from .run.runner import Totals, run
from .run.store import LocalStore, Store
from .sweep_file import Overrides, read_sweep
from .sweep_file.shipped import find_sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .figures import FigureData

Kind = Literal["trials", "trajectories"]


class Run:
    """A run: its tables as pandas DataFrames, its answer and its figures.

    Tables are read on first access, and every part is verified then. Raises RunError for a part
    that is damaged or belongs to another run.
    """

    def __init__(self, location: str | Path | Store) -> None:
        self.directory = RunDirectory(location)
        self.manifest = self.directory.manifest()
        self.totals: Totals | None = None  # if it was made in this process
        self._tables: dict[Kind, pd.DataFrame] = {}

    def __repr__(self) -> str:
        partial = f", partial: {self.partial}" if self.partial else ""
        trials = f"{self.manifest['trials']:,} trials"
        return f"<gdbatch.Run {self.name}: {trials} in {self.location}{partial}>"

    @property
    def location(self) -> str:
        """The path of the run directory, or the URL of a run in another store."""
        return self.directory.location

    @property
    def path(self) -> Path:
        """The run directory; raises UsageError if the run is in another store."""
        if not isinstance(self.directory.store, LocalStore):
            raise UsageError(f"{self.location} is not a local directory; use `location`")
        return self.directory.store.path

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return str(self.manifest["sweep"]["name"])

    @property
    def axes(self) -> list[str]:
        """The axis columns in plan order, the slowest first."""
        return list(self.manifest["axes"])

    @property
    def partial(self) -> str:
        """How much of an incomplete run exists, as in `4 of 16 shards`; empty if complete."""
        completeness = self.directory.completeness()
        return "" if completeness.is_complete else str(completeness)

    @property
    def strays(self) -> tuple[str, ...]:
        """A sentence for each file among the parts that is ignored."""
        return self.directory.completeness().strays

    # tables ------------------------------------------------------------------------------

    def trials(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per trial, in plan order; with `columns`, only these are read.

        The whole table is read once. Raises UsageError for a column that does not exist.
        """
        return self._table("trials", columns)

    def trajectories(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per (trial, step) of the recorded trials; with `columns`, only these are read.

        The whole table is read once. Raises UsageError for a column that does not exist, or if
        nothing was recorded.
        """
        return self._table("trajectories", columns)

    def _table(self, kind: Kind, columns: Sequence[str] | None) -> pd.DataFrame:
        if columns is None:
            if kind not in self._tables:
                self._tables[kind] = self._read(kind, None)
            return self._tables[kind]
        if kind in self._tables:
            whole = self._tables[kind]
            self._check_columns(kind, columns, [*map(str, whole)])
            return whole[[*columns]].copy()
        return self._read(kind, list(columns))

    def _read(self, kind: Kind, columns: list[str] | None) -> pd.DataFrame:
        # groups may have recorded different numbers of predictions or parameters
        table = pa.concat_tables(list(self._parts(kind, columns)), promote_options="default")
        if columns is not None:
            self._check_columns(kind, columns, table.column_names)
            table = table.select(columns)
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def _check_columns(self, kind: Kind, columns: Sequence[str], known: list[str]) -> None:
        for name in columns:
            if name not in known:
                known = next(self._parts(kind, None)).column_names
                raise UsageError(f'{kind} have no column "{name}"; {nearest(name, known)}')

    def _parts(self, kind: Kind, columns: list[str] | None) -> Iterator[pa.Table]:
        """The verified parts, one at a time; raises UsageError if there is none."""
        part = None
        for part in self.directory.parts(kind, columns):
            yield part
        if part is None:
            raise UsageError(f"{self.location} has no {kind} yet")

    # summary and answer ------------------------------------------------------------------

    @functools.cached_property
    def analysis(self) -> Analysis:
        """Summarises the trials of the search and draws the answer from them."""
        return analysis_of(sweep_facts(self.manifest, is_complete=not self.partial))

    @functools.cached_property
    def summary(self) -> pd.DataFrame:
        """One row per combination of the axes, over all seeds; the edge of a refined axis.

        For a partial run, it covers the existing shards.
        """
        parts = self._parts("trials", [*self.axes, *self.analysis.trial_columns])
        return self.analysis.summarise(part.to_pandas() for part in parts)

    @functools.cached_property
    def answer(self) -> Answer:
        """The answer of the sweep, as a sequence of entries; `print(run.answer)` shows it."""
        return answer_of(self.analysis, self.summary, self.partial)

    def save_summary(self) -> None:
        """Write `summary.csv`."""
        self.directory.put_derived("summary.csv", [self.summary.to_csv(index=False).encode()])

    def save_trials_csv(self) -> None:
        """Write `trials.csv`, part by part."""
        self.directory.put_derived(
            "trials.csv", map(_as_csv, itertools.count(), self._parts("trials", None))
        )

    # figures -----------------------------------------------------------------------------

    def plot(self, kind: str = "convergence") -> Figure:
        """A figure of this run.

        Raises UsageError if there is no such figure or the run has no data for it, and FigureError
        if it cannot be drawn.
        """
        from . import figures

        if kind not in figures.names():
            raise UsageError(f'unknown figure "{kind}"; {nearest(kind, figures.names())}')
        figure = figures.draw(kind, self._figure_data)
        if figure is None:
            raise UsageError(f'{self.location} has no data for the figure "{kind}"')
        return figure

    def save_figures(
        self,
        kinds: Sequence[str] | None = None,
        *,
        on_failure: Callable[[str], None] | None = None,
    ) -> list[str]:
        """Draw figures as PNG and SVG into the run's `figures`; returns their paths or URLs.

        kinds: names of figures, by default all for which the run has data. Raises FigureError if
        one of `kinds` cannot be drawn. on_failure: without `kinds`, called with a message for each
        figure that cannot be drawn; by default, a FigureWarning is issued.
        """
        from . import figures

        files: dict[str, bytes] = {}
        if kinds is not None:
            drawn = {kind: self.plot(kind) for kind in kinds}
            for kind, figure in drawn.items():
                files |= figures.rendered(kind, figure)
        else:
            for kind in figures.names():
                try:
                    found = figures.draw(kind, self._figure_data)
                    files |= {} if found is None else figures.rendered(kind, found)
                except FigureError as error:
                    (on_failure or _warn)(str(error))
        return [
            self.directory.put_derived(f"figures/{name}", [content])
            for name, content in files.items()
        ]

    @functools.cached_property
    def _figure_data(self) -> FigureData:
        from .figures import FigureData

        facts = self.manifest["facts"]
        recorded = self.directory.has_parts("trajectories")
        return FigureData(
            name=self.name,
            summary=self.summary,
            trajectories=self.trajectories() if recorded else None,
            axes=tuple(axis for axis in self.axes if axis != "seed"),
            targets=tuple(facts["targets"]) if facts["targets"] is not None else None,
            curvature=facts["curvature"],
            criterion=self.analysis.facts.criterion,
            sparse_map=self.analysis.sparse_map,
            trials=self.trials() if self.manifest["sweep"]["record"].get("measures") else None,
        )


def _as_csv(index: int, part: pa.Table) -> bytes:
    """A part of `trials` as CSV; the first one has a header."""
    import pyarrow.csv

    outcome = part.column_names.index("outcome")
    plain = part.set_column(outcome, "outcome", part["outcome"].cast(pa.string()))
    file = io.BytesIO()
    pyarrow.csv.write_csv(plain, file, pyarrow.csv.WriteOptions(include_header=index == 0))
    return file.getvalue()


def _warn(message: str) -> None:
    warnings.warn(message, FigureWarning, stacklevel=3)


def run_sweep(
    source: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    jobs: int = -1,
    engine: str | None = None,
    executor: str = "local",
    fresh: bool = False,
    progress: bool = False,
    figures: bool = False,
    overrides: Overrides = (),
    allow_python: bool = False,
    data: object = None,
    on_error: Literal["raise", "keep"] = "raise",
) -> Run:
    """Run a sweep and return the run; resumes an earlier run of the same sweep.

    source: a sweep file, the name of a shipped one, or an equivalent dict. out: the run directory,
    by default `results/NAME`, or `STORE://PLACE` for another store. jobs: worker processes; -1 is
    one per core. engine: replaces the one in the file. fresh: replace a run of another plan.
    figures: draw all figures into the run directory. overrides: values by dotted key, or strings
    `KEY=VALUE` in TOML. allow_python: run the code of a problem with kind = "python". data: the
    samples, in place of `problem.data`: a pandas DataFrame, a tuple (X, y) of arrays, or a Bunch of
    scikit-learn. on_error: if shards fail, "raise" raises ShardError once all others are done;
    "keep" keeps the failures in `run.totals.failures`.

    Raises SweepFileError if the sweep is invalid, UsageError if the directory cannot be used, and
    RunError if the disk fails or a worker is lost. Finished shards are kept in every case.
    """
    if on_error not in ("raise", "keep"):
        raise UsageError(f'on_error must be "raise" or "keep", not "{on_error}"')
    if not isinstance(source, Mapping):
        source = find_sweep(str(source))
    plan = Plan(read_sweep(source, overrides, engine, allow_python, data))
    for message in plan.warnings:
        warnings.warn(message, SweepFileWarning, stacklevel=2)
    directory = RunDirectory(Path("results") / plan.sweep.name if out is None else out)
    observer = ProgressBar() if progress else None
    totals = run(plan, directory, jobs=jobs, executor=executor, fresh=fresh, observer=observer)
    made = Run(directory.store)
    made.totals = totals
    if totals.trials:
        made.save_summary()
        if figures:
            made.save_figures()
    if totals.failures and on_error == "raise":
        raise ShardError(totals.failures, made.location)
    return made


def load_run(location: str | Path) -> Run:
    """Load a run, complete or not, from its directory or its URL.

    Raises UsageError if there is none.
    """
    return Run(location)
