"""Runs on the workers of a dask scheduler, or of a local cluster started for them.

A worker that dies is started again by its nanny, and dask hands its blocks to others; a
block that kills one too often comes back as an error, and goes the way of `albench.runner.pool`.
What a worker has installed decides numbers, so one whose versions are not those of the
coordinator is refused, by name, whenever it joins.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from albench.core import registry
from albench.core.errors import BadPlugin, BadResults, BadValue, Unavailable
from albench.core.parameters import source_digest
from albench.results import provenance
from albench.runner.crew import Block, Ended
from albench.runner.worker import HOLD, Finished, Options, run_block

Stamp = dict[str, str]
AGAIN = "finished runs are stored, and the same command goes on from there"
LOST = 30.0  # seconds without a scheduler
DESERTED = 600.0  # seconds without a worker
CONNECT = 10.0
POLL = 1.0


class DaskCrew:
    """The workers of a dask scheduler (see `albench.runner.pool.Crew`)."""

    def __init__(self, scheduler: str | None, jobs: int, options: Options) -> None:
        self.address = scheduler or "its local cluster"
        self.cluster, self.client = connected(scheduler, jobs)
        self.stamp = stamp(options.plugins)
        self.room = 1
        self.silent = self.empty = time.monotonic()
        try:
            self.refuse_others(options)
        except BaseException:
            self.close()
            raise

    def refuse_others(self, options: Options) -> None:
        """Raise BadResults where a worker that is there is no copy of this process."""
        try:
            found = self.client.run(refusal, self.stamp, options.plugins, on_error="return")
        except OSError as error:
            raise Unavailable(f"the dask scheduler at {self.address} was lost: {error}") from error
        for address, why in sorted(found.items()):
            if isinstance(why, BaseException):
                why = f"albench cannot be used there ({type(why).__name__}: {why})"
            if why is not None:
                raise BadResults(refused(address, why))

    def submit(self, block: Block, options: Options) -> Any:
        """See `Crew.submit`."""
        return self.client.submit(run_there, block, options, self.stamp, HOLD, pure=False)

    def ended(self, futures: Sequence[Any]) -> list[Ended]:
        """See `Crew.ended`; raises Unavailable where the scheduler or all workers are lost."""
        while True:
            done = [ended for future in futures for ended in self.outcome(future)]
            if done:
                return done
            self.look([future.status for future in futures])
            wait_for_one(futures)

    def outcome(self, future: Any) -> Iterator[Ended]:
        """How a future ended; nothing where it has not, or where its result cannot be had yet."""
        try:
            if future.status == "error":
                yield Ended(future, [], future.exception(timeout=CONNECT))
            elif future.status == "finished":
                yield Ended(future, future.result(timeout=CONNECT))
        except (OSError, TimeoutError, CancelledError):
            return  # its worker or the scheduler is gone since: `look` says which

    def look(self, statuses: Sequence[str]) -> None:
        """Take note of who is there; raises Unavailable where nobody has been for too long."""
        now = time.monotonic()
        threads = None
        if self.client.status == "running":
            with contextlib.suppress(OSError):
                threads = self.client.nthreads()
                self.silent = now
        gone = self.client.status == "closed" or {"cancelled", "lost"} & set(statuses)
        if gone or now - self.silent > LOST:
            raise Unavailable(f"the dask scheduler at {self.address} was lost; {AGAIN}")
        if threads:
            self.room = sum(threads.values()) + len(threads)
        if threads or threads is None:
            self.empty = now
        if now - self.empty > DESERTED:
            raise Unavailable(f"{self.address} has had no dask worker for {DESERTED:g} s; {AGAIN}")

    def deaths(self, error: BaseException) -> int:
        """See `Crew.deaths`."""
        from distributed import KilledWorker

        if not isinstance(error, KilledWorker):
            return 0
        return int(getattr(error, "allowed_failures", 1)) + 1

    def close(self) -> None:
        """See `Crew.close`."""
        self.client.close(timeout=5)
        if self.cluster is not None:
            self.cluster.close(timeout=5)


def connected(scheduler: str | None, jobs: int) -> tuple[Any, Any]:
    """A local cluster of one-thread workers, or None, and a client of it or of a scheduler.

    Raises BadValue without dask, Unavailable where the scheduler does not answer.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise BadValue(
            "--backend dask needs the extra `distributed`: pip install 'albench[distributed]'"
        ) from error
    if scheduler is not None:
        try:
            return None, Client(scheduler, timeout=CONNECT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Unavailable(f"no dask scheduler answers at {scheduler}: {error}") from error
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        cluster = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",  # any free port: two clusters may run side by side
            silence_logs=50,
        )
    return cluster, Client(cluster, set_as_default=False)


def wait_for_one(futures: Sequence[Any]) -> None:
    """Wait until a future has ended, a little at most."""
    from distributed import TimeoutError as Late
    from distributed import wait

    try:
        wait(futures, timeout=POLL, return_when="FIRST_COMPLETED")
    except (Late, TimeoutError):
        return
    except Exception:
        # a lost scheduler cancels what is waited for; `look` says so
        time.sleep(POLL)


def stamp(plugins: Sequence[str]) -> Stamp:
    """What must be the same on every worker: versions, revision, plugin files."""
    found = {**provenance.versions(), "revision": provenance.revision()}
    for plugin in plugins:
        found[f"plugin {plugin}"] = source_digest(Path(plugin).expanduser())
    return found


def refusal(due: Stamp, plugins: Sequence[str]) -> str | None:
    """Why the process that calls this may not run blocks; None where it may."""
    try:
        for plugin in plugins:
            registry.load_plugin(plugin)
        here = stamp(plugins)
    except BadPlugin as error:
        return str(error)
    for what, value in due.items():
        if here.get(what) != value:
            return f"{what} {here.get(what) or 'unknown'} there, {value or 'unknown'} here"
    return None


def refused(address: str, why: str) -> str:
    """A worker's refusal, for people."""
    return (
        f"the dask worker {address} is refused: {why}; workers need the versions and plugin "
        "files of the process that stores the runs"
    )


def run_there(block: Block, options: Options, due: Stamp, hold: float) -> list[Finished]:
    """Run a block in a worker of dask; raises BadResults where it is no copy of the coordinator."""
    why = refusal(due, options.plugins)
    if why is not None:
        from distributed import get_worker

        raise BadResults(refused(get_worker().address, why))
    return run_block(block, options, hold)
