"""Active learning with cost embedding (ALCE)."""

from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query

Positive = Annotated[float, Gt(0)]


def simplex(k: int) -> Floats:
    """(k, k) points at distance 1 from each other."""
    return np.asarray(np.eye(k) / np.sqrt(2.0))


@strategy(
    "alce",
    family="uncertainty",
    cite="Huang and Lin 2016",
    cost="k support vector regressions + O(n k l)",
)
def alce(
    query: Query,
    *,
    C: Positive = 1.0,
    epsilon: Annotated[float, Ge(0)] = 0.1,
    gamma: Positive | None = None,
) -> Ints:
    """Farthest from every class in a space in which distances are costs of errors (ALCE).

    Classes are points, one support vector regression for each coordinate predicts where a
    row lies, and the row farthest from its nearest class is asked for. Costs are those of
    accuracy: all errors equal. Their embedding is the regular simplex, without any stress,
    so no scaling is computed; a class without labels keeps its point. The query model is
    not asked.
    C, epsilon  of the regressions
    gamma       of their RBF kernel; default: 1 / (d times the variance of the features)
    """
    from sklearn.svm import SVR

    points = simplex(query.n_classes)
    X, pool = query.X[query.labeled], query.X[query.pool]
    placed = np.zeros((len(pool), query.n_classes))
    for c in np.unique(query.y_labeled):  # a class without labels is predicted to be 0 away
        made: Any = SVR(C=C, epsilon=epsilon, gamma="scale" if gamma is None else gamma)
        placed[:, c] = made.fit(X, points[query.y_labeled, c]).predict(pool)
    squared = (placed**2).sum(axis=1)[:, None] - 2.0 * placed @ points.T + 0.5
    return query.top(np.sqrt(np.maximum(squared.min(axis=1), 0.0)))
