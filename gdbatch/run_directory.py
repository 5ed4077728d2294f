"""The directory that a sweep fills: parts, manifest, and how they are read back.

Every file stands under its final name only when it is whole; a part says which plan and shard it
belongs to, so any number of writers can work on one run without a shared file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .engine.assignment import Results
from .engine.outcomes import OUTCOMES
from .errors import RunError, UsageError
from .plan import Plan, Shard
from .sweep_file.axis import Axis
from .whole_files import clear_abandoned, is_temporary, write_whole

MANIFEST = "manifest.json"
KINDS = ("trials", "trajectories")
FIGURES = (
    *("bifurcation", "convergence", "loss", "map"),
    *("prediction", "sharpness", "trainability"),
)
_DERIVED = (
    *("summary.csv", "trials.csv", "report.html"),
    *(f"figures/{kind}.{suffix}" for kind in FIGURES for suffix in ("png", "svg")),
)
_PART = re.compile(r"part-(\d{6}|[1-9]\d{6,})\.parquet")
_METADATA = b"gdbatch"
_SEAL, _NO_DIGEST = b"sha256=", 64 * b"0"


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

        Files that gdbatch did not write are left alone. Raises UsageError where something else is
        in the way, RunError where the disk refuses.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; the run needs a directory")
        try:
            if self.path.is_dir() and not all(map(is_temporary, self.path.iterdir())):
                self._recognise(plan, fresh)
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self.path, self.path / "figures"):
                clear_abandoned(folder)
            for kind in KINDS:
                for shard, part in self._parts_of(kind):
                    if fresh or shard >= plan.shard_count:
                        part.unlink(missing_ok=True)
            if fresh:
                for name in _DERIVED:
                    (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror or error}") from None

    def _recognise(self, plan: Plan, fresh: bool) -> None:
        if not (self.path / MANIFEST).exists():
            raise UsageError(
                f"{self.path} is not empty and holds no run of gdbatch, which has a {MANIFEST}; "
                "choose another with -o"
            )
        if self.manifest()["plan_hash"] != plan.hash and not fresh:
            raise UsageError(
                f"{self.path} holds the run of another plan; choose another directory with -o, "
                "or replace that run with --fresh"
            )

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
        if results.trajectories:
            key = PartKey(plan.hash, shard.number, plan.recording_hash)
            table = trajectories_table(plan, shard, results)
            self._write_part("trajectories", key, table)
        else:
            self.part_path("trajectories", shard.number).unlink(missing_ok=True)
        key = PartKey(plan.hash, shard.number)
        self._write_part("trials", key, trials_table(plan, shard, results))

    def _write_part(self, kind: str, key: PartKey, table: pa.Table) -> None:
        data = _sealed(table.replace_schema_metadata(key.encoded()))
        path = self.part_path(kind, key.shard)
        # not in its own folder, of which Polars reads hidden files too
        write_whole(path, lambda file: file.write(data), self.path)

    def is_done(self, plan: Plan, shard: Shard) -> bool:
        """Whether the parts of a shard are there, undamaged, and of this plan."""
        if not self._stands("trials", PartKey(plan.hash, shard.number)):
            return False
        if plan.recording(shard) is None:
            return not self.part_path("trajectories", shard.number).exists()
        return self._stands("trajectories", PartKey(plan.hash, shard.number, plan.recording_hash))

    def _stands(self, kind: str, key: PartKey) -> bool:
        path = self.part_path(kind, key.shard)
        if not path.exists():
            return False
        try:
            _verified(path, key)
        except RunError:
            return False
        return True

    def has_parts(self, kind: str) -> bool:
        """Whether there is any part of a kind."""
        return bool(self._parts_of(kind))

    def parts(self, kind: str, columns: list[str] | None = None) -> Iterator[pa.Table]:
        """The parts of a kind in plan order, each verified; raises RunError for a damaged one."""
        manifest = self.manifest()
        recording = manifest["recording_hash"] if kind == "trajectories" else ""
        for shard, path in self._parts_of(kind):
            data = _verified(path, PartKey(manifest["plan_hash"], shard, recording))
            yield pq.read_table(pa.BufferReader(data), columns=columns)

    def _parts_of(self, kind: str) -> list[tuple[int, Path]]:
        """Shard numbers and paths, in plan order, of all files that have the name of a part."""
        found = ((_PART.fullmatch(path.name), path) for path in (self.path / kind).glob("part-*"))
        return sorted((int(match[1]), path) for match, path in found if match)


# parts as bytes --------------------------------------------------------------------------


def _sealed(table: pa.Table) -> bytes:
    """A table as a Parquet file that holds a checksum of all its bytes but the checksum's.

    Parquet's own checksums cover its pages, and neither their headers nor the file's footer.
    """
    names = table.column_names
    floats = [name for name in names if pa.types.is_floating(table.schema.field(name).type)]
    measured = [name for name in floats if "outcome" in names[: names.index(name)]]
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        use_dictionary=[name for name in names if name not in measured],
        use_byte_stream_split=measured,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"gdbatch_checksum": (_SEAL + _NO_DIGEST).decode()})
    before, _, after = sink.getvalue().to_pybytes().rpartition(_SEAL + _NO_DIGEST)
    return b"".join((before, _SEAL, _digest(before, after), after))


def _verified(path: Path, key: PartKey) -> bytes:
    """The bytes of a part, its checksum and its key verified; raises RunError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    before, _, rest = data.rpartition(_SEAL)
    digest, after = rest[: len(_NO_DIGEST)], rest[len(_NO_DIGEST) :]
    if digest != _digest(before, after):
        raise RunError(f"{path} is damaged; sweep again to replace it")
    if pq.read_metadata(pa.BufferReader(data)).metadata[_METADATA] != key.encoded()[_METADATA]:
        raise RunError(f"{path} belongs to another run; sweep again to replace it")
    return data


