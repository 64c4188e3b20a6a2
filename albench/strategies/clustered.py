"""Hybrids by clustering: uncertain rows, spread over clusters of the features."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory
from albench.strategies._geometry import fitted_kmeans, kmeans_seed, nearest_distinct
from albench.strategies.hybrids import uncertainty

MOST_LINKED = 10_000  # rows: the condensed distances and scipy's copy take 0.8 GB
CELLS = 256  # at most so many k-means cells stand for the clusters of more rows


@strategy(
    "clue",
    family="hybrid",
    cite="Prabhu et al. 2021",
    batch_aware=True,
    cost="O(nbd) times the iterations of k-means",
)
def clue(query: Query) -> Ints:
    """k-means on the pool weighted by entropy; the row nearest to each of n centres."""
    weights, rows = uncertainty(query, "entropy"), query.X[query.pool]
    found = fitted_kmeans(rows, query.n, kmeans_seed(query), weights)
    return nearest_distinct(query, found.distances(rows))


@strategy(
    "weighted_kmeans",
    family="hybrid",
    cite="Zhdanov 2019",
    batch_aware=True,
    cost="O(nk + beta b^2 d) times the iterations of k-means",
)
def weighted_kmeans(query: Query, *, beta: Annotated[int, Ge(1)] = 10) -> Ints:
    """Of the beta n smallest margins, the row nearest to each of n weighted k-means centres.

    The weight of a row is 1 minus its margin.
    """
    score = uncertainty(query, "margin")
    kept = np.sort(query.top(score, min(beta * query.n, len(query.pool))))
    rows, weights = query.X[kept], score[np.searchsorted(query.pool, kept)]
    found = fitted_kmeans(rows, query.n, kmeans_seed(query), weights)
    return nearest_distinct(query.within(kept), found.distances(rows))


@strategy(
    "cluster_margin",
    family="hybrid",
    cite="Citovsky et al. 2021",
    batch_aware=True,
    cost="O(n^2 d) once, then O(nk); above 10,000 train rows 256 k-means cells for clusters",
    memory="O(n^2) up to 10,000 train rows",
)
class ClusterMargin:
    """Smallest margins, one row per cluster in turn, small clusters first.

    The train rows are clustered once by average linkage into `1 / cluster_size` clusters a
    row (the mean cluster size is our way to name the paper's distance threshold). Each
    round the `factor` n rows of smallest margin are grouped by cluster; clusters in
    ascending size give one random row each, round by round, until there are n.
    """

    def __init__(
        self,
        *,
        factor: Annotated[float, Ge(1)] = 10.0,
        cluster_size: Annotated[float, Gt(1)] = 10.0,
    ) -> None:
        self.factor, self.cluster_size = factor, cluster_size
        self.clusters: Ints | None = None

    def __call__(self, query: Query) -> Ints:
        seed = kmeans_seed(query)  # drawn each round, so that nothing hangs on the pool's size
        if self.clusters is None:
            self.clusters = self.clustered(query, seed)
        k_m = min(len(query.pool), max(query.n, int(self.factor * query.n)))
        kept = query.top(-query.margins, k_m)
        return round_robin(kept, self.clusters[kept], query.n, query.rng)

    def clustered(self, query: Query, seed: int) -> Ints:
        """(n_train,) the cluster of each train row."""
        n = len(query.X)
        k = max(1, round(n / self.cluster_size))
        if n > MOST_LINKED:
            return cells(query.X, min(k, CELLS), seed)
        key = ("average linkage", k)
        made: Ints = query.once(key, lambda: average_linkage(query.X, k))
        return made


def cells(X: Floats, k: int, seed: int) -> Ints:
    """(n,) the nearest of k centres of mini-batch k-means."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, batch_size=4096, max_iter=10, n_init=1, random_state=seed)
    return np.asarray(model.fit(X).labels_, dtype=np.intp)


def average_linkage(X: Floats, k: int) -> Ints:
    """(n,) at most k clusters of average-linkage agglomeration, Euclidean."""
    from scipy.cluster.hierarchy import fcluster, linkage

    within_memory(8.0 * len(X) ** 2, f"the distances between {len(X)} rows")
    if len(X) < 2:
        return np.zeros(len(X), dtype=np.intp)
    return np.asarray(fcluster(linkage(X, "average"), k, "maxclust"), dtype=np.intp)


def round_robin(rows: Ints, clusters: Ints, n: int, rng: np.random.Generator) -> Ints:
    """n of the rows: clusters in ascending size (then number), a random row of each in turn."""
    shuffled = rng.permutation(len(rows))
    rows, clusters = rows[shuffled], clusters[shuffled]
    names, inverse, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    turn = np.empty(len(rows), dtype=np.intp)  # how many of its cluster come before a row
    for c in range(len(names)):
        turn[inverse == c] = np.arange(sizes[c])
    return np.asarray(rows[np.lexsort((inverse, sizes[inverse], turn))[:n]])


@strategy(
    "mcm",
    family="hybrid",
    cite="Xu et al. 2003, representative sampling",
    needs=("decision",),
    batch_aware=True,
    cost="O(mbd) times the iterations of k-means, m rows inside the margin",
)
def mcm(query: Query, *, width: Annotated[float, Gt(0)] = 1.0) -> Ints:
    """Cluster means of the margin: the row nearest to each of n centres inside the margin.

    Inside: gap between the two best decision values below `width` (two classes: their
    absolute value). Where fewer than n rows lie inside, those of smallest gap come along.
    """
    gaps = decision_gaps(query)
    inside = query.pool[gaps < width]
    if len(inside) < query.n:
        inside = np.sort(query.top(-gaps))
    rows = query.X[inside]
    found = fitted_kmeans(rows, query.n, kmeans_seed(query))
    return nearest_distinct(query.within(inside), found.distances(rows))


def decision_gaps(query: Query) -> Floats:
    """(m,) distance to the boundary in decision values; 0 while one class is labelled."""
    values = query.decision
    if query.y_labeled.min() == query.y_labeled.max():
        return np.zeros(len(query.pool))
    if values.ndim == 1:
        return np.abs(values)
    best = np.partition(values, values.shape[1] - 2, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


@strategy(
    "informative_diverse",
    family="hybrid",
    cite="margin with k-means quotas; google/active-learning 2017",
    batch_aware=True,
    cost="O(nkd) times the iterations of k-means once, then O(nk)",
)
class InformativeDiverse:
    """Smallest margins, each cluster with the share of the batch that it has of the pool.

    k-means with one cluster per class, once per run; quotas by largest remainders.
    """

    def __init__(self) -> None:
        self.clusters: Any = None

    def __call__(self, query: Query) -> Ints:
        seed = kmeans_seed(query)
        if self.clusters is None:
            self.clusters = fitted_kmeans(query.X, query.n_classes, seed).labels
        mine = self.clusters[query.pool]
        sizes = np.bincount(mine, minlength=query.n_classes)
        quota = largest_remainders(sizes, query.n)
        chosen = np.zeros(len(query.pool), dtype=bool)
        for c in np.flatnonzero(quota):
            scores = np.where(mine == c, -query.margins, -np.inf)
            chosen[np.searchsorted(query.pool, query.top(scores, int(quota[c])))] = True
        return query.top(np.where(chosen, -query.margins, -np.inf))


def largest_remainders(sizes: Ints, n: int) -> Ints:
    """(k,) n seats in proportion to the sizes; what is left to the largest remainders."""
    exact = sizes * (n / sizes.sum())
    seats = np.minimum(np.floor(exact).astype(np.intp), sizes)
    order = np.lexsort((np.arange(len(sizes)), -(exact - seats)))
    for c in order[: n - int(seats.sum())]:
        seats[c] += 1
    return np.asarray(seats)
