"""Logistic regression by scikit-learn's own steps of L-BFGS, without its checks of the input.

Where lbfgs stops decides the picks, so the coefficients must be scikit-learn's to the bit:
the same loss, the same starting point, the same options of the same SciPy routine. Most of
a fit on a few hundred rows is otherwise spent on validating arrays.
"""

from functools import cache
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.simulation.learner import (
    Fitted,
    FromScratch,
    Part,
    Plain,
    Trainer,
    Views,
    aligned_decision,
    spread,
)

EPS = float(np.finfo(float).eps)
TOL, MAX_ITER = 1e-4, 100  # scikit-learn's defaults


class Lbfgs(Trainer):
    """Learner of `logreg-lbfgs`; labelled sets of more than two classes get the plain one.

    C      inverse strength of the penalty
    steps  iterations at most
    """

    repeatable = True

    def __init__(self, views: Views, C: float, steps: int, plain: Plain) -> None:
        self.views, self.C, self.steps, self.plain = views, C, steps, plain
        self.make = plain.make
        self.name = "lbfgs"

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        classes = np.flatnonzero(np.bincount(y))
        if len(classes) != 2:
            return self.plain.fit(labeled, y)
        target = (y == classes[1]).astype(np.float64)
        W = optimum(self.views.X[labeled], target, self.C, self.steps)
        return Solved(self, W, classes, len(y))


class Solved(FromScratch):
    """`Fitted` over the coefficients of two classes.

    W  (d + 1,) coefficients and intercept
    n  labels that it was fitted on
    """

    has_proba = True

    def __init__(self, model: Lbfgs, W: Floats, classes: Ints, n: int) -> None:
        self.model, self.classes, self.n = model, classes, n
        self.coef, self.intercept = W[None, :-1], W[-1:]

    @property
    def estimator(self) -> Any:
        """scikit-learn's classifier with these coefficients."""
        made = self.model.make(self.model.plain.seed(self.n))
        made.coef_, made.intercept_ = self.coef.copy(), self.intercept.copy()
        made.classes_, made.n_features_in_ = self.classes, self.coef.shape[1]
        made.n_iter_ = np.zeros(1, dtype=np.int32)
        return made

    def values(self, part: Part, rows: Ints | None) -> Floats:
        """(n,) linear scores, positive for the second class."""
        X = self.model.views.X if part == "train" else self.model.views.X_test
        X = X if rows is None else X[rows]
        return np.asarray((X @ self.coef.T + self.intercept).reshape(-1))

    def decision(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.decision`."""
        return aligned_decision(self.values(part, rows), self.classes, self.model.views.n_classes)

    def proba(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.proba`."""
        from scipy.special import expit

        second = expit(self.values(part, rows))
        both = np.stack([1 - second, second], axis=1)
        return spread(both, self.classes, self.model.views.n_classes, 0.0)

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        return np.asarray(self.classes[(self.values(part, rows) > 0).astype(np.intp)])


def optimum(X: Floats, target: Floats, C: float, steps: int) -> Floats:
    """(d + 1,) coefficients and intercept where lbfgs stops; `target` is 0 or 1."""
    from scipy.optimize import minimize

    options: Any = {"maxiter": steps, "maxls": 50, "gtol": TOL, "ftol": 64 * EPS}
    given: Any = (X, target, 1.0 / (C * len(X)), half_binomial())
    start = np.zeros(X.shape[1] + 1)
    found = minimize(loss_gradient, start, given, method="L-BFGS-B", jac=True, options=options)
    W: Floats = found.x
    return W


def loss_gradient(
    W: Floats, X: Floats, target: Floats, strength: float, loss: Any
) -> tuple[float, Floats]:
    """Mean loss with the penalty, and its gradient, in scikit-learn's order of operations."""
    coef, n = W[:-1], len(X)
    losses, slope = loss.loss_gradient(
        y_true=target, raw_prediction=X @ coef + W[-1], sample_weight=None, n_threads=1
    )
    slope /= n
    gradient = np.empty_like(W)
    gradient[:-1] = X.T @ slope + strength * coef
    gradient[-1] = np.sum(slope)
    return float(np.sum(losses) / n) + float(0.5 * strength * (coef @ coef)), gradient


@cache
def half_binomial() -> Any:
    """scikit-learn's pointwise loss."""
    from sklearn._loss.loss import HalfBinomialLoss

    return HalfBinomialLoss()


@cache
def works() -> bool:
    """Whether the coefficients are those of scikit-learn's classifier, to the bit."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    try:
        for n, d, C in ((20, 3, 1.0), (200, 13, 0.1), (300, 60, 1.0)):
            X = rng.normal(size=(n, d))
            target = (X[:, 0] + rng.normal(size=n) > 0).astype(np.float64)
            made = LogisticRegression(C=C, max_iter=MAX_ITER).fit(X, target)
            due = np.append(made.coef_[0], made.intercept_)
            if not np.array_equal(due, optimum(X, target, C, MAX_ITER)):
                return False
    except (ImportError, AttributeError, TypeError, ValueError):
        return False
    return True
