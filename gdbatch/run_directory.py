"""The directory that a sweep fills: parts, manifest, and how they are read back.

Every file stands under its final name only when it is whole; a part says which plan and shard it
belongs to, so any number of writers can work on one run without a shared file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .engine.assignment import Results
from .engine.outcomes import OUTCOMES
from .errors import RunError, UsageError
from .plan import Plan, Shard
from .sweep_file.sweep import Axis

MANIFEST = "manifest.json"
_OURS = ("trials", "trajectories", "figures")
_OUR_FILES = (MANIFEST, "summary.csv", "trials.csv", "report.html")
_METADATA = b"gdbatch"


@dataclass(frozen=True)
class PartKey:
    """What a part says of itself."""

    plan: str
    shard: int
    recording: str = ""

    def encoded(self) -> dict[bytes, bytes]:
        """As Parquet metadata."""
        return {_METADATA: json.dumps(self.__dict__, sort_keys=True).encode()}


class RunDirectory:
    """Reads and writes one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    # making and recognising a run --------------------------------------------------------

    def prepare(self, plan: Plan, fresh: bool) -> None:
        """Make the directory ready for a plan; never writes over the run of another one.

        Raises UsageError where something else is in the way, RunError where the disk refuses.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; the run needs a directory")
        if self.path.is_dir() and any(self.path.iterdir()):
            self._recognise(plan, fresh)
        try:
            if fresh:
                self._clear()
            for kind in ("trials", "trajectories"):
                (self.path / kind).mkdir(parents=True, exist_ok=True)
            for leftover in self.path.glob("*/.part-*"):
                leftover.unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror or error}") from None

    def _recognise(self, plan: Plan, fresh: bool) -> None:
        if not (self.path / MANIFEST).exists():
            raise UsageError(
                f"{self.path} is not empty and holds no run of gdbatch; choose another with -o"
            )
        if not fresh and self.manifest().get("plan_hash") != plan.hash:
            raise UsageError(
                f"{self.path} holds the run of another plan; choose another directory with -o, "
                "or replace that run with --fresh"
            )

    def _clear(self) -> None:
        for name in _OURS:
            if (self.path / name).is_dir():
                shutil.rmtree(self.path / name)
        for name in _OUR_FILES:
            (self.path / name).unlink(missing_ok=True)

    def manifest(self) -> dict[str, Any]:
        """What the manifest says; raises UsageError when there is none that can be read."""
        path = self.path / MANIFEST
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UsageError(f"{self.path} is not a run: it has no {MANIFEST}") from None
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from None
        if not isinstance(manifest, dict) or "plan_hash" not in manifest:
            raise UsageError(f"{path} is not the manifest of a run")
        return manifest

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Put the manifest in place, whole."""
        text = json.dumps(manifest, indent=2) + "\n"
        write_whole(self.path / MANIFEST, lambda file: file.write(text.encode()))

    # parts -------------------------------------------------------------------------------

    def part_path(self, kind: str, shard: int) -> Path:
        """Where the part of a shard stands; `kind` is trials or trajectories."""
        return self.path / kind / f"part-{shard:06d}.parquet"

    def write_shard(self, plan: Plan, shard: Shard, results: Results) -> None:
        """Write what a shard gave: trajectories first, since its trials part makes it done."""
        path = self.part_path("trajectories", shard.number)
        if results.trajectories:
            key = PartKey(plan.hash, shard.number, plan.recording_hash)
            table = trajectories_table(plan, shard, results.trajectories)
            _write_table(path, table.replace_schema_metadata(key.encoded()))
        elif path.exists():
            path.unlink()
        key = PartKey(plan.hash, shard.number)
        table = trials_table(plan, shard, results)
        _write_table(
            self.part_path("trials", shard.number), table.replace_schema_metadata(key.encoded())
        )

    def is_done(self, plan: Plan, shard: Shard) -> bool:
        """Whether the parts of a shard are there, undamaged, and of this plan."""
        table = self._valid_part("trials", PartKey(plan.hash, shard.number))
        if table is None or len(table) != len(shard) or table["trial"][0].as_py() != shard.start:
            return False
        path = self.part_path("trajectories", shard.number)
        if plan.recording(shard) is None:
            return not path.exists()
        key = PartKey(plan.hash, shard.number, plan.recording_hash)
        return self._valid_part("trajectories", key) is not None

    def _valid_part(self, kind: str, key: PartKey) -> pa.Table | None:
        path = self.part_path(kind, key.shard)
        if not path.exists():
            return None
        try:
            return read_part(path, key)
        except RunError:
            return None

    def parts(self, kind: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The parts of a kind in plan order, each verified; raises RunError for a damaged one."""
        plan_hash = self.manifest()["plan_hash"]
        paths = sorted(
            (self.path / kind).glob("part-*.parquet"), key=lambda path: int(path.stem[5:])
        )
        for path in paths:
            yield read_part(path, PartKey(plan_hash, int(path.stem[5:])), columns)


def read_part(path: Path, key: PartKey, columns: list[str] | None = None) -> pa.Table:
    """One part, its checksums and its key verified; raises RunError."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(columns)
        found = json.loads((table.schema.metadata or {}).get(_METADATA, b"{}"))
    except (OSError, pa.ArrowException, ValueError, EOFError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{path} is damaged: {first_line}; sweep again to replace it") from None
    same = found.get("plan") == key.plan and found.get("shard") == key.shard
    if not same or (key.recording and found.get("recording") != key.recording):
        raise RunError(f"{path} belongs to another run; sweep again to replace it")
    return table


# tables ----------------------------------------------------------------------------------


def trials_table(plan: Plan, shard: Shard, results: Results) -> pa.Table:
    """One row a trial, in plan order; the columns of DESIGN §6."""
    trials = np.arange(shard.start, shard.stop)
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials)
    columns["outcome"] = pa.DictionaryArray.from_arrays(
        pa.array(results.outcome, pa.int8()), pa.array(OUTCOMES, pa.string())
    )
    columns["steps"] = pa.array(results.steps, pa.int64())
    for name in ("initial_loss", "final_loss", "gradient_norm"):
        columns[name] = pa.array(getattr(results, name), pa.float64())
    if results.final_parameters is not None:
        names = plan.group(shard.group).problem.parameter_names
        widest = _all_parameter_names(plan)
        by_name = dict(zip(names, results.final_parameters, strict=True))
        for name in widest:
            values = by_name.get(name)
            columns[name] = (
                pa.nulls(len(trials), pa.float64()) if values is None else pa.array(values)
            )
    return pa.table(columns)


def _all_parameter_names(plan: Plan) -> list[str]:
    """Names of the parameters of every group: all parts have the same columns."""
    names: dict[str, None] = {}
    for number in range(plan.groups):
        names |= dict.fromkeys(plan.group(number).problem.parameter_names)
    return list(names)


def trajectories_table(plan: Plan, shard: Shard, recorded: dict[str, Any]) -> pa.Table:
    """One row a (trial, step); a value of which there are several gets a column each."""
    trials = recorded["row"] + shard.start
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials)
    columns["step"] = pa.array(recorded["step"], pa.int64())
    problem = plan.group(shard.group).problem
    for name, values in recorded.items():
        if name in ("row", "step"):
            continue
        if name == "parameters":
            names = problem.parameter_names
        else:
            names = [name] if len(values) == 1 else [f"{name}_{i}" for i in range(len(values))]
        columns |= {one: pa.array(row) for one, row in zip(names, values, strict=True)}
    return pa.table(columns)


