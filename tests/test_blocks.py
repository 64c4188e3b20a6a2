"""How blocks of runs are handed out to workers, by a crew that runs nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from albench.runner.crew import Ended
from albench.runner.pool import Work
from albench.runner.worker import Options


class Recording:
    """A crew that notes the blocks; a block comes back `back` runs at a time."""

    def __init__(self, jobs: int, back: int) -> None:
        self.room, self.back = jobs + 1, back
        self.blocks: list[tuple[Any, ...]] = []

    def submit(self, block: Any, options: Options) -> Any:
        self.blocks.append(block)
        return len(self.blocks) - 1

    def ended(self, futures: Sequence[Any]) -> list[Ended]:
        first = min(futures)
        return [Ended(first, list(self.blocks[first][: self.back]))]

    def deaths(self, error: BaseException) -> int:
        return 0

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("jobs", "n", "first"), [(1, 12, [12]), (2, 12, [3, 3, 6]), (4, 3, [1, 1, 1])]
)
def test_blocks_are_split_where_there_are_fewer_than_workers(jobs, n, first) -> None:
    crew = Recording(jobs, back=100)
    runs: Any = tuple(range(n))
    found = [run for part in Work(crew, [runs], Options(())).results() for run in part]
    assert sorted(found) == list(range(n))  # each run once, whatever is split
    assert [len(block) for block in crew.blocks] == first


def test_what_a_block_gives_back_in_part_is_shared_out_again() -> None:
    crew = Recording(2, back=1)
    runs: Any = tuple(range(16))
    found = [run for part in Work(crew, [runs], Options(())).results() for run in part]
    assert sorted(found) == list(range(16))
    assert all(len(block) < 16 for block in crew.blocks)


def test_many_blocks_stay_whole() -> None:
    crew = Recording(2, back=100)
    blocks: Any = [tuple(range(10 * i, 10 * i + 10)) for i in range(9)]
    list(Work(crew, blocks, Options(())).results())
    assert crew.blocks[:6] == blocks[:6]
