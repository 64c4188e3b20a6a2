"""Diversity and coverage: rows that represent the pool, whatever the model says."""

from typing import Annotated

import numpy as np
from annotated_types import Gt

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import TOLERANCE, Query
from albench.strategies._geometry import (
    blocks,
    centred,
    distances_from,
    fitted_kmeans,
    kmeans_seed,
    nearest_distinct,
    squared_distances,
)

ROWS = 4096  # whose distances to new centres are in memory at once
FIRST = 64  # rows measured before the others are ruled out
RELATIVE = 1e-9  # tie window of facility location, as a share of the number of rows


def chosen(query: Query) -> Ints:
    """Positions bought so far, whether or not their labels have arrived, ascending."""
    return np.union1d(query.labeled, query.waiting) if len(query.waiting) else query.labeled


@strategy(
    "kcenter", family="coverage", cite="Sener and Savarese 2018", batch_aware=True, cost="O(nbd)"
)
class KCenter:
    """Farthest-first: the row farthest from all labelled and picked ones, again and again.

    The greedy 2-approximation of k-center (core-set). The distance to the nearest labelled
    row is kept between rounds, so a round costs the new labels only. Within a batch
    distances only shrink, so only rows that may be farthest are measured to the new picks.
    """

    def __init__(self) -> None:
        self.nearest: Floats | None = None
        self.known = np.empty(0, dtype=bool)

    def __call__(self, query: Query) -> Ints:
        X, norms = centred(query)
        if self.nearest is None:
            self.nearest, self.known = np.full(len(X), np.inf), np.zeros(len(X), dtype=bool)
        centres = chosen(query)
        new = centres[~self.known[centres]]
        for start in range(0, len(X) if len(new) else 0, ROWS):
            part = slice(start, start + ROWS)
            squares = nearest_squares(X[part], norms[part], X[new], norms[new])
            np.minimum(self.nearest[part], squares, out=self.nearest[part])
        self.known[new] = True
        if query.n == 1:
            return query.top(np.sqrt(self.nearest[query.pool]))
        front = Front(X[query.pool], norms[query.pool], self.nearest[query.pool], query.n)
        for _ in range(query.n):
            picked = query.top(front.farthest(), 1)[0]
            front.pick(int(np.searchsorted(query.pool, picked)))
        return query.pool[front.picks]


class Front:
    """Distances of the pool to labelled rows and picks, brought up to date where it matters.

    squares  (m,) squared distances as last measured, upper bounds; -1 for picked rows
    applied  (m,) how many of the picks they count
    """

    def __init__(self, X: Floats, norms: Floats, squares: Floats, n: int) -> None:
        self.X, self.norms, self.squares = X, norms, squares
        self.applied = np.zeros(len(X), dtype=np.intp)
        self.centres, self.lengths = np.empty((n, X.shape[1])), np.empty(n)
        self.picks = np.empty(0, dtype=np.intp)

    def pick(self, at: int) -> None:
        """Count a row as picked."""
        self.centres[len(self.picks)], self.lengths[len(self.picks)] = self.X[at], self.norms[at]
        self.picks = np.append(self.picks, at)
        self.squares[at] = -1.0

    def farthest(self) -> Floats:
        """(m,) distances of the rows that may be farthest, -inf for the others."""
        if len(self.squares) <= ROWS:  # choosing rows would cost more than measuring all
            self.latest(len(self.picks))
            return np.where(self.squares < 0, -np.inf, np.sqrt(np.abs(self.squares)))
        self.update(np.argpartition(-self.squares, FIRST)[:FIRST])
        current = self.applied == len(self.picks)
        least = np.sqrt(max(self.squares[current].max(), 0.0)) - 2 * TOLERANCE
        self.update(np.flatnonzero(self.squares >= max(least, 0.0) ** 2))
        known = (self.applied == len(self.picks)) & (self.squares >= 0)
        return np.where(known, np.sqrt(np.abs(self.squares)), -np.inf)

    def latest(self, n: int) -> None:
        """Measure all rows to the last pick."""
        if n:
            squares = squared_distances(self.X, self.norms, int(self.picks[-1]))
            np.minimum(self.squares, squares, out=self.squares)

    def update(self, rows: Ints) -> None:
        """Measure some rows to the picks that they do not count yet."""
        n = len(self.picks)
        for seen in np.unique(self.applied[rows]):
            part, late = rows[self.applied[rows] == seen], slice(seen, n)
            if seen < n:
                squares = nearest_squares(
                    self.X[part], self.norms[part], self.centres[late], self.lengths[late]
                )
                self.squares[part] = np.minimum(self.squares[part], squares)
        self.applied[rows] = n


