"""libsvm called without the checks around it, and the kernel rows of one cut.

On the features its arithmetic is scikit-learn's to the bit, so that even a loose
tolerance gives scikit-learn's solution. On the shared kernel it is the numpy version of
the canonical classifiers, which are the same whatever solves them.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.models.engines.compiled import compiled
from albench.simulation.learner import Views

EAGER = 1 << 19
CACHED = 1 << 14  # values that stay in the cache while they are worked on


class KernelRows:
    """Rows of the kernel between train rows and all rows, train first, then test.

    K      (capacity, n_train + n_test) storage; memory is taken as rows are filled
    slot   (n_train,) where the row of a train position lies in `K`, or -1
    norms  (n_train + n_test,) squared lengths

    gamma    RBF kernel exp(-gamma |x - z|^2); None: the linear kernel
    limit    bytes that `K` may take
    bitwise  in libsvm's arithmetic: dot products one by one, the C library's exponential
    placed   each row at its own position, if all have room (memory is then taken early)
    """

    def __init__(
        self,
        views: Views,
        gamma: float | None,
        limit: int,
        bitwise: bool = False,
        placed: bool = False,
    ) -> None:
        self.X = np.vstack([views.X, views.X_test])
        self.n_train, self.gamma, self.bitwise = len(views.X), gamma, bitwise
        self.norms: Floats = np.vecdot(self.X, self.X)
        self.diagonal = np.ones(self.n_train) if gamma else self.norms[: self.n_train].copy()
        self.capacity = max(1, min(self.n_train, limit // (8 * len(self.X))))
        self.placed = placed and self.capacity == self.n_train
        self.K = np.empty((self.capacity, len(self.X)))
        self.slot = np.full(self.n_train, -1, dtype=np.intp)
        self.holds = np.full(self.capacity, -1, dtype=np.intp)
        self.n_held = 0
        if self.capacity == self.n_train and self.K.size <= EAGER:
            self.fill(np.arange(self.n_train))

    def fill(self, rows: Ints) -> None:
        """Store the kernel rows of train positions; there is room for them.

        All at once, or else one by one: the last bits of a matrix product depend on its
        shape, and a row must not depend on the rows that were missing with it.
        """
        at = rows if self.placed else np.arange(self.n_held, self.n_held + len(rows))
        if self.bitwise:
            bitwise_kernel(self.X, self.norms, rows, self.gamma, self.K, at)
        elif len(rows) == self.n_train:
            self.made(rows, self.K)
        else:
            for i, row in zip(at, rows, strict=True):
                self.made(row[None], self.K[i][None])
        self.holds[at], self.slot[rows] = rows, at
        self.n_held += len(rows)

    def made(self, rows: Ints, out: Floats | None = None) -> Floats:
        """(len(rows), n_train + n_test) kernel rows, not kept unless `out` is."""
        return kernel(self.X[rows], self.norms[rows], self.X, self.norms, self.gamma, out)

    def ensure(self, rows: Ints, keep: Ints) -> bool:
        """Store the rows that are missing, forgetting others where room is short.

        `keep`, what is likely to be asked for again, is forgotten last. Returns whether
        there was room; if not, nothing changed.
        """
        if self.n_held == self.n_train:
            return True
        missing = np.unique(rows[self.slot[rows] < 0])  # a bootstrap sample repeats rows
        if self.n_held + len(missing) <= self.capacity:
            self.fill(missing)
            return True
        rows = np.unique(rows)
        if len(rows) > self.capacity:
            return False
        more = np.setdiff1d(keep[self.slot[keep] >= 0], rows)
        kept = np.union1d(rows, more[: self.capacity - len(rows)])
        self.forget(kept[self.slot[kept] >= 0])
        self.fill(missing)
        return True

    def forget(self, kept: Ints) -> None:
        """Keep the rows of these positions only, moved to the front."""
        slots = np.sort(self.slot[kept])
        self.slot.fill(-1)
        for new, old in enumerate(slots):
            if new != old:
                self.K[new] = self.K[old]
            self.holds[new] = self.holds[old]
            self.slot[self.holds[new]] = new
        self.n_held = len(slots)


def kernel(
    A: Floats, a: Floats, B: Floats, b: Floats, gamma: float | None, out: Floats | None = None
) -> Floats:
    """(len(A), len(B)) kernel values; a, b are the squared lengths of the rows."""
    K = np.matmul(A, B.T, out=out)
    if gamma is None:
        return K
    step = max(1, CACHED // len(B))
    for first in range(0, len(A), step):
        part = K[first : first + step]
        part *= -2.0
        part += a[first : first + step, None]
        part += b
        np.maximum(part, 0.0, out=part)
        part *= -gamma
        np.exp(part, out=part)
    return K


@compiled
def exponentials(row: Floats, a: float, b: Floats, gamma: float) -> None:
    """Turn dot products into values of the RBF kernel, in the order of libsvm's operations."""
    for j in range(row.size):
        row[j] = math.exp(-gamma * (a + b[j] - 2.0 * row[j]))


