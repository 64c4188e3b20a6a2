"""Gaussian naive Bayes: moments of a class are computed anew only where it got rows.

Every number is formed by scikit-learn's operations in scikit-learn's order. A feature that
hardly varies within a class makes log-likelihoods of a billion, of which rounding is visible.
"""

from typing import Any

import numpy as np
from scipy.special import logsumexp

from albench.engines.known import Known
from albench.learner import Aligned, Constant, Fitted, Floats, Ints, Part, Plain, spread


class NaiveBayes:
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
        boost = self.smoothing * self.task.X[labeled].var(axis=0).max()
        return Gaussians(self, boost, labeled, y)


class Gaussians:
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
