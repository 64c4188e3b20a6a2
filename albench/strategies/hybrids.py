"""Hybrids by weighting: uncertainty, and how much of the pool a row stands for."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._geometry import Nearest, centred, squared_distances
from albench.strategies.expected import draw
from albench.strategies.uncertainty import probabilities, shannon

Uncertainty = Literal["entropy", "margin", "least_confident"]
BLOCK = 256  # rows whose distances to all others are in memory at once


def uncertainty(query: Query, kind: Uncertainty) -> Floats:
    """(m,) uncertainty of the pool rows, zero where the model is sure."""
    proba = probabilities(query)
    if kind == "entropy":
        return np.maximum(shannon(proba), 0.0)
    best = np.sort(proba, axis=1)[:, ::-1]
    return np.asarray(
        1.0 - best[:, 0] if kind == "least_confident" else 1.0 - best[:, 0] + best[:, 1]
    )


@strategy(
    "information_density",
    family="hybrid",
    cite="Settles and Craven 2008",
    cost="O(nd) cosine; O(n^2 d) once, then O(nbd), euclidean",
)
class InformationDensity:
    """Uncertainty times the mean similarity to the pool, to the power beta.

    cosine     (1 + cos) / 2, a row of zeros counts as at right angles to all
    euclidean  1 / (1 + distance)
    The means are over the pool as it stands, the row itself included.
    """

    def __init__(
        self,
        *,
        similarity: Literal["cosine", "euclidean"] = "cosine",
        uncertainty: Uncertainty = "entropy",
        beta: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        self.similarity, self.uncertainty, self.beta = similarity, uncertainty, beta
        self.sums: Floats | None = None
        self.over = np.empty(0, dtype=np.intp)

    def __call__(self, query: Query) -> Ints:
        density = mean_cosine(query) if self.similarity == "cosine" else self.mean_euclidean(query)
        return query.top(uncertainty(query, self.uncertainty) * density**self.beta)

    def mean_euclidean(self, query: Query) -> Floats:
        """(m,) mean of 1 / (1 + distance) over the pool; sums are kept between rounds."""
        if self.sums is None:
            everything = np.arange(len(query.X))
            key = "sums of euclidean similarities"
            self.sums = query.once(key, lambda: similarity_sums(query.X, everything)).copy()
            self.over = everything
        self.sums -= similarity_sums(query.X, np.setdiff1d(self.over, query.pool))
        self.sums += similarity_sums(query.X, np.setdiff1d(query.pool, self.over))
        self.over = query.pool
        return np.asarray(self.sums[query.pool] / len(query.pool))


def mean_cosine(query: Query) -> Floats:
    """(m,) mean over the pool of (1 + cosine) / 2."""
    unit = query.once("unit rows", lambda: unit_rows(query.X))[query.pool]
    return np.asarray((1.0 + unit @ unit.mean(axis=0)) / 2.0)


def unit_rows(X: Floats) -> Floats:
    """The rows at length 1; a row of zeros stays one."""
    length = np.sqrt(np.einsum("ij,ij->i", X, X))[:, None]
    return np.asarray(np.divide(X, length, out=np.zeros_like(X), where=length > 0))


def similarity_sums(X: Floats, rows: Ints) -> Floats:
    """(n,) for each row of X the sum of 1 / (1 + distance) to the given rows, in blocks."""
    from scipy.spatial.distance import cdist

    sums = np.zeros(len(X))
    for i in range(0, len(rows), BLOCK):
        sums += (1.0 / (1.0 + cdist(X, X[rows[i : i + BLOCK]]))).sum(axis=1)
    return sums


@strategy(
    "ranked_batch",
    family="hybrid",
    cite="Cardoso et al. 2017",
    batch_aware=True,
    cost="O(nbd)",
)
class RankedBatch:
    """Ranked batch mode: dissimilarity to what is labelled, traded against uncertainty.

    alpha (1 - max similarity) + (1 - alpha)(1 - p of the best class), with similarity
    1 / (1 + distance) and alpha = pool / (pool + labeled). Each pick counts as labelled
    for the next one. The nearest labelled distance is kept between rounds.
    """

    def __init__(self) -> None:
        self.nearest = Nearest()

    def __call__(self, query: Query) -> Ints:
        X, norms = centred(query)
        rows, lengths, m = X[query.pool], norms[query.pool], len(query.pool)
        doubt, nearest = uncertainty(query, "least_confident"), self.nearest.of_pool(query)
        bought = len(query.labeled) + len(query.waiting)
        taken, picks = np.zeros(m, dtype=bool), np.empty(query.n, dtype=np.intp)
        for i in range(query.n):
            alpha = (m - i) / (m + bought)
            scores = alpha * (1.0 - 1.0 / (1.0 + np.sqrt(nearest))) + (1.0 - alpha) * doubt
            picks[i] = query.top(np.where(taken, -np.inf, scores), 1)[0]
            at = int(np.searchsorted(query.pool, picks[i]))
            taken[at] = True
            np.minimum(nearest, squared_distances(rows, lengths, at), out=nearest)
        return picks


@strategy(
    "falcun",
    family="hybrid",
    cite="Gilhuber et al. 2024",
    needs=("proba",),
    batch_aware=True,
    cost="O(nbk)",
)
def falcun(query: Query, *, gamma: Annotated[float, Ge(0)] = 10.0) -> Ints:
    """Rows drawn by uncertainty plus distance to the picks in the space of probabilities.

    The probability of a row is proportional to (u + delta)^gamma with u = 1 - margin;
    delta begins as u, is then the least city-block distance to a pick if that is smaller,
    and is rescaled to [0, 1] before each further draw.
    """
    proba, u = query.proba, uncertainty(query, "margin")
    delta, picked = u.copy(), [draw((2.0 * u) ** gamma, query.rng, [])]
    while len(picked) < query.n:
        delta = np.minimum(delta, np.abs(proba - proba[picked[-1]]).sum(axis=1))
        delta = rescaled(delta)
        weights = (u + delta) ** gamma
        weights[picked] = 0.0
        picked.append(draw(weights, query.rng, picked))
    return query.pool[picked]


def rescaled(values: Floats) -> Floats:
    """The values moved and stretched to [0, 1]; equal values become 0."""
    span = values.max() - values.min()
    moved = values - values.min()
    return np.asarray(moved / span if span > 0 else moved)
