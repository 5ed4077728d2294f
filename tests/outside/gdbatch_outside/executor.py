"""An executor: threads of this process."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from gdbatch.registry import register
from gdbatch.run.executors.protocol import Executor

Task = TypeVar("Task")
Result = TypeVar("Result")


@register("executor", "outside_threads")
class Threads(Executor):
    """Threads of this process."""

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
    ) -> Iterator[Result]:
        with ThreadPoolExecutor(jobs) as pool:
            futures = [pool.submit(function, task) for task in tasks]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()
