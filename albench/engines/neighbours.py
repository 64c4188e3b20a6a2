"""k nearest neighbours kept up to date: a new label is compared with the k kept of each row."""

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from albench.engines.known import Known
from albench.learner import Aligned, Constant, Fitted, Floats, Ints, Part, Plain


class Neighbours:
    """Learner of k nearest neighbours; among equal distances the first position is nearer.

    X         (n_train + n_test, d) train rows, then test rows
    distance  (n, k) squared distances to the nearest labelled rows, nearest first
    nearest   (n, k) their positions
    """

    name = "neighbours"
    repeatable = True

    def __init__(self, task: Any, k: int, plain: Plain) -> None:
        self.X = np.vstack([task.X, task.X_test])
        self.task, self.k, self.plain, self.make = task, k, plain, plain.make
        self.known = Known(len(task.X))
        self.reset()

    def reset(self) -> None:
        """Forget all labelled rows."""
        self.distance = np.full((len(self.X), self.k), np.inf)
        self.nearest = np.full((len(self.X), self.k), len(self.task.X))

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        added = self.known.added(labeled, y)
        if added is None:
            self.reset()
            added = labeled, y
        for row in added[0].tolist():
            self.add(row)
        if y.min() == y.max():
            return Aligned(Constant(int(y[0])), self.plain.views)
        return Voted(self, labeled, y)

    def add(self, row: int) -> None:
        """Let a labelled row take the place of a farther one wherever it is nearer."""
        d = cdist(self.X, self.X[row : row + 1], "sqeuclidean")[:, 0]
        last = self.distance[:, -1]
        nearer = (d < last) | ((d == last) & (row < self.nearest[:, -1]))
        at = nearer.nonzero()[0]
        distance, nearest = self.distance[at], self.nearest[at]
        distance[:, -1], nearest[:, -1] = d[at], row
        order = np.lexsort((nearest, distance), axis=-1)
        self.distance[at] = np.take_along_axis(distance, order, axis=1)
        self.nearest[at] = np.take_along_axis(nearest, order, axis=1)


class Voted:
    """`Fitted` over the neighbours of a `Neighbours` learner."""

    has_proba = True

    def __init__(self, model: Neighbours, labeled: Ints, y: Ints) -> None:
        self.model, self.labeled, self.y = model, labeled, y

    @property
    def estimator(self) -> Any:
        """scikit-learn's classifier fitted on the same rows."""
        return self.model.plain.fit(self.labeled, self.y).estimator

    def proba(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.proba`: the share of each class among the neighbours."""
        model, n = self.model, len(self.model.task.X)
        at: Any = slice(n) if part == "train" else slice(n, None)
        if rows is not None:
            at = rows if part == "train" else rows + n
        k = min(model.k, len(self.y))
        votes = model.known.label[model.nearest[at, :k]]
        counts = np.zeros((len(votes), model.task.n_classes))
        for column in votes.T:
            counts[np.arange(len(votes)), column] += 1.0
        return counts / k

    def decision(self, part: Part, rows: Ints | None = None) -> None:
        """None: the classifier has no decision values."""
        return

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`: the first class among those with most votes."""
        return np.asarray(self.proba(part, rows).argmax(axis=1))
