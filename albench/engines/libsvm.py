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
        gamma = self.rows.gamma or 0.0
        target = np.searchsorted(self.classes, y).astype(np.float64)
        if not self.gram:
            kernel = "rbf" if gamma else "linear"
            return raw(self.rows.X[labeled], target, kernel, self.C, self.tol, gamma, self.steps)
        K, weights = self.rows.K, None
        if self.rows.placed and np.all(labeled[1:] > labeled[:-1]):
            # libsvm leaves out rows of weight zero, and reads the rest where they lie
            given, target, weights = target, np.zeros(len(K)), np.zeros(len(K))
            target[labeled], weights[labeled] = given, 1.0
        else:
            K = square(K, self.rows.slot[labeled], labeled)
        return raw(K, target, "precomputed", self.C, self.tol, 0.0, self.steps, weights)


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
    X: Floats, y: Floats, kernel: str, C: float, tol: float, gamma: float, steps: int = -1,
    weights: Floats | None = None,
) -> tuple[Ints, Ints, Floats, Floats]:  # fmt: skip
    """What libsvm returns: support, numbers of them by class, coefficients, intercepts.

    X        (n, d) features, or (n, m) kernel values, m at least n
    y        (n,) classes 0, 1, ...
    weights  (n,) of the rows; what is returned counts those above zero only
    """
    from sklearn.svm import _libsvm

    support, _, n_support, coef, bias = _libsvm.fit(
        X, y, svm_type=0, kernel=kernel, C=C, tol=tol, gamma=gamma, cache_size=200,
        class_weight=np.ones(int(y.max()) + 1), max_iter=steps, random_seed=0,
        sample_weight=np.empty(0) if weights is None else weights,
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
