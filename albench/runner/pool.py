"""Blocks of runs over worker processes, and what happens when a worker dies.

A strategy that kills its worker may take others with it: the blocks that were under way
are then run again one at a time, with nothing beside them. A block that kills its worker
there is taken apart into its runs, and a run that does so twice is given up.
"""

from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from albench.core.errors import BadValue
from albench.core.reasons import Reason
from albench.core.spec import RunSpec
from albench.runner.crew import Block, Crew, LokyCrew
from albench.runner.worker import Finished, Options, described

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
) -> Generator[list[Finished], None, None]:
    """The finished runs of all blocks, in the order they finish; workers end with it."""
    if workers.backend == "dask":
        from albench.runner.cluster import DaskCrew

        crew: Crew = DaskCrew(workers.scheduler, workers.count, options)
    else:
        crew = LokyCrew(workers.count)
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
            alone = len(self.flying) == 1
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
        if not apart and room > 2:  # with one worker there is nobody to share with
            self.split(room - len(self.flying))
        while source and len(self.flying) < room:
            block = source.popleft()
            self.flying[self.crew.submit(block, self.options)] = block

    def split(self, places: int) -> None:
        """Halve blocks while there are fewer than free places: no worker waits for another.

        Each part makes the cut anew, which is less than what an idle worker could do.
        """
        while self.todo and len(self.todo) < places:
            at = max(range(len(self.todo)), key=lambda i: len(self.todo[i]))
            block = self.todo[at]
            if len(block) == 1:
                return
            half = (len(block) + 1) // 2
            self.todo[at] = block[:half]
            self.todo.insert(at + 1, block[half:])

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
    how = {"status": "failed", "reason": reason, "reason_code": Reason.worker_died.value}
    return Finished(described(spec) | how | {"metrics": ""})


def exit_codes(error: BaseException) -> str:
    """What is known of how the process ended."""
    import re

    found = re.search(r"exit codes of the workers are \{([^}]*)\}", str(error))
    return f" ({found[1]})" if found else ""
