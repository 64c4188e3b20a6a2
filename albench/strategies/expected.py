"""Expected change, expected error, and BADGE: what a label would do to the model."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies.uncertainty import shannon

Count = Annotated[int, Ge(1)]
Loss = Callable[[Floats], Floats]

BLOCK = 100_000  # probabilities that are held at a time


@strategy(
    "expected_gradient_length",
    family="expected change",
    needs=("proba", "linear"),
    cite="Settles, Craven and Ray 2008",
    cost="O(n(k+d))",
)
def expected_gradient_length(query: Query, *, intercept: bool = False) -> Ints:
    """Largest expected gradient of the logistic loss, over the label's probabilities.

    In closed form: |x| times the mean over labels y of |p - e_y|. Raises Skip for a query
    model that is not linear, whose gradient this is not.
    intercept  count the gradient of the intercept too: |(x, 1)| instead of |x|
    """
    if hasattr(query.model, "get_params") and not hasattr(query.model, "coef_"):
        name = type(query.model).__name__
        raise Skip(f"needs a logistic regression as query model; this is {name}")
    X = query.X[query.pool]
    squares = np.einsum("ij,ij->i", X, X) + float(intercept)
    return query.top(np.sqrt(squares) * label_gradients(query.proba))


def label_gradients(proba: Floats) -> Floats:
    """(m,) expected Euclidean norm of p - e_y for a label y drawn from p."""
    squares = (proba**2).sum(axis=1, keepdims=True) - 2.0 * proba + 1.0
    return np.asarray((proba * np.sqrt(np.maximum(squares, 0.0))).sum(axis=1))


def mistakes(proba: Floats) -> Floats:
    """(m,) expected 0/1 loss of the most probable class."""
    return np.asarray(1.0 - proba.max(axis=1))


@strategy(
    "eer_log",
    family="expected error",
    needs=("proba",),
    cite="Roy and McCallum 2001",
    cost="c k (fit + O(ek)), c candidates, e evaluated",
)
def eer_log(query: Query, *, candidates: Count = 50, evaluation: Count | None = 500) -> Ints:
    """Smallest expected entropy of the pool after the label (expected error reduction).

    candidates  rows that are tried, drawn at random each round (at least a batch)
    evaluation  pool rows, drawn at random, on which the loss is summed; None: all
    """
    return query.top(expected_losses(query, shannon, candidates, evaluation))


@strategy(
    "eer_01",
    family="expected error",
    needs=("proba",),
    cite="Roy and McCallum 2001",
    cost="c k (fit + O(ek)), c candidates, e evaluated",
)
def eer_01(query: Query, *, candidates: Count = 50, evaluation: Count | None = 500) -> Ints:
    """Fewest expected mistakes on the pool after the label (expected error reduction).

    Parameters as of `eer_log`.
    """
    return query.top(expected_losses(query, mistakes, candidates, evaluation))


def expected_losses(query: Query, loss: Loss, candidates: int, evaluation: int | None) -> Floats:
    """(m,) minus the expected summed loss after labelling a row; -inf for rows not tried.

    The model is fitted again for each candidate and each label of positive probability,
    always with one seed.
    """
    rng, pool = query.rng, query.pool
    tried = np.sort(rng.permutation(len(pool))[: max(candidates, query.n)])
    seen = pool if evaluation is None else np.sort(rng.permutation(pool)[:evaluation])
    make = partial(query.make_model, int(rng.integers(2**31)))
    scores = np.full(len(pool), -np.inf)
    scores[tried] = 0.0
    which, labels = query.proba[tried].nonzero()
    at = tried[which]
    block = max(1, BLOCK // (len(seen) * query.n_classes))
    for start in range(0, len(at), block):
        now = slice(start, start + block)
        proba = refits(query, make, pool[at[now]], labels[now], seen)
        losses = loss(proba.reshape(-1, query.n_classes)).reshape(len(proba), -1).sum(axis=1)
        np.subtract.at(scores, at[now], query.proba[at[now], labels[now]] * losses)
    return scores


def refits(query: Query, make: Callable[[], Any], rows: Ints, labels: Ints, seen: Ints) -> Floats:
    """(len(rows), len(seen), k) probabilities of the train rows `seen` after one more label.

    From the fitted model where it can move to the new optimum, else fitted from scratch.
    """
    proba = query.fitted.refits(rows, labels, seen)
    if proba is None:
        proba = np.full((len(rows), len(seen), query.n_classes), np.nan)
    for i in np.flatnonzero(np.isnan(proba).any(axis=(1, 2))):
        at = int(np.searchsorted(query.labeled, rows[i]))
        more = (np.insert(query.labeled, at, rows[i]), np.insert(query.y_labeled, at, labels[i]))
        fitted = query.member(make, *more).proba("train", seen)
        if fitted is None:
            raise Skip("needs probabilities; the query model has none")
        proba[i] = fitted
    return np.asarray(proba)


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
