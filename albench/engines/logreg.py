"""Logistic regression by Newton's method from the last solution."""

from functools import cached_property
from typing import Any

import numpy as np

from albench.engines import newton, refits, truncated
from albench.engines.compiled import NUMBA
from albench.engines.known import Known
from albench.learner import Aligned, Constant, Fitted, Floats, Ints, Part, Plain, spread

TOL = 1e-14
REFIT = 1e-12  # where a refit serves to sum losses that are told apart from 1e-6 on


class LogReg:
    """Learner of the canonical logistic regression.

    C         inverse strength of the penalty
    balanced  weight rows by n / (n_classes n_of_class)
    plain     the scikit-learn learner of the same model: what `estimator` is made like
    """

    def __init__(self, task: Any, C: float, balanced: bool, plain: Plain) -> None:
        self.task, self.C, self.balanced, self.plain = task, C, balanced, plain
        self.make = plain.make
        self.name = "logreg-numba" if NUMBA else "logreg-numpy"
        self.known = Known(len(task.X))
        self.X = np.empty((len(task.X), task.X.shape[1] + 1))
        self.y = np.empty(len(task.X), dtype=np.intp)
        self.target, self.v = np.empty(len(task.X)), np.empty(len(task.X))
        self.n = 0
        self.seen = np.zeros(task.n_classes, dtype=bool)
        self.classes = np.empty(0, dtype=np.intp)
        self.W, self.M = np.empty(0), np.empty(0)

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        added = self.known.added(labeled, y)
        if added is None:
            self.n, added = 0, (labeled, y)
            self.seen[:] = False
        n_new = self.add(*added)
        if len(self.classes) == 1:
            return Aligned(Constant(int(self.classes[0])), self.plain.views)
        if not self.solved(n_new):
            self.known.n = 0
            return self.plain.fit(labeled, y)
        return Solved(self)

    def add(self, rows: Ints, y: Ints) -> int:
        """Take in new rows; a new class starts from nothing.

        Returns how many rows the inverse Hessian has yet to hear of.
        """
        at = slice(self.n, self.n + len(rows))
        self.X[at, :-1], self.X[at, -1], self.y[at] = self.task.X[rows], 1.0, y
        self.n += len(rows)
        if self.seen[y].all():
            self.target[at] = np.searchsorted(self.classes, y)
            return len(rows)
        self.seen[y] = True
        self.classes = np.flatnonzero(self.seen)
        self.target[: self.n] = np.searchsorted(self.classes, self.y[: self.n])
        k, p = len(self.classes), self.X.shape[1]
        self.W = np.zeros(p) if k == 2 else np.zeros((k, p))
        size = 0 if self.large else self.W.size
        self.M = np.full((size, size), np.nan)
        return 0

    @property
    def large(self) -> bool:
        """Whether the Hessian is too large to be kept and inverted."""
        return len(self.classes) > 2 and self.W.size > truncated.LARGE

    def solved(self, n_new: int) -> bool:
        """Move the coefficients to the optimum; returns whether that succeeded."""
        return self.optimised(self.n, self.W, self.M, n_new)

    def weights(self, n: int) -> Floats:
        """(n,) C times the weight of each of the first n rows."""
        v = self.v[:n]
        v[:] = self.C
        if self.balanced:
            y = self.target[:n].astype(np.intp)
            v *= (n / (len(self.classes) * np.bincount(y)))[y]
        return v

    def optimised(self, n: int, W: Floats, M: Floats, n_new: int, tol: float = TOL) -> bool:
        """Move `W` to the optimum for the first n rows; returns whether that succeeded."""
        X, target, v = self.X[:n], self.target[:n], self.weights(n)
        if self.large:
            return truncated.softmax(X, target, v, W, tol)
        solve = newton.binary if len(self.classes) == 2 else newton.softmax
        try:
            return solve(X, target, v, W, M, tol, n_new)
        except np.linalg.LinAlgError:  # a Hessian that is singular to machine precision
            return False

    def with_row(self, row: int, label: int, M: Floats) -> Floats | None:
        """Coefficients after one more row of a class seen; None where they were not found.

        M  inverse Hessian near the optimum so far
        """
        n, W = self.n, self.W.copy()
        self.X[n, :-1], self.X[n, -1] = self.task.X[row], 1.0
        self.target[n] = np.searchsorted(self.classes, label)
        if len(self.classes) == 2:
            rows = self.X[: n + 1], self.target[: n + 1], self.weights(n + 1)
            return W if refits.refit(*rows, W, M, REFIT) else None
        return W if self.optimised(n + 1, W, M.copy(), 1, REFIT) else None


