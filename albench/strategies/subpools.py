"""Wrappers that let a strategy choose among a part of the pool only."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.learner import Ints
from albench.query import Query
from albench.registry import StrategyParam, strategy
from albench.strategies.gradient import draw
from albench.strategies.neighbours import nearest_rows


@strategy(
    "seals", family="wrapper", cite="Coleman et al. 2022", cost="O(nd) a label, and the base's"
)
class Seals:
    """The base strategy among the k nearest neighbours of the labelled rows.

    Where fewer than n neighbours are in the pool, rows drawn at random join them.
    """

    def __init__(self, *, base: StrategyParam = "margin", k: Annotated[int, Ge(1)] = 100) -> None:
        self.base, self.k = base, k
        self.near: Any = None
        self.known = np.empty(0, dtype=np.intp)

    def __call__(self, query: Query) -> Any:
        if self.near is None:
            self.near = np.zeros(len(query.X), dtype=bool)
        new = np.setdiff1d(query.labeled, self.known)
        self.near[nearest_rows(query.X, new, self.k)] = True
        self.known = query.labeled
        return self.base(query.within(at_least(query, query.pool[self.near[query.pool]])))


def at_least(query: Query, candidates: Ints) -> Ints:
    """The candidates (ascending), joined by random pool rows where they are fewer than n."""
    lacking = query.n - len(candidates)
    if lacking <= 0:
        return candidates
    rest = np.setdiff1d(query.pool, candidates, assume_unique=True)
    return np.union1d(candidates, query.rng.choice(rest, size=lacking, replace=False))


@strategy(
    "anchor",
    family="wrapper",
    cite="Lesci and Vlachos 2024 (AnchorAL)",
    cost="O(n k anchors d) and the base's",
)
def anchor(
    query: Query,
    *,
    base: StrategyParam = "margin",
    anchors: Annotated[int, Ge(1)] = 10,
    size: Annotated[int, Ge(1)] = 1000,
) -> Any:
    """The base strategy among `size` rows near anchors of each class, in equal shares.

    Each class with labels has up to `anchors` of its labelled rows as anchors, drawn anew
    each round by k-means++ seeding; its share are the pool rows nearest to any of them.
    """
    if len(query.pool) <= max(size, query.n):
        return base(query)
    seen = np.unique(query.y_labeled)
    share = -(-max(size, query.n) // len(seen))
    near = []
    for c in seen:
        chosen = spread_rows(query, query.labeled[query.y_labeled == c], anchors)
        near.append(nearest_to_any(query, chosen, share))
    return base(query.within(at_least(query, np.unique(np.concatenate(near)))))


def spread_rows(query: Query, rows: Ints, n: int) -> Ints:
    """At most n of the rows by k-means++ seeding, the first drawn uniformly."""
    if len(rows) <= n:
        return rows
    X = query.X[rows]
    picked = [int(query.rng.integers(len(rows)))]
    nearest = ((X - X[picked[0]]) ** 2).sum(axis=1)
    while len(picked) < n:
        picked.append(draw(nearest, query.rng, picked))
        nearest = np.minimum(nearest, ((X - X[picked[-1]]) ** 2).sum(axis=1))
        nearest[picked] = 0.0
    return rows[picked]


def nearest_to_any(query: Query, anchors: Ints, n: int) -> Ints:
    """n pool rows with the smallest distance to any anchor."""
    from scipy.spatial.distance import cdist

    distances = cdist(query.X[query.pool], query.X[anchors], "sqeuclidean").min(axis=1)
    return query.pool[np.argsort(distances, kind="stable")[:n]]
