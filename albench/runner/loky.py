"""What albench takes of loky, the process pool inside joblib: the one place that knows its names.

joblib promises `Parallel` only. Where a name below has moved, what the standard library and
loky's public functions offer stands in for it.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

__all__ = ["BrokenProcessPool", "end_pool", "pool"]

# loky's own error for a dead worker is a subclass of the standard library's, caught here


def pool(
    jobs: int, begin: Callable[..., None], arguments: Sequence[Any], env: Mapping[str, str]
) -> Any:
    """An executor of so many processes, started afresh: they inherit nothing of this one.

    begin, arguments  called first in each process
    env               variables of the environment that are set there (loky's own pool only)
    """
    first: dict[str, Any] = {"initializer": begin, "initargs": tuple(arguments)}
    try:
        from joblib.externals.loky import ProcessPoolExecutor
    except ImportError:
        import concurrent.futures
        import multiprocessing

        fresh = multiprocessing.get_context("spawn")
        return concurrent.futures.ProcessPoolExecutor(jobs, mp_context=fresh, **first)
    return ProcessPoolExecutor(max_workers=jobs, env=dict(env), **first)


def end_pool(executor: Any) -> None:
    """End an executor of `pool` and its processes, whatever they are doing."""
    processes = list((getattr(executor, "_processes", None) or {}).values())
    try:
        executor.shutdown(wait=False, kill_workers=True)
    except TypeError:  # the standard library's waits for what is under way
        for process in processes:
            process.kill()
        executor.shutdown(wait=False, cancel_futures=True)
