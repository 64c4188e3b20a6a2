"""Multi-class probabilistic active learning (McPAL)."""

from itertools import combinations_with_replacement
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from scipy.special import gammaln

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory
from albench.strategies._geometry import blocks, centred

Positive = Annotated[float, Gt(0)]
Count = Annotated[int, Ge(1)]


def frequencies(query: Query, gamma: float) -> Floats:
    """(m, k) for each pool row the kernel-weighted number of labels of each class."""
    from scipy.spatial.distance import cdist

    onehot = np.eye(query.n_classes)[query.y_labeled]
    found = []
    for part in blocks(query.pool, len(query.labeled)):
        near = np.exp(-gamma * cdist(query.X[part], query.X[query.labeled], "sqeuclidean"))
        found.append(near @ onehot)
    return np.concatenate(found)


def density(query: Query, gamma: float) -> Floats:
    """(n_train,) mean similarity of each train row to all of them, itself included."""
    X, norms = centred(query)

    def make() -> Floats:
        found = []
        for part in blocks(np.arange(len(X)), len(X)):
            near = X[part] @ X.T
            near *= 2.0
            near -= norms
            near -= norms[part, None]
            np.minimum(near, 0.0, out=near)
            near *= gamma
            found.append(np.exp(near, out=near).mean(axis=1))
        return np.concatenate(found)

    return query.once(("kernel density", gamma), make)


def outcomes(m: int, k: int) -> Floats:
    """(_, k) in how many ways m labels can fall on k classes, as counts."""
    drawn = list(combinations_with_replacement(range(k), m))
    counts = np.zeros((len(drawn), k))
    for i, classes in enumerate(drawn):
        np.add.at(counts[i], list(classes), 1.0)
    return counts


def correct(counts: Floats, m: int, prior: float) -> Floats:
    """(n,) expected share of correct predictions after m more labels at the same place.

    The class shares have a Dirichlet density of parameters counts + prior, and the class
    with the most labels is predicted (of equal ones the first).
    """
    k = counts.shape[1]
    alpha = counts + prior
    start = gammaln(alpha.sum(axis=1)) - gammaln(alpha).sum(axis=1)
    total = np.zeros(len(counts))
    for new in outcomes(m, k):
        ways = gammaln(m + 1.0) - gammaln(new + 1.0).sum()
        best = (counts + new).argmax(axis=1)
        after = alpha + new
        after[np.arange(len(after)), best] += 1.0
        end = gammaln(after).sum(axis=1) - gammaln(after.sum(axis=1))
        total += np.exp(start + ways + end)
    return total


def gain(counts: Floats, m_max: int, prior: float) -> Floats:
    """(n,) largest gain in correct predictions per label over 1 .. m_max more labels."""
    now = correct(counts, 0, prior)
    gains = [(correct(counts, m, prior) - now) / m for m in range(1, m_max + 1)]
    return np.asarray(np.max(gains, axis=0))


@strategy(
    "mcpal",
    family="expected change",
    cite="Kottke et al. 2016",
    cost="O(nld + n k o), o ways in which m_max labels fall on k classes; O(n^2 d) once",
)
def mcpal(
    query: Query,
    *,
    gamma: Positive | None = None,
    m_max: Count = 2,
    prior: Positive = 1e-3,
    weighted: bool = True,
) -> Ints:
    """Largest gain in expected accuracy around the row by a few labels more (McPAL).

    Labels near a row count by an RBF kernel; what a few more would do to the accuracy there
    is averaged over all ways in which they may come out, in closed form, and weighed by the
    density of rows. The query model is not asked: it is a Parzen window of the strategy's.
    gamma     of the kernel; default: 1 / d
    m_max     most labels that are looked ahead; the best gain per label counts
    prior     pseudo-label of each class
    weighted  by density; scikit-activeml leaves that to its caller
    """
    gamma = 1.0 / query.X.shape[1] if gamma is None else gamma
    k, ways = query.n_classes, 1.0
    for i in range(m_max):
        ways = ways * (k + i) / (i + 1)
    within_memory(8.0 * ways * k, f"{ways:.0f} ways of {m_max} labels to fall on {k} classes")
    scores = gain(frequencies(query, gamma), m_max, prior)
    if weighted:
        scores = scores * density(query, gamma)[query.pool]
    return query.top(scores, tolerance=1e-12)
