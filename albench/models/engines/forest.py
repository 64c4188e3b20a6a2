"""Forests: scikit-learn's compiled tree builder and its random numbers, without the checks.

A tree needs two draws from `RandomState(seed)`: its bootstrap sample and the seed of its
splitter, each from the beginning of the stream. Making a `RandomState` costs more than
growing a small tree, so where numba is installed the Mersenne Twister (Matsumoto and
Nishimura 1998) is run for all trees at once.

The trees are scikit-learn's to the bit: same builder, same random streams, probabilities
summed in the same order. The streams of a number of labels are made once per cut and
shared by all strategies.
"""

from functools import cache
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.models.engines.compiled import NUMBA, compiled
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

LARGEST = 2**31 - 1
WORDS, SHIFT = 624, 397
LOW = 0xFFFFFFFF


@compiled
def seeded(seed: int, state: Ints) -> None:
    """Fill the state from a seed."""
    state[0] = seed & LOW
    for i in range(1, WORDS):
        before = state[i - 1]
        state[i] = (1812433253 * (before ^ (before >> 30)) + i) & LOW


@compiled
def twisted(state: Ints) -> None:
    """Move the state on by a whole block."""
    for i in range(WORDS):
        y = (state[i] & 0x80000000) | (state[(i + 1) % WORDS] & 0x7FFFFFFF)
        state[i] = state[(i + SHIFT) % WORDS] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)


@compiled
def tempered(y: int) -> int:
    """The output that a word of the state stands for."""
    y ^= y >> 11
    y ^= (y << 7) & 0x9D2C5680
    y ^= (y << 15) & 0xEFC60000
    return y ^ (y >> 18)


@compiled
def draws(seeds: Ints, n: int, counts: Floats, first: Ints) -> None:
    """How often each of n rows is drawn (n draws below n), and one draw below `LARGEST`.

    Draws are masked to the bits of the largest value and repeated while too large.
    """
    state = np.empty(WORDS, dtype=np.int64)
    mask = 1
    while mask < n - 1:
        mask = mask * 2 + 1
    for t in range(seeds.size):
        seeded(seeds[t], state)
        twisted(state)
        at = 0
        while True:
            value = tempered(state[at]) & LARGEST
            at += 1
            if value < LARGEST:
                break
        first[t] = value
        at, drawn = 0, 0
        while drawn < n:
            if at == WORDS:
                twisted(state)
                at = 0
            value = tempered(state[at]) & mask
            at += 1
            if value < n:
                counts[t, value] += 1.0
                drawn += 1


def legacy_draws(seeds: Ints, n: int, counts: Floats, first: Ints) -> None:
    """As `draws`, by numpy's own generator."""
    for t, seed in enumerate(seeds):
        first[t] = np.random.RandomState(seed).randint(0, LARGEST)
        rows = np.random.RandomState(seed).randint(0, n, n)
        counts[t] = np.bincount(rows, minlength=n)


def tree_streams(seed: int, trees: int, n: int) -> tuple[Floats, Ints]:
    """(trees, n) bootstrap counts and (trees,) splitter seeds of a forest."""
    seeds = np.random.RandomState(seed).randint(LARGEST, size=trees)
    counts, first = np.zeros((trees, n)), np.empty(trees, dtype=np.int64)
    (draws if NUMBA and n > 1 else legacy_draws)(seeds, n, counts, first)
    return counts, first


DEEPEST = np.iinfo(np.int32).max
KEPT = 8_000_000


class Seeds:
    """Hands a splitter its seeds, one tree after the other."""

    def __init__(self, values: list[int]) -> None:
        self.values = iter(values)

    def randint(self, low: int, high: int) -> int:
        """The next seed."""
        return next(self.values)


