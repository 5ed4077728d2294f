"""What Python programs use: run a sweep, load a run, and look at it.

Everything here is also what the commands do; they only parse and print.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .analysis import (
    Answer,
    EdgeAnswer,
    MapAnswer,
    answer,
    as_words,
    edge_answers,
    edges_as_words,
    map_answer,
    map_as_words,
    summarise_edges,
    summarise_parts,
)
from .atomic_files import write_atomically
from .errors import UsageError, nearest
from .outcomes import OUTCOMES
from .plan import Plan
from .run.directory import RunDirectory
from .run.progress import ProgressBar
from .run.runner import Totals, run
from .sweep_file import read_sweep
from .sweep_file.shipped import find_sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from .figures import FigureData


class Run:
    """One run: its tables as pandas DataFrames, its answers and its figures.

    Tables are read when first asked for, and every part is verified then; raises RunError for a
    part that is damaged or belongs to another run.
    """

    def __init__(self, path: str | Path) -> None:
        self.directory = RunDirectory(path)
        self.manifest = self.directory.manifest()
        self.totals: Totals | None = None  # of the sweep that made it, in this process

    def __repr__(self) -> str:
        return f"<gdbatch.Run {self.name}: {self.manifest['trials']:,} trials in {self.path}>"

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def name(self) -> str:
        """The name of the sweep."""
        return str(self.manifest["sweep"]["name"])

    @property
    def axes(self) -> list[str]:
        """The axis columns in plan order, the slowest first."""
        return list(self.manifest["axes"])

    @functools.cached_property
    def trials(self) -> pd.DataFrame:
        """One row a trial, in plan order."""
        return self._table("trials")

    @functools.cached_property
    def trajectories(self) -> pd.DataFrame:
        """One row a (trial, step) of the recorded trials."""
        return self._table("trajectories")

    @property
    def refined(self) -> str | None:
        """The axis that was bisected, where there is one."""
        name: str | None = self.manifest["facts"].get("refined")
        return name

    @functools.cached_property
    def summary(self) -> pd.DataFrame:
        """One row a learning rate (and per other axis but the seed), over all seeds.

        Where an axis is refined, one row a combination of the others, with the edge.
        """
        needed = [*self.axes, "outcome", "steps", "final_loss"]
        parts = (part.to_pandas() for part in self._parts("trials", needed))
        completes = self.manifest["sweep"]["train"]["stop"] is None
        if self.refined:
            rows = self.manifest["facts"]["refined_rows"]
            return summarise_edges(parts, self.axes, self.refined, rows, completes)
        return summarise_parts(parts, self.axes, completes)

    @functools.cached_property
    def edges(self) -> list[EdgeAnswer]:
        """Edge and its spread, for each combination of the other axes; where one is refined."""
        return edge_answers(self.summary, self.axes, self.refined) if self.refined else []

    @functools.cached_property
    def answers(self) -> list[Answer]:
        """Best value, range, edge and certainty, for each combination of the other axes."""
        if self.refined or self.maps:
            return []
        return answer(self.summary, self.axes)

    @functools.cached_property
    def maps(self) -> list[MapAnswer]:
        """How much of a refined map was trained, where there is one."""
        if not self.manifest["facts"].get("map"):
            return []
        return [map_answer(self.summary, self.axes, self.manifest["trials"])]

    @property
    def in_words(self) -> str:
        """The answers as a person would tell them; counts, where there was nothing to choose."""
        if self.maps:
            return "\n".join(map(map_as_words, self.maps))
        words = edges_as_words(self.edges) if self.refined else as_words(self.answers)
        if words:
            return words
        counts = self.summary.filter(OUTCOMES).sum()
        if counts.sum() == 1:
            return f"one trial: see {self.path}"
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items() if count)
        return f"{counts.sum():,} trials: {told}; no axis of numbers to choose from"

    def plot(self, kind: str = "convergence") -> Figure:
        """A figure of this run; raises UsageError where the kind is unknown or has no data."""
        from . import figures

        if kind not in figures.FIGURES:
            raise UsageError(
                f'no figure is called "{kind}"; {nearest(kind, sorted(figures.FIGURES))}'
            )
        figure = figures.draw(kind, self._figure_data())
        if figure is None:
            raise UsageError(f'{self.path} has no data for the figure "{kind}"')
        return figure

    def save_figures(self, kinds: Sequence[str] | None = None) -> list[Path]:
        """Draw figures as PNG and SVG into the run's `figures`; returns their paths."""
        from . import figures

        data = self._figure_data()
        if kinds is None:
            drawn = figures.draw_all(data)
        else:
            drawn = {kind: self.plot(kind) for kind in kinds}
        folder = self.path / "figures"
        return [
            path for kind, figure in drawn.items() for path in figures.save(figure, folder / kind)
        ]

    def save_summary(self) -> None:
        """Write `summary.csv`."""
        text = self.summary.to_csv(index=False)
        write_atomically(self.path / "summary.csv", lambda file: file.write(text.encode()))

    def save_trials_csv(self) -> None:
        """Write `trials.csv`, part by part."""
        import pyarrow.csv

        def write(file: Any) -> None:
            for index, part in enumerate(self.directory.parts("trials")):
                options = pyarrow.csv.WriteOptions(include_header=index == 0)
                plain = part.set_column(
                    part.column_names.index("outcome"),
                    "outcome",
                    part["outcome"].cast(pa.string()),
                )
                pyarrow.csv.write_csv(plain, file, options)

        write_atomically(self.path / "trials.csv", write)

    def _table(self, kind: str, columns: list[str] | None = None) -> pd.DataFrame:
        tables = list(self._parts(kind, columns))
        # groups may have recorded other numbers of predictions or parameters
        table: pd.DataFrame = pa.concat_tables(tables, promote_options="default").to_pandas()
        return table

    def _parts(self, kind: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The verified parts, one at a time; raises UsageError where there is none."""
        count = 0
        for part in self.directory.parts(kind, columns):
            count += 1
            yield part
        if not count:
            raise UsageError(f"{self.path} has no {kind} yet")

    def _figure_data(self) -> FigureData:
        from .figures import FigureData

        facts = self.manifest["facts"]
        shown = facts.get("map")
        recorded = self.directory.has_parts("trajectories")
        return FigureData(
            name=self.name,
            summary=self.summary,
            trajectories=self.trajectories if recorded else None,
            axes=tuple(axis for axis in self.axes if axis != "seed"),
            targets=tuple(facts["targets"]) if facts["targets"] is not None else None,
            curvature=facts["curvature"],
            refined=self.refined,
            map=(shown[0], shown[1]) if shown else None,
            trials=self.trials if self.manifest["sweep"]["record"].get("measures") else None,
        )


def run_sweep(
    source: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    jobs: int = -1,
    engine: str | None = None,
    executor: str = "local",
    fresh: bool = False,
    progress: bool = False,
    figures: bool = True,
    overrides: Sequence[str] = (),
    allow_python: bool = False,
) -> Run:
    """Run a sweep and return the run; goes on where an earlier run of it stopped.

    source: a sweep file, the name of a shipped one, or a document like one. out: the run
    directory, by default `results/NAME`. jobs: worker processes, -1 for one a core. engine: in
    place of the file's. fresh: replace a run of another plan. overrides: `KEY=VALUE` in TOML.
    allow_python: whether the code of a problem with kind = "python" may run.
    Raises SweepFileError for a wrong sweep, UsageError for a directory that cannot be used,
    RunError for the disk; shards that fail are in `run.totals.failures`, the rest is kept.
    """
    if not isinstance(source, Mapping):
        source = find_sweep(str(source))
    plan = Plan(read_sweep(source, overrides, engine, allow_python))
    directory = RunDirectory(Path("results") / plan.sweep.name if out is None else out)
    observer = ProgressBar() if progress else None
    totals = run(plan, directory, jobs=jobs, executor=executor, fresh=fresh, observer=observer)
    made = Run(directory.path)
    made.totals = totals
    if totals.trials:
        made.save_summary()
        if figures:
            made.save_figures()
    return made


def load_run(path: str | Path) -> Run:
    """A run from its directory, finished or not; raises UsageError when it is none."""
    return Run(path)
