"""Picks that others bought, replayed: a control of data, split, model and metric."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albench.core.arrays import Ints
from albench.core.errors import BadData, BadValue, Skip
from albench.core.files import sha256 as digest_of
from albench.core.registry import strategy
from albench.core.spec import Ref, RunSpec
from albench.simulation.query import Query
from albench.simulation.task import Task

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("dataset", "model", "strategy", "trial", "round", "row")


def pinned(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str | None]:
    """The entry with its file known by checksum, and where the file lies.

    `path` is relative to the suite. Raises BadValue where there is no such file.
    """
    path = table.pop("path", None)
    if path is None:
        return table, None
    file = (folder / Path(str(path)).expanduser()).absolute()
    if not file.is_file():
        raise BadValue(f"no such file: {file}")
    return table | {"sha256": digest_of(file)}, str(file)


@lru_cache(maxsize=2)
def recorded_picks(path: str, sha256: str) -> "pd.DataFrame":
    """The table of a file; raises BadData where it moved, changed, or lacks a column."""
    import pandas as pd

    file = Path(path)
    if not file.is_file():
        raise BadData(f"{path} is gone (SHA-256 {sha256[:16]}...)")
    if digest_of(file) != sha256:
        raise BadData(f"{path} is not the file that the run names: its content changed")
    try:
        table = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (ValueError, OSError) as error:
        raise BadData(f"{path}: no table of picks: {error}") from None
    lacking = [name for name in COLUMNS if name not in table.columns]
    if lacking:
        raise BadData(f"{path}: no column {', '.join(lacking)}; due are {', '.join(COLUMNS)}")
    for name in ("trial", "round", "row"):
        if table[name].dtype.kind not in "iu":
            raise BadData(f"{path}: column {name} holds other than whole numbers")
    return table


def called(ref: Ref) -> list[str]:
    """How a file may call an entry: with its parameters, or by its name."""
    return [ref.label, ref.name]


@strategy(
    "recorded",
    family="control",
    cite="control: the picks of others",
    cost="O(n)",
    resolve=pinned,
    replay=True,
    formerly=(
        "47b83bc34eaed70cf6f90701d0ded3345085eecee4fe75bbde535dd82af459c5",
        "e02a025d1f0c58c9980f037aea07917a042587dfe69d47fdb74ed28988edaf19",
    ),
)
class Recorded:
    """Rows that others bought, replayed from a file: whether data, split and metric are theirs.

    path       Parquet or CSV with the columns dataset, model, strategy, trial, round, row and,
               where it holds several, batch; in the order bought. Datasets and models are called
               as here. Round 1 is the first query; of round 0, where there is one, the start is
               compared
    strategy   whose picks, as the file calls it
    positions  what `row` counts: `rows` of the dataset, or positions in the `train` part in the
               order of the trial's pool
    A run ends with the recorded rounds. What does not fit is named: the first row that is no
    train row, or not in the pool, or a round of another size. Never ranked.
    """

    def __init__(
        self,
        source: str | None = None,
        *,
        sha256: str = "",
        strategy: str = "",
        positions: Literal["rows", "train"] = "rows",
    ) -> None:
        self.source, self.sha256 = source, sha256
        self.strategy, self.positions = strategy, positions
        self.rounds: dict[int, Ints] = {}
        self.number = 0

    def bind(self, spec: RunSpec, task: Task) -> Task:
        """Take the picks of one run, and give back the task with the budget that they use.

        Raises Skip where the file has none for the run, BadData where they do not fit its cut.
        """
        if self.source is None:
            raise Skip('needs path = "...", the file of the picks')
        part = self.of_run(spec, task.batch)
        self.rounds = {
            number: self.placed(number, part.loc[part["round"] == number, "row"].to_numpy(), task)
            for number in sorted(set(part["round"].tolist()))
        }
        start = self.rounds.pop(0, None)
        if start is not None and set(start.tolist()) != set(task.start.tolist()):
            strange = sorted(set(start.tolist()) ^ set(task.start.tolist()))[0]
            raise BadData(
                f"{self.words(0)}: the recorded start is another: dataset row "
                f"{task.rows[strange]} is in one of the two only; the split or the start differ"
            )
        budget = len(task.start) + self.checked(task)
        if budget >= task.budget:
            return task
        return replace(task, budget=budget, rounds=len(self.rounds), memo=task.memo)

    def of_run(self, spec: RunSpec, batch: int) -> "pd.DataFrame":
        """The rows of the file that are of this run."""
        table = recorded_picks(str(self.source), self.sha256)
        part = table[(table["strategy"] == self.strategy) & (table["trial"] == spec.trial)]
        if "batch" in table.columns:
            part = part[part["batch"] == batch]
        for column, ref in (("dataset", spec.dataset), ("model", spec.model)):
            part = part[part[column].isin(called(ref))]
        if not len(part):
            raise Skip(
                f"no recorded picks of {self.strategy!r} on {spec.dataset.label} with "
                f"{spec.model.label}, batch {batch}, trial {spec.trial}"
            )
        return part

    def words(self, number: int) -> str:
        """`recorded picks of 'margin', round 3`."""
        return f"recorded picks of {self.strategy!r}, round {number}"

    def placed(self, number: int, rows: Ints, task: Task) -> Ints:
        """Positions in the train part of what the file names."""
        n = len(task.rows)
        if self.positions == "train":
            wrong = rows[(rows < 0) | (rows >= n)]
            if len(wrong):
                raise BadData(
                    f"{self.words(number)}: position {wrong[0]}, and the train part has {n} rows: "
                    "the data or the split differ"
                )
            return rows.astype(np.intp)
        order = np.argsort(task.rows, kind="stable")
        at = np.minimum(np.searchsorted(task.rows, rows, sorter=order), n - 1)
        found = order[at]
        wrong = rows[task.rows[found] != rows]
        if len(wrong):
            test = wrong[0] in task.rows_test
            why = "is a test row here: the split differs" if test else "is no row: the data differ"
            raise BadData(f"{self.words(number)}: dataset row {wrong[0]} {why}")
        return found.astype(np.intp)

    def checked(self, task: Task) -> int:
        """How many rows the rounds buy; raises BadData for a gap or a round of another size."""
        total, last = 0, max(self.rounds, default=0)
        for number in range(1, last + 1):
            n = len(self.rounds.get(number, ()))
            if n > task.batch or n == 0 or (n < task.batch and number < last):
                raise BadData(f"{self.words(number)}: {n} rows, where a batch is {task.batch}")
            total += n
        return total

    def __call__(self, query: Query) -> Ints:
        self.number += 1
        if self.number not in self.rounds:
            raise Skip("replays the recorded picks of a run; outside of one there are none")
        return self.rounds[self.number][: query.n]
