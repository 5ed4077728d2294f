"""Contract tests for your own stores and executors.

Subclass one in your tests, define how to make yours, and run pytest:

    from gdbatch.testing import StoreTests

    class TestMyStore(StoreTests):
        def make_store(self, tmp_path):
            return MyStore(tmp_path)
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .run.executors.protocol import Executor
from .run.store import Store

__all__ = ["ExecutorTests", "StoreTests"]

_NAME = "trials/part-000000000000.parquet"


class StoreTests(ABC):
    """What gdbatch expects of a store."""

    @abstractmethod
    def make_store(self, tmp_path: Path) -> Store:
        """An empty store that is ready for writing; called once per test."""

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.prepare()
        assert store.is_empty()
        assert store.get("manifest.json") is None
        assert not store.exists("manifest.json")
        assert store.list("trials") == []

    def test_a_file_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        data = bytes(range(256)) * 1000
        store.put(_NAME, [data[:1000], b"", data[1000:]])
        assert store.get(_NAME) == data
        assert store.exists(_NAME)
        assert not store.is_empty()

    def test_an_empty_file_exists(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [])
        assert store.get(_NAME) == b""
        assert store.exists(_NAME)

    def test_put_replaces_a_file(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [b"a longer first version"])
        store.put(_NAME, [b"second"])
        assert store.get(_NAME) == b"second"
        assert store.list("trials") == [Path(_NAME).name]

    def test_a_failed_put_keeps_the_old_file(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [b"first"])

        def chunks() -> Iterator[bytes]:
            yield b"half of the second"
            raise ZeroDivisionError

        try:
            store.put(_NAME, chunks())
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError("the exception was not passed on")
        assert store.get(_NAME) == b"first"
        assert store.list("trials") == [Path(_NAME).name]

    def test_create_never_replaces_a_file(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert store.create("manifest.json", b"first")
        assert not store.create("manifest.json", b"second")
        assert store.get("manifest.json") == b"first"

    def test_only_one_of_several_creators_succeeds(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        writers = range(8)
        with ThreadPoolExecutor(len(writers)) as threads:
            created = list(threads.map(lambda one: store.create(_NAME, bytes([one])), writers))
        assert sum(created) == 1
        assert store.get(_NAME) == bytes([created.index(True)])

    def test_list_names_the_files_of_one_folder_in_order(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        for name in ("trials/b", "trials/c", "trials/a", "trajectories/d", "e"):
            store.put(name, [b"data"])
        assert store.list("trials") == ["a", "b", "c"]
        assert store.list("trajectories") == ["d"]
        assert store.list("figures") == []

    def test_delete_removes_a_file(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [b"data"])
        store.delete(_NAME)
        assert store.get(_NAME) is None
        assert store.list("trials") == []
        store.delete(_NAME)  # a missing file is no error

    def test_prepare_deletes_nothing(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [b"data"])
        store.prepare()
        assert store.get(_NAME) == b"data"

    def test_files_have_different_locations(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        assert "manifest.json" in store.location("manifest.json")
        assert store.location("trials/a") != store.location("trials/b")
        assert store.location()

    def test_a_pickled_copy_is_the_same_store(self, tmp_path: Path) -> None:
        store = self.make_store(tmp_path)
        store.put(_NAME, [b"data"])
        copy = pickle.loads(pickle.dumps(store))
        assert copy.location(_NAME) == store.location(_NAME)
        assert copy.get(_NAME) == b"data"


class ExecutorTests(ABC):
    """What gdbatch expects of an executor."""

    @abstractmethod
    def make_executor(self) -> Executor:
        """The executor; called once per test."""

    def test_every_task_has_one_result(self) -> None:
        for jobs in (1, 2):
            results = self.make_executor().run(_squared, range(20), jobs)
            assert sorted(results) == [number**2 for number in range(20)]

    def test_there_may_be_fewer_tasks_than_jobs(self) -> None:
        assert list(self.make_executor().run(_squared, [3], 2)) == [9]

    def test_no_tasks_give_no_results(self) -> None:
        assert list(self.make_executor().run(_squared, [], 1)) == []

    def test_tasks_may_come_from_a_generator(self) -> None:
        tasks = (number for number in range(5))
        assert sorted(self.make_executor().run(_squared, tasks, 2)) == [0, 1, 4, 9, 16]

    def test_an_exception_in_the_function_is_raised(self) -> None:
        try:
            list(self.make_executor().run(_inverse, [1, 2, 0, 3], 2))
        except ZeroDivisionError:
            return
        raise AssertionError("the exception was not raised")

    def test_an_executor_can_be_closed_and_used_again(self) -> None:
        executor = self.make_executor()
        results = executor.run(_squared, range(1000), 2)
        assert next(results) in [number**2 for number in range(1000)]
        results.close()  # type: ignore[attr-defined]
        assert sorted(executor.run(_squared, range(3), 2)) == [0, 1, 4]

    def test_it_runs_in_a_thread(self) -> None:
        with ThreadPoolExecutor(1) as threads:
            run = threads.submit(lambda: sorted(self.make_executor().run(_squared, range(3), 2)))
            assert run.result() == [0, 1, 4]


def _squared(number: int) -> int:
    return number**2


def _inverse(number: int) -> float:
    return 1 / number
