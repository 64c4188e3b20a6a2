"""Learners of support vector classifiers on shared kernel rows."""

from itertools import accumulate, combinations
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.models.engines import smo
from albench.models.engines.activeset import ROOM
from albench.models.engines.compiled import NUMBA, compiled
from albench.models.engines.lazy import Known
from albench.models.engines.libsvm import KernelRows, raw, square
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

TOL = 1e-10
DOUBT = 2e-7  # two solutions at that tolerance differ by less, whatever the rows
AT_ONCE = 1_500  # rows that are solved for together: two squares of doubles are held
BLOCK = 128  # kernel rows that are made, used once and not kept
FEW = 64  # kernel rows, below which solving for some at a time would take for ever
OUT_OF_ROOM = "plain (kernel rows exceed the memory bound)"
OUT_OF_STEPS = "plain (the solver did not reach its tolerance)"


class Pair:
    """One class against another: its rows, dual variables and decision values.

    sign  (n_train,) +1 for rows of the first class, -1 for the second
    g     (n_train + n_test,) decision values without the bias
    h     (n_train,) the same with the kernel in single precision
    R     the inverse of the bordered kernel of the m rows `inside` (see `activeset`)
    """

    def __init__(self, n_train: int, n_rows: int) -> None:
        self.members = np.empty(n_train, dtype=np.intp)
        self.n, self.solved = 0, False
        self.sign, self.beta = np.zeros(n_train), np.zeros(n_train)
        self.g, self.h, self.bias = np.zeros(n_rows), np.zeros(n_train), 0.0
        room = min(n_train, ROOM) + 1
        self.R, self.m = np.empty((room, room)), 0
        self.inside = np.empty(room, dtype=np.intp)

    def add(self, rows: Ints, y: Ints, a: int, b: int) -> None:
        """Take in those of newly labelled rows that are of class a or b, dual variables at zero."""
        n = joined(self.members, self.n, self.sign, rows, y, a, b)
        self.solved, self.n = self.solved and n == self.n, n


@compiled
def joined(members: Ints, n: int, sign: Floats, rows: Ints, y: Ints, a: int, b: int) -> int:
    """Append the rows of class a (sign +1) and b (-1) to the first n members; the new n."""
    for t in range(rows.size):
        if y[t] == a or y[t] == b:
            members[n] = rows[t]
            sign[rows[t]] = 1.0 if y[t] == a else -1.0
            n += 1
    return n


class GivenUp(Exception):
    """Why scikit-learn has to take over."""


