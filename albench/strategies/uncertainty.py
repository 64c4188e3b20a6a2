"""Uncertainty sampling: rows of which the query model is least sure.

With two classes margin, least confident and entropy rank alike and are all scored as
margin. Models without probabilities are read through their decision values.
"""

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query

TINY = 1e-300  # stands in for 0 in a logarithm that is multiplied by 0


@strategy("margin", family="uncertainty", cite="Scheffer, Decomain and Wrobel 2001", cost="O(nk)")
def margin(query: Query) -> Ints:
    """Smallest gap between the two most probable classes (or best decision values)."""
    return query.top(-query.margins)


@strategy("least_confident", family="uncertainty", cite="Lewis and Gale 1994", cost="O(nk)")
def least_confident(query: Query) -> Ints:
    """Smallest probability of the most probable class (or best decision value)."""
    if query.n_classes == 2:
        return query.top(-query.margins)
    values = query.proba if query.has_proba else query.decision
    return query.top(-values.T.copy().max(axis=0))  # whole columns are faster than rows of k


@strategy("entropy", family="uncertainty", cite="Settles and Craven 2008", cost="O(nk)")
def entropy(query: Query) -> Ints:
    """Largest Shannon entropy of the class probabilities, 0 log 0 = 0.

    Without probabilities: of the softmax of the decision values.
    """
    if query.n_classes == 2:
        return query.top(-query.margins)
    return query.top(shannon(probabilities(query)), tolerance=1e-12)


def probabilities(query: Query) -> Floats:
    """(m, k) probabilities, or the softmax of the decision values."""
    if query.has_proba:
        return query.proba
    values = query.decision
    if values.ndim == 1:
        values = np.stack([-values / 2, values / 2], axis=1)
    shifted = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def shannon(proba: Floats) -> Floats:
    """(m,) entropy in nats of each row."""
    terms = np.log(np.maximum(proba, TINY))
    terms *= proba
    return np.asarray(-terms.sum(axis=1))
