"""Strategies as publications ran them, where that is not what the name says."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import fitted_kmeans, kmeans_seed
from albench.strategies.clustered import decision_gaps
from albench.strategies.density import manhattan_graph


@strategy(
    "pool_order",
    family="control",
    cite="Lu et al. 2023, Uniform; Zhan et al. 2021, Random",
    cost="O(1)",
)
def pool_order(query: Query) -> Ints:
    """The next rows in pool order: random exactly where the pool is a random order.

    Under `lu2023` the pool is shuffled and this is `Uniform`; under `zhan2021` it is in the
    order of the file, and this walks a class-sorted file one class after another.
    """
    return query.pool[: query.n]


@strategy(
    "greedy_quota_margin",
    family="hybrid",
    cite="google/active-learning 2017, informative and diverse; as run by Zhan et al. 2021",
    batch_aware=True,
    cost="O(nkd) times the iterations of k-means once, then O(nk)",
)
class GreedyQuotaMargin:
    """Smallest margins one by one, passing over clusters that have had their share of the batch.

    A row is taken while its cluster holds a smaller share of the batch than of the pool, so
    the first row is always that of the smallest margin: with batch 1 this is `margin`.
    """

    def __init__(self, *, clusters: Annotated[int, Ge(1)] | None = None) -> None:
        self.clusters, self.labels = clusters, np.empty(0, dtype=np.intp)
        self.share: Any = None

    def __call__(self, query: Query) -> Ints:
        k = min(self.clusters or query.n_classes, len(query.X))
        if self.share is None:
            self.labels = fitted_kmeans(query.X, k, kmeans_seed(query)).labels
            self.share = np.bincount(self.labels, minlength=k) / len(query.X)
        mine = self.labels[query.pool]
        scores, taken = -query.margins, np.zeros(k)
        picks = np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            due = (taken / query.n < self.share)[mine] & np.isfinite(scores)
            picks[i] = query.top(np.where(due, scores, -np.inf) if due.any() else scores, 1)[0]
            at = int(np.searchsorted(query.pool, picks[i]))
            taken[mine[at]] += 1
            scores[at] = -np.inf
        return picks


@strategy(
    "mcm_labeled_margin",
    family="hybrid",
    cite="Xu et al. 2003, as run by google/active-learning 2017 and Lu et al. 2023",
    needs=("decision", "binary"),
    batch_aware=True,
    cost="O(mbd) times the iterations of k-means, m rows inside the margin",
)
def mcm_labeled_margin(query: Query) -> Ints:
    """Cluster means of the margin, where the margin reaches to the nearest labelled row.

    Inside: nearer to the boundary than every labelled row (`mcm`: a fixed width). With batch
    1 the row nearest to the mean of those inside; where fewer than a batch lie inside, the
    rows of smallest margin.
    """
    gaps = decision_gaps(query)
    labeled = query.fitted.decision("train", query.labeled)
    if labeled is None or labeled.ndim != 1:
        raise Skip("needs decision values of two classes")
    inside = query.pool[gaps < np.abs(labeled).min()]
    if len(inside) < query.n:
        return query.top(-gaps)
    rows = np.asarray(query.X)[inside]
    if query.n == 1:
        centres = rows.mean(axis=0, keepdims=True)
    else:
        centres = fitted_kmeans(rows, query.n, kmeans_seed(query)).centres
    apart = ((rows[:, None, :] - centres[None]) ** 2).sum(axis=2)
    picks = list(dict.fromkeys(inside[apart.argmin(axis=0)].tolist()))
    rest = query.within(np.setdiff1d(query.pool, picks), query.n - len(picks))
    return np.array([*picks, *(rest.top(-rest.margins) if rest.n else ())], dtype=np.intp)


@strategy(
    "graph_density_unlabeled",
    family="coverage",
    cite="Ebert, Fritz and Schiele 2012, as run by google/active-learning 2017, Lu et al. 2023",
    batch_aware=True,
    cost="O(n^2 d) once, then O(n) a pick",
    memory="O(n k), k neighbours",
)
class GraphDensityUnlabeled:
    """Graph density in which the start set does not lower the density around it.

    As `graph_density`, but only rows that it picked itself take their density off their
    neighbours': first labels may be bought again nearby.
    """

    def __init__(self, *, neighbours: Annotated[int, Ge(1)] = 10) -> None:
        self.neighbours = neighbours
        self.density: Floats | None = None

    def __call__(self, query: Query) -> Ints:
        k = min(self.neighbours, len(query.X) - 1)
        graph = query.once(("manhattan graph", k), lambda: manhattan_graph(query.X, k))
        if self.density is None:
            edges = np.maximum(graph.getnnz(axis=1), 1)
            self.density = np.asarray(graph.sum(axis=1)).ravel() / edges
        picks = np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            scores = self.density[query.pool]
            scores[np.searchsorted(query.pool, picks[:i])] = -np.inf
            picks[i] = query.top(scores, 1)[0]
            near = graph.indices[graph.indptr[picks[i]] : graph.indptr[picks[i] + 1]]
            self.density[near] -= self.density[picks[i]]
        return picks
