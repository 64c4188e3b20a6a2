"""The feature space of one cut: standardised, distances, clusters, worked out once."""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albench.analysis.distances import Features, rbf, shares, spread

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

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
