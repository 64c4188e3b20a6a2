"""Contrastive active learning: rows that are predicted unlike their labelled neighbours."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import blocks

Count = Annotated[int, Ge(1)]
LEAST = 1e-7  # probabilities below are raised to it before logarithms


def nearest_labeled(query: Query, k: int) -> Ints:
    """(m, k) for each pool row its k nearest labelled rows, as indices into them.

    Equal distances stand in position order.
    """
    from scipy.spatial.distance import cdist

    X = query.X[query.labeled]
    k = min(k, len(X))
    found = []
    for part in blocks(query.pool, len(X)):
        apart = cdist(query.X[part], X, "sqeuclidean")
        if k < len(X):  # the k nearest first: whole rows need no sorting
            reach = np.partition(apart, k - 1, axis=1)[:, k - 1, None]
            apart = np.where(apart <= reach, apart, np.inf)
        found.append(np.argsort(apart, axis=1, kind="stable")[:, :k])
    return np.concatenate(found)


def clipped(proba: Floats) -> Floats:
    """(m, k) probabilities of at least `LEAST`, which sum to 1."""
    raised = np.maximum(proba, LEAST)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


@strategy(
    "contrastive_al",
    family="hybrid",
    needs=("proba",),
    cite="Margatina et al. 2021",
    cost="O(nl (d + log l) + n neighbours k)",
)
def contrastive_al(query: Query, *, neighbours: Count = 10) -> Ints:
    """Largest divergence of the prediction from those of the nearest labelled rows (CAL).

    The mean over the labelled neighbours j of KL(p_j || p), p of the row itself.
    neighbours  how many; all where fewer rows are labelled
    """
    mine = np.log(clipped(query.proba))
    labeled = query.fitted.proba("train", query.labeled)
    assert labeled is not None  # else `query.proba` has raised
    theirs, near = clipped(labeled), nearest_labeled(query, neighbours)
    own = (theirs * np.log(theirs)).sum(axis=1)
    cross = np.einsum("ik,ik->i", theirs[near].mean(axis=1), mine)
    return query.top(own[near].mean(axis=1) - cross, tolerance=1e-12)
