"""Worker processes that run blocks: what `albench.runner.pool` asks of them, and loky's."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from albench.core.errors import BadValue
from albench.core.spec import RunSpec
from albench.runner import loky
from albench.runner.parent import end_with
from albench.runner.worker import HOLD, Finished, Options, ignore_interrupts, run_block

Block = tuple[RunSpec, ...]
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA", "NUMEXPR")


class Ended(NamedTuple):
    """A future that has ended: with finished runs, or with an error."""

    future: Any
    finished: list[Finished]
    error: BaseException | None = None


class Crew(Protocol):
    """Worker processes that run blocks.

    room  how many blocks to hand out at a time
    """

    room: int

    def submit(self, block: Block, options: Options) -> Any:
        """Hand out a block; returns its future."""
        ...

    def ended(self, futures: Sequence[Any]) -> list[Ended]:
        """Those of the futures that have ended, one at least; waits for it."""
        ...

    def deaths(self, error: BaseException) -> int:
        """How many workers died by a block that ended with this error; 0: it is another one."""
        ...

    def close(self) -> None:
        """End the workers that were started here, whatever they are doing."""
        ...


class LokyCrew:
    """Processes on this machine; they end with this one, also when it is killed."""

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise BadValue(f"{jobs} processes: at least 1")
        self.jobs, self.room = jobs, jobs + 1
        self.executor: Any = None

    def submit(self, block: Block, options: Options) -> Any:
        """See `Crew.submit`."""
        if self.executor is None:
            own = {f"{name}_NUM_THREADS": "1" for name in THREADS}
            env = {name: os.environ.get(name, value) for name, value in own.items()}
            self.executor = loky.pool(self.jobs, begin, [os.getpid()], env)
        return self.executor.submit(run_block, block, options, HOLD)

    def ended(self, futures: Sequence[Any]) -> list[Ended]:
        """See `Crew.ended`."""
        from concurrent.futures import FIRST_COMPLETED, wait

        found = []
        for future in wait(futures, return_when=FIRST_COMPLETED).done:
            error = future.exception()
            found.append(Ended(future, [] if error else future.result(), error))
        return found

    def deaths(self, error: BaseException) -> int:
        """See `Crew.deaths`; the next block gets processes of its own."""
        if not isinstance(error, loky.BrokenProcessPool):
            return 0
        self.close()
        return 1

    def close(self) -> None:
        """See `Crew.close`."""
        if self.executor is not None:
            loky.end_pool(self.executor)
            self.executor = None


def begin(parent: int) -> None:
    """Set up a worker process: Ctrl-C is its parent's business, the parent's death its own."""
    ignore_interrupts()
    end_with(parent)
