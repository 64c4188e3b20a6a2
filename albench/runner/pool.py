"""Blocks of runs over worker processes, and what happens when a worker dies.

joblib runs the blocks. A strategy that kills its worker breaks the whole pool: the blocks
that were under way are then retried run by run, each in a process of its own, and a run
that kills its process twice is given up.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from albench.core.errors import BadValue, Unavailable
from albench.core.reasons import Reason
from albench.core.spec import RunSpec
from albench.runner import loky
from albench.runner.loky import BrokenProcessPool
from albench.runner.worker import Finished, Options, described, run_block

Block = tuple[RunSpec, ...]
LIVES = 2


@dataclass(frozen=True)
class Workers:
    """Who executes runs; nothing here can move a pick.

    jobs       processes, -1 for all cores
    backend    `loky` (processes of this machine) or `dask`
    scheduler  address of a dask scheduler; None: a cluster on this machine
    """

    jobs: int = -1
    backend: str = "loky"
    scheduler: str | None = None

    @cached_property
    def count(self) -> int:
        """The number of processes; raises BadValue where `jobs` makes none."""
        import joblib

        workers: int = joblib.cpu_count() + 1 + self.jobs if self.jobs < 0 else self.jobs
        if self.jobs == 0 or workers < 1:
            raise BadValue(f"--jobs {self.jobs}: at least 1, or -1 for all cores")
        return workers


def results(
    blocks: Sequence[Block], options: Options, workers: Workers
) -> Iterator[list[Finished]]:
    """The finished runs of all blocks, in the order they finish."""
    jobs = workers.count
    if workers.backend == "dask":
        with dask_backend(workers.scheduler, jobs):
            yield from dispatched(blocks, options, jobs, [])
        return
    left = list(blocks)
    while left:
        if jobs == 1:
            for block in left:
                yield from alone(block, options)
            return
        broken: list[Block] = []
        yield from dispatched(left, options, jobs, broken)
        if not broken:
            return
        for block in broken[: 2 * jobs + 1]:
            for spec in block:
                yield from alone((spec,), options)
        left = broken[2 * jobs + 1 :]


def dispatched(
    blocks: Sequence[Block], options: Options, jobs: int, broken: list[Block]
) -> Iterator[list[Finished]]:
    """Run blocks on joblib; when the pool breaks, `broken` gets those without a result.

    The blocks that were under way come first in `broken`.
    """
    from joblib import Parallel, delayed

    done: set[str] = set()
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)
    try:
        for finished in parallel(delayed(run_block)(block, options) for block in blocks):
            done.update(one.run["run"] for one in finished)
            yield finished
    except BrokenProcessPool:
        broken.extend(block for block in blocks if block[0].id not in done)


def alone(block: Block, options: Options) -> Iterator[list[Finished]]:
    """Run a block in one process apart; fall back to its runs one by one when it dies."""
    died = ""
    for _ in range(LIVES if len(block) == 1 else 1):
        executor = single()
        try:
            yield executor.submit(run_block, block, options).result()
            return
        except BrokenProcessPool as error:
            died = exit_codes(error)
            discard()
    if len(block) > 1:
        for spec in block:
            yield from alone((spec,), options)
        return
    reason = f"killed its worker process {LIVES} times{died}"
    how = {"status": "failed", "reason": reason, "reason_code": Reason.worker_died.value}
    yield [Finished(described(block[0]) | how | {"metrics": ""})]


executors: list[Any] = []


def single() -> Any:
    """The one process apart, started when first needed."""
    if not executors:
        executors.append(loky.single())
    return executors[0]


def discard() -> None:
    """End the process apart."""
    while executors:
        loky.end_single(executors.pop())


def stop_workers() -> None:
    """End all worker processes at once, whatever they are doing."""
    discard()
    loky.end_shared()


def exit_codes(error: BaseException) -> str:
    """What is known of how the process ended."""
    import re

    found = re.search(r"exit codes of the workers are \{([^}]*)\}", str(error))
    return f" ({found[1]})" if found else ""


def dask_backend(scheduler: str | None, jobs: int) -> AbstractContextManager[Any]:
    """joblib's dask back end, on a scheduler or on a local cluster of one-thread workers.

    Raises Unavailable where the scheduler does not answer.
    """
    try:
        import joblib
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BadValue(
            "--backend dask needs the extra `distributed`: pip install 'albench[distributed]'"
        ) from error
    if scheduler is None:
        workers = jobs if jobs > 0 else joblib.cpu_count()
        cluster = LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=50
        )
        client = Client(cluster)
    else:
        try:
            client = Client(scheduler, timeout=10)
        except OSError as error:
            raise Unavailable(f"no dask scheduler answers at {scheduler}: {error}") from error
        cluster = nullcontext()
    return DaskContext(client, cluster)


class DaskContext:
    """A dask client and its cluster, used by joblib inside the block, closed after it."""

    def __init__(self, client: Any, cluster: Any) -> None:
        self.client, self.cluster = client, cluster

    def __enter__(self) -> None:
        import joblib

        self.config = joblib.parallel_config(backend="dask", client=self.client)
        self.config.__enter__()

    def __exit__(self, *error: Any) -> None:
        self.config.__exit__(*error)
        self.client.close()
        if hasattr(self.cluster, "close"):
            self.cluster.close()
