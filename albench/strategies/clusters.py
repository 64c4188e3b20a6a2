"""k-means as the strategies use it: seeded by the query, one start, distinct rows back."""

import warnings
from typing import NamedTuple

import numpy as np

from albench.learner import Floats, Ints
from albench.query import Query
from albench.ties import TOLERANCE

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
