"""Strategies as publications ran them, where that is not what the name says."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from albench.learner import Ints
from albench.query import Query
from albench.registry import ModelParam, strategy

REDRAWS = 1000


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
    "mixed_committee",
    family="committee",
    cite="Seung, Opper and Sompolinsky 1992; as run by Zhan et al. 2021 and Lu et al. 2023",
    cost="C fits + O(Cn)",
)
def mixed_committee(
    query: Query,
    *,
    members: Sequence[ModelParam] = ("logreg-lbfgs", "svc-linear-libsvm", "svc-rbf-libsvm", "lda"),
) -> Ints:
    """Vote entropy of models of different kinds, each on a bootstrap of the labelled rows.

    A bootstrap is redrawn until it holds every labelled class. Rows with equally many
    dissenting votes are drawn at random, as published. A member that cannot be fitted (one
    class, no more rows than classes, constant features) votes for the most frequent class.
    """
    votes = np.zeros((len(query.pool), query.n_classes))
    for make in members:
        predicted = bootstrapped(query, make)
        votes[np.arange(len(votes)), predicted] += 1
    share = votes / len(members)
    disagreement = -(share * np.log(np.where(share > 0, share, 1.0))).sum(axis=1)
    query.log["n_tied"] = int((disagreement >= disagreement.max() - 1e-9).sum())
    order = np.lexsort((query.rng.random(len(votes)), -disagreement.round(9)))
    return query.pool[order[: query.n]]


def bootstrapped(query: Query, make: Callable[[int], Any]) -> Ints:
    """What a model fitted on a bootstrap of the labelled rows votes for on the pool."""
    X, y = np.asarray(query.X), query.y_labeled
    bag = bootstrap(y, query.rng)
    model = make(int(query.rng.integers(2**32)))
    try:
        voted: Ints = model.fit(X[query.labeled[bag]], y[bag]).predict(X[query.pool])
    except (ValueError, IndexError, np.linalg.LinAlgError):
        return np.full(len(query.pool), np.bincount(y[bag]).argmax(), dtype=np.intp)
    return voted.astype(np.intp)


def bootstrap(y: Ints, rng: np.random.Generator) -> Ints:
    """Positions drawn with replacement, redrawn until every class in y is among them.

    Where that does not happen, one row of each class is drawn first.
    """
    classes, n = np.unique(y), len(y)
    for _ in range(REDRAWS):
        bag = rng.integers(n, size=n)
        if len(np.unique(y[bag])) == len(classes):
            return bag
    first = np.array([rng.choice(np.flatnonzero(y == c)) for c in classes])
    return np.concatenate([first, rng.integers(n, size=n - len(first))])
