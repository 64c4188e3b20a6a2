"""DIRECT: for each class the threshold of fewest errors, and the rows around it."""

from math import ceil
from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies.uncertainty import probabilities

Count = Annotated[int, Ge(1)]
Run = tuple[int, int]


class Labels:
    """What is known of the rows of one query, and what is asked for in its batch.

    rows   (N,) positions of labelled and pool rows; label: (N,) class, -1 where unknown
    free   (N,) whether a row can still be picked
    """

    def __init__(self, query: Query) -> None:
        self.query, self.rows = query, np.union1d(query.labeled, query.pool)
        self.label = np.full(len(self.rows), -1, dtype=np.intp)
        self.label[np.searchsorted(self.rows, query.labeled)] = query.y_labeled
        self.free = np.isin(self.rows, query.pool, assume_unique=True)
        self.picks: list[int] = []

    def ask(self, i: int) -> None:
        """Pick a row and learn its label."""
        self.free[i] = False
        self.picks.append(int(self.rows[i]))
        self.label[i] = self.query.ask(self.picks[-1])


def orders(query: Query, rows: Ints) -> Ints:
    """(k, N) for each class the rows from the surest member down.

    By p_c less the largest probability of the row, rows predicted to be of the class by p_c.
    """
    proba = query.fitted.proba("train", rows)
    if proba is None:
        proba = probabilities(query.within(rows))
    gaps = proba - proba.max(axis=1, keepdims=True)
    return np.stack([np.lexsort((-proba[:, c], -gaps[:, c])) for c in range(proba.shape[1])])


def agreement(label: Ints, c: int) -> Floats:
    """(N + 1,) labelled rows right less wrong if the first i of the order are of class c."""
    sign = np.where(label < 0, 0.0, np.where(label == c, 1.0, -1.0))
    before = np.append(0.0, np.cumsum(sign))
    return np.asarray(2.0 * before - before[-1])


def unsure_run(label: Ints, c: int) -> Run:
    """First and last index of the order between the labels that a threshold cannot part.

    From the last member before the first labelled non-member to the first non-member after
    the last labelled member.
    """
    known = np.flatnonzero(label >= 0)
    member = label[known] == c
    first_out = int(known[~member][0]) if (~member).any() else len(label)
    last_in = int(known[member][-1]) if member.any() else -1
    before = known[member & (known < first_out)]
    after = known[~member & (known > last_in)]
    low = int(before[-1]) if len(before) else 0
    return low, int(after[0]) if len(after) else len(label) - 1


def shrunk(
    state: Labels, order: Ints, c: int, run: tuple[int, int], wanted: int
) -> tuple[int, int]:
    """The run with at most `wanted` free rows, cut at the end whose threshold is worse."""
    low, high = run
    agree = agreement(state.label[order], c)
    free = state.free[order]
    n = int(free[low : high + 1].sum())
    while n > wanted:
        left = agree[low] < agree[high]
        if agree[low] == agree[high]:
            left = bool(state.query.rng.integers(2) == 0)
        n -= int(free[low if left else high])
        low, high = low + int(left), high - int(not left)
    return low, high


def reduce(state: Labels, order: Ints, c: int, budget: int, parallel: int) -> None:
    """Spend labels on the version space of the thresholds of one class.

    `parallel` rows at a time are drawn from the run in question, then it is shrunk.
    """
    run = unsure_run(state.label[order], c)
    while budget > 0:
        inside = order[run[0] : run[1] + 1]
        inside = inside[state.free[inside]]
        if not len(inside):
            return
        step = min(parallel, budget, len(inside))
        for i in state.query.rng.choice(inside, size=step, replace=False):
            state.ask(int(i))
        left = int(state.free[order[run[0] : run[1] + 1]].sum())
        rounds = budget // parallel
        if left and rounds > 1:
            run = shrunk(state, order, c, run, ceil(left ** (1.0 - 1.0 / rounds)))
        budget -= min(parallel, budget)


def around(state: Labels, order: Ints, c: int, budget: int) -> None:
    """Ask for the free rows nearest to the best threshold, above and below it in turn."""
    best = int(agreement(state.label[order], c).argmax())
    free = state.free[order]
    above, below = np.flatnonzero(free[:best])[::-1], best + np.flatnonzero(free[best:])
    turn_above, turn_below = best - above, below - best + 1  # steps taken to reach a row
    ranked = np.lexsort((np.r_[0 * above, 0 * below + 1], np.r_[turn_above, turn_below]))
    for at in np.r_[above, below][ranked][:budget]:
        state.ask(int(order[at]))


@strategy(
    "direct",
    family="imbalance",
    cite="Nuggehalli, Zhang, Jain and Nowak 2023 (DIRECT)",
    sequential=True,
    batch_aware=True,
    cost="O(kn log n + bn)",
)
def direct(query: Query, *, parallel: Count = 1, most: Count = 10) -> Ints:
    """Rows around the threshold of each class that labels agree with best (DIRECT).

    Rows stand in the order of a class's scores. Up to half of the batch narrows, class by
    class, the run in which the best threshold may lie; the rest goes to the rows nearest to
    the best threshold of each class, classes in random order. Labels may contradict each
    other: the threshold is that of fewest errors. As in the authors' code, the model is
    fitted once per batch.
    parallel  rows that are labelled before the run is shrunk
    most      labels of a class in the first half; less where the batch is small
    """
    state, k, n = Labels(query), query.n_classes, query.n
    order = orders(query, state.rows)
    counts = np.bincount(query.y_labeled, minlength=k)
    for c in np.argsort(-counts, kind="stable"):
        reduce(state, order[c], int(c), min(most, n // k // 2), parallel)
    rest = n - len(state.picks)
    for i, c in enumerate(query.rng.permutation(k)):
        share = rest * (i + 1) // k - rest * i // k
        around(state, order[c], int(c), share)
    return np.array(state.picks, dtype=np.intp)