class SVC(Trainer):
    """Learner of a support vector classifier; one-versus-one for several classes.

    plain  the scikit-learn learner of the same model: what `estimator` is made by, and
           what takes over when the support vectors outgrow the memory bound
    """

    doubt = DOUBT

    def __init__(self, rows: KernelRows, n_classes: int, C: float, plain: Plain) -> None:
        self.rows, self.n_classes, self.C, self.plain = rows, n_classes, C, plain
        self.bound = np.full(rows.n_train, C)
        self.make = plain.make
        self.known = Known(rows.n_train)
        self.active = np.empty(rows.n_train, dtype=np.intp)
        self.most = min(AT_ONCE, rows.capacity)
        self.pairs: dict[tuple[int, int], Pair] = {}
        self.seen = np.zeros(n_classes, dtype=bool)
        self.classes = np.empty(0, dtype=np.intp)
        self.full = rows.capacity < min(FEW, rows.n_train)
        self.name = OUT_OF_ROOM if self.full else "svc-numba"

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        if self.full:
            return self.plain.fit(labeled, y)
        if len(self.pairs) == 1 and self.advanced(labeled, y):
            return Solved(self, labeled, y)
        added = self.known.added(labeled, y)
        if added is None:
            self.pairs, added = {}, (labeled, y)
            self.seen[:] = False
        self.add(*added)
        if len(self.classes) == 1:
            return Aligned(Constant(int(self.classes[0])), self.plain.views)
        try:
            for pair in self.pairs.values():
                if not pair.solved:
                    if pair.n > self.most and not pair.beta.any():
                        self.begin(pair)
                    self.solve(pair)
        except GivenUp as reason:
            self.full, self.name = True, str(reason)
            return self.plain.fit(labeled, y)
        return Solved(self, labeled, y)

    def advanced(self, labeled: Ints, y: Ints) -> bool:
        """Whether the one pair was solved for a labelled set that grew, all in one call."""
        rows = self.rows
        (((a, b), pair),) = self.pairs.items()
        n, missing, bias, pair.m = smo.advance(
            rows.K,
            rows.slot,
            rows.diagonal,
            self.known.label,
            self.known.n,
            labeled,
            y,
            pair.members,
            pair.n,
            pair.sign,
            pair.beta,
            pair.g,
            pair.h,
            self.bound,
            TOL,
            self.active,
            self.most,
            a,
            b,
            pair.R,
            pair.inside,
            pair.m,
        )
        if n < 0:
            return False
        pair.n, self.known.n = n, len(labeled)
        pair.bias, pair.solved = bias, not missing
        return pair.solved

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """A first fit, on rows of which some repeat: one variable with the bounds of all."""
        rows, first, count = np.unique(labeled, return_index=True, return_counts=True)
        self.bound[rows] = self.C * count
        fitted = self.fit(rows, y[first]) if len(rows) <= self.most else None
        if isinstance(fitted, Solved):
            fitted.labeled, fitted.y = labeled, y
            return fitted
        return self.plain.fit(labeled, y)

    def add(self, rows: Ints, y: Ints) -> None:
        """Hand new rows to the pairs of their class; a new class opens its pairs."""
        label = self.known.label
        if np.count_nonzero(self.seen[y]) == len(y):
            new = set(y.tolist())
            for (a, b), pair in self.pairs.items():
                if a in new or b in new:
                    pair.add(rows, y, a, b)
            return
        self.seen[y] = True
        self.classes = np.flatnonzero(self.seen)
        before, self.pairs = self.pairs, {}
        for a, b in combinations(self.classes.tolist(), 2):
            self.pairs[a, b] = Pair(self.rows.n_train, len(self.rows.X))
            mine = np.flatnonzero((label == a) | (label == b))
            self.pairs[a, b].add(mine, label[mine], a, b)
            if (a, b) in before:
                pair, old = self.pairs[a, b], before[a, b]
                pair.beta, pair.g, pair.h = old.beta, old.g, old.h

    def begin(self, pair: Pair) -> None:
        """Start a pair of many rows from libsvm's solution, which needs no kernel held."""
        from albench.models.engines.libsvm import raw, works

        if not works(False):
            raise GivenUp(OUT_OF_ROOM)
        rows, mine = self.rows, np.sort(pair.members[: pair.n])
        target = (pair.sign[mine] < 0).astype(np.float64)
        X, gamma = rows.X[mine], float(rows.gamma or 0.0)
        support, _, coef, _ = raw(X, target, "rbf", self.C, TOL, gamma, smo.STEPS)
        at, pair.beta[mine[support]] = mine[support], coef[0]
        for first in range(0, len(at), BLOCK):
            part = at[first : first + BLOCK]
            K, weights = rows.made(part), pair.beta[part]
            pair.g += weights @ K
            pair.h += weights @ K[:, : rows.n_train].astype(np.float32).astype(np.float64)

    def solve(self, pair: Pair) -> None:
        """Bring one pair to its optimum, storing kernel rows as they are asked for."""
        rows = self.rows
        while True:
            missing, bias, pair.m = smo.solve(
                rows.K,
                rows.slot,
                rows.diagonal,
                pair.members[: pair.n],
                pair.sign,
                pair.beta,
                pair.g,
                pair.h,
                self.bound,
                TOL,
                self.active,
                self.most,
                pair.R,
                pair.inside,
                pair.m,
            )
            if not missing:
                pair.bias, pair.solved = bias, True
                return
            if missing < 0:
                raise GivenUp(OUT_OF_STEPS)
            rows.ensure(self.active[:missing].copy(), np.flatnonzero(pair.beta))


