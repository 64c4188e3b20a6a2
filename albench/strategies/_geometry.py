"""Distances, nearest rows and k-means, as the strategies use them."""

import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.simulation.query import TOLERANCE, Query

LEAST = 1e-9  # of the largest weight
SMALL = 1e-100  # weights below are rescaled first


class Clusters(NamedTuple):
    """What k-means found.

    centres  (k, d)
    labels   (n,) the cluster of each row
    """

    centres: Floats
    labels: Ints

    def distances(self, X: Floats) -> Floats:
        """(m, k) Euclidean distances of rows to the centres."""
        from sklearn.metrics.pairwise import euclidean_distances

        return np.asarray(euclidean_distances(X, self.centres))


def fitted_kmeans(X: Floats, k: int, seed: int, weights: Floats | None = None) -> Clusters:
    """k centres (fewer where there are fewer rows), from one start. X must be finite.

    weights  (n,) not negative; only their ratios count. All zero counts as all equal, and
             none below `LEAST` of the largest one: centres of rows that weigh next to
             nothing would overflow
    """
    k = min(k, len(X))
    if weights is not None:
        most = weights.max()
        if most < SMALL:
            weights = weights / most if most > 0 else np.ones(len(X))
        weights = np.maximum(weights, LEAST * weights.max())
    if k == 1:  # no need to iterate
        centre = np.average(X, axis=0, weights=weights)
        return Clusters(centre[None], np.zeros(len(X), dtype=np.intp))
    import sklearn
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    model = KMeans(n_clusters=k, n_init=1, random_state=seed)
    with warnings.catch_warnings(), sklearn.config_context(assume_finite=True):
        # fewer distinct rows than centres is no fault here
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, sample_weight=weights)
    return Clusters(model.cluster_centers_, np.asarray(model.labels_, dtype=np.intp))


def kmeans_seed(query: Query) -> int:
    """A seed for scikit-learn from the strategy's own generator."""
    return int(query.rng.integers(2**31))


def nearest_distinct(query: Query, distances: Floats) -> Ints:
    """(b,) for each of b centres in turn the nearest pool row not taken by one before it.

    distances  (m, b) of the pool rows to the centres; b may be below `query.n`, then the
               first centres choose again until there are n rows
    """
    taken = np.zeros(len(query.pool), dtype=bool)
    picks = np.empty(query.n, dtype=np.intp)
    sole = sole_nearest(distances)
    for i in range(query.n):
        c = i % distances.shape[1]
        at = int(sole[c]) if i else -1  # the first is asked for: it may be a wrapper that asks
        if at < 0 or taken[at]:
            row = query.top(np.where(taken, -np.inf, -distances[:, c]), 1)[0]
            at = int(np.searchsorted(query.pool, row))
        picks[i] = query.pool[at]
        taken[at] = True
    return picks


def sole_nearest(distances: Floats) -> Ints:
    """(b,) the row nearest to each centre, -1 where another ties with it."""
    nearest = distances.min(axis=0)
    tied = np.count_nonzero(distances <= nearest + TOLERANCE, axis=0) > 1
    return np.where(tied, -1, distances.argmin(axis=0))


BLOCK = 8_000_000  # doubles of one block of distances


def centred(query: Query) -> tuple[Floats, Floats]:
    """(n, d) features less their mean, and (n,) their squared norms, once per cut.

    Distances by the binomial formula lose digits far from the origin.
    """

    def make() -> tuple[Floats, Floats]:
        X = query.X - query.X.mean(axis=0)
        return X, np.einsum("ij,ij->i", X, X)

    return query.once("centred features", make)


def squared_distances(X: Floats, norms: Floats, row: int) -> Floats:
    """(n,) squared distances of all rows to one of them, never negative."""
    return np.asarray(np.maximum(norms + norms[row] - 2.0 * (X @ X[row]), 0.0))


def distances_from(X: Floats, norms: Floats, rows: Ints) -> Floats:
    """(len(rows), n) squared distances of some rows to all, never negative."""
    squares = X[rows] @ X.T
    squares *= -2.0
    squares += norms
    squares += norms[rows, None]
    return np.asarray(np.maximum(squares, 0.0, out=squares))


def blocks(rows: Ints, width: int) -> Iterator[Ints]:
    """The rows in parts, so that (part, width) distances fit into a block."""
    step = max(1, BLOCK // max(width, 1))
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


class Nearest:
    """Squared distance of each train row to the nearest row bought, kept between rounds."""

    def __init__(self) -> None:
        self.squared: Floats | None = None
        self.known = np.empty(0, dtype=np.intp)

    def of_pool(self, query: Query) -> Floats:
        """(m,) squared distances of the pool rows, labels that are outstanding included."""
        X, norms = centred(query)
        if self.squared is None:
            self.squared = np.full(len(X), np.inf)
        bought = np.union1d(query.labeled, query.waiting)
        for part in blocks(np.setdiff1d(bought, self.known, assume_unique=True), len(X)):
            new = distances_from(X, norms, part).min(axis=0)
            np.minimum(self.squared, new, out=self.squared)
        self.known = bought
        return self.squared[query.pool]


ROWS_AT_ONCE = 256  # rows whose distances to all others are in memory at once


def nearest_rows(X: Floats, rows: Ints, k: int) -> Ints:
    """(len(rows), k) for each row its k nearest others, the nearest first.

    k is at most the number of other rows. Equal distances stand in position order; the
    distances are computed row by row, so that equal rows have equal distances.
    """
    from scipy.spatial.distance import cdist

    k = min(k, len(X) - 1)
    found = np.empty((len(rows), k), dtype=np.intp)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        distances = cdist(X[block], X, "sqeuclidean")
        distances[np.arange(len(block)), block] = np.inf
        reach = np.partition(distances, k - 1, axis=1)[:, k - 1] if k else np.empty(0)
        for i in range(len(block) if k else 0):
            near = np.flatnonzero(distances[i] <= reach[i])
            order = np.argsort(distances[i, near], kind="stable")[:k]
            found[start + i] = near[order]
    return found