def nearest_squares(X: Floats, norms: Floats, centres: Floats, lengths: Floats) -> Floats:
    """(n,) squared distances of rows to the nearest of some centres, never negative."""
    squares = X @ centres.T
    squares *= -2.0
    squares += lengths
    return np.asarray(np.maximum(squares.min(axis=1) + norms, 0.0))


@strategy(
    "kmeans",
    family="coverage",
    cite="MacQueen 1967; as a query strategy Zhdanov 2019",
    batch_aware=True,
    cost="O(nbd) an iteration",
)
def kmeans(query: Query) -> Ints:
    """The rows nearest to the centres of as many clusters of the pool as rows are asked for."""
    X = query.X[query.pool]
    found = fitted_kmeans(X, query.n, kmeans_seed(query))
    return nearest_distinct(query, found.distances(X))


@strategy(
    "facility_location",
    family="coverage",
    cite="Wei, Iyer and Bilmes 2015",
    batch_aware=True,
    cost="O(n^2 d) once, then O(nd) a row looked at",
)
class FacilityLocation:
    """Greedily the rows that bring every train row nearest to a labelled or picked one.

    The objective is the sum over train rows of the largest similarity to a chosen row, with
    similarity exp(-gamma d^2). Gains only shrink as rows are chosen, so the gain found last
    is an upper bound, and only rows whose bound reaches the best gain are looked at again.
    gamma  of the similarity; default: 1 / d
    """

    def __init__(self, *, gamma: Annotated[float, Gt(0)] | None = None) -> None:
        self.gamma = gamma
        self.known = self.assumed = np.empty(0, dtype=np.intp)
        self.covered: Floats | None = None  # (n,) largest similarity to a chosen row
        self.bound: Floats | None = None  # (n,) gain of each row at most

    def __call__(self, query: Query) -> Ints:
        gamma = self.gamma or 1.0 / query.X.shape[1]
        X, norms = centred(query)
        everyone = np.arange(len(X))
        if self.bound is None or len(np.setdiff1d(self.assumed, chosen(query))):
            total = query.once(("similarity", gamma), lambda: similar(X, norms, everyone, gamma, 0))
            self.bound, self.covered = total.copy(), np.zeros(len(X))
            self.known = self.assumed = everyone[:0]
        assert self.covered is not None
        for row in np.setdiff1d(chosen(query), self.known, assume_unique=True):
            self.cover(X, norms, row, gamma)
        picks = np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            gains = self.gains(query, picks[:i], gamma)
            picks[i] = query.top(gains, 1, RELATIVE * len(X))[0]
            self.cover(X, norms, picks[i], gamma)
        self.known, self.assumed = np.union1d(chosen(query), picks), picks
        return picks

    def cover(self, X: Floats, norms: Floats, row: int, gamma: float) -> None:
        """Count a row as chosen."""
        near = np.exp(-gamma * squared_distances(X, norms, row))
        assert self.covered is not None
        np.maximum(self.covered, near, out=self.covered)

    def gains(self, query: Query, picks: Ints, gamma: float) -> Floats:
        """(m,) gains of the pool rows that can be best, -inf for the others."""
        assert self.bound is not None
        assert self.covered is not None
        X, norms = centred(query)
        bound = self.bound[query.pool]
        bound[np.searchsorted(query.pool, picks)] = -np.inf
        order = np.argsort(-bound, kind="stable")[: len(bound) - len(picks)]
        gains, best, at, step = np.full(len(bound), -np.inf), -np.inf, 0, 8
        while at < len(order) and bound[order[at]] >= best - 2 * RELATIVE * len(X):
            looked = order[at : at + step]
            rows = query.pool[looked]
            gains[looked] = self.bound[rows] = similar(X, norms, rows, gamma, self.covered)
            best = max(best, float(gains[looked].max()))
            at, step = at + step, min(2 * step, 512)
        return gains


def similar(X: Floats, norms: Floats, rows: Ints, gamma: float, covered: Floats | float) -> Floats:
    """(len(rows),) how much each row adds to the similarity that covers the train rows."""
    added = []
    for part in blocks(rows, len(X)):
        near = distances_from(X, norms, part)
        near *= -gamma
        np.exp(near, out=near)
        near -= covered
        added.append(np.maximum(near, 0.0, out=near).sum(axis=1))
    return np.concatenate(added) if added else np.empty(0)
