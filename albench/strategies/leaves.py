"""Sampling from the leaves of a tree: more where the tree's labels disagree."""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies.contrastive import nearest_labeled


def disagreement(leaf: Ints, y: Ints, n_leaves: int, n_classes: int) -> Floats:
    """(n_leaves,) variance of the labels in each leaf, summed over classes; 0 for one label.

    The unbiased variance of the class as an indicator; of two classes twice that of 0 and 1.
    """
    counts = np.zeros((n_leaves, n_classes))
    np.add.at(counts, (leaf, y), 1.0)
    n = counts.sum(axis=1)
    share = counts / np.maximum(n, 1.0)[:, None]
    return np.asarray((1.0 - (share**2).sum(axis=1)) * n / np.maximum(n - 1.0, 1.0) * (n > 1))


def allocated(weight: Floats, left: Ints, n: int, rng: np.random.Generator) -> Ints:
    """(n_leaves,) how many rows each leaf gives, n in all.

    Shares are proportional to the weights of leaves with rows left; what is over from their
    whole parts goes to leaves drawn by the fractions. Where leaves have too few rows, or all
    weights are zero, what is missing is shared out again, at last by the rows left.

    weight  (n_leaves,) not negative;  left: (n_leaves,) rows that can be taken
    """
    given = np.zeros(len(weight), dtype=np.intp)
    while given.sum() < n:
        missing, room = n - int(given.sum()), left - given
        open_weight = np.where(room > 0, weight, 0.0)
        if not open_weight.any():
            open_weight = room.astype(np.float64)
        share = missing * open_weight / open_weight.sum()
        whole = np.floor(share + 1e-9)
        over = missing - int(whole.sum())
        fraction = np.maximum(share - whole, 0.0)
        if over:
            p = fraction / fraction.sum()
            whole[rng.choice(len(weight), size=over, replace=False, p=p)] += 1.0
        given += np.minimum(whole.astype(np.intp), room)
    return given


@strategy(
    "leaf_sampling",
    family="hybrid",
    batch_aware=True,
    cite="Jose et al. 2023, regression-tree-based active learning; Goetz et al. 2018",
    cost="a tree on l rows + O(n depth); diversity O(nl (d + log l))",
)
def leaf_sampling(
    query: Query,
    *,
    least: Annotated[int, Ge(1)] = 5,
    method: Literal["random", "diversity"] = "random",
) -> Ints:
    """Rows from the leaves of a tree, in proportion to the root of mass times variance.

    A decision tree of the strategy's own is fitted to the labels; a leaf that holds the share
    p of the pool and whose labels have the variance v gives a part of the batch
    proportional to sqrt(p v). The publication is on regression; here the variance is that of
    the class as an indicator, for two classes the same thing. Where every leaf is pure rows
    are drawn at random.
    least   labelled rows in a leaf
    method  rows of a leaf: at random, or those farthest from their nearest labelled row
    """
    from sklearn.tree import DecisionTreeClassifier

    rng = query.rng
    tree = DecisionTreeClassifier(min_samples_leaf=least, random_state=int(rng.integers(2**31)))
    tree.fit(query.X[query.labeled], query.y_labeled)
    leaf, n_leaves = tree.apply(query.X[query.pool]), tree.tree_.node_count
    varied = disagreement(
        tree.apply(query.X[query.labeled]), query.y_labeled, n_leaves, query.n_classes
    )
    left = np.bincount(leaf, minlength=n_leaves)
    given = allocated(np.sqrt(left / len(query.pool) * varied), left, query.n, rng)
    scores = -rng.permutation(len(query.pool)).astype(np.float64)
    if method == "diversity":
        near = query.X[query.labeled[nearest_labeled(query, 1)[:, 0]]]
        scores = np.sqrt(((query.X[query.pool] - near) ** 2).sum(axis=1))
    picks = []
    for k in np.flatnonzero(given):
        inside = np.flatnonzero(leaf == k)
        part = query.within(query.pool[inside], int(given[k]))
        picks.append(part.top(scores[inside]))
    return np.concatenate(picks)
