"""Density and cover for small budgets: typical rows first, one from each region."""

from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory
from albench.strategies._geometry import blocks, centred, distances_from, fitted_kmeans, kmeans_seed
from albench.strategies.coverage import chosen

MOST_CLUSTERS = 500
SMALLEST = 5  # clusters of no more rows are passed over
NEIGHBOURS = 20
MINI_BATCH = 5000
JUST_BELOW = 1.0 - 1e-9  # the radius is an observed distance, which must stay outside

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]


@strategy(
    "typiclust",
    version="2",
    family="coverage",
    cite="Hacohen, Dekel and Weinshall 2022",
    batch_aware=True,
    cost="O(n(l+b)d) an iteration + O(n^2 d / (l+b))",
)
def typiclust(query: Query) -> Ints:
    """The most typical row of each cluster that holds fewest labels, largest clusters first.

    As many clusters as rows labelled and asked for (500 at most; above 50, and of more than
    10,000 rows, by mini-batches of 5,000). Typicality is the inverse mean distance to the 20
    nearest unlabelled rows of the cluster (half of them in small ones); clusters of 5 rows or
    fewer are passed over, as in the authors' code (which averages squared distances).
    """
    X, _ = centred(query)
    k = min(len(query.labeled) + query.n, MOST_CLUSTERS, len(X))
    groups = clustered(X, k, kmeans_seed(query))
    order = cluster_order(groups, np.bincount(groups[chosen(query)], minlength=k))
    free = np.zeros(len(X), dtype=bool)
    free[query.pool] = True
    picks: list[int] = []
    while len(picks) < query.n:
        left = np.bincount(groups[free], minlength=k)
        order = [c for c in order if left[c]]
        for c in order[: query.n - len(picks)]:
            picks.append(most_typical(query, X, np.flatnonzero((groups == c) & free)))
            free[picks[-1]] = False
    return np.array(picks, dtype=np.intp)


def clustered(X: Floats, k: int, seed: int) -> Ints:
    """(n,) clusters of all rows."""
    if k <= 50 or len(X) <= 2 * MINI_BATCH:
        return fitted_kmeans(X, k, seed).labels
    import warnings

    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    model = MiniBatchKMeans(n_clusters=k, batch_size=MINI_BATCH, n_init=1, random_state=seed)
    with warnings.catch_warnings():  # fewer distinct rows than centres is no fault here
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(model.fit(X).labels_, dtype=np.intp)


def cluster_order(groups: Ints, n_labeled: Ints) -> list[int]:
    """Clusters by labels held, fewest first, then by size, largest first.

    Small clusters come after all others, for a pool that has nothing else.
    """
    sizes = np.bincount(groups, minlength=len(n_labeled))
    order = np.lexsort((-sizes, n_labeled, sizes <= SMALLEST))
    return [int(c) for c in order if sizes[c]]


