"""k-means around what is labelled already: new centres beside fixed ones."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import blocks, nearest_distinct
from albench.strategies.expected import draw
from albench.strategies.hybrids import uncertainty

ITERATIONS = 300


def nearest_fixed(X: Floats, fixed: Floats) -> Floats:
    """(m,) squared distances to the nearest of some centres, inf where there are none."""
    from scipy.spatial.distance import cdist

    found = np.full(len(X), np.inf)
    for part in blocks(np.arange(len(fixed)), len(X)):
        np.minimum(found, cdist(X, fixed[part], "sqeuclidean").min(axis=1), out=found)
    return found


def seeded(X: Floats, apart: Floats, k: int, rng: np.random.Generator) -> Floats:
    """(k, d) rows drawn one by one, each by its squared distance to all centres so far.

    apart  (m,) squared distances to the fixed centres
    """
    from scipy.spatial.distance import cdist

    taken: list[int] = []
    nearest = apart.copy()
    for _ in range(k):
        weights = np.ones(len(X)) if np.isinf(nearest).any() else nearest
        taken.append(draw(weights, rng, taken))
        new = cdist(X, X[taken[-1:]], "sqeuclidean")[:, 0]
        np.minimum(nearest, new, out=nearest)
    return X[taken]


def incremental_kmeans(X: Floats, weights: Floats, fixed: Floats, start: Floats) -> Floats:
    """(k, d) centres of least weighted squared distance, beside centres that do not move.

    X, weights  (m, d) rows and (m,) how much each counts
    fixed       (f, d) centres that stay
    start       (k, d) where the others begin; one that no row is nearest to stays there
    """
    from scipy.spatial.distance import cdist

    apart = nearest_fixed(X, fixed)
    centres, before = start.copy(), np.empty(0, dtype=np.intp)
    for _ in range(ITERATIONS):
        squared = cdist(X, centres, "sqeuclidean")
        label = np.where(squared.min(axis=1) < apart, squared.argmin(axis=1), -1)
        if np.array_equal(label, before):
            break
        before = label
        mine = (label == np.arange(len(centres))[:, None]) * weights
        total = mine.sum(axis=1)
        held = total > 0
        centres[held] = (mine[held] @ X) / total[held, None]
    return centres


@strategy(
    "iwkmeans",
    family="hybrid",
    cite="Abraham and Dreyfus-Schmidt 2020; after Zhdanov 2019",
    batch_aware=True,
    cost="O(nk + beta b d (l + b)) times the iterations of k-means",
)
def iwkmeans(query: Query, *, beta: Annotated[int, Ge(1)] = 10) -> Ints:
    """Of the beta n smallest margins, rows nearest to weighted centres that labels keep off.

    As `weighted_kmeans`, but every labelled row is a centre that does not move, so the n
    new centres settle where nothing is labelled (incremental weighted k-means).
    """
    score = uncertainty(query, "margin")
    kept: Ints = np.sort(query.top(score, min(beta * query.n, len(query.pool))))
    rows, weights = query.X[kept], score[np.searchsorted(query.pool, kept)]
    if not weights.any():  # nothing is uncertain: all rows count alike
        weights = np.ones(len(kept))
    fixed = query.X[query.labeled]
    start = seeded(rows, nearest_fixed(rows, fixed), query.n, query.rng)
    centres = incremental_kmeans(rows, weights, fixed, start)
    from scipy.spatial.distance import cdist

    return nearest_distinct(query.within(kept), cdist(rows, centres))
