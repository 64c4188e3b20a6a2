"""Strategies made stochastic, and wrappers that choose among a part of the pool only.

n draws without replacement, each proportional to a weight among the rows left
(Plackett-Luce), are made at once by adding Gumbel noise to the log weights and sorting.
"""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.core.arrays import Floats, Ints
from albench.core.parameters import StrategyParam
from albench.core.registry import strategy
from albench.simulation.query import Picks, Query, scores_of
from albench.strategies._geometry import nearest_rows
from albench.strategies.expected import draw
from albench.strategies.hybrids import uncertainty

LAST = 700.0  # a log weight this far below the least finite one: drawn after all others


def plackett_luce(
    logits: Floats, n: int, rng: np.random.Generator, epsilon: float = 0.0
) -> tuple[Ints, Floats]:
    """n draws without replacement and the probability of each, given those before it.

    logits   (m,) log weights; -inf: only after all others
    epsilon  with this probability a draw is uniform over the rows left instead
    Returns (n,) indices and (n,) q = epsilon / left + (1 - epsilon) w / sum of w left.
    """
    finite = np.isfinite(logits)
    least = logits[finite].min() if finite.any() else 0.0
    logits = np.where(finite, logits, least - LAST)
    order = np.argsort(-(logits + rng.gumbel(size=len(logits))), kind="stable")
    uniform = rng.random(n) < epsilon
    left, at = np.ones(len(logits), dtype=bool), 0
    picks, q = np.empty(n, dtype=np.intp), np.empty(n)
    for i in range(n):
        while not left[order[at]]:
            at += 1
        picks[i] = rng.choice(np.flatnonzero(left)) if uniform[i] else order[at]
        among = logits[left]
        share = np.exp(logits[picks[i]] - among.max()) / np.exp(among - among.max()).sum()
        q[i] = epsilon / len(among) + (1.0 - epsilon) * share
        left[picks[i]] = False
    return picks, q


@strategy(
    "softmax",
    family="wrapper",
    cite="Kirsch et al. 2023; Farquhar, Gal and Rainforth 2021",
    cost="the base's + O(nb)",
)
def softmax(
    query: Query,
    *,
    base: StrategyParam = "margin",
    temperature: Annotated[float, Gt(0)] = 0.25,
    epsilon: Annotated[float, Ge(0), Le(1)] = 0.0,
) -> Picks:
    """A scored strategy made stochastic: rows drawn by the softmax of score / temperature.

    With probability `epsilon` a draw is uniform instead, which bounds the weights of
    estimators that correct for the sampling. The probability of each draw is logged.
    """
    scores = scores_of(base, query)
    picks, q = plackett_luce(scores / temperature, query.n, query.rng, epsilon)
    return Picks(query.pool[picks], q)


@strategy(
    "power_margin",
    family="hybrid",
    cite="Bahri et al. 2022; Kirsch et al. 2023",
    cost="O(nk + nb)",
)
def power_margin(query: Query, *, power: Annotated[float, Gt(0)] = 1.0) -> Picks:
    """Rows drawn in proportion to (1 - margin)^power, by Gumbel noise on the log score.

    The probability of each draw is logged.
    """
    score = uncertainty(query, "margin")
    log_score = np.log(score, out=np.full(len(score), -np.inf), where=score > 0)
    picks, q = plackett_luce(power * log_score, query.n, query.rng)
    return Picks(query.pool[picks], q)


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
