"""Hierarchical sampling: a cluster tree, cut as finely as the labels so far warrant."""

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory


class Tree(NamedTuple):
    """A binary tree over n rows: nodes 0 .. n-1 are rows, 2n-2 is the root.

    children   (n-1, 2) of the inner nodes
    order      (n,) rows in the order of the leaves
    first      (2n-1,) where the leaves of a node begin in that order
    size       (2n-1,) how many they are
    """

    children: Ints
    order: Ints
    first: Ints
    size: Ints


class Estimate(NamedTuple):
    """What the labels say of each node.

    share       (2n-1, k) share of each class among its labelled rows
    lower       (2n-1, k) lower bound of the share among all its rows
    admissible  (2n-1, k) whether a class can be given to all its rows
    """

    share: Floats
    lower: Floats
    admissible: np.ndarray[tuple[int, int], np.dtype[np.bool_]]


def ward_tree(X: Floats) -> Tree:
    """The tree of Ward's linkage."""
    from scipy.cluster.hierarchy import ward

    n = len(X)
    within_memory(8.0 * n * (n - 1), f"the distances between {n} rows, which Ward's tree needs,")
    if n == 1:
        alone = np.zeros(1, dtype=np.intp)
        return Tree(np.empty((0, 2), dtype=np.intp), alone, alone, alone + 1)
    merges = ward(X)
    children = merges[:, :2].astype(np.intp)
    size = np.append(np.ones(n), merges[:, 3]).astype(np.intp)
    first = np.zeros(2 * n - 1, dtype=np.intp)
    for node in range(2 * n - 2, n - 1, -1):
        left, right = children[node - n]
        first[left], first[right] = first[node], first[node] + size[left]
    return Tree(children, np.argsort(first[:n], kind="stable"), first, size)


def estimated(tree: Tree, labeled: Ints, y: Ints, n_classes: int, beta: float) -> Estimate:
    """Shares, bounds and admissible classes of all nodes."""
    n = len(tree.order)
    onehot = np.zeros((n, n_classes))
    onehot[labeled, y] = 1.0
    running = np.vstack([np.zeros(n_classes), np.cumsum(onehot[tree.order], axis=0)])
    count = running[tree.first + tree.size] - running[tree.first]
    seen, size = count.sum(axis=1, keepdims=True), tree.size[:, None]
    share = count / np.maximum(seen, 1.0)
    unseen = 1.0 - seen / size  # correction for a finite population
    width = unseen / np.maximum(seen, 1.0)
    width = width + np.sqrt(unseen * share * (1.0 - share) / np.maximum(seen, 1.0))
    lower = np.maximum(share - width, count / size)
    upper = np.minimum(share + width, 1.0 - (seen - count) / size)
    lower[seen[:, 0] == 0], upper[seen[:, 0] == 0] = 0.0, 1.0
    # of the other classes the one with the largest upper bound is the hardest to beat
    largest = np.sort(upper, axis=1)[:, -2:]
    rival = np.where(upper == largest[:, 1:], largest[:, :1], largest[:, 1:])
    return Estimate(share, lower, 1.0 - lower < beta * (1.0 - rival))


def pruned(tree: Tree, found: Estimate) -> list[tuple[int, int]]:
    """The best pruning: its nodes, with the class that each is given (-1: none).

    A node is split where a class is admissible for it and its children do with less
    estimated error; a node without an admissible class takes that of its parent.
    """
    n = len(tree.order)
    share = np.where(found.admissible, found.share, -1.0)
    label = np.where(found.admissible.any(axis=1), share.argmax(axis=1), -1)
    error = np.where(label >= 0, 1.0 - share.max(axis=1), 1.0)
    split = np.zeros(2 * n - 1, dtype=bool)
    for node in range(n, 2 * n - 1):
        left, right = tree.children[node - n]
        below = (tree.size[left] * error[left] + tree.size[right] * error[right]) / tree.size[node]
        if label[node] >= 0 and below < error[node]:
            error[node], split[node] = below, True
    nodes, stack = [], [(2 * n - 2, -1)]
    while stack:
        node, inherited = stack.pop()
        given = int(label[node]) if label[node] >= 0 else inherited
        if split[node]:
            left, right = tree.children[node - n]
            stack += [(int(right), given), (int(left), given)]
        else:
            nodes.append((node, given))
    return nodes


@strategy(
    "hierarchical",
    family="coverage",
    cite="Dasgupta and Hsu 2008",
    batch_aware=True,
    cost="O(n^2 d) once, then O(nk)",
    memory="O(n^2)",
)
def hierarchical(query: Query, *, beta: Annotated[float, Ge(1)] = 2.0) -> Ints:
    """Random rows of a cluster tree's best pruning, more from nodes that may be impure.

    Ward's tree over all rows. A node is drawn with probability proportional to its size
    times the largest share that may be of another class than its own; then a row of it.
    beta  how clearly a class must lead to be given to a node
    Raises Skip where the distances between all rows take too much memory.
    """
    tree = query.once("ward tree", lambda: ward_tree(query.X))
    found = estimated(tree, query.labeled, query.y_labeled, query.n_classes, beta)
    free = np.zeros(len(query.X), dtype=bool)
    free[query.pool] = True
    weights, rows = [], []
    for node, label in pruned(tree, found):
        inside = tree.order[tree.first[node] : tree.first[node] + tree.size[node]]
        inside = inside[free[inside]]
        if len(inside):
            sure = found.lower[node, label] if label >= 0 else 0.0
            weights.append(tree.size[node] * (1.0 - sure))
            rows.append(query.rng.permutation(inside).tolist())
    chance, picks = np.array(weights), []
    for _ in range(query.n):
        drawn = int(query.rng.choice(len(rows), p=chance / chance.sum()))
        picks.append(rows[drawn].pop())
        if not rows[drawn]:
            chance[drawn] = 0.0
    return np.array(picks, dtype=np.intp)
