"""The run directory: writes and reads the parts and the manifest of a run.

Every file appears under its final name only when it is complete. A part states which plan, shard
and trials it belongs to, so any number of writers can work on one run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pyarrow as pa

from ..errors import RunError, UsageError
from ..plan import Cut, Plan, Shard
from ..plan.identity import differences
from ..search import Trained
from . import manifest as manifests
from .columns import trajectories_table, trials_table
from .machine import simd_level
from .manifest import DamagedManifestError, Manifest
from .parts import Part, PartKey, sealed, verified
from .store import Store, open_store

KINDS = ("trials", "trajectories")
_PART = re.compile(r"part-(\d{12})\.parquet")
_PART_0_1_0 = re.compile(r"part-(\d{6}|[1-9]\d{6,11})\.parquet")
_MOST_DIFFERENCES = 5  # in a message
_ELSEWHERE = "choose another directory with -o"


@dataclass(frozen=True)
class Completeness:
    """How complete a run is."""

    shards: int  # that have a part of `trials`
    promised: int  # by the manifest
    strays: tuple[str, ...]  # a sentence for each file that looks like a part but is not one

    @property
    def is_complete(self) -> bool:
        """Whether every shard has been written."""
        return self.shards == self.promised

    def __str__(self) -> str:
        return f"{self.shards:,} of {self.promised:,} shards"


class RunDirectory:
    """Reads and writes one run.

    location: a path (`~` is the home directory), the URL of another store, or a store.
    """

    def __init__(self, location: str | Path | Store) -> None:
        self.store = location if isinstance(location, Store) else open_store(location)

    @property
    def location(self) -> str:
        """The path or URL of the run."""
        return self.store.location()

    # starting and resuming ---------------------------------------------------------------

    def prepare(self, plan: Plan, fresh: bool) -> Plan:
        """Start or resume the run of a plan; returns the plan with the run's own cut.

        Deletes nothing unless `fresh`, and then only what gdbatch wrote. Raises UsageError if the
        run cannot be started here, RunError if the store fails.
        """
        found = self._recognise(plan, fresh)
        self.store.prepare()
        if fresh and found is not None:
            self._delete(found)
        if found is None or fresh:
            manifest = manifests.new_manifest(plan)
            if fresh:
                self._put_manifest(manifest)
                return plan
            if self.store.create(manifests.NAME, manifests.as_bytes(manifest)):
                return plan
            found = self._recognise(plan, fresh)  # another process has just started a run here
            assert found is not None
        self._put_manifest(manifests.resumed(found, plan))
        try:
            return plan.with_cut(Cut.from_data(found["cut"]))
        except ValueError as error:
            raise UsageError(f"{self._where(manifests.NAME)} is damaged: {error}") from None

    def _recognise(self, plan: Plan, fresh: bool) -> Manifest | None:
        """The manifest of the run that is here; None if the store is empty.

        Raises UsageError if the run belongs to another plan and `fresh` is false.
        """
        if self.store.is_empty():
            return None
        try:
            manifest = self._read_manifest()  # the first file that a run writes
        except DamagedManifestError as error:
            return self._rebuilt(plan, fresh, str(error))
        if fresh:
            return manifest
        if manifest["format"] == 1:
            raise UsageError(
                f"{self.location} holds a run of gdbatch {manifest['gdbatch']}, which this version "
                f"can show but not resume; {_ELSEWHERE}, or replace that run with --fresh"
            )
        if manifest["plan_hash"] != plan.hash:
            written = {axis.key: axis.written for axis in plan.axes}
            changes = differences(manifest, plan.identity(), written)[:_MOST_DIFFERENCES]
            raise UsageError(
                f"{self.location} holds the run of another plan ({'; '.join(changes)}); "
                f"{_ELSEWHERE}, or replace that run with --fresh"
            )
        return manifest

    def _rebuilt(self, plan: Plan, fresh: bool, fault: str) -> Manifest:
        """A manifest in place of a damaged one, if the parts prove that they are of this plan."""
        keys = [part.key for kind in KINDS for part in self._sound_parts(kind)]
        ranges = (plan.cut.range_of(key.shard) if key.shard < plan.cut.shards else None
                  for key in keys)  # fmt: skip
        is_ours = all(
            key.plan == plan.hash and (key.first, key.end) == place
            for key, place in zip(keys, ranges, strict=True)
        )
        if keys and (fresh or is_ours):
            return manifests.new_manifest(plan)
        if keys:
            raise UsageError(
                f"{fault}; it cannot be rebuilt, since the parts belong to another sweep. "
                f"Run the sweep that made them, {_ELSEWHERE}, or replace that run with --fresh"
            )
        raise UsageError(
            f"{self.location} is not empty and holds no run of gdbatch ({fault}); {_ELSEWHERE}"
        )

    def _delete(self, manifest: Manifest) -> None:
        """Delete all files that gdbatch wrote for a run."""
        for kind in KINDS:
            owned = {name for _, name in self._parts_of(kind, manifest)}
            for file in self.store.list(kind):
                name = f"{kind}/{file}"
                if name in owned or self._sound(name) is not None:
                    self.store.delete(name)
        for name in manifest["derived"]:
            self.store.delete(name)

    def check_machine(self) -> None:
        """Raise UsageError if training here would give other last digits than the run has."""
        simd = self.manifest()["simd"]
        if simd and simd != simd_level():
            raise UsageError(
                f"{self.location} was trained with NumPy's {simd} instructions, but this machine "
                f"uses {simd_level()}, which gives other last digits; resume it on a machine with "
                f"{simd}, or {_ELSEWHERE}"
            )

    # manifest ----------------------------------------------------------------------------

    def manifest(self) -> Manifest:
        """The manifest of the run.

        Raises UsageError if it is missing or damaged, or if a newer gdbatch wrote it.
        """
        try:
            return self._read_manifest()
        except DamagedManifestError as error:
            if not any(self.store.list("trials")):
                raise
            raise UsageError(
                f"{error}; the trials are kept: run the sweep again to rebuild it"
            ) from None

    def _read_manifest(self) -> Manifest:
        try:
            content = self.store.get(manifests.NAME)
        except RunError as error:
            raise DamagedManifestError(str(error)) from None
        if content is None:
            fault = "is missing or empty" if self.store.is_empty() else f"has no {manifests.NAME}"
            raise DamagedManifestError(f"{self.location} is not a run: it {fault}")
        return manifests.parsed(content, self._where(manifests.NAME))

    def amend_manifest(self, changes: Mapping[str, object]) -> None:
        """Replace some entries of the manifest."""
        self._put_manifest(cast(Manifest, {**self.manifest(), **changes}))

    def _put_manifest(self, manifest: Manifest) -> None:
        self.store.put(manifests.NAME, [manifests.as_bytes(manifest)])

    def put_derived(self, name: str, chunks: Iterable[bytes]) -> str:
        """Write a file that is made from the parts, such as a figure; returns its location.

        The manifest lists it, so that --fresh deletes it but no file of the user.
        """
        manifest = self.manifest()
        derived = manifest["derived"]
        if name not in derived and manifest["format"] > 1:  # an old manifest stays as it is
            self.amend_manifest({"derived": [*derived, name]})
        self.store.put(name, chunks)
        return self._where(name)

    # parts -------------------------------------------------------------------------------

    def write_shard(self, plan: Plan, shard: Shard, trained: Trained) -> None:
        """Write the results of a shard, `trials` last: it marks the shard as done."""
        trajectories = part_name("trajectories", shard.number)
        if trained.results.trajectories:
            table = trajectories_table(plan, shard, trained)
            self.store.put(trajectories, [sealed(_key(plan, shard, "trajectories"), table)])
        else:
            self.store.delete(trajectories)
        table = trials_table(plan, shard, trained)
        data = sealed(_key(plan, shard, "trials"), table)
        self.store.put(part_name("trials", shard.number), [data])

    def written_shards(self) -> list[int]:
        """The numbers of the shards that have a part of any kind, damaged or not, in order."""
        manifest = self.manifest()
        return sorted({shard for kind in KINDS for shard, _ in self._parts_of(kind, manifest)})

    def is_done(self, plan: Plan, shard: Shard) -> bool:
        """Whether the parts of a shard exist and are undamaged.

        Raises UsageError if an undamaged part of something else has the name of one, since it would
        be overwritten.
        """
        trials = self._has(plan, shard, "trials")
        if plan.is_recorded(shard):
            return self._has(plan, shard, "trajectories") and trials
        return trials and not self.store.exists(part_name("trajectories", shard.number))

    def _has(self, plan: Plan, shard: Shard, kind: str) -> bool:
        name, key = part_name(kind, shard.number), _key(plan, shard, kind)
        part = self._sound(name)
        if part is None or part.key == key:
            return part is not None
        if _without_recording(part.key) == _without_recording(key):
            return False  # of an earlier [record], which the sweep no longer asks for
        raise UsageError(self._misplaced(name))

    def has_parts(self, kind: str) -> bool:
        """Whether there is any part of a kind."""
        return any(self._parts_of(kind, self.manifest()))

    def parts(self, kind: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The verified parts of a kind in plan order; with `columns`, only these are read.

        Raises RunError if a part is damaged or does not belong to the run.
        """
        manifest = self.manifest()
        cut = Cut.from_data(manifest["cut"]) if manifest["cut"] else None
        recording = manifest["recording_hash"] if kind == "trajectories" else ""
        for shard, name in self._parts_of(kind, manifest):
            first, end = cut.range_of(shard) if cut else (None, None)
            part = verified(self.store.get(name) or b"", self._where(name))
            if part.key != PartKey(manifest["plan_hash"], shard, first, end, recording):
                raise RunError(self._misplaced(name))
            yield part.table(columns)

    def completeness(self) -> Completeness:
        """Compare the existing parts with what the manifest promises."""
        manifest = self.manifest()
        shards = sum(1 for _ in self._parts_of("trials", manifest))
        strays = []
        for kind in KINDS:
            known = {name for _, name in self._parts_of(kind, manifest)}
            names = (f"{kind}/{file}" for file in self.store.list(kind))
            strays += [
                f"{self._where(name)} is not part of this run and is ignored"
                for name in names
                if name.endswith(".parquet") and name not in known
            ]
        return Completeness(shards, manifest["shards"], tuple(strays))

    def _parts_of(self, kind: str, manifest: Manifest) -> Iterator[tuple[int, str]]:
        """The shards and names of the files that are named like parts of the run, in plan order."""
        pattern = _PART_0_1_0 if manifest["format"] == 1 else _PART
        found = []
        for file in self.store.list(kind):
            match = pattern.fullmatch(file)
            if match and int(match[1]) < manifest["shards"]:
                found.append((int(match[1]), f"{kind}/{file}"))
        yield from sorted(found)

    def _sound_parts(self, kind: str) -> Iterator[Part]:
        for file in self.store.list(kind):
            part = self._sound(f"{kind}/{file}")
            if part is not None:
                yield part

    def _sound(self, name: str) -> Part | None:
        """The part of a name, whatever it belongs to; None if it is missing or damaged."""
        if not self.store.exists(name):
            return None
        try:
            return verified(self.store.get(name) or b"", self._where(name))
        except RunError:
            return None

    def _misplaced(self, name: str) -> str:
        return (
            f"{self._where(name)} does not belong there: it is part of another run, or of another "
            "shard; move it elsewhere and run the sweep again"
        )

    def _where(self, name: str) -> str:
        return self.store.location(name)


def part_name(kind: str, shard: int) -> str:
    """The name of a part; `kind` is trials or trajectories."""
    return f"{kind}/part-{shard:012d}.parquet"


def _key(plan: Plan, shard: Shard, kind: str) -> PartKey:
    recording = plan.recording_hash if kind == "trajectories" else ""
    return PartKey(plan.hash, shard.number, shard.start, shard.stop, recording)


def _without_recording(key: PartKey) -> PartKey:
    return replace(key, recording="")
