"""Where shards run. An executor is handed a picklable function and its tasks, and knows no more.

Results come back in the order in which they are ready.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from .errors import RunError

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores(jobs: int) -> int:
    """Workers for `jobs` as joblib counts them: -1 is one a core."""
    import joblib

    return int(joblib.effective_n_jobs(jobs))


def run_local(
    function: Callable[[Task], Result], tasks: Iterable[Task], jobs: int
) -> Iterator[Result]:
    """On this machine: in this process with one job, else in as many worker processes."""
    if jobs == 1:
        yield from map(function, tasks)
        return
    import joblib
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
            parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
            with _deaf_to_interrupts():
                results = parallel(joblib.delayed(function)(task) for task in tasks)
            yield from results
        # idle workers would hold their memory while the run is summarised and drawn
        get_reusable_executor().shutdown(wait=True)
    except TerminatedWorkerError:
        raise RunError(
            "a worker process was ended from outside (out of memory?); finished shards are kept, "
            "run the same command to go on, with a smaller -j if memory was short"
        ) from None


@contextlib.contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes that are started in here, which takes a moment, never see a Ctrl-C.

    It is this process that ends the workers, in order, without a word from them.
    """
    if threading.current_thread() is not threading.main_thread():  # which no Ctrl-C reaches
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


EXECUTORS = {"local": run_local}
