"""Forests: scikit-learn's compiled tree builder, called without the checks around it.

The trees are scikit-learn's to the bit: same builder, same random streams, probabilities
summed in the same order. The streams of a number of labels are made once per cut and
shared by all strategies.
"""

from functools import cache
from typing import Any

import numpy as np

from albench.engines.streams import tree_streams
from albench.learner import Aligned, Constant, Fitted, Floats, Ints, Part, Plain, spread

DEEPEST = np.iinfo(np.int32).max
KEPT = 8_000_000


class Seeds:
    """Hands a splitter its seeds, one tree after the other."""

    def __init__(self, values: list[int]) -> None:
        self.values = iter(values)

    def randint(self, low: int, high: int) -> int:
        """The next seed."""
        return next(self.values)


class Forest:
    """Learner of a random forest, or of extremely randomised trees without bootstrap.

    keeps  whether other strategies may ask for the same seeds
    """

    name = "forest"
    repeatable = True
    keeps = True

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


class Grown:
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
