"""Expected change and expected error: what a label would do to the model."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.errors import Skip
from albench.learner import Floats, Ints
from albench.query import Query
from albench.registry import strategy
from albench.strategies.uncertainty import shannon

Count = Annotated[int, Ge(1)]
Loss = Callable[[Floats], Floats]

BLOCK = 100_000  # probabilities that are held at a time


@strategy(
    "expected_gradient_length", family="expected change", needs=("proba", "linear"),
    cite="Settles, Craven and Ray 2008", cost="O(n(k+d))",
)  # fmt: skip
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
    "eer_log", family="expected error", needs=("proba",), cite="Roy and McCallum 2001",
    cost="c k (fit + O(ek)), c candidates, e evaluated",
)  # fmt: skip
def eer_log(query: Query, *, candidates: Count = 50, evaluation: Count | None = 500) -> Ints:
    """Smallest expected entropy of the pool after the label (expected error reduction).

    candidates  rows that are tried, drawn at random each round (at least a batch)
    evaluation  pool rows, drawn at random, on which the loss is summed; None: all
    """
    return query.top(expected_losses(query, shannon, candidates, evaluation))


@strategy(
    "eer_01", family="expected error", needs=("proba",), cite="Roy and McCallum 2001",
    cost="c k (fit + O(ek)), c candidates, e evaluated",
)  # fmt: skip
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
    warm = getattr(query.fitted, "refits", None)
    if warm is None:
        proba = np.full((len(rows), len(seen), query.n_classes), np.nan)
    else:
        proba = warm(rows, labels, seen)
    for i in np.flatnonzero(np.isnan(proba).any(axis=(1, 2))):
        at = int(np.searchsorted(query.labeled, rows[i]))
        more = (np.insert(query.labeled, at, rows[i]), np.insert(query.y_labeled, at, labels[i]))
        fitted = query.member(make, *more).proba("train", seen)
        if fitted is None:
            raise Skip("needs probabilities; the query model has none")
        proba[i] = fitted
    return np.asarray(proba)
