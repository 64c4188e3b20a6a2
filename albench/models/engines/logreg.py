"""Logistic regression by Newton's method from the last solution, and many refits from one optimum.

By the quasi-Newton method of limited memory (Nocedal 1980) whose first metric is the inverse
Hessian at the old optimum, updated for the new row (Sherman and Morrison 1950). The start is
exact in the new row and quadratic in the others.
"""

from functools import cached_property
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.models.engines import newton
from albench.models.engines.compiled import NUMBA, compiled
from albench.models.engines.lazy import Known
from albench.models.engines.newton import binary_gradient, binary_objective
from albench.models.engines.span import Span
from albench.models.engines.truncated import optimum
from albench.models.engines.vectors import add, away, copy, dot, product
from albench.simulation.learner import Aligned, Constant, Fitted, Part, Plain, Trainer, spread

STEPS = 60
MEMORY = 40
HALVINGS = 30
LARGE, LARGE_BINARY = 150, 300  # coefficients from which on no Hessian is kept
SPANNED = 1000
NEAR = 1e-13  # where no Hessian is kept; a tenth of what the plain model is solved to


@compiled
def pull(z: float, q: float, v: float, target: float) -> float:
    """Root a of a = v (sigma(z - a q) - target): how far the new row moves the optimum.

    z  its linear score before;  q  x' M x for the inverse Hessian M
    """
    low, high = -v * target, v * (1.0 - target)
    a = 0.0
    for _ in range(50):
        s = 1.0 / (1.0 + np.exp(-(z - a * q)))
        miss = a - v * (s - target)
        if miss > 0.0:
            high = a
        else:
            low = a
        new = a - miss / (1.0 + v * s * (1.0 - s) * q)
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - a) <= 1e-9 * v:
            return float(new)
        a = new
    return float(a)


@compiled
def direction(
    g: Floats,
    M: Floats,
    Mx: Floats,
    scale: float,
    S: Floats,
    Y: Floats,
    rho: Floats,
    n: int,
    part: Floats,
    step: Floats,
    out: Floats,
) -> None:
    """Fill in the inverse Hessian as n steps S, their changes of gradient Y and M tell it, by g."""
    copy(g, step)
    for k in range(n - 1, -1, -1):
        part[k] = rho[k] * dot(S[k], step)
        add(-part[k], Y[k], step)
    product(M, step, out)
    add(-scale * dot(Mx, step), Mx, out)
    for k in range(n):
        add(part[k] - rho[k] * dot(Y[k], out), S[k], out)


@compiled
def refit(X: Floats, target: Floats, v: Floats, w: Floats, M: Floats, tol: float) -> bool:
    """Move `w`, the optimum without the last row, to that with it; returns whether it got there.

    X       (n + 1, p) the rows, a column of ones last
    target  (n + 1,) 0 or 1;  v  (n + 1,) weights;  M  (p, p) inverse Hessian at w
    tol     the largest gradient entry that remains
    """
    n_rows, p = X.shape
    x, last = X[n_rows - 1], n_rows - 1
    Mx, g, new_g, new = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    step, work, curvature = np.empty(p), np.empty(p), np.empty(n_rows)
    product(M, x, Mx)
    q, z = dot(x, Mx), dot(x, w)
    a = pull(z, q, v[last], target[last])
    add(-a, Mx, w)
    s = 1.0 / (1.0 + np.exp(-(z - a * q)))
    own = v[last] * s * (1.0 - s)
    scale = own / (1.0 + own * q)
    S, Y = np.empty((MEMORY, p)), np.empty((MEMORY, p))
    rho, part = np.empty(MEMORY), np.empty(MEMORY)
    size, n = binary_gradient(X, target, v, w, g, curvature), 0
    for _ in range(STEPS):
        if size <= tol:
            return True
        if n == MEMORY:
            return False
        direction(g, M, Mx, scale, S, Y, rho, n, part, work, step)
        away(w, 1.0, step, new)
        new_size = binary_gradient(X, target, v, new, new_g, curvature)
        if new_size > 0.9 * size:
            value, slope, share = binary_objective(X, target, v, w), dot(g, step), 1.0
            for _ in range(HALVINGS):
                if binary_objective(X, target, v, new) <= value - 1e-4 * share * slope:
                    break
                share *= 0.5
                away(w, share, step, new)
            new_size = binary_gradient(X, target, v, new, new_g, curvature)
        away(new, 1.0, w, S[n])
        away(new_g, 1.0, g, Y[n])
        curve = dot(S[n], Y[n])
        copy(new, w)
        g, new_g, size = new_g, g, new_size
        if curve > 0.0:
            rho[n] = 1.0 / curve
            n += 1
    return False


TOL = 1e-14
REFIT = 1e-12  # where a refit serves to sum losses that are told apart from 1e-6 on


