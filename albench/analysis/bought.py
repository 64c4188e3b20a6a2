"""What every run bought, in order, as positions of its cut."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.cuts import Cut
from albench.errors import BadResults
from albench.tables import FULL_POOL, KEY

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

CHECKPOINTS = (0.0, 0.1, 0.25, 0.5, 1.0)


@dataclass(frozen=True, eq=False)
class Bought:
    """One run: what it bought, in order, the start first.

    key           dataset, protocol, model, strategy, trial
    rows          (n,) train positions, labels (n,) the answers, -1 for an abstention
    round         (n,) the round in which each was bought
    probability   (n,) of each draw, NaN where it is neither logged nor known (random)
    margin_rank   (n,) share of the pool with a smaller margin then, NaN where not traced
    rounds        the run's rows of the table `rounds`
    """

    key: tuple[str, str, str, str, int]
    cut: Cut
    rows: Ints
    labels: Ints
    round: Ints
    probability: Floats
    margin_rank: Floats
    rounds: pd.DataFrame

    @property
    def strategy(self) -> str:
        """The strategy's label."""
        return self.key[3]

    @property
    def n_start(self) -> int:
        """Rows of the start."""
        return int(np.sum(self.round == 0))

    @property
    def answered(self) -> Ints:
        """Indices of the rows that got a label, in order."""
        return np.flatnonzero(self.labels >= 0)

    def in_hand(self, number: int) -> Ints:
        """Indices of the rows whose labels are in hand at the evaluation of a round."""
        return self.answered[: int(self.rounds["n_labeled"].iloc[number])]

    def cost(self, number: int) -> float:
        """Cumulative cost at the evaluation of a round."""
        return float(self.rounds["cost"].iloc[number])

    def checkpoints(self, shares: Sequence[float]) -> list[tuple[float, int]]:
        """(share, round) of the first evaluation with each share of what was bought.

        Share 0 is the start. A round that two shares fall on is kept under the first, the
        last round under 1.
        """
        bought = np.cumsum(np.bincount(self.round, minlength=len(self.rounds)))
        out: dict[int, float] = {}
        for share in sorted(shares):
            number = int(np.flatnonzero(bought >= share * bought[-1] - 1e-9)[0])
            if share >= 1:
                number = len(bought) - 1  # delayed labels arrive after the last was bought
                out.pop(number, None)
            out.setdefault(number, share)
        return [(share, number) for number, share in out.items()]


@dataclass(frozen=True, eq=False)
class Group:
    """The runs on one cut."""

    task: Any
    runs: tuple[Bought, ...]


def groups(runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut]) -> Iterator[Group]:
    """The finished runs, those on one cut together; full-pool runs are left out.

    runs, rounds: the stored tables with the suite's labels; `cuts` must hold every finished
    run, in the order of `albench.cuts`. Raises BadResults where nothing is finished.
    """
    done = runs[(runs["status"] == "done") & (runs["strategy"] != FULL_POOL)]
    if done.empty:
        raise BadResults("there is no finished run to look at")
    keys: dict[str, list[tuple[Any, ...]]] = {}
    for run, *key in done[["run", *KEY]].itertuples(index=False, name=None):
        keys.setdefault(run, []).append(tuple(key))
    wanted = rounds[rounds["run"].isin(keys)].sort_values(["run", "round"], kind="stable")
    parts = {str(run): part.reset_index(drop=True) for run, part in wanted.groupby("run")}
    # tasks are equal only to themselves
    for _, members in groupby(cuts, key=lambda cut: cut.task):
        found = [
            bought(key, cut, parts[cut.run])
            for cut in members
            if cut.run in parts
            for key in keys[cut.run]
        ]
        if found:
            yield Group(found[0].cut.task, tuple(found))


def bought(key: Any, cut: Cut, rounds: pd.DataFrame) -> Bought:
    """One run from its rows of `rounds`, sorted by round."""
    sizes = [len(picks) for picks in rounds["picks"]]
    labels = [-1 if pd.isna(label) else int(label) for part in rounds["labels"] for label in part]
    picks = np.concatenate([np.asarray(p, dtype=np.intp) for p in rounds["picks"]])
    probability = spread(rounds, "probability", sizes)
    if cut.uniform:
        left = len(cut.task.y) - len(cut.task.withheld) - np.arange(len(picks))
        probability = 1.0 / left
    return Bought(
        key, cut, cut.positions(picks), np.array(labels, dtype=np.intp),
        np.repeat(rounds["round"].to_numpy(dtype=np.intp), sizes),
        probability, spread(rounds, "margin_rank", sizes), rounds,
    )  # fmt: skip


def spread(rounds: pd.DataFrame, column: str, sizes: Sequence[int]) -> Floats:
    """A list column laid out over the rows bought; NaN where a round has none."""
    if column not in rounds:
        return np.full(sum(sizes), np.nan)
    parts = []
    for value, size in zip(rounds[column], sizes, strict=True):
        known = isinstance(value, list | np.ndarray) and len(value) == size
        parts.append(np.asarray(value, dtype=np.float64) if known else np.full(size, np.nan))
    return np.concatenate(parts)
