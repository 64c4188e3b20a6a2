"""k-means as the strategies use it: seeded by the query, one start, distinct rows back."""

import warnings
from typing import Any

import numpy as np

from albench.learner import Floats, Ints
from albench.query import Query

LEAST = 1e-9  # of the largest weight
SMALL = 1e-100  # weights below are rescaled first


def fitted_kmeans(X: Floats, k: int, seed: int, weights: Floats | None = None) -> Any:
    """A `KMeans` with k centres (fewer where there are fewer rows), fitted once.

    weights  (n,) not negative; only their ratios count. All zero counts as all equal, and
             none below `LEAST` of the largest one: centres of rows that weigh next to
             nothing would overflow
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    k = min(k, len(X))
    if weights is not None:
        most = weights.max()
        if most < SMALL:
            weights = weights / most if most > 0 else np.ones(len(X))
        weights = np.maximum(weights, LEAST * weights.max())
    model = KMeans(n_clusters=k, n_init=1, random_state=seed)
    with warnings.catch_warnings():  # fewer distinct rows than centres is no fault here
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, sample_weight=weights)


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
    for i in range(query.n):
        score = -distances[:, i % distances.shape[1]]
        picks[i] = query.top(np.where(taken, -np.inf, score), 1)[0]
        taken[np.searchsorted(query.pool, picks[i])] = True
    return picks