class Solved:
    """`Fitted` over the coefficients of a `LogReg` learner."""

    has_proba = True

    def __init__(self, model: LogReg) -> None:
        self.model = model
        self.kept: dict[Part, Floats] = {}

    @property
    def estimator(self) -> Any:
        """scikit-learn's classifier with these coefficients."""
        model = self.model
        made = model.plain.make(model.plain.seed(model.n))
        W = np.atleast_2d(model.W).copy()
        made.coef_, made.intercept_ = W[:, :-1], W[:, -1]
        made.classes_, made.n_features_in_ = model.classes, model.task.X.shape[1]
        made.n_iter_ = np.zeros(1, dtype=np.int32)
        return made

    def values(self, part: Part, rows: Ints | None) -> Floats:
        """(n,) or (n, k) linear scores of the classes seen."""
        if part not in self.kept:
            task, W = self.model.task, self.model.W
            X = task.X if part == "train" else task.X_test
            self.kept[part] = X @ W[..., :-1].T + W[..., -1]
        scores = self.kept[part]
        return scores.copy() if rows is None else scores[rows]

    def decision(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.decision`."""
        scores, model = self.values(part, rows), self.model
        if model.task.n_classes == 2:
            return scores
        if scores.ndim == 1:
            scores = np.stack([-scores, scores], axis=1)
        return spread(scores, model.classes, model.task.n_classes, -np.inf)

    def proba(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.proba`."""
        model = self.model
        return spread(shares(self.values(part, rows)), model.classes, model.task.n_classes, 0.0)

    def refits(self, rows: Ints, labels: Ints, seen: Ints) -> Floats:
        """(len(rows), len(seen), k) probabilities of the rows `seen` after one more label.

        rows, labels  the train row of each refit, and its class, one that is labelled
        Each is a fit to the optimum from this one; NaN where that failed.
        """
        model, X = self.model, self.model.task.X[seen]
        asked = zip(rows.tolist(), labels.tolist(), strict=True)
        found = [model.with_row(row, label, self.M) for row, label in asked]
        W = np.stack([np.full_like(model.W, np.nan) if w is None else w for w in found])
        scores = W[..., :-1] @ X.T + W[..., -1:]
        if scores.ndim == 3:
            scores = scores.transpose(0, 2, 1)
        proba = shares(scores.reshape(-1, *scores.shape[2:]))
        out = spread(proba, model.classes, model.task.n_classes, 0.0)
        return out.reshape(len(rows), len(seen), -1)

    @cached_property
    def M(self) -> Floats:
        """Inverse Hessian: at the optimum with two classes, near it with more."""
        model = self.model
        if len(model.classes) > 2:
            return model.M
        known = model.X[: model.n], model.target[: model.n], model.weights(model.n)
        _, curvature = newton.binary_gradient(*known, model.W)
        try:
            return newton.binary_inverse(known[0], curvature)
        except np.linalg.LinAlgError:  # singular to machine precision: start from the last one
            return model.M

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        scores = self.values(part, rows)
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.model.classes[best.astype(np.intp)])


def shares(scores: Floats) -> Floats:
    """(n, k) probabilities of linear scores (n,) or (n, k)."""
    if scores.ndim == 1:
        proba = np.empty((len(scores), 2))
        proba[:, 1] = 1.0 / (1.0 + np.exp(-np.clip(scores, -700.0, None)))
        proba[:, 0] = 1.0 - proba[:, 1]
        return proba
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    return np.asarray(proba)
