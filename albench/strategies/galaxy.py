"""GALAXY: bisection on the line of scores of each class, for extreme imbalance."""

from dataclasses import dataclass

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query


def one_against_rest(query: Query, rows: Ints) -> Floats:
    """(len(rows), k) for each class its score less the best other score of the row."""
    values = query.fitted.proba("train", rows)
    if values is None:
        values = query.fitted.decision("train", rows)
        if values is not None and values.ndim == 1:
            values = np.stack([-values, values], axis=1)
    if values is None:
        values = np.eye(query.n_classes)[query.fitted.predicted("train", rows)]
    gaps = np.empty_like(values)
    for c in range(values.shape[1]):
        gaps[:, c] = values[:, c] - np.delete(values, c, axis=1).max(axis=1)
    return gaps


@dataclass
class Lines:
    """All labelled and pool rows, once per class in the order of that class's scores.

    orders  (k, N) indices into `rows`
    label   (N,) class of each row, -1 while unlabelled
    """

    rows: Ints
    orders: Ints
    label: Ints

    def target(self, c: int) -> int | None:
        """The row to ask next on the line of class c; None where no cut has been found.

        The middle of the shortest run of unlabelled rows between labelled neighbours of
        which one is of class c and one is not; else the unlabelled row nearest to a cut.
        """
        order = self.orders[c]
        label = self.label[order]
        known = np.flatnonzero(label >= 0)
        side = label[known] == c
        cuts = np.flatnonzero(side[1:] != side[:-1])
        if not len(cuts):
            return None
        low, high = known[cuts], known[cuts + 1]
        runs = high - low - 1
        if runs.max() > 0:
            i = int(np.where(runs > 0, runs, len(label)).argmin())
            return int(order[(low[i] + high[i]) // 2])
        free, middle = np.flatnonzero(label < 0), low + 0.5
        after = np.searchsorted(middle, free)
        to_next = np.append(middle, np.inf)[after] - free
        to_last = free - np.append(-np.inf, middle)[after]
        return int(order[free[np.minimum(to_next, to_last).argmin()]])

    def without(self, i: int) -> "Lines":
        """The lines less a row that cannot be labelled."""
        orders = self.orders[self.orders != i].reshape(len(self.orders), -1)
        return Lines(self.rows, orders, self.label)


def lines_of(query: Query) -> Lines:
    """The lines of the classes as they stand before the batch."""
    rows = np.union1d(query.labeled, query.pool)
    orders = np.argsort(one_against_rest(query, rows), axis=0, kind="stable").T
    label = np.full(len(rows), -1, dtype=np.intp)
    label[np.searchsorted(rows, query.labeled)] = query.y_labeled
    return Lines(rows, orders, label)


def bisect(query: Query, *, ask: bool) -> Ints:
    """n rows by bisection; their labels are asked for at once, or taken as predicted."""
    lines, picks = lines_of(query), np.empty(query.n, dtype=np.intp)
    predicted = query.fitted.predicted("train", lines.rows)
    free = np.isin(lines.rows, query.pool, assume_unique=True)
    for i in range(query.n):
        target = lines.target(int(query.rng.integers(query.n_classes)))
        if target is None:
            target = int(query.rng.choice(np.flatnonzero(free)))
        free[target] = False
        picks[i] = lines.rows[target]
        answer = query.ask(int(picks[i])) if ask else int(predicted[target])
        if answer < 0:
            lines = lines.without(target)
        lines.label[target] = answer
    return picks


@strategy(
    "galaxy",
    family="imbalance",
    cite="Zhang, Katz-Samuels and Nowak 2022",
    sequential=True,
    batch_aware=True,
    cost="O(kn log n + bn)",
)
def galaxy(query: Query) -> Ints:
    """Bisection between labels that differ, on the scores of a class drawn for each pick.

    Each label is revealed before the next pick; the model is fitted once per batch.
    """
    return bisect(query, ask=True)


@strategy(
    "galaxy_batch",
    family="imbalance",
    cite="after Zhang, Katz-Samuels and Nowak 2022",
    batch_aware=True,
    cost="O(kn log n + bn)",
)
def galaxy_batch(query: Query) -> Ints:
    """GALAXY without labels inside the batch: a picked row counts as what is predicted."""
    return bisect(query, ask=False)
