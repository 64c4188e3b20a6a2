"""BatchBALD: the batch whose labels together tell most about which member is right.

Greedy: the next row x is the one of largest I(y_S, y_x; member), S the batch so far. The
joint entropy is exact while the labels of S have at most `configurations` combinations;
from then on it is estimated over `draws` combinations, drawn from the committee.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.learner import Floats, Ints
from albench.query import Query
from albench.registry import strategy
from albench.strategies.committee import (
    Bootstrap,
    Members,
    Models,
    mean_divergence,
    members,
    opinions,
    too_few,
)
from albench.strategies.uncertainty import TINY, shannon

TOLERANCE = 1e-12
BLOCK = 160_000  # doubles in memory at once: what a core's cache holds
GROUPS = 64  # of drawn combinations, to bound gains by


class Joint:
    """The labels of the batch so far, combination by combination.

    given    (s, C) p(member | combination); one row, uniform, for an empty batch
    weight   (s,) probability of the combination, or 1/s for drawn ones
    """

    def __init__(
        self, said: Floats, configurations: int, draws: int, rng: np.random.Generator
    ) -> None:
        self.said, self.configurations, self.draws, self.rng = said, configurations, draws, rng
        self.given = np.full((1, len(said)), 1.0 / len(said))
        self.weight = np.ones(1)
        self.drawn: Ints | None = None  # member behind each drawn combination
        self.coarse: tuple[Floats, Floats] | None = None  # given and weight of groups of them

    def gain(self, rows: Ints, spread: Floats) -> Floats:
        """(r,) I(y_S, y_x; member) - I(y_S; member) of some rows.

        spread  (r,) mean entropy of the members at these rows
        """
        return self.entropy(self.given, self.weight, rows) - spread

    def entropy(self, given: Floats, weight: Floats, rows: Ints) -> Floats:
        """(r,) weighted mean over combinations of the entropy of a row's label."""
        members, k = len(self.said), self.said.shape[2]
        found, step = np.empty(len(rows)), max(1, BLOCK // (len(given) * k))
        for at in range(0, len(rows), step):
            block = rows[at : at + step]
            expected = given @ self.said[:, block].reshape(members, -1)
            np.maximum(expected, TINY, out=expected)
            expected *= np.log(expected)
            found[at : at + step] = -(weight @ expected).reshape(-1, k).sum(axis=1)
        return found

    def at_most(self, rows: Ints, spread: Floats) -> Floats:
        """(r,) upper bounds of the gains, from the means of combinations that are alike.

        Entropy is concave: that of a mean is no less than the mean of the entropies.
        """
        if self.coarse is None:
            alike = self.given.argmax(axis=1) + self.given.max(axis=1)
            order = np.argsort(alike, kind="stable")
            starts = np.unique(np.linspace(0, len(order), GROUPS, endpoint=False).astype(np.intp))
            weight = np.add.reduceat(self.weight[order], starts)
            summed = np.add.reduceat((self.weight[:, None] * self.given)[order], starts)
            self.coarse = summed / weight[:, None], weight
        return self.entropy(*self.coarse, rows) - spread

    def add(self, row: int) -> None:
        """Take a row into the batch."""
        self.coarse = None
        proba = self.said[:, row]
        s, k = len(self.given), proba.shape[1]
        if self.drawn is None and s * k <= self.configurations:
            joint = (self.given[:, None, :] * proba.T[None]).reshape(s * k, -1)
            share = joint.sum(axis=1)
            kept = share > 0
            self.weight = (np.repeat(self.weight, k) * share)[kept]
            self.given = joint[kept] / share[kept, None]
            return
        if self.drawn is None:
            at = self.rng.choice(s, size=self.draws, p=self.weight / self.weight.sum())
            self.given = self.given[at]
            self.weight = np.full(len(at), 1.0 / len(at))
            self.drawn = sampled(self.given, self.rng)
        label = sampled(proba[self.drawn], self.rng)
        joint = self.given * proba.T[label]
        self.given = joint / joint.sum(axis=1, keepdims=True)


def sampled(proba: Floats, rng: np.random.Generator) -> Ints:
    """(s,) one column drawn from each row of probabilities."""
    edges = np.cumsum(proba, axis=1)
    drawn = (rng.random(len(proba))[:, None] * edges[:, -1:] >= edges).sum(axis=1)
    return np.asarray(np.minimum(drawn, proba.shape[1] - 1), dtype=np.intp)


@strategy(
    "batch_bald", family="committee", needs=("proba",), batch_aware=True,
    cite="Kirsch, van Amersfoort and Gal 2019", cost="C fits + O(b n C k s), s combinations",
    check=too_few,
)  # fmt: skip
def batch_bald(
    query: Query, *, committee: Members | None = None, models: Models | None = None,
    bootstrap: Bootstrap = "classes", configurations: Annotated[int, Ge(2)] = 10_000,
    draws: Annotated[int, Ge(2)] = 1_000,
) -> Ints:  # fmt: skip
    """Greedily the batch with most mutual information between its labels and the member.

    A row's gain only falls as the batch grows, so rows whose last exact gain lies below the
    best gain found are not looked at. Parameters as of `qbc`.
    configurations  up to so many combinations of labels the joint entropy is exact
    draws           how many combinations stand for them from then on
    """
    said = opinions(query, members(query, committee, models, bootstrap))
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    bound = np.maximum(mean_divergence(said), 0.0)
    joint, picks = Joint(said, configurations, draws, query.rng), np.empty(query.n, dtype=np.intp)
    for i in range(query.n):
        scores = best_gains(joint, bound, spread)
        picks[i] = query.top(scores, 1, TOLERANCE)[0]
        at = int(np.searchsorted(query.pool, picks[i]))
        bound[at] = -np.inf
        joint.add(at)
    return picks


def best_gains(joint: Joint, bound: Floats, spread: Floats) -> Floats:
    """(m,) gains of the rows that can be best, -inf for the others.

    bound  (m,) upper bounds of the gains, -inf for rows already picked; lowered in place
    """
    scores = np.full(len(bound), -np.inf)
    order = np.argsort(-bound, kind="stable")[: int(np.isfinite(bound).sum())]
    best, at, step = -np.inf, 0, 32
    while at < len(order) and bound[order[at]] >= best - 2 * TOLERANCE:
        rows = order[at : at + step]
        if joint.drawn is None:
            scores[rows] = bound[rows] = joint.gain(rows, spread[rows])
        else:  # an estimate is no bound
            rows = foremost(joint, rows, spread, scores, best)
        best = max(best, float(scores[rows].max(initial=-np.inf)))
        at, step = at + step, min(2 * step, 4096)
    return scores


def foremost(joint: Joint, rows: Ints, spread: Floats, scores: Floats, best: float) -> Ints:
    """Of some rows those that can reach the best gain; their gains go into `scores`."""
    limit = joint.at_most(rows, spread[rows])
    order, at, step = np.argsort(-limit, kind="stable"), 0, 8
    while at < len(order) and limit[order[at]] >= best - 2 * TOLERANCE:
        looked = rows[order[at : at + step]]
        scores[looked] = joint.gain(looked, spread[looked])
        best = max(best, float(scores[looked].max()))
        at += step
    return rows[order[:at]]
