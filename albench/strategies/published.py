"""Strategies as publications ran them, where that is not what the name says."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.learner import Ints
from albench.query import Query
from albench.registry import strategy
from albench.strategies.clusters import fitted_kmeans, kmeans_seed


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
            self.labels = fitted_kmeans(query.X, k, kmeans_seed(query)).labels_
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
