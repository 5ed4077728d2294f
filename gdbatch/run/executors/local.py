"""The local executor: worker processes on this machine, through joblib and loky."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator

from ...errors import RunError, UsageError
from ...registry import register
from ...signals import ENDING
from .protocol import Executor, Result, Task

_MAIN = threading.main_thread()
_LONGEST_START = 10.0  # seconds that an interrupt waits for workers to start
_ORPHAN_CHECK = 0.5  # seconds between checks that the parent is alive
_worker_state: set[str] = set()  # of this process, if it is a worker


def cores(jobs: int) -> int:
    """The number of workers for `jobs`, as in joblib: -1 is one per core.

    Raises UsageError for 0.
    """
    if jobs == 0:
        raise UsageError("jobs cannot be 0; give a number of workers, or -1 for one per core")
    import joblib

    return int(joblib.effective_n_jobs(jobs))


@register("executor", "local")
class LocalExecutor(Executor):
    """Worker processes on this machine.

    A single job runs in the calling process. Threads would not help: training holds the
    interpreter's lock most of the time, in calls on arrays that fit in a cache. In the benchmarks,
    two threads reach 0.7 to 1.4 times the speed of one, two processes 1.8 to 2 times.
    """

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
    ) -> Iterator[Result]:
        """The results of all tasks."""
        if jobs == 1:
            yield from map(function, tasks)
            return
        from joblib.externals.loky import get_reusable_executor
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        try:
            yield from _results(function, tasks, jobs)
            # idle workers would keep their memory while the run is summarised and drawn
            get_reusable_executor().shutdown(wait=True)
        except TerminatedWorkerError:
            raise RunError(
                "a worker process was killed (out of memory?); finished shards are kept; run the "
                "same command again to resume, with a smaller -j if memory ran out"
            ) from None


def _results(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
) -> Generator[Result, None, None]:
    import joblib

    with (
        joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1),
        _without_known_traceback(),
        _without_current_folder(),
        contextlib.ExitStack() as stack,
    ):
        parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
        with _interrupts_deferred():
            _start_workers(jobs)
        with _interrupts_deferred():  # before there is work to cancel
            parent = os.getpid()
            results = parallel(joblib.delayed(in_worker)(function, task, parent) for task in tasks)
            stack.callback(_close, results)
        for result in results:  # noqa: UP028  `yield from` would close it with a warning
            yield result


# in a worker ------------------------------------------------------------------------------------


def in_worker(function: Callable[[Task], Result], task: Task, parent: int) -> Result:
    """Run a task in a worker process.

    Modules imported before or during the first task stay, so they are exempt from garbage
    collection: loky (3.6) collects after every second of work, which would take 5% of the time.
    """
    _end_with(parent)
    if "frozen" in _worker_state:
        return function(task)
    gc.freeze()
    result = function(task)
    gc.collect()
    gc.freeze()
    _worker_state.add("frozen")
    return result


def _end_with(parent: int) -> None:
    """End this worker soon after its parent: loky's workers outlive a parent that is killed."""
    if "watched" in _worker_state or os.name != "posix" or parent == os.getpid():
        return
    _worker_state.add("watched")

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_ORPHAN_CHECK)
        os._exit(1)

    threading.Thread(target=watch, name="gdbatch-orphan-check", daemon=True).start()


def _identify(parent: int) -> int:
    """The process ID of a worker; sleeps so that the other workers get calls too."""
    _end_with(parent)
    time.sleep(0.02)
    return os.getpid()


# in the parent ----------------------------------------------------------------------------------


def _start_workers(jobs: int) -> None:
    """Wait until all workers run: a worker terminated while it starts prints a traceback."""
    import joblib

    seen: set[int] = set()
    end = time.monotonic() + _LONGEST_START
    parent = os.getpid()
    while len(seen) < jobs and time.monotonic() < end:
        seen.update(joblib.Parallel()(joblib.delayed(_identify)(parent) for _ in range(jobs)))


def _close(results: Generator[Result, None, None]) -> None:
    """Cancel the remaining tasks, without joblib's warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results.close()


@contextlib.contextmanager
def _without_current_folder() -> Iterator[None]:
    """Keep the current folder out of `sys.path` in processes started within the block.

    Loky starts workers with `python -m`, which would import a random.py from that folder.
    """
    name = "PYTHONSAFEPATH"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextlib.contextmanager
def _without_known_traceback() -> Iterator[None]:
    """Suppress the traceback of loky's thread (3.6) if it ends with tasks in its queue.

    It looks up tasks that have just been cancelled; nothing is lost.
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
def _interrupts_deferred() -> Iterator[None]:
    """Defer signals that end the run to the end of the block.

    Processes started within it never receive Ctrl-C: the parent ends its workers itself, so that
    they print no messages.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    missed: list[int] = []
    in_main = threading.current_thread() is _MAIN
    handlers = {
        number: handler
        for number in ENDING
        if in_main and callable(handler := signal.getsignal(number))
    }
    for number in handlers:  # other threads, such as those of BLAS, may receive even SIGINT
        signal.signal(number, lambda number, _: missed.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in missed[:1]:
        handlers[number](number, None)
