"""Imbalance and rare events: rows of the class that is scarce."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.applies import within_memory
from albench.errors import Skip
from albench.learner import Floats, Ints
from albench.query import Query, scores_of
from albench.registry import StrategyParam, strategy
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
