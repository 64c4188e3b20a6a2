"""Diversity and coverage: rows that represent the pool, whatever the model says."""

import numpy as np

from albench.learner import Floats, Ints
from albench.query import Query
from albench.registry import strategy


def squared_distances(X: Floats, norms: Floats, row: int) -> Floats:
    """(n,) squared Euclidean distances of all rows to one of them, never negative."""
    return np.asarray(np.maximum(norms + norms[row] - 2.0 * (X @ X[row]), 0.0))


@strategy(
    "kcenter", family="coverage", cite="Sener and Savarese 2018", batch_aware=True, cost="O(nbd)"
)
class KCenter:
    """Farthest-first: the row farthest from all labelled and picked ones, again and again.

    The greedy 2-approximation of k-center (core-set). The distance to the nearest labelled
    row is kept between rounds, so a round costs the new labels only.
    """

    def __init__(self) -> None:
        self.nearest: Floats | None = None
        self.known = np.empty(0, dtype=np.intp)

    def __call__(self, query: Query) -> Ints:
        X = query.X
        norms = query.once("squared norms", lambda: np.einsum("ij,ij->i", X, X))
        if self.nearest is None:
            self.nearest = np.full(len(X), np.inf)
        centres = np.union1d(query.labeled, query.waiting)
        for row in np.setdiff1d(centres, self.known, assume_unique=True):
            np.minimum(self.nearest, squared_distances(X, norms, row), out=self.nearest)
        self.known = centres
        nearest, picks = self.nearest.copy(), np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            score = np.sqrt(nearest[query.pool])
            score[np.isin(query.pool, picks[:i])] = -np.inf
            picks[i] = query.top(score, 1)[0]
            np.minimum(nearest, squared_distances(X, norms, picks[i]), out=nearest)
        return picks