class Solved(FromScratch):
    """`Fitted` over the pairs of an `SVC` or `Libsvm` learner.

    Votes jump where a pair's decision value crosses zero. Rows with a value nearer to zero
    than solutions at the model's tolerance agree are scored by scikit-learn itself.
    """

    has_proba = False

    def __init__(self, svc: Any, labeled: Ints, y: Ints) -> None:
        self.svc, self.labeled, self.y = svc, labeled, y
        self.made: Fitted | None = None

    @property
    def reference(self) -> Fitted:
        """scikit-learn's fit on the same rows, made when asked for."""
        if self.made is None:
            self.made = self.svc.plain.fit(self.labeled, self.y)
        return self.made

    @property
    def estimator(self) -> Any:
        """scikit-learn's classifier fitted on the same rows."""
        return self.reference.estimator

    def proba(self, part: Part, rows: Ints | None = None) -> None:
        """None: the classifier has no probabilities."""
        return

    def values(self, part: Part, rows: Ints | None) -> list[Floats]:
        """Decision values of each pair, positive for its first class."""
        n = self.svc.rows.n_train
        pairs = self.svc.pairs.values()
        if rows is not None:
            at = rows if part == "train" else rows + n
            return [pair.g[at] + pair.bias for pair in pairs]
        where = slice(n) if part == "train" else slice(n, None)
        return [pair.g[where] + pair.bias for pair in pairs]

    def decision(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.decision`."""
        svc = self.svc
        if svc.n_classes == 2:
            (pair,) = svc.pairs.values()
            n = svc.rows.n_train
            if rows is None:
                return np.asarray(-pair.bias - (pair.g[:n] if part == "train" else pair.g[n:]))
            return np.asarray(smo.opposite(pair.g, pair.bias, rows, 0 if part == "train" else n))
        values = self.values(part, rows)
        if len(svc.classes) == 2:
            both = np.stack([values[0], -values[0]], axis=1)
            return spread(both, svc.classes, svc.n_classes, -np.inf)
        scores = one_versus_rest(values, len(svc.classes))
        scores = spread(scores, svc.classes, svc.n_classes, -np.inf)
        near = (np.abs(values) < svc.doubt).any(axis=0).nonzero()[0]
        if len(near):
            scores[near] = self.reference.decision(part, near if rows is None else rows[near])
        return scores

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`: most votes of the pairs, the first class among equals."""
        svc = self.svc
        if len(svc.pairs) == 1 and part == "test" and rows is None:
            (pair,), (a, b) = svc.pairs.values(), svc.classes.tolist()
            said, n_near = smo.signed(pair.g[svc.rows.n_train :], pair.bias, svc.doubt, a, b)
            if not n_near:
                return said
        values, classes = self.values(part, rows), svc.classes
        predicted = classes[most_votes(values, len(classes))]
        near = (np.abs(values) < svc.doubt).any(axis=0)
        if np.count_nonzero(near):
            at = near.nonzero()[0]
            predicted[at] = self.reference.predicted(part, at if rows is None else rows[at])
        return np.asarray(predicted)


def most_votes(values: list[Floats], n_classes: int) -> Ints:
    """(n,) the class that most pairs vote for, the first among equals."""
    votes = np.zeros((len(values[0]), n_classes), dtype=np.intp)
    for (a, b), value in zip(combinations(range(n_classes), 2), values, strict=True):
        votes[:, a] += value > 0
        votes[:, b] += value <= 0
    return np.asarray(votes.argmax(axis=1))


def one_versus_rest(values: list[Floats], n_classes: int) -> Floats:
    """(n, n_classes) votes of the pairs, plus their summed values squeezed below 1/3.

    The form in which scikit-learn gives one-versus-one decision values by class.
    """
    votes = np.zeros((len(values[0]), n_classes))
    total = np.zeros_like(votes)
    for (a, b), value in zip(combinations(range(n_classes), 2), values, strict=True):
        total[:, a] += value
        total[:, b] -= value
        second = value < 0
        votes[:, a] += ~second
        votes[:, b] += second
    return np.asarray(votes + total / (3 * (np.abs(total) + 1)))


ROUNDING = 1e-9  # sums in another order, of kernel values far from one as well


class PairValues:
    """Decision values of one class against another for all rows, train first, then test."""

    def __init__(self, g: Floats, bias: float) -> None:
        self.g, self.bias = g, bias


class Libsvm(Trainer):
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
        self.pairs: dict[tuple[int, int], PairValues] = {}

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
            self.pairs[a, b] = PairValues(g, float(bias[at]))
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
