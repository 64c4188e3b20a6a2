"""Nearest neighbours among the train rows, equal distances in position order."""

import numpy as np

from albench.learner import Floats, Ints

BLOCK = 256  # rows whose distances to all others are in memory at once


def nearest_rows(X: Floats, rows: Ints, k: int) -> Ints:
    """(len(rows), k) for each row its k nearest others, the nearest first.

    k is at most the number of other rows. Equal distances stand in position order; the
    distances are computed row by row, so that equal rows have equal distances.
    """
    from scipy.spatial.distance import cdist

    k = min(k, len(X) - 1)
    found = np.empty((len(rows), k), dtype=np.intp)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        distances = cdist(X[block], X, "sqeuclidean")
        distances[np.arange(len(block)), block] = np.inf
        reach = np.partition(distances, k - 1, axis=1)[:, k - 1] if k else np.empty(0)
        for i in range(len(block) if k else 0):
            near = np.flatnonzero(distances[i] <= reach[i])
            order = np.argsort(distances[i, near], kind="stable")[:k]
            found[start + i] = near[order]
    return found