def most_typical(query: Query, X: Floats, rows: Ints) -> int:
    """The row of smallest mean distance to its nearest others among the rows."""
    m = min(NEIGHBOURS, len(rows) // 2)
    scores = np.full(len(query.pool), -np.inf)
    at = np.searchsorted(query.pool, rows)
    scores[at] = 0.0
    if m:
        from scipy.spatial.distance import cdist

        for part in blocks(np.arange(len(rows)), len(rows)):
            near = np.partition(cdist(X[rows[part]], X[rows]), m, axis=1)
            scores[at[part]] = -near[:, : m + 1].sum(axis=1) / m  # its own distance is 0
    return int(query.top(scores, 1)[0])


@strategy(
    "probcover",
    family="coverage",
    cite="Yehuda et al. 2022",
    batch_aware=True,
    cost="O(n^2 d) once, then O(edges) in all",
    memory="edges of the radius graph",
)
class ProbCover:
    """Greedily the rows whose balls cover most rows not yet covered.

    delta   radius of the balls; default: the largest for which a share `purity` of the
            balls holds rows of one cluster only, of as many k-means clusters as classes
    purity  the share
    Raises Skip where the graph of rows within the radius takes too much memory.
    """

    def __init__(
        self, *, delta: Positive | None = None, purity: Annotated[float, Gt(0), Le(1)] = 0.95
    ) -> None:
        self.delta, self.purity = delta, purity
        self.graph: tuple[Ints, Ints] | None = None

    def __call__(self, query: Query) -> Ints:
        X, norms = centred(query)
        if self.graph is None:
            delta = self.delta
            if delta is None:
                groups = clustered(X, min(query.n_classes, len(X)), kmeans_seed(query))
                delta = pure_radius(X, norms, groups, self.purity)
            self.graph = radius_graph(X, norms, delta)
        covered = np.zeros(len(X), dtype=bool)
        reach = np.diff(self.graph[0]).astype(np.float64)
        picks = np.empty(query.n, dtype=np.intp)
        for row in chosen(query):
            cover(self.graph, covered, reach, row)
        for i in range(query.n):
            scores = reach[query.pool]
            scores[np.searchsorted(query.pool, picks[:i])] = -np.inf
            picks[i] = query.top(scores, 1)[0]
            cover(self.graph, covered, reach, picks[i])
        return picks


def cover(graph: tuple[Ints, Ints], covered: Any, reach: Floats, row: int) -> None:
    """Cover the ball of a row: who reaches into it reaches that many fewer rows."""
    starts, ends = graph
    ball = ends[starts[row] : starts[row + 1]]
    new = ball[~covered[ball]]
    covered[new] = True
    for other in new:  # the graph is symmetric
        reach[ends[starts[other] : starts[other + 1]]] -= 1.0


def pure_radius(X: Floats, norms: Floats, groups: Ints, purity: float) -> float:
    """The largest radius at which a share of the open balls holds one cluster only.

    A ball is pure up to the distance to the nearest row of another cluster, so the radius
    is a quantile of these distances.
    """
    order = np.argsort(groups, kind="stable")
    X, norms, sizes = X[order], norms[order], np.bincount(groups)
    edges = np.append(0, np.cumsum(sizes))
    nearest = np.empty(len(X))
    for first, last in pairwise(edges):
        for part in blocks(np.arange(first, last), len(X)):
            squares = distances_from(X, norms, part)
            squares[:, first:last] = np.inf
            nearest[part] = squares.min(axis=1)
    impure = int((1.0 - purity) * len(X) + 1e-9)
    return float(np.sqrt(np.sort(nearest)[min(impure, len(X) - 1)]))


def radius_graph(X: Floats, norms: Floats, delta: float) -> tuple[Ints, Ints]:
    """Rows nearer than delta to each row: where their list starts, and all lists end to end."""
    limit, ends = delta**2 * JUST_BELOW, []
    counts = np.zeros(len(X) + 1, dtype=np.intp)
    for part in blocks(np.arange(len(X)), len(X)):
        near = distances_from(X, norms, part) < limit
        near[np.arange(len(part)), part] = True
        counts[part + 1] = near.sum(axis=1)
        within_memory(16.0 * counts.sum(), f"the graph of rows within {delta:.3g} of each other")
        ends.append(np.nonzero(near)[1])
    return np.cumsum(counts), np.concatenate(ends)


@strategy(
    "graph_density",
    family="coverage",
    cite="Ebert, Fritz and Schiele 2012",
    batch_aware=True,
    cost="O(n^2 d) once, then O(n) a pick",
    memory="O(n k), k neighbours",
)
class GraphDensity:
    """The densest rows of a nearest-neighbour graph, lowering the neighbours of each pick.

    The graph joins each row to its k nearest by the Manhattan distance, in either
    direction, with weight exp(-distance / d). Density is the mean weight of a row's edges;
    a row picked or labelled takes its density off its neighbours', for the rest of the run.
    neighbours  k
    """

    def __init__(self, *, neighbours: Count = 10) -> None:
        self.neighbours = neighbours
        self.density: Floats | None = None
        self.known = np.empty(0, dtype=np.intp)

    def __call__(self, query: Query) -> Ints:
        k = min(self.neighbours, len(query.X) - 1)
        graph = query.once(("manhattan graph", k), lambda: manhattan_graph(query.X, k))
        if self.density is None:
            edges = np.maximum(graph.getnnz(axis=1), 1)
            self.density = np.asarray(graph.sum(axis=1)).ravel() / edges
        for row in np.setdiff1d(chosen(query), self.known):
            self.lower(graph, row)
        picks = np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            scores = self.density[query.pool]
            scores[np.searchsorted(query.pool, picks[:i])] = -np.inf
            picks[i] = query.top(scores, 1)[0]
            self.lower(graph, picks[i])
        self.known = np.union1d(self.known, np.union1d(chosen(query), picks))
        return picks

    def lower(self, graph: Any, row: int) -> None:
        """Take the density of a row off its neighbours'."""
        assert self.density is not None
        self.density[graph.indices[graph.indptr[row] : graph.indptr[row + 1]]] -= self.density[row]


def manhattan_graph(X: Floats, k: int) -> Any:
    """(n, n) sparse symmetric weights exp(-distance / d) of the k nearest neighbours."""
    from sklearn.neighbors import NearestNeighbors

    within_memory(48.0 * len(X) * k, f"the graph of {k} neighbours of each of {len(X)} rows")
    near = NearestNeighbors(n_neighbors=k, metric="manhattan").fit(X)
    graph = near.kneighbors_graph(mode="distance")
    graph.data = np.exp(-graph.data / X.shape[1])
    return graph.maximum(graph.T).tocsr()