def bitwise_kernel(
    X: Floats, norms: Floats, rows: Ints, gamma: float | None, out: Floats, at: Ints
) -> None:
    """As `kernel`, of rows of X with all, to the bit as libsvm forms it, into out[at].

    It needs numba for more than small sets.
    """
    for i, row in zip(at, rows, strict=True):
        np.vecdot(X, X[row], out=out[i])
        if gamma is not None:
            exponentials(out[i], norms[row], norms, gamma)


def shared_rows(
    task: Any, gamma: float | None, limit: int, bitwise: bool = False, placed: bool = False
) -> KernelRows:
    """The kernel rows of a cut, made once and kept in the cut's memo."""
    key = ("kernel rows", gamma, limit, bitwise)
    if key not in task.memo:
        task.memo[key] = KernelRows(task, gamma, limit, bitwise, placed)
    rows: KernelRows = task.memo[key]
    return rows


@compiled
def square(K: Floats, slots: Ints, columns: Ints) -> Floats:
    """(n, n) part of the stored kernel rows."""
    part = np.empty((slots.size, columns.size))
    for i in range(slots.size):
        row = K[slots[i]]
        for j in range(columns.size):
            part[i, j] = row[columns[j]]
    return part


def raw(
    X: Floats,
    y: Floats,
    kernel: str,
    C: float,
    tol: float,
    gamma: float,
    steps: int = -1,
    weights: Floats | None = None,
) -> tuple[Ints, Ints, Floats, Floats]:
    """What libsvm returns: support, numbers of them by class, coefficients, intercepts.

    X        (n, d) features, or (n, m) kernel values, m at least n
    y        (n,) classes 0, 1, ...
    weights  (n,) of the rows; what is returned counts those above zero only
    """
    from sklearn.svm import _libsvm

    support, _, n_support, coef, bias = _libsvm.fit(
        X,
        y,
        svm_type=0,
        kernel=kernel,
        C=C,
        tol=tol,
        gamma=gamma,
        cache_size=200,
        class_weight=np.ones(int(y.max()) + 1),
        max_iter=steps,
        random_seed=0,
        sample_weight=np.empty(0) if weights is None else weights,
    )[:5]
    return support, n_support, coef, bias


@cache
def works(bitwise: bool) -> bool:
    """Whether libsvm, called this way, returns what scikit-learn's SVC does, to the bit.

    bitwise  on a kernel in libsvm's arithmetic as well
    """
    from sklearn.svm import SVC

    rng = np.random.default_rng(0)
    try:
        for d, kernel in ((3, "rbf"), (13, "rbf"), (60, "linear"), (60, "rbf")):
            X, y = rng.normal(size=(60, d)), rng.integers(0, 3, 60)
            target, some, known = y.astype(float), np.sort(rng.permutation(60)[:45]), np.zeros(60)
            known[some] = 1.0
            made = SVC(kernel=kernel, gamma="auto").fit(X[some], y[some])
            answers = [
                raw(X[some], target[some], kernel, 1.0, 1e-3, 1 / d),
                raw(X, target, kernel, 1.0, 1e-3, 1 / d, weights=known),
            ]
            if bitwise:
                K, norms, every = np.empty((60, 60)), np.vecdot(X, X), np.arange(60)
                bitwise_kernel(X, norms, every, 1 / d if kernel == "rbf" else None, K, every)
                part = np.ascontiguousarray(K[some][:, some])
                answers += [
                    raw(part, target[some], "precomputed", 1.0, 1e-3, 0.0),
                    raw(K, target, "precomputed", 1.0, 1e-3, 0.0, weights=known),
                ]
            due = (made.support_, made.n_support_, made.dual_coef_, made.intercept_)
            for answer in answers:
                if not all(np.array_equal(a, b) for a, b in zip(answer, due, strict=True)):
                    return False
    except (ImportError, AttributeError, TypeError, ValueError):
        return False
    return True
