"""BADGE: diverse large gradients, without ever building a gradient."""

import numpy as np

from albench.learner import Floats, Ints
from albench.query import Query
from albench.registry import strategy


class Gradients:
    """The gradient embeddings (p - e) x of the pool, in factors.

    The embedding of row i is the outer product of `a_i` = probabilities minus the one-hot
    prediction and the features `x_i`. Inner products factor, so rows of k d numbers are
    never made: <g_i, g_j> = (a_i . a_j)(x_i . x_j).
    """

    def __init__(self, proba: Floats, X: Floats) -> None:
        self.a = proba.copy()
        self.a[np.arange(len(proba)), proba.argmax(axis=1)] -= 1.0
        self.X = X
        self.squared = np.einsum("ij,ij->i", self.a, self.a) * np.einsum("ij,ij->i", X, X)

    def distances(self, i: int) -> Floats:
        """(m,) squared distances to embedding i, never negative."""
        inner = (self.a @ self.a[i]) * (self.X @ self.X[i])
        return np.asarray(np.maximum(self.squared + self.squared[i] - 2.0 * inner, 0.0))


def draw(weights: Floats, rng: np.random.Generator, taken: list[int]) -> int:
    """One index with probability proportional to its weight.

    Where all weights are zero (rows that equal those taken): one not taken, uniformly.
    """
    total = np.cumsum(weights)
    if total[-1] > 0:
        at = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        return min(at, int(np.flatnonzero(weights)[-1]))
    return int(rng.choice(np.setdiff1d(np.arange(len(weights)), taken)))


@strategy(
    "badge",
    family="hybrid",
    cite="Ash et al. 2020",
    needs=("proba",),
    batch_aware=True,
    cost="O(nb(k + d))",
)
def badge(query: Query) -> Ints:
    """Diverse gradient embeddings: k-means++ seeding among the pool's gradients.

    The first pick has the largest gradient; each further one is drawn with probability
    proportional to the squared distance to the nearest picked gradient. The gradient is
    that of the last layer of a (multinomial) logistic regression at its own prediction.
    """
    gradients = Gradients(query.proba, query.X[query.pool])
    first = query.top(np.sqrt(gradients.squared), 1)[0]
    picked = [int(np.searchsorted(query.pool, first))]
    nearest = np.full(len(query.pool), np.inf)
    while len(picked) < query.n:
        np.minimum(nearest, gradients.distances(picked[-1]), out=nearest)
        nearest[picked] = 0.0
        picked.append(draw(nearest, query.rng, picked))
    return query.pool[picked]
