"""Blocks of runs over worker processes, and what happens when a worker dies.

A strategy that kills its worker may take others with it: the blocks that were under way
are then run again one at a time, with nothing beside them. A block that kills its worker
there is taken apart into its runs, and a run that does so twice is given up.
"""

import os
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from albench.core.errors import BadValue
from albench.core.spec import RunSpec
from albench.runner.parent import end_with
from albench.runner.worker import HOLD, Finished, Options, described, ignore_interrupts, run_block

Block = tuple[RunSpec, ...]
LIVES = 2
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


def results(
    blocks: Sequence[Block], options: Options, jobs: int, backend: str, scheduler: str | None
) -> Generator[list[Finished], None, None]:
    """The finished runs of all blocks, in the order they finish; workers end with it."""
    if backend == "dask":
        from albench.runner.cluster import DaskCrew

        crew: Crew = DaskCrew(scheduler, jobs, options)
    else:
        crew = LokyCrew(jobs)
    try:
        yield from Work(crew, blocks, options).results()
    finally:
        crew.close()


class Work:
    """Blocks to do, those under way, and those to be run with nothing beside them."""

    def __init__(self, crew: Crew, blocks: Sequence[Block], options: Options) -> None:
        self.crew, self.options = crew, options
        self.todo, self.suspects = deque(blocks), deque[Block]()
        self.flying: dict[Any, Block] = {}
        self.killed: Counter[str] = Counter()

    def results(self) -> Iterator[list[Finished]]:
        """Run everything; a block that comes back in part is handed out again for the rest."""
        while self.todo or self.suspects or self.flying:
            apart = bool(self.suspects)
            self.hand_out(apart)
            alone = apart and len(self.flying) == 1
            for future, finished, error in self.crew.ended(list(self.flying)):
                block = self.flying.pop(future)
                if error is not None:
                    yield from self.failed(block, error, alone)
                    continue
                if len(finished) < len(block):
                    (self.suspects if apart else self.todo).appendleft(block[len(finished) :])
                yield finished

    def hand_out(self, apart: bool) -> None:
        """Keep the workers busy, or have one suspect run alone."""
        source = self.suspects if apart else self.todo
        room = 1 if apart else self.crew.room
        while source and len(self.flying) < room:
            block = source.popleft()
            self.flying[self.crew.submit(block, self.options)] = block

    def failed(self, block: Block, error: BaseException, alone: bool) -> Iterator[list[Finished]]:
        """What follows where a block ended with an error; raises it where no worker died."""
        deaths = self.crew.deaths(error)
        if not deaths:
            raise error
        if not alone:
            self.suspects.append(block)
        elif len(block) > 1:
            self.suspects.extendleft((spec,) for spec in reversed(block))
        else:
            self.killed[block[0].id] += deaths
            if self.killed[block[0].id] >= LIVES:
                yield [given_up(block[0], self.killed[block[0].id], error)]
            else:
                self.suspects.appendleft(block)


def given_up(spec: RunSpec, times: int, error: BaseException) -> Finished:
    """The row of a run that killed its worker too often."""
    reason = f"killed its worker process {times} times{exit_codes(error)}"
    return Finished(described(spec) | {"status": "failed", "reason": reason, "metrics": ""})


def exit_codes(error: BaseException) -> str:
    """What is known of how the process ended."""
    import re

    found = re.search(r"exit codes of the workers are \{([^}]*)\}", str(error))
    return f" ({found[1]})" if found else ""


class LokyCrew:
    """Processes on this machine; they end with this one, also when it is killed."""

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise BadValue(f"{jobs} processes: at least 1")
        self.jobs, self.room = jobs, jobs + 1
        self.executor: Any = None

    def submit(self, block: Block, options: Options) -> Any:
        """See `Crew.submit`."""
        from joblib.externals.loky import ProcessPoolExecutor

        if self.executor is None:
            own = {f"{name}_NUM_THREADS": "1" for name in THREADS}
            self.executor = ProcessPoolExecutor(
                max_workers=self.jobs,
                initializer=begin,
                initargs=(os.getpid(),),
                env={name: os.environ.get(name, value) for name, value in own.items()},
            )
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
        from joblib.externals.loky.process_executor import BrokenProcessPool

        if not isinstance(error, BrokenProcessPool):
            return 0
        self.close()
        return 1

    def close(self) -> None:
        """See `Crew.close`."""
        if self.executor is not None:
            self.executor.shutdown(wait=False, kill_workers=True)
            self.executor = None


def begin(parent: int) -> None:
    """Set up a worker process: Ctrl-C is its parent's business, the parent's death its own."""
    ignore_interrupts()
    end_with(parent)
