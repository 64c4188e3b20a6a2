"""Active sampling: choosing what to train on, with every train label in sight.

No active learning: nothing is bought, and the labels of the pool are known. These strategies
run under a protocol with `labels = "visible"` and are never shown beside those that
choose what to label.
"""

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.registry import strategy
from albench.simulation.query import OracleQuery, Picks, Query
from albench.strategies.wrappers import plackett_luce


def visible_labels(query: Query) -> Ints:
    """(m,) true labels of the pool rows; raises Skip where the protocol hides them."""
    if not isinstance(query, OracleQuery):
        raise Skip('active sampling needs a protocol with labels = "visible"')
    return query.y[query.pool]


def losses(query: Query) -> Floats:
    """(m,) log loss of each pool row under the current query model, clipped at 1e-15."""
    y = visible_labels(query)
    return np.asarray(-np.log(np.maximum(query.proba[np.arange(len(y)), y], 1e-15)))


@strategy(
    "high_loss",
    family="active sampling",
    cite="Loshchilov and Hutter 2016; Shrivastava, Gupta and Girshick 2016",
    needs=("proba",),
    sampling=True,
    cost="O(nk)",
)
def high_loss(query: Query) -> Ints:
    """Train next on the rows of largest loss: hard example mining."""
    return query.top(losses(query))


@strategy(
    "low_loss",
    family="active sampling",
    cite="Bengio et al. 2009; Kumar, Packer and Koller 2010",
    needs=("proba",),
    sampling=True,
    cost="O(nk)",
)
def low_loss(query: Query) -> Ints:
    """Train next on the rows of smallest loss: a curriculum, self-paced learning."""
    return query.top(-losses(query))


@strategy(
    "importance",
    family="active sampling",
    cite="Zhao and Zhang 2015; Katharopoulos and Fleuret 2018",
    needs=("proba",),
    sampling=True,
    cost="O(n(k + d) + nb)",
)
def importance(query: Query) -> Picks:
    """Train next on rows drawn in proportion to the norm of their gradient.

    The gradient is that of the log loss of a (multinomial) logistic regression at the true
    label, |x| |p - e_y|, with the constant feature. The probability of each draw is logged.
    """
    y = visible_labels(query)
    residual = query.proba.copy()
    residual[np.arange(len(y)), y] -= 1.0
    rows = query.X[query.pool]
    length = np.sqrt(1.0 + np.einsum("ij,ij->i", rows, rows))
    norm = length * np.sqrt(np.einsum("ij,ij->i", residual, residual))
    logits = np.log(norm, out=np.full(len(norm), -np.inf), where=norm > 0)
    picks, q = plackett_luce(logits, query.n, query.rng)
    return Picks(query.pool[picks], q)