class LogReg(Trainer):
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
        self.span = Span.empty(task.X.shape[1])
        self.scores: dict[Part, Floats] = {}

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        added = self.known.added(labeled, y)
        if added is None:
            self.n, added = 0, (labeled, y)
            self.seen[:] = False
            self.classes, self.span = self.classes[:0], Span.empty(self.task.X.shape[1])
        n_new = self.add(*added)
        if len(self.classes) == 1:
            return Aligned(Constant(int(self.classes[0])), self.plain.views)
        if not self.solved(n_new):
            self.known.n = 0
            return self.plain.fit(labeled, y)
        return Solved(self)

    def add(self, rows: Ints, y: Ints) -> int:
        """Take in new rows; a new class starts from nothing, the others only with a kept Hessian.

        Returns how many rows the inverse Hessian has yet to hear of.
        """
        at = slice(self.n, self.n + len(rows))
        self.X[at, :-1], self.X[at, -1], self.y[at] = self.task.X[rows], 1.0, y
        self.n += len(rows)
        if self.seen[y].all():
            self.target[at] = np.searchsorted(self.classes, y)
            return len(rows)
        before, self.seen[y] = self.classes, True
        self.classes = np.flatnonzero(self.seen)
        self.target[: self.n] = np.searchsorted(self.classes, self.y[: self.n])
        k, p = len(self.classes), self.X.shape[1]
        old, self.W = self.W, np.zeros(p) if k == 2 else np.zeros((k, p))
        size = 0 if self.large else self.W.size
        if self.large and len(before) > 2:
            self.W[np.searchsorted(self.classes, before)] = old
        self.M = np.full((size, size), np.nan)
        return 0

    @property
    def large(self) -> bool:
        """Whether the Hessian is too large to be kept and inverted."""
        return bool(self.W.size > (LARGE if len(self.classes) > 2 else LARGE_BINARY))

    def spanned(self, n: int) -> bool:
        """Whether n labelled rows are so few that their span is smaller than the features."""
        return bool(n <= min(self.task.X.shape[1] // 2, SPANNED))

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
            return self.truncated(X, target, v, W, max(tol, NEAR))
        solve = newton.binary if len(self.classes) == 2 else newton.softmax
        try:
            return solve(X, target, v, W, M, tol, n_new)
        except np.linalg.LinAlgError:  # a Hessian that is singular to machine precision
            return False

    def truncated(self, X: Floats, target: Floats, v: Floats, W: Floats, tol: float) -> bool:
        """`optimised` without a Hessian that is kept, in the span of the rows where that pays."""
        n, rows = len(X), np.atleast_2d(W)
        if not self.spanned(n):
            solved = optimum(X, target, v, rows, tol)
        else:
            known = len(self.span.X)
            span = self.span.more(X[known:, :-1]) if known < n else self.span
            if n == self.n:
                self.span = span
            inside = span.inside(rows)
            solved = optimum(span.X, target, v, inside, tol)
            rows[:] = span.full(inside)
        if len(rows) > 1:  # all intercepts together move no probability
            rows[:, -1] -= rows[:, -1].mean()
        return bool(solved)

    def with_row(self, row: int, label: int, M: Floats) -> Floats | None:
        """Coefficients after one more row of a class seen; None where they were not found.

        M  inverse Hessian near the optimum so far
        """
        n, W = self.n, self.W.copy()
        self.X[n, :-1], self.X[n, -1] = self.task.X[row], 1.0
        self.target[n] = np.searchsorted(self.classes, label)
        if len(self.classes) == 2 and not self.large:
            rows = self.X[: n + 1], self.target[: n + 1], self.weights(n + 1)
            return W if refit(*rows, W, M, REFIT * float(rows[2].sum())) else None
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

    def all(self, part: Part) -> Floats:
        """(n,) or (n, k) linear scores of every row for the classes seen, to be read only."""
        if part not in self.kept:
            task, W = self.model.task, self.model.W
            X = task.X if part == "train" else task.X_test
            into = self.model.scores.get(part)
            if into is None or into.shape != (len(X), *W.shape[:-1]):
                into = self.model.scores[part] = np.empty((len(X), *W.shape[:-1]))
            np.matmul(X, W[..., :-1].T, out=into)
            into += W[..., -1]
            self.kept[part] = into
        return self.kept[part]

    def values(self, part: Part, rows: Ints | None) -> Floats:
        """A copy of the scores of some rows, or of all."""
        scores = self.all(part)
        return scores.copy() if rows is None else scores.take(rows, axis=0)

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
        """See `Fitted.refits`."""
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
        if len(model.classes) > 2 or model.large:
            return model.M
        known = model.X[: model.n], model.target[: model.n], model.weights(model.n)
        curvature = np.empty(model.n)
        newton.binary_gradient(*known, model.W, np.empty_like(model.W), curvature)
        try:
            return newton.binary_inverse(known[0], curvature)
        except np.linalg.LinAlgError:  # singular to machine precision: start from the last one
            return model.M

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        scores = self.values(part, rows) if rows is not None else self.all(part)
        best = scores > 0 if scores.ndim == 1 else scores.argmax(axis=1)
        return np.asarray(self.model.classes[best.astype(np.intp)])


def shares(scores: Floats) -> Floats:
    """(n, k) probabilities of linear scores (n,) or (n, k)."""
    if scores.ndim == 1:
        proba = np.empty((len(scores), 2))
        proba[:, 1] = 1.0 / (1.0 + np.exp(-np.clip(scores, -700.0, None)))
        proba[:, 0] = 1.0 - proba[:, 1]
        return proba
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
