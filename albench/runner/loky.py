"""What albench takes of loky, the process pool inside joblib: the one place that knows its names.

joblib promises `Parallel` only. Where a name below has moved, what the standard library and
loky's public functions offer stands in for it.
"""

from concurrent.futures.process import BrokenProcessPool
from typing import Any

__all__ = ["BrokenProcessPool", "end_shared", "end_single", "single"]

# loky's own error for a dead worker is a subclass of the standard library's, caught here


def single() -> Any:
    """An executor with one process, started afresh: nothing of this process is inherited."""
    try:
        from joblib.externals.loky import ProcessPoolExecutor
    except ImportError:
        import concurrent.futures
        import multiprocessing

        fresh = multiprocessing.get_context("spawn")
        return concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=fresh)
    return ProcessPoolExecutor(max_workers=1)


def end_single(executor: Any) -> None:
    """End an executor of `single` and its process, whatever it is doing."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    try:
        executor.shutdown(wait=False, kill_workers=True)
    except TypeError:  # the standard library's waits for what is under way
        for process in processes:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)


def end_shared() -> None:
    """End the processes of joblib's pool, whatever they are doing."""
    try:
        from joblib.externals.loky import get_reusable_executor, reusable_executor
    except ImportError:  # then joblib has another pool, which ends with its `Parallel`
        return
    if hasattr(reusable_executor, "_executor"):
        executor = reusable_executor._executor
    else:  # asked for by its public name, a pool is made where there is none
        executor = get_reusable_executor()
    if executor is not None:
        executor.shutdown(wait=False, kill_workers=True)