def _digest(before: bytes, after: bytes) -> bytes:
    digest = hashlib.sha256(before)
    digest.update(after)
    return digest.hexdigest().encode()


# tables ----------------------------------------------------------------------------------


def trials_table(plan: Plan, shard: Shard, results: Results) -> pa.Table:
    """One row a trial, in plan order; the columns of DESIGN §6."""
    trials = _trials_of(shard, results)
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials, results.refined)
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
    for options in plan.sweep.record.measures:
        for column in options.columns():
            values = results.measures[column.name]
            columns[column.name] = pa.array(values)
            if column.whole:  # where there is none, empty
                whole = np.nan_to_num(values).astype(np.int64)
                columns[column.name] = pa.array(whole, mask=np.isnan(values))
    return pa.table(columns)


def _trials_of(shard: Shard, results: Results) -> NDArray[np.int64]:
    """The trials that results are of: all of a shard, or those pixels of a map that it trained."""
    if results.rows is None:
        return np.arange(shard.start, shard.stop)
    return shard.start + results.rows


def _all_parameter_names(plan: Plan) -> list[str]:
    """Names of the parameters of every group: all parts have the same columns."""
    names: dict[str, None] = {}
    for number in range(plan.groups):
        names |= dict.fromkeys(plan.group(number).problem.parameter_names)
    return list(names)


def trajectories_table(plan: Plan, shard: Shard, results: Results) -> pa.Table:
    """One row a (trial, step); a value of which there are several gets a column each."""
    recorded = results.trajectories
    trials = _trials_of(shard, results)[recorded["row"]]
    refined = None if results.refined is None else results.refined[recorded["row"]]
    columns: dict[str, Any] = {"trial": pa.array(trials, pa.int64())}
    columns |= _axis_columns(plan, trials, refined)
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


def _axis_columns(plan: Plan, trials: Any, refined: Any) -> dict[str, Any]:
    values = plan.columns(trials, refined)
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
