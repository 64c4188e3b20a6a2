"""Imbalance and rare events: rows of the class that is scarce, and active search."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.parameters import StrategyParam
from albench.core.registry import strategy
from albench.simulation.query import Query, scores_of
from albench.strategies._applies import within_memory
from albench.strategies._geometry import nearest_rows
from albench.strategies.hybrids import unit_rows


def positive_class(query: Query) -> int:
    """The positive class; raises Skip where the dataset names none."""
    if query.positive is None:
        raise Skip("needs a positive class; the dataset names none")
    return query.positive


def positive_scores(query: Query) -> Floats:
    """(m,) probability of the positive class, else its decision value."""
    positive = positive_class(query)
    if query.has_proba:
        return query.proba[:, positive]
    values = query.decision
    if values.ndim == 1:
        return values if positive == 1 else -values
    return values[:, positive]


@strategy(
    "positive_greedy",
    family="imbalance",
    cite="Lewis and Gale 1994, relevance sampling; Garnett et al. 2012",
    needs=("positive",),
    cost="O(nk)",
)
def positive_greedy(query: Query) -> Ints:
    """Largest probability of the positive class: relevance sampling, one-step active search."""
    return query.top(positive_scores(query))


@strategy(
    "half_half",
    family="imbalance",
    cite="half relevance, half uncertainty sampling",
    needs=("positive",),
    cost="O(nk) and the base's",
)
def half_half(query: Query, *, base: StrategyParam = "margin") -> Ints:
    """Half the batch (rounded up) by probability of the positive class, the rest by the base."""
    n_positive = -(-query.n // 2)
    likely = query.top(positive_scores(query), n_positive)
    if n_positive == query.n:
        return likely
    taken = np.isin(query.pool, likely)
    scores = np.where(taken, -np.inf, scores_of(base, query))
    return np.concatenate([likely, query.top(scores, query.n - n_positive)])


@strategy(
    "balanced_margin",
    family="imbalance",
    cite="after Aggarwal, Popescu and Hudelot 2020; Bengar et al. 2022",
    batch_aware=True,
    cost="O(nk + bn) and the base's",
)
def balanced_margin(query: Query, *, base: StrategyParam = "margin") -> Ints:
    """The base's best row among those predicted to be of the class with the fewest labels.

    The batch is filled row by row and counts by predicted class. Where no row of the pool is
    predicted to be of that class, the class with the next fewest labels has its turn.
    """
    scores = scores_of(base, query)
    predicted = query.fitted.predicted("train", query.pool)
    counts = np.bincount(query.y_labeled, minlength=query.n_classes)
    taken, picks = np.zeros(len(query.pool), dtype=bool), np.empty(query.n, dtype=np.intp)
    for i in range(query.n):
        left = np.bincount(predicted[~taken], minlength=query.n_classes)
        scarce = min(np.flatnonzero(left), key=lambda c: (counts[c], c))
        eligible = (predicted == scarce) & ~taken
        picks[i] = query.top(np.where(eligible, scores, -np.inf), 1)[0]
        taken[np.searchsorted(query.pool, picks[i])] = True
        counts[scarce] += 1
    return picks


@strategy(
    "flqmi",
    family="imbalance",
    cite="Kothawade et al. 2021 (SIMILAR)",
    needs=("positive",),
    batch_aware=True,
    cost="O(bn q), q labelled positives",
    memory="O(n q)",
)
def flqmi(query: Query, *, eta: Annotated[float, Ge(0)] = 1.0) -> Ints:
    """Facility-location mutual information with the labelled rows of the positive class.

    Greedy for sum over exemplars q of max over picks j of s_qj, plus eta times the sum over
    picks of max over exemplars of s_qj; s = (1 + cosine) / 2 of the features. Without a
    labelled positive all rows tie.
    """
    exemplars = query.labeled[query.y_labeled == positive_class(query)]
    within_memory(8.0 * len(query.pool) * len(exemplars), "similarities to the exemplars")
    unit = query.once("unit rows", lambda: unit_rows(query.X))
    similar = (1.0 + unit[query.pool] @ unit[exemplars].T) / 2.0
    return greedy_information(query, similar, eta)


def greedy_information(query: Query, similar: Floats, eta: float) -> Ints:
    """Greedy maximiser of the facility-location mutual information; similar is (m, q)."""
    own = eta * similar.max(axis=1, initial=0.0)
    covered = np.zeros(similar.shape[1])
    taken, picks = np.zeros(len(query.pool), dtype=bool), np.empty(query.n, dtype=np.intp)
    for i in range(query.n):
        gain = np.maximum(similar - covered, 0.0).sum(axis=1) + own
        picks[i] = query.top(np.where(taken, -np.inf, gain), 1)[0]
        at = int(np.searchsorted(query.pool, picks[i]))
        taken[at] = True
        covered = np.maximum(covered, similar[at])
    return picks


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
