"""Several annotators who can be asked for a row: what each would say, and what is known of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import StrategyError

UNASKED, SILENT = -2, -1
"""In tables of answers: the annotator was not asked, and was asked and gave no label."""


@dataclass(frozen=True, eq=False)
class Panel:
    """What each of A annotators would answer to each train row of one cut.

    names    (A,) who they are
    labels   (n_train, A) class indices, -1 where one gives no label
    can      (n_train, A) whether one can be asked for a row
    prices   (n_train, A) what an answer costs
    seconds  (n_train, A) working time, NaN where it is not known
    start    number of the annotator who labels the start, and rows of strategies that do not
             choose; where that one cannot be asked, the first who can
    """

    names: tuple[str, ...]
    labels: Ints
    can: Any
    prices: Floats
    seconds: Floats
    start: int = 0

    @cached_property
    def first(self) -> Ints:
        """(n_train,) who is asked where nobody is chosen."""
        anyone = self.can.argmax(axis=1)
        return np.where(self.can[:, self.start], self.start, anyone).astype(np.intp)

    def of_first(self, table: Any) -> Any:
        """(n_train,) the column of that annotator, row by row."""
        return table[np.arange(len(table)), self.first]


@dataclass(frozen=True, eq=False)
class Annotators:
    """What a strategy knows of the annotators: `Query.annotators`.

    names     (A,) who they are
    prices    (A,) what an answer of each costs on average
    seconds   (A,) the time that one takes on average, NaN where it is not known
    answers   (n_train, A) what was answered so far: a class, -1 for no label, -2 where the
              annotator was not asked or the answer is outstanding
    askable   (n_train, A) who can be asked for which row: pool rows, and rows that were asked for
              before, of other annotators
    """

    names: tuple[str, ...]
    prices: Floats
    seconds: Floats
    answers: Ints
    askable: Any

    def number(self, name: str) -> int:
        """The number of an annotator; raises StrategyError for a name that there is not."""
        if name not in self.names:
            raise StrategyError(f"there is no annotator {name!r}: {', '.join(self.names)}")
        return self.names.index(name)


def majority(labels: Any) -> int:
    """The most frequent label; among equals the one given first."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    return int(found[np.lexsort((first, -counts))[0]])


class Books:
    """Who was asked for which row, what was said, and what follows: the majority.

    Among labels given equally often the one given first counts.
    """

    def __init__(self, panel: Panel, withheld: Ints) -> None:
        self.panel = panel
        self.askable = panel.can.copy()
        self.askable[withheld] = False
        self.answers = np.full(panel.labels.shape, UNASKED, dtype=np.intp)
        self.votes: dict[int, list[int]] = {}
        self.means = [
            np.array([mean(table[panel.can[:, a], a]) for a in range(len(panel.names))])
            for table in (panel.prices, panel.seconds)
        ]

    def withhold(self, rows: Ints) -> None:
        """Rows that nobody is asked for any more."""
        self.askable[rows] = False

    def bought(self, rows: Ints, who: Ints) -> None:
        """Note that these annotators were asked."""
        self.askable[rows, who] = False

    def arrived(self, rows: Ints, who: Ints) -> Ints:
        """Note what they said; the aggregated labels of the rows, -1 where there is none."""
        labels = self.panel.labels[rows, who]
        self.answers[rows, who] = labels
        for row, label in zip(rows.tolist(), labels.tolist(), strict=True):
            if label >= 0:
                self.votes.setdefault(row, []).append(label)
        return np.array(
            [majority(self.votes[r]) if r in self.votes else SILENT for r in rows.tolist()],
            dtype=np.intp,
        )

    def seen(self) -> Annotators:
        """What a strategy is told."""
        prices, seconds = self.means
        arrays = (prices.copy(), seconds.copy(), self.answers.copy(), self.askable.copy())
        for array in arrays:
            array.setflags(write=False)
        return Annotators(self.panel.names, *arrays)


def mean(values: Floats) -> float:
    """The mean of what is known; NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def checked_pairs(rows: Any, who: Any, seen: Annotators, n: int) -> tuple[Ints, Ints]:
    """Rows and annotators as positions and numbers.

    Raises StrategyError unless they are 1 to n distinct pairs, each of which can be asked.
    """
    picks, asked = np.asarray(rows), np.asarray(who)
    for name, given in (("rows", picks), ("annotators", asked)):
        if given.ndim != 1 or given.dtype.kind not in "iu":
            raise StrategyError(
                f"its {name} are of shape {given.shape} and type {given.dtype}; a flat array of "
                "whole numbers is due"
            )
    if len(picks) != len(asked) or not 1 <= len(picks) <= n:
        raise StrategyError(
            f"it returned {len(picks)} rows and {len(asked)} annotators; 1 to {n} of both are due"
        )
    n_rows, n_annotators = seen.askable.shape
    inside = (picks >= 0) & (picks < n_rows) & (asked >= 0) & (asked < n_annotators)
    if not inside.all():
        at = int(np.argmin(inside))
        raise StrategyError(f"there is no row {picks[at]} with an annotator {asked[at]}")
    picks, asked = picks.astype(np.intp), asked.astype(np.intp)
    free = seen.askable[picks, asked]
    if not free.all():
        at = int(np.argmin(free))
        name = seen.names[asked[at]]
        raise StrategyError(f"annotator {name!r} cannot be asked for position {picks[at]} (again)")
    if len(set(zip(picks.tolist(), asked.tolist(), strict=True))) < len(picks):
        raise StrategyError("it returned a row twice for one annotator")
    return picks, asked