def _axis_columns(plan: Plan, trials: Any) -> dict[str, Any]:
    values = plan.columns(trials)
    return {axis.column: pa.array(values[axis.column], _axis_type(axis)) for axis in plan.axes}


def _axis_type(axis: Axis) -> pa.DataType:
    """The plain Arrow type that holds every value of an axis."""
    if axis.key == "seed":
        return pa.int64()
    if axis.per_lane:
        return pa.float64()
    sample = axis.column_values(np.arange(min(axis.form.size, 10_000)))
    array = np.asarray(sample)
    kinds = {"b": pa.bool_(), "i": pa.int64(), "f": pa.float64()}
    return kinds.get(array.dtype.kind, pa.string())


# files -----------------------------------------------------------------------------------


def _write_table(path: Path, table: pa.Table) -> None:
    measured = (
        [
            name
            for name in table.column_names[table.column_names.index("outcome") :]
            if pa.types.is_floating(table.schema.field(name).type)
        ]
        if "outcome" in table.column_names
        else []
    )
    others = [name for name in table.column_names if name not in measured]

    def write(file: Any) -> None:
        pq.write_table(
            table,
            file,
            compression="zstd",
            use_dictionary=others,
            use_byte_stream_split=measured,
            write_page_checksum=True,
        )

    write_whole(path, write)


def write_whole(path: Path, write: Any) -> None:
    """Write a file under a name that readers skip, then put it in place; raises RunError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {error.strerror or error}") from None
