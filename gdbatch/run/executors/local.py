"""Where shards run. An executor is handed a picklable function and its tasks, and knows no more.

Results come back in the order in which they are ready.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from multiprocessing import resource_tracker
from typing import TypeVar

from ...errors import RunError, UsageError

_MAIN = threading.main_thread()
_MOST_STARTING = 10.0  # seconds that an interrupt waits for workers
_at_work: list[bool] = []  # of this process, if it is a worker: whether it has done a task

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores(jobs: int) -> int:
    """Workers for `jobs` as joblib counts them: -1 is one a core; raises UsageError for 0."""
    if jobs == 0:
        raise UsageError("0 workers train nothing; give their number, or -1 for one a core")
    import joblib

    return int(joblib.effective_n_jobs(jobs))


def run_local(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
) -> Iterator[Result]:
    """On this machine: in this process with one job, else in as many worker processes.

    Not threads: training holds the interpreter's lock for most of its time, in calls on arrays that
    fit a cache. Of two threads the benchmarks measure 0.7 to 1.4 times the speed of one, of two
    processes 1.8 to 2.
    """
    if jobs == 1:
        yield from map(function, tasks)
        return
    import joblib
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        with (
            joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1),
            _without_a_known_traceback(),
            contextlib.ExitStack() as stack,
        ):
            parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
            with _deaf_to_interrupts():
                _start_workers(jobs)
            with _deaf_to_interrupts():  # before there is work that would have to be ended
                results = parallel(joblib.delayed(in_worker)(function, task) for task in tasks)
                stack.callback(_close, results)
            for result in results:  # noqa: UP028  `yield from` would close it with a warning
                yield result
        # idle workers would hold their memory while the run is summarised and drawn
        get_reusable_executor().shutdown(wait=True)
    except TerminatedWorkerError:
        raise RunError(
            "a worker process was ended from outside (out of memory?); finished shards are kept, "
            "run the same command to go on, with a smaller -j if memory was short"
        ) from None


def in_worker(function: Callable[[Task], Result], task: Task) -> Result:
    """A task in a worker process, where what was imported, before or in the first task, stays.

    Loky (3.6) collects garbage after every second of work; to search all modules each time would
    take a twentieth of it.
    """
    if _at_work:
        return function(task)
    gc.freeze()
    result = function(task)
    gc.collect()
    gc.freeze()
    _at_work.append(True)
    return result


def _start_workers(jobs: int) -> None:
    """Wait until as many processes run: one that is ended as it starts prints a traceback."""
    import joblib

    seen: set[int] = set()
    end = time.monotonic() + _MOST_STARTING
    while len(seen) < jobs and time.monotonic() < end:
        seen.update(joblib.Parallel()(joblib.delayed(_identify)() for _ in range(jobs)))


def _identify() -> int:
    """The number of a worker process, which is busy for long enough for others to be asked too."""
    time.sleep(0.02)
    return os.getpid()


def _close(results: Generator[Result, None, None]) -> None:
    """End what is under way without joblib's word that it was, which is why it is ended."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results.close()


@contextlib.contextmanager
def _without_a_known_traceback() -> Iterator[None]:
    """Of a thread of loky's (3.6), when it is ended before it has passed on all of its tasks.

    It looks for tasks that it has just thrown away; nothing is lost by that.
    """
    report = threading.excepthook

    def report_others(failure: threading.ExceptHookArgs) -> None:
        of_loky = failure.thread is not None and failure.thread.name == "ExecutorManagerThread"
        if not (of_loky and failure.exc_type is KeyError):
            report(failure)

    threading.excepthook = report_others
    try:
        yield
    finally:
        threading.excepthook = report


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started in here never see a Ctrl-C; this one sees it when they have.

    It is this process that ends the workers, in order, without a word from them.
    """
    resource_tracker.ensure_running()  # lets the signal through again when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    missed: list[int] = []
    usual, in_main = signal.default_int_handler, threading.current_thread() is _MAIN
    notes = in_main and signal.getsignal(signal.SIGINT) is usual
    if notes:  # the main thread is interrupted also where another one, such as BLAS's, is told
        signal.signal(signal.SIGINT, lambda number, _: missed.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if notes:
            signal.signal(signal.SIGINT, usual)
    if missed:
        raise KeyboardInterrupt


EXECUTORS = {"local": run_local}
