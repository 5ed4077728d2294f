"""The directory that a sweep fills: parts, manifest, and how they are read back.

Every file stands under its final name only when it is whole; a part says which plan and shard it
belongs to, so any number of writers can work on one run without a shared file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..atomic_files import clear_abandoned, is_temporary, write_atomically
from ..engine import Results
from ..errors import RunError, UsageError
from ..plan import Plan, Shard
from .columns import trajectories_table, trials_table
from .parts import PartKey, sealed, verified

MANIFEST = "manifest.json"
KINDS = ("trials", "trajectories")
FIGURES = (
    *("bifurcation", "convergence", "edges", "loss", "map"),
    *("prediction", "sharpness", "trainability"),
)
_DERIVED = (
    *("summary.csv", "trials.csv", "report.html"),
    *(f"figures/{kind}.{suffix}" for kind in FIGURES for suffix in ("png", "svg")),
)
_PART = re.compile(r"part-(\d{6}|[1-9]\d{6,})\.parquet")


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
        write_atomically(self.path / MANIFEST, lambda file: file.write(text.encode()))

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
        data = sealed(table.replace_schema_metadata(key.encoded()))
        path = self.part_path(kind, key.shard)
        # not in its own folder, of which Polars reads hidden files too
        write_atomically(path, lambda file: file.write(data), self.path)

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
            verified(path, key)
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
            data = verified(path, PartKey(manifest["plan_hash"], shard, recording))
            yield pq.ParquetFile(pa.BufferReader(data)).read(columns)

    def _parts_of(self, kind: str) -> list[tuple[int, Path]]:
        """Shard numbers and paths, in plan order, of all files that have the name of a part."""
        found = ((_PART.fullmatch(path.name), path) for path in (self.path / kind).glob("part-*"))
        return sorted((int(match[1]), path) for match, path in found if match)
