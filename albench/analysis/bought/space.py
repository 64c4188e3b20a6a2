"""The feature space of one cut, and how far one sample lies from another in it.

Arrays in, numbers out. `labeled` is always a part of the `pool`, so that two-sample
p-values do not apply; `nulls` says what a random part of the same size would give.
"""

import hashlib
from functools import cached_property
from math import log
from typing import Any

import numpy as np

from albench.core.arrays import Bools, Floats, Ints

NAN = float("nan")


def shares(y: Ints, n_classes: int) -> Floats:
    """(n_classes,) share of each class; NaN for an empty sample."""
    counts = np.bincount(y, minlength=n_classes).astype(np.float64)
    return counts / counts.sum() if len(y) else np.full(n_classes, NAN)


def total_variation(p: Floats, q: Floats) -> Floats:
    """Half the summed absolute difference along the last axis, between 0 and 1."""
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence in nats along the last axis, at most log 2 (Lin 1991).

    It is finite where classes are missing; scipy's `jensenshannon` is its square root.
    """
    middle = (p + q) / 2
    return (relative_entropy(p, middle) + relative_entropy(q, middle)) / 2


def relative_entropy(p: Floats, q: Floats) -> Floats:
    """Kullback-Leibler divergence KL(p || q) in nats, 0 log 0 = 0; q > 0 where p > 0."""
    positive = p > 0
    ratio = np.where(positive, p, 1.0) / np.where(positive, q, 1.0)
    return np.asarray(np.where(positive, p * np.log(ratio), 0.0).sum(axis=-1))


def label_entropy(p: Floats) -> float:
    """Shannon entropy of class shares over its maximum log K (Prabhu et al. 2019)."""
    if len(p) < 2:
        return NAN
    return float(-(p * np.log(np.where(p > 0, p, 1.0))).sum() / log(len(p)))


def energy_distance(to_pool: Floats, among: Floats, pool_mean: float) -> float:
    """Energy distance of a labelled set to the pool, V-statistic (Szekely and Rizzo 2013).

    to_pool    (n, N) Euclidean distances of labelled rows to pool rows
    among      (n, n) distances among the labelled rows
    pool_mean  mean distance among the pool rows, each with itself included
    """
    return float(2 * to_pool.mean() - among.mean() - pool_mean)


def squared_mmd(to_pool: Floats, among: Floats, pool_mean: float, gamma: float) -> float:
    """Squared maximum mean discrepancy, RBF kernel, V-statistic (Gretton et al. 2012).

    Distances as for `energy_distance`; pool_mean: mean kernel value among the pool rows.
    """
    return float(rbf(among, gamma).mean() + pool_mean - 2 * rbf(to_pool, gamma).mean())


def rbf(distance: Floats, gamma: float) -> Floats:
    """exp(-gamma distance^2)."""
    return np.asarray(np.exp(-gamma * distance * distance))


def spread(X: Floats) -> Floats:
    """(d,) standard deviations, 1 for a column that is constant up to rounding."""
    found = X.std(axis=0)
    return np.where(found > 1e-9 * np.abs(X).max(axis=0), found, 1.0)


class Features:
    """Kolmogorov-Smirnov and Wasserstein distance per feature, the pool sorted once.

    X: (N, d) pool rows. Each method takes a (N,) mask of the labelled rows.
    """

    def __init__(self, X: Floats) -> None:
        self.order = np.argsort(X, axis=0, kind="stable")
        values = np.take_along_axis(X, self.order, axis=0)
        self.steps = np.diff(values, axis=0)
        self.spread = spread(X)
        self.pool = np.arange(1, len(X) + 1)[:, None] / len(X)

    def gaps(self, labeled: Bools) -> Floats:
        """(N - 1, d) distance of the two distribution functions between pool values."""
        ours = np.cumsum(labeled[self.order], axis=0) / labeled.sum()
        return np.asarray(np.abs(ours - self.pool)[:-1])

    def ks(self, labeled: Bools) -> Floats:
        """(d,) Kolmogorov-Smirnov statistics; equal to `scipy.stats.ks_2samp`."""
        # between two equal values neither function has a value of its own
        return np.asarray(np.where(self.steps > 0, self.gaps(labeled), 0.0).max(axis=0))

    def wasserstein(self, labeled: Bools) -> Floats:
        """(d,) first Wasserstein distances, in standard deviations of the pool."""
        return np.asarray((self.gaps(labeled) * self.steps).sum(axis=0) / self.spread)


def propensities(Z: Floats, labeled: Bools, folds: int = 5) -> Floats | None:
    """(N,) out-of-fold probability of each pool row to be a labelled one.

    A logistic regression (C = 1) on the features tells labelled from unlabelled rows; folds
    are stratified, with a fixed seed. None where one side has fewer rows than folds.
    """
    if min(labeled.sum(), (~labeled).sum()) < folds:
        return None
    design = np.column_stack([Z, np.ones(len(Z))])
    fold, rng = np.empty(len(Z), dtype=np.intp), np.random.default_rng(0)
    for side in (labeled, ~labeled):
        fold[side] = rng.permutation(np.arange(side.sum()) % folds)
    chance: Floats = np.empty(len(Z))
    for held in range(folds):
        train = fold != held
        weights = logistic(design[train], labeled[train])
        chance[~train] = 1 / (1 + np.exp(-design[~train] @ weights))
    return chance


def logistic(design: Floats, positive: Bools, steps: int = 50) -> Floats:
    """Coefficients of an L2-penalised logistic regression (C = 1) by Newton's method.

    The last column of the design is the intercept, without penalty. It is a small part of
    scikit-learn's LogisticRegression at a fifth of the time, which is spent on set-up there.
    """
    penalty = np.ones(design.shape[1])
    penalty[-1] = 1e-12
    w: Floats = np.zeros(design.shape[1])

    def loss(at: Floats) -> float:
        f = design @ at
        return float((np.logaddexp(0.0, f) - positive * f).sum() + penalty @ (at * at) / 2)

    now = loss(w)
    for _ in range(steps):
        p = 1 / (1 + np.exp(-design @ w))
        slope = design.T @ (p - positive) + penalty * w
        curved = (design.T * (p * (1 - p))) @ design
        curved[np.diag_indices_from(curved)] += penalty
        step = np.linalg.solve(curved, slope)
        size = 1.0
        while (then := loss(w - size * step)) > now + 1e-12 and size > 1e-6:
            size /= 2
        w = w - size * step
        if abs(now - then) < 1e-9 * max(1.0, now):
            return w
        now = then
    return w


def two_sample_auc(chance: Floats, labeled: Bools) -> float:
    """Area under the ROC curve of a classifier between labelled and unlabelled rows.

    0.5: they cannot be told apart (Lopez-Paz and Oquab 2017). chance: as `propensities`.
    """
    from scipy.stats import rankdata

    n, m = int(labeled.sum()), int((~labeled).sum())
    ranks = float(rankdata(chance)[labeled].sum())
    return (ranks - n * (n + 1) / 2) / (n * m)


def effective_size(chance: Floats, labeled: Bools, clip: float = 0.01) -> float:
    """Kish's effective sample size over n, rows weighted to the pool by 1 / propensity.

    Estimated propensities are rough (random sampling gives well below 1 too), so compare
    with the random strategy. Chances are clipped to [clip, 1 - clip].
    """
    return kish(1.0 / np.clip(chance[labeled], clip, 1 - clip)) / float(labeled.sum())


def kish(weights: Floats) -> float:
    """(sum w)^2 / sum w^2: how many equal weights these are worth (Kish 1965)."""
    total = float((weights * weights).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else NAN


DIMENSIONS = 50
WHOLE = 4000  # up to so many pool rows all distances are kept (128 MB); above, to a sample
SAMPLE = 2000
CLUSTERS = 20


class Space:
    """Distances and clusters of a task's pool (train rows that are not withheld).

    Features are standardised on the pool; beyond 50 columns they are projected on the
    pool's first 50 principal components. In a pool of more than 4,000 rows, distances to
    the pool are distances to 2,000 of its rows, drawn once. Everything is a function of the
    cut, so that it is the same for every strategy.
    """

    def __init__(self, task: Any) -> None:
        self.task = task
        self.pool: Ints = np.setdiff1d(np.arange(len(task.y)), task.withheld)
        self.scale = (task.X[self.pool].mean(axis=0), spread(task.X[self.pool]))
        seed = hashlib.sha256(np.ascontiguousarray(task.rows).tobytes()).digest()[:8]
        self.seed = int.from_bytes(seed, "little")

    @classmethod
    def of(cls, task: Any) -> "Space":
        """The space of a task, made once and kept with it."""
        if "space" not in task.memo:
            task.memo["space"] = cls(task)
        space: Space = task.memo["space"]
        return space

    @cached_property
    def axes(self) -> Floats | None:
        """(d, 50) principal axes of the pool, or None where there are few columns."""
        if self.task.X.shape[1] <= DIMENSIONS:
            return None
        centred = (self.task.X[self.pool] - self.scale[0]) / self.scale[1]
        _, axes = np.linalg.eigh(centred.T @ centred)
        return np.asarray(axes[:, ::-1][:, :DIMENSIONS])

    def projected(self, X: Floats) -> Floats:
        """Rows in the space."""
        Z = (X - self.scale[0]) / self.scale[1]
        return Z if self.axes is None else np.asarray(Z @ self.axes)

    @cached_property
    def Z(self) -> Floats:
        """(n_train, k) train rows."""
        return self.projected(self.task.X)

    @cached_property
    def plane(self) -> Floats:
        """(n_train, 2) train rows on the first two principal axes of the pool.

        The sign of an axis is that of its largest loading, so that it is the same everywhere.
        """
        centred = self.Z - self.Z[self.pool].mean(axis=0)
        _, axes = np.linalg.eigh(centred[self.pool].T @ centred[self.pool])
        two = axes[:, ::-1][:, :2]
        two = two * np.sign(two[np.abs(two).argmax(axis=0), np.arange(two.shape[1])])
        flat: Floats = centred @ two
        return flat if flat.shape[1] == 2 else np.column_stack([flat, np.zeros(len(flat))])

    @cached_property
    def reference(self) -> Ints:
        """Positions of the pool rows to which distances are taken."""
        if len(self.pool) <= WHOLE:
            return self.pool
        rng = np.random.default_rng([self.seed, 1])
        return np.sort(rng.choice(self.pool, size=SAMPLE, replace=False))

    @cached_property
    def all_distances(self) -> Floats | None:
        """(n_train, n_train), or None where that would be too much."""
        from scipy.spatial.distance import cdist

        return np.asarray(cdist(self.Z, self.Z)) if len(self.pool) <= WHOLE else None

    def distances(self, rows: Ints, to: Ints) -> Floats:
        """(len(rows), len(to)) Euclidean distances of train positions."""
        from scipy.spatial.distance import cdist

        if self.all_distances is None:
            return np.asarray(cdist(self.Z[rows], self.Z[to]))
        part = self.all_distances[rows]
        everything = to is self.pool and len(to) == len(self.Z)
        return part if everything else np.asarray(part[:, to])

    @cached_property
    def mean_distance(self) -> Floats:
        """(n_train,) mean distance of each train row to the reference rows."""
        return np.concatenate(
            [
                self.distances(part, self.reference).mean(axis=1)
                for part in np.array_split(np.arange(len(self.Z)), max(1, len(self.Z) // 1000))
            ]
        )

    @cached_property
    def pool_mean(self) -> float:
        """Mean distance among the reference rows, each with itself included."""
        return float(self.mean_distance[self.reference].mean())

    @cached_property
    def gamma(self) -> float:
        """1 / (2 median^2) of the distances among at most 1,000 pool rows."""
        rng = np.random.default_rng([self.seed, 2])
        some = rng.permutation(self.pool)[:1000]
        apart = self.distances(some, some)[np.triu_indices(len(some), 1)]
        median = float(np.median(apart)) if len(apart) else 0.0
        return 1.0 / (2 * median * median) if median > 0 else 1.0

    @cached_property
    def kernel_mean(self) -> float:
        """Mean kernel value among the reference rows."""
        apart = self.distances(self.reference, self.reference)
        return float(rbf(apart, self.gamma).mean())

    @cached_property
    def Z_test(self) -> Floats:
        """(m, k) the test rows, the first 2,000 of them at most."""
        return self.projected(self.task.X_test[:SAMPLE])

    def to_test(self, rows: Ints) -> Floats:
        """(len(rows), m) Euclidean distances of train positions to the test rows."""
        from scipy.spatial.distance import cdist

        return np.asarray(cdist(self.Z[rows], self.Z_test))

    @cached_property
    def clusters(self) -> Ints:
        """(n_train,) cluster of each row: k-means with at most 20 centres, fixed seed."""
        from sklearn.cluster import KMeans

        k = min(CLUSTERS, len(np.unique(self.Z[self.pool], axis=0)))
        fitted = KMeans(k, n_init=1, random_state=0).fit(self.Z[self.pool])
        return np.asarray(fitted.predict(self.Z), dtype=np.intp)

    @cached_property
    def cluster_shares(self) -> Floats:
        """Share of the pool in each cluster."""
        mine = self.clusters[self.pool]
        return shares(mine, int(mine.max()) + 1)

    @cached_property
    def class_shares(self) -> Floats:
        """Share of the pool in each class (true labels)."""
        return shares(self.task.y[self.pool], self.task.n_classes)

    @cached_property
    def features(self) -> Features:
        """Per-feature distances over the pool rows, in the task's own columns."""
        return Features(self.task.X[self.pool])
