"""Active search: find as many rows of the positive class as the budget allows."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from albench.applies import within_memory
from albench.learner import Floats, Ints
from albench.query import Query
from albench.registry import strategy
from albench.strategies.imbalance import positive_class
from albench.strategies.neighbours import nearest_rows


@dataclass(frozen=True)
class NeighbourModel:
    """p(x) = (gamma + positives) / (1 + labels) among the k nearest train rows of x.

    positives, labels  (m,) of each pool row's neighbours
    reverse            for each pool row the pool rows that have it as a neighbour
    """

    gamma: float
    positives: Floats
    labels: Floats
    reverse: list[Ints]

    @property
    def proba(self) -> Floats:
        """(m,) probability of the positive class."""
        return np.asarray((self.gamma + self.positives) / (1.0 + self.labels))

    def after(self, i: int, answer: int) -> Floats:
        """Probabilities of `reverse[i]` once pool row i has the answer (1: positive)."""
        changed = self.reverse[i]
        positives = self.gamma + self.positives[changed] + answer
        return np.asarray(positives / (2.0 + self.labels[changed]))


def neighbour_model(query: Query, near: Ints, gamma: float) -> NeighbourModel:
    """The model of a query; `near` holds the neighbours of each train row."""
    n, m = len(query.X), len(query.pool)
    known, positive = np.zeros(n), np.zeros(n)
    known[query.labeled] = 1.0
    positive[query.labeled] = query.y_labeled == positive_class(query)
    mine = near[query.pool]
    place = np.full(n, -1, dtype=np.intp)
    place[query.pool] = np.arange(m)
    source, target = np.repeat(np.arange(m), near.shape[1]), place[mine].ravel()
    inside = target >= 0
    source, target = source[inside], target[inside]
    order = np.argsort(target, kind="stable")
    ends = np.cumsum(np.bincount(target, minlength=m))
    reverse = np.split(source[order], ends[:-1])
    return NeighbourModel(gamma, positive[mine].sum(axis=1), known[mine].sum(axis=1), reverse)


def top_sum(head: Floats, changed: Floats, t: int) -> float:
    """Sum of the t largest of the two arrays together."""
    values = np.concatenate([head, changed])
    if t >= len(values):
        return float(values.sum())
    return float(np.partition(values, len(values) - t)[len(values) - t :].sum())


def expected_found(model: NeighbourModel, t: int) -> Floats:
    """(m,) p(x) plus the expected sum of the t largest probabilities of the other rows."""
    p = model.proba
    order, scores = np.argsort(-p, kind="stable"), p.copy()
    if t <= 0:
        return scores
    other = np.ones(len(p), dtype=bool)
    for i in range(len(p)):
        changed = model.reverse[i]
        other[changed] = other[i] = False
        head = order[: t + len(changed) + 1]
        rest = p[head[other[head]][:t]]
        other[changed] = other[i] = True
        positive = top_sum(rest, model.after(i, 1), t)
        negative = top_sum(rest, model.after(i, 0), t)
        scores[i] += p[i] * positive + (1.0 - p[i]) * negative
    return scores


@strategy(
    "ens",
    family="imbalance",
    cite="Jiang et al. 2017",
    needs=("positive",),
    cost="O(n^2 d) once, then O(n (t + degree)), t labels to come",
    memory="O(n k), k neighbours",
)
def ens(
    query: Query, *, k: Annotated[int, Ge(1)] = 50, gamma: Annotated[float, Gt(0)] = 0.1
) -> Ints:
    """Efficient non-myopic search: positives expected by the end of the budget.

    The score of a row is its probability plus the expected sum of the t largest
    probabilities after its label, with t the labels left after it, under a model of its
    own: k nearest neighbours with the prior gamma. A batch is the n best one-point scores.
    """
    positive_class(query)
    within_memory(24.0 * len(query.X) * k, f"the {k} neighbours of each of {len(query.X)} rows")
    near = query.once(
        ("nearest rows", k), lambda: nearest_rows(query.X, np.arange(len(query.X)), k)
    )
    t = min(query.remaining, len(query.pool)) - 1
    return query.top(expected_found(neighbour_model(query, near, gamma), t))
