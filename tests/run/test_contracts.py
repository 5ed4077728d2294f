"""The contracts of stores and executors, for ours and for small ones that a user might write."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import ClassVar

import pyarrow as pa
import pytest

from gdbatch.errors import RunError, UsageError
from gdbatch.plan import Plan
from gdbatch.run.directory import RunDirectory
from gdbatch.run.executors.local import LocalExecutor
from gdbatch.run.executors.protocol import Executor, Result, Task
from gdbatch.run.runner import run
from gdbatch.run.store import LocalStore, Store, open_store
from gdbatch.sweep_file import read_sweep
from gdbatch.testing import ExecutorTests, StoreTests
from tests.run.helpers import parts_of, structured, sweep_in


class MemoryStore(Store):
    """A store in the memory of this process."""

    _all: ClassVar[dict[str, dict[str, bytes]]] = {}
    _lock = Lock()

    def __init__(self, name: str) -> None:
        self.name = name
        self._all.setdefault(name, {})

    @property
    def _files(self) -> dict[str, bytes]:
        return self._all[self.name]

    def get(self, name: str) -> bytes | None:
        return self._files.get(name)

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        self._files[name] = b"".join(chunks)

    def create(self, name: str, data: bytes) -> bool:
        with self._lock:
            return self._files.setdefault(name, data) is data

    def list(self, folder: str) -> list[str]:
        return sorted(Path(name).name for name in self._files if name.rpartition("/")[0] == folder)

    def delete(self, name: str) -> None:
        self._files.pop(name, None)

    def is_empty(self) -> bool:
        return not self._files

    def prepare(self) -> None:
        pass

    def location(self, name: str = "") -> str:
        return f"memory://{self.name}/{name}"


class SerialExecutor(Executor):
    """One task at a time."""

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
    ) -> Iterator[Result]:
        yield from map(function, tasks)


class TestLocalStore(StoreTests):
    def make_store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "run")

    @pytest.fixture(autouse=True)
    def _made(self, tmp_path: Path) -> None:
        (tmp_path / "run").mkdir()


class TestMemoryStore(StoreTests):
    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore(str(tmp_path))


class TestLocalExecutor(ExecutorTests):
    def make_executor(self) -> Executor:
        return LocalExecutor()


class TestSerialExecutor(ExecutorTests):
    def make_executor(self) -> Executor:
        return SerialExecutor()


def test_a_location_without_a_scheme_is_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for location in ("~/run", Path("~/run"), tmp_path / "run", f"local://{tmp_path}/run"):
        store = open_store(location)
        assert isinstance(store, LocalStore)
        assert store.path == tmp_path / "run"


def test_an_unknown_store_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match='unknown store "loca"; did you mean "local"'):
        open_store("loca://run")


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A named pipe would block the reader."""
    os.mkfifo(tmp_path / "manifest.json")
    store = LocalStore(tmp_path)
    assert not store.exists("manifest.json")
    with pytest.raises(RunError, match="not a regular file"):
        store.get("manifest.json")


def test_a_file_is_created_once_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    store = LocalStore(tmp_path)
    assert store.create("manifest.json", b"first")
    assert not store.create("manifest.json", b"second")
    assert store.get("manifest.json") == b"first"


def test_a_run_in_memory_has_the_parts_of_one_on_disk(tmp_path: Path) -> None:
    plan = Plan(read_sweep(structured()))
    directory = RunDirectory(MemoryStore("run"))
    for computed, kept in ((4, 0), (0, 4)):
        totals = run(plan, directory, jobs=1)
        assert (totals.computed_shards, totals.kept_shards) == (computed, kept)
    directory.put_derived("figures/map.svg", [b"<svg/>"])
    assert pa.concat_tables(directory.parts("trials"))["trial"].to_pylist() == list(range(48))
    on_disk = parts_of(sweep_in(tmp_path / "run").path)
    assert on_disk == {name: directory.store.get(name) for name in on_disk}
    run(plan, directory, jobs=1, fresh=True)
    assert not directory.store.exists("figures/map.svg")


def test_only_the_requested_columns_are_read(tmp_path: Path) -> None:
    directory = sweep_in(tmp_path / "run").directory
    for part in directory.parts("trials", ["steps", "trial"]):
        assert sorted(part.column_names) == ["steps", "trial"]
