"""Naive Bayes and nearest neighbours kept up to date: only what a new label changes is computed.

Every number is formed by scikit-learn's operations in scikit-learn's order. A feature that
hardly varies within a class makes log-likelihoods of a billion, of which rounding is visible.
"""

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from albench.core.arrays import Floats, Ints
from albench.simulation.learner import (
    Aligned,
    Constant,
    Fitted,
    FromScratch,
    Part,
    Plain,
    Trainer,
    spread,
)


class Known:
    """The labelled set of the last fit.

    label  (n_train,) its labels, -1 elsewhere
    """

    def __init__(self, n_train: int) -> None:
        self.label = np.full(n_train, -1, dtype=np.intp)
        self.n = 0

    def added(self, labeled: Ints, y: Ints) -> tuple[Ints, Ints] | None:
        """The rows added since the last call and their labels.

        None when the set changed in any other way (or at the first call): the engine then
        starts from nothing. Either way the set is remembered.
        """
        before = self.label[labeled]
        at = (before != y).nonzero()[0]
        grew = 0 < self.n == len(labeled) - len(at) and not np.count_nonzero(before[at] >= 0)
        if not grew:
            self.label.fill(-1)
        self.label[labeled] = y
        self.n = len(labeled)
        return (labeled[at], y[at]) if grew else None


class NaiveBayes(Trainer):
    """Learner of Gaussian naive Bayes.

    moments  class -> means and variances (d,) of its labelled rows, and how many there are
    """

    name = "naive-bayes"
    repeatable = True

    def __init__(self, task: Any, smoothing: float, plain: Plain) -> None:
        self.task, self.smoothing, self.plain, self.make = task, smoothing, plain, plain.make
        self.known = Known(len(task.X))
        self.moments: dict[int, tuple[Floats, Floats, int]] = {}

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        added = self.known.added(labeled, y)
        if added is None:
            self.moments, added = {}, (labeled, y)
        for c in np.flatnonzero(np.bincount(added[1])).tolist():
            X = self.task.X[labeled[y == c]]
            self.moments[c] = X.mean(axis=0), X.var(axis=0), len(X)
        if len(self.moments) == 1:
            return Aligned(Constant(int(y[0])), self.plain.views)
        boost = self.smoothing * self.task.X[labeled].var(axis=0).max() or self.smoothing
        return Gaussians(self, boost, labeled, y)


class Gaussians(FromScratch):
    """`Fitted` over the moments of a `NaiveBayes` learner.

    boost  what is added to every variance
    """

    has_proba = True

    def __init__(self, model: NaiveBayes, boost: float, labeled: Ints, y: Ints) -> None:
        self.model, self.labeled, self.y = model, labeled, y
        self.classes = np.array(sorted(model.moments))
        self.terms = []
        for c in self.classes.tolist():
            mean, var, n = model.moments[c]
            boosted = var + boost
            constant = -0.5 * np.sum(np.log(2.0 * np.pi * boosted))
            self.terms.append((mean, boosted, constant, np.log(n / len(y))))
        self.tested: Floats | None = None

    @property
    def estimator(self) -> Any:
        """scikit-learn's classifier fitted on the same rows."""
        return self.model.plain.fit(self.labeled, self.y).estimator

    def joint(self, part: Part, rows: Ints | None) -> Floats:
        """(n, k) log-likelihood of features and class, for the classes seen."""
        if part == "test" and rows is None and self.tested is not None:
            return self.tested
        X = self.model.task.X if part == "train" else self.model.task.X_test
        X = X if rows is None else X[rows]
        columns = []
        for mean, var, constant, prior in self.terms:
            columns.append(prior + (constant - 0.5 * np.sum((X - mean) ** 2 / var, axis=1)))
        joint = np.stack(columns).T
        if part == "test" and rows is None:
            self.tested = joint
        return joint

    def proba(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.proba`."""
        joint = self.joint(part, rows)
        proba = np.exp(joint - logsumexp(joint, axis=1)[:, None])
        return spread(proba, self.classes, self.model.task.n_classes, 0.0)

    def decision(self, part: Part, rows: Ints | None = None) -> None:
        """None: the classifier has no decision values."""
        return

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        return np.asarray(self.classes[self.joint(part, rows).argmax(axis=1)])


class Neighbours(Trainer):
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


class Voted(FromScratch):
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
