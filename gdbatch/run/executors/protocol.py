"""The protocol of executors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Executor(ABC):
    """Runs a function on tasks; knows neither plans nor runs.

    Function, tasks and results can be pickled. The function stores its data itself and returns
    little.
    """

    @abstractmethod
    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
    ) -> Iterator[Result]:
        """The result of each task, as soon as it is ready, in any order.

        jobs: how many tasks may run concurrently, at least 1. An exception from `function`
        ends the iteration and is raised; RunError is raised if a worker is lost. Closing the
        iterator, which an interrupt does too, cancels the remaining tasks.
        """
