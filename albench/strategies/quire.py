"""QUIRE: informative and representative at once, by kernel ridge regression."""

from typing import Annotated

import numpy as np
from annotated_types import Gt
from scipy.linalg.lapack import dpotrf, dtrtrs

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import BLOCK, blocks, centred, distances_from

Positive = Annotated[float, Gt(0)]


class Ridge:
    """Kernel ridge regression on the rows that were added, and its view of all rows.

    With K the RBF kernel plus the regularisation on its diagonal, L L' = K over the rows
    added in the order they came, and S = L^-1 K over all rows, prediction and variance of
    all rows grow by one row of S for each row added; L itself is part of S.

    X, norms  (n, d) features and (n,) their squared norms
    n_classes two of them are predicted by one value: that of the first mirrors it
    """

    def __init__(
        self, X: Floats, norms: Floats, gamma: float, regularisation: float, n_classes: int
    ) -> None:
        self.X, self.norms, self.gamma, self.regularisation = X, norms, gamma, regularisation
        self.n, self.mirrored = 0, n_classes == 2
        self.classes = np.arange(n_classes)[self.mirrored :]
        self.S, self.c = np.empty((0, len(X))), np.empty((0, len(self.classes)))
        self.predicted = np.zeros((len(self.classes), len(X)))
        self.own = np.zeros((len(self.classes), 1))
        self.variance = np.full(len(X), 1.0 + regularisation)

    def add(self, rows: Ints, labels: Ints) -> None:
        """Learn the labels of some rows: 1 for the class, -1 for the others."""
        n, new = self.n, self.n + len(rows)
        if new > len(self.S):
            room = max(new, 2 * len(self.S))
            self.S = np.concatenate([self.S, np.empty((room - len(self.S), len(self.X)))])
            self.c = np.concatenate([self.c, np.empty((room - len(self.c), self.c.shape[1]))])
        kernel = distances_from(self.X, self.norms, rows)
        kernel *= -self.gamma
        np.exp(kernel, out=kernel)
        values = np.where(labels[:, None] == self.classes, 1.0, -1.0)
        if n:
            below = self.S[:n].T[rows]
            kernel -= below @ self.S[:n]
            values -= below @ self.c[:n]
        own = kernel[:, rows]
        own.flat[:: len(rows) + 1] += self.regularisation
        factor, failed = dpotrf(own, lower=1)
        if failed:  # the diagonal is at least the regularisation, but for rounding
            raise ValueError(f"regularisation {self.regularisation} is too small for this kernel")
        self.S[n:new] = added = dtrtrs(factor, kernel, lower=1)[0]
        self.c[n:new] = learnt = dtrtrs(factor, values, lower=1)[0]
        self.own += (learnt * learnt).sum(axis=0)[:, None]
        self.predicted += learnt.T @ added
        self.variance -= np.einsum("ij,ij->j", added, added)
        self.n = new

    def worst(self) -> Floats:
        """(n,) the objective of QUIRE: of the classes, one against the rest, the worst."""
        missed = np.abs(self.predicted) + 1.0 if self.mirrored else 1.0 - self.predicted
        missed *= missed
        missed /= self.variance
        missed += self.own
        return missed[0] if self.mirrored else np.asarray(missed.max(axis=0))


@strategy(
    "quire",
    family="expected error",
    cite="Huang, Jin and Zhou 2010",
    cost="O(n (l + d + k))",
)
class Quire:
    """Smallest worst-case loss of a kernel machine that is sure of the row's label (QUIRE).

    The labels of all other unlabelled rows are free, so the quadratic form over them is
    minimised in closed form: what remains is kernel ridge regression on the labelled rows,
    to which a round adds the new ones, and no matrix of the pool's size is needed. Several
    classes: one against the rest, the worst of them.
    gamma           of the RBF kernel; default: 1 / d
    regularisation  added to the kernel's diagonal
    """

    def __init__(self, *, gamma: Positive | None = None, regularisation: Positive = 1.0) -> None:
        self.gamma, self.regularisation = gamma, regularisation
        self.ridge: Ridge | None = None
        self.label = np.empty(0, dtype=np.intp)

    def __call__(self, query: Query) -> Ints:
        return query.top(-self.losses(query))

    def losses(self, query: Query) -> Floats:
        """(m,) the objective at each pool row."""
        if len(query.X) * len(query.labeled) > BLOCK:
            self.ridge = None
            return self.blockwise(query)
        labeled, y = query.labeled, query.y_labeled
        if self.ridge is not None:
            before = self.label[labeled]
            new = (before != y).nonzero()[0]
            if self.ridge.n + len(new) > len(labeled) or (before[new] >= 0).any():
                self.ridge = None
        if self.ridge is None:
            self.ridge, new = self.started(query, *centred(query)), np.arange(len(labeled))
            self.label = np.full(len(query.X), -1, dtype=np.intp)
        if len(new):
            self.label[labeled[new]] = y[new]
            self.ridge.add(labeled[new], y[new])
        return self.ridge.worst()[query.pool]

    def started(self, query: Query, X: Floats, norms: Floats) -> Ridge:
        """Nothing learnt yet."""
        gamma = 1.0 / query.X.shape[1] if self.gamma is None else self.gamma
        return Ridge(X, norms, gamma, self.regularisation, query.n_classes)

    def blockwise(self, query: Query) -> Floats:
        """As `losses`, a block of the pool at a time, nothing kept between rounds."""
        X, norms = centred(query)
        known = len(query.labeled)
        losses = []
        for part in blocks(query.pool, known):
            rows = np.concatenate([query.labeled, part])
            ridge = self.started(query, X[rows], norms[rows])
            ridge.add(np.arange(known), query.y_labeled)
            losses.append(ridge.worst()[known:])
        return np.concatenate(losses)
