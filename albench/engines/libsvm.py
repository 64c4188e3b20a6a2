"""libsvm called without the checks around it; scores from kernel rows shared by all fits.

On the features its arithmetic is scikit-learn's to the bit, so that even a loose
tolerance gives scikit-learn's solution. On the shared kernel it is the numpy version of
the canonical classifiers, which are the same whatever solves them.
"""

from functools import cache
from itertools import accumulate, combinations

import numpy as np

from albench.engines import smo
from albench.engines.compiled import NUMBA, compiled
from albench.engines.kernels import KernelRows, bitwise_kernel
from albench.engines.svc import DOUBT, OUT_OF_ROOM, Solved
from albench.learner import Aligned, Constant, Fitted, Floats, Ints, Plain

ROUNDING = 1e-9  # sums in another order, of kernel values far from one as well


class Pair:
    """Decision values of one class against another for all rows, train first, then test."""

    def __init__(self, g: Floats, bias: float) -> None:
        self.g, self.bias = g, bias


class Libsvm:
    """Learner of a support vector classifier, from scratch each time.

    gram  train on the shared kernel (any arithmetic will do), not on the features
    """

    repeatable = True

    def __init__(
        self, rows: KernelRows, n_classes: int, C: float, tol: float, gram: bool, plain: Plain
    ) -> None:
        self.rows, self.n_classes, self.C, self.tol = rows, n_classes, C, tol
        self.steps = plain.make(0).max_iter
        self.gram, self.plain, self.make = gram, plain, plain.make
        self.doubt = DOUBT if gram and not rows.bitwise else ROUNDING
        self.name = "libsvm-gram" if gram else "libsvm"
        self.classes = np.empty(0, dtype=np.intp)
        self.pairs: dict[tuple[int, int], Pair] = {}

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        self.classes = np.flatnonzero(np.bincount(y))
        if len(self.classes) == 1:
            return Aligned(Constant(int(self.classes[0])), self.plain.views)
        needed = labeled if self.gram else labeled[:0]
        if not self.rows.ensure(needed, needed):
            return self.give_up(labeled, y)
        support, n_support, coef, bias = self.solution(labeled, y)
        rows = labeled[support]
        if not self.rows.ensure(rows, rows):
            return self.give_up(labeled, y)
        first = list(accumulate(n_support.tolist(), initial=0))
        self.pairs = {}
        for at, (a, b) in enumerate(combinations(range(len(self.classes)), 2)):
            one, other = slice(first[a], first[a + 1]), slice(first[b], first[b + 1])
            g = self.weighted(rows[one], coef[b - 1, one]) + self.weighted(
                rows[other], coef[a, other]
            )
            self.pairs[a, b] = Pair(g, float(bias[at]))
        return Solved(self, labeled, y)

    def give_up(self, labeled: Ints, y: Ints) -> Fitted:
        """scikit-learn's fit, where the kernel rows exceed the memory bound."""
        self.name = OUT_OF_ROOM
        return self.plain.fit(labeled, y)

    def weighted(self, rows: Ints, coef: Floats) -> Floats:
        """(n,) weighted sum of kernel rows."""
        if not NUMBA:
            return np.asarray(coef @ self.rows.K[self.rows.slot[rows]])
        g = np.zeros(len(self.rows.X))
        smo.apply(self.rows.K, self.rows.slot[rows], np.ascontiguousarray(coef), g, g[:0])
        return g

    def solution(self, labeled: Ints, y: Ints) -> tuple[Ints, Ints, Floats, Floats]:
        """Support positions in `labeled` by class, their numbers, coefficients, intercepts."""
        slot, gamma = self.rows.slot, self.rows.gamma
        if self.gram:
            X, kernel = square(self.rows.K, slot[labeled], labeled), "precomputed"
        else:
            X, kernel = self.rows.X[labeled], "linear" if gamma is None else "rbf"
        target = np.searchsorted(self.classes, y)
        return raw(X, target, kernel, self.C, self.tol, gamma or 0.0, self.steps)


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
    X: Floats, y: Ints, kernel: str, C: float, tol: float, gamma: float, steps: int = -1
) -> tuple[Ints, Ints, Floats, Floats]:
    """What libsvm returns: support, numbers of them by class, coefficients, intercepts."""
    from sklearn.svm import _libsvm

    support, _, n_support, coef, bias = _libsvm.fit(
        X, y.astype(np.float64), svm_type=0, kernel=kernel, C=C, tol=tol, gamma=gamma,
        cache_size=200, class_weight=np.ones(int(y.max()) + 1), max_iter=steps, random_seed=0,
    )[:5]  # fmt: skip
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
            made = SVC(kernel=kernel, gamma="auto").fit(X, y)
            answers = [raw(X, y, kernel, 1.0, 1e-3, 1 / d)]
            if bitwise:
                K, norms = np.empty((60, 60)), np.vecdot(X, X)
                gamma = 1 / d if kernel == "rbf" else None
                bitwise_kernel(X, norms, X, norms, gamma, K)
                answers.append(raw(K, y, "precomputed", 1.0, 1e-3, 0.0))
            due = (made.support_, made.n_support_, made.dual_coef_, made.intercept_)
            for answer in answers:
                if not all(np.array_equal(a, b) for a, b in zip(answer, due, strict=True)):
                    return False
    except (ImportError, AttributeError, TypeError, ValueError):
        return False
    return True
