"""Squared Euclidean distances, a block of rows at a time."""

from collections.abc import Iterator

import numpy as np

from albench.learner import Floats, Ints
from albench.query import Query

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