class Forest(Trainer):
    """Learner of a random forest, or of extremely randomised trees without bootstrap."""

    name = "forest"
    repeatable = True

    def __init__(self, task: Any, bootstrap: bool, plain: Plain) -> None:
        self.task, self.bootstrap, self.plain, self.make = task, bootstrap, plain, plain.make
        key = "features in single precision"
        if key not in task.memo:
            task.memo[key] = tuple(
                np.ascontiguousarray(X, dtype=np.float32) for X in (task.X, task.X_test)
            )
        self.X, self.X_test = task.memo[key]

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        classes = np.flatnonzero(np.bincount(y))
        if len(classes) == 1:
            return Aligned(Constant(int(classes[0])), self.plain.views)
        made = self.make(self.plain.seed(len(labeled)))
        target = np.searchsorted(classes, y).astype(np.float64)[:, None]
        streams = self.streams(made.random_state, made.n_estimators, len(labeled))
        trees = grown(self.X[labeled], target, len(classes), made, self.bootstrap, streams)
        return Grown(self, trees, classes, labeled, y)

    def streams(self, seed: int, trees: int, n: int) -> tuple[Floats, Ints]:
        """The random streams of a fit, kept for the other strategies of the cut.

        At most `KEPT` draws are kept; what comes later is drawn again.
        """
        kept = self.task.memo.setdefault("forest streams", {})
        key = (seed, trees, n)
        if key in kept:
            streams: tuple[Floats, Ints] = kept[key]
            return streams
        drawn = tree_streams(seed, trees, n)
        if self.keeps and sum(known[1] * known[2] for known in kept) < KEPT:
            kept[key] = drawn
        return drawn


def grown(
    X: Any, target: Floats, n_classes: int, made: Any, bootstrap: bool, streams: tuple[Floats, Ints]
) -> list[Any]:
    """The trees of a forest with the parameters of an unfitted one."""
    from sklearn.tree import _criterion, _splitter, _tree

    counts, seeds = streams
    k, d = np.array([n_classes], dtype=np.intp), X.shape[1]
    kind = _splitter.BestSplitter if bootstrap else _splitter.RandomSplitter
    splitter = kind(
        _criterion.Gini(1, k), max(1, int(np.sqrt(d))), 1, 0.0, Seeds(seeds.tolist()), None
    )
    depth = DEEPEST if made.max_depth is None else made.max_depth
    builder = _tree.DepthFirstTreeBuilder(splitter, 2, 1, 0.0, depth, 0.0)
    trees = []
    for weights in counts:
        tree = _tree.Tree(d, k, 1)
        builder.build(tree, X, target, weights if bootstrap else None, None)
        trees.append(tree)
    return trees


class Grown(FromScratch):
    """`Fitted` over the trees of a `Forest` learner."""

    has_proba = True

    def __init__(
        self, forest: Forest, trees: list[Any], classes: Ints, labeled: Ints, y: Ints
    ) -> None:
        self.forest, self.trees, self.classes = forest, trees, classes
        self.labeled, self.y = labeled, y
        self.made: Any = None
        self.tested: Floats | None = None

    @property
    def estimator(self) -> Any:
        """scikit-learn's forest fitted on the same rows, made when asked for."""
        if self.made is None:
            self.made = self.forest.plain.fit(self.labeled, self.y).estimator
        return self.made

    def seen(self, part: Part, rows: Ints | None) -> Floats:
        """(n, k) mean over the trees for the classes seen."""
        if part == "test" and rows is None and self.tested is not None:
            return self.tested
        X = self.forest.X if part == "train" else self.forest.X_test
        proba = averaged(self.trees, X if rows is None else X[rows])
        if part == "test" and rows is None:
            self.tested = proba
        return proba

    def proba(self, part: Part, rows: Ints | None = None) -> Floats:
        """See `Fitted.proba`."""
        return spread(self.seen(part, rows).copy(), self.classes, self.forest.task.n_classes, 0.0)

    def decision(self, part: Part, rows: Ints | None = None) -> None:
        """None: forests have no decision values."""
        return

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        return np.asarray(self.classes[self.seen(part, rows).argmax(axis=1)])


def averaged(trees: list[Any], X: Any) -> Floats:
    """(n, k) mean of the trees' class shares."""
    total: Floats = np.zeros_like(trees[0].predict(X))
    for tree in trees:
        total += tree.predict(X)
    total /= len(trees)
    return total


@cache
def works(bootstrap: bool) -> bool:
    """Whether forests grown this way equal scikit-learn's to the bit."""
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

    kind = RandomForestClassifier if bootstrap else ExtraTreesClassifier
    rng = np.random.default_rng(0)
    try:
        for n, d, depth in ((7, 2, None), (50, 5, None), (700, 17, 4)):
            X, y = rng.normal(size=(n, d)).astype(np.float32), np.arange(n) % 3
            X[:, 0] += y
            made = kind(4, max_depth=depth, random_state=n)
            target: Floats = np.asarray(y, dtype=np.float64)[:, None]
            trees = grown(X, target, 3, made, bootstrap, tree_streams(n, 4, n))
            if not np.array_equal(averaged(trees, X), made.fit(X, y).predict_proba(X)):
                return False
    except (ImportError, AttributeError, TypeError, ValueError, StopIteration):
        return False
    return True
