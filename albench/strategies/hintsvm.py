"""Hinted support vector machine: a boundary that also passes through the pool."""

from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le
from scipy.spatial.distance import cdist

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory
from albench.strategies._binary import signs
from albench.strategies._quadratic import solved

Positive = Annotated[float, Gt(0)]
LEAST = 1e-10  # eigenvalues of a kernel below this share of the largest count as none


def hinted(
    Z: Floats, y: Floats, labeled_cost: float, hint_cost: float, epsilon: float
) -> tuple[Floats, float]:
    """Weights and intercept of a linear machine on labelled rows and hints.

    It minimises |w|^2 / 2 + labeled_cost * sum of max(0, 1 - y f) over labelled rows
    + hint_cost * sum of max(0, |f| - epsilon) over hints, f = w' z + b.
    Z, y  (l + h, r) rows, the labelled ones first, and (l,) their signs
    """
    from scipy import sparse

    l, h, r = len(y), len(Z) - len(y), Z.shape[1]  # noqa: E741  (the field's letter)
    rows = np.column_stack([Z, np.ones(len(Z))])
    slack_l, slack_h = -sparse.identity(l), -sparse.identity(h)
    blocks: Any = [
        [-y[:, None] * rows[:l], slack_l, None],
        [rows[l:], None, slack_h],
        [-rows[l:], None, slack_h],
        [None, slack_l, None],
        [None, None, slack_h],
    ]
    A = sparse.bmat(blocks, format="csc")
    b = np.concatenate([np.full(l, -1.0), np.full(2 * h, epsilon), np.zeros(l + h)])
    size = r + 1 + l + h
    P = sparse.diags_array(np.r_[np.ones(r), np.zeros(size - r)])
    q = np.r_[np.zeros(r + 1), np.full(l, labeled_cost), np.full(h, hint_cost)]
    found = solved(P, q, A, b, 0)
    return found[:r], float(found[r])


def kernel_features(X: Floats, rows: Ints, gamma: float) -> Floats:
    """(n, r) features whose inner products with those of `rows` are their RBF kernel.

    Those of other rows are projected onto the span of `rows`, as a machine trained on
    `rows` sees them.
    """
    within_memory(8.0 * len(rows) * (len(X) + 3 * len(rows)), "kernel and its eigenvectors")
    near = np.exp(-gamma * cdist(X, X[rows], "sqeuclidean"))
    values, vectors = np.linalg.eigh(near[rows])
    kept = values > LEAST * values[-1]
    return np.asarray(near @ (vectors[:, kept] / np.sqrt(values[kept])))


@strategy(
    "hintsvm",
    family="hybrid",
    needs=("binary",),
    cite="Li, Ferng and Lin 2012, 2015",
    cost="O(n d^2) a step of the solver; rbf O(n^2 d + n^3)",
    memory="rbf O(n^2)",
)
def hintsvm(
    query: Query,
    *,
    labeled_cost: Positive = 0.1,
    hint_cost: Positive = 0.1,
    share: Annotated[float, Gt(0), Le(1)] = 0.5,
    epsilon: Annotated[float, Ge(0)] = 0.1,
    kernel: Literal["linear", "rbf"] = "linear",
    gamma: Positive | None = None,
) -> Ints:
    """Nearest to the boundary of a support vector machine that is drawn through the pool.

    Besides the labelled rows the machine is given hints: a random share of the pool, on
    which its decision value should be small. So the boundary passes where the pool is, and
    the row nearest to it is uncertain and representative. It is the strategy's own machine;
    the query model is not asked. Hints are used to the end, by no rule of termination.
    libact's HintSVM takes the row farthest from the boundary instead, and by its default
    parameters holds hints to the boundary without slack.
    labeled_cost, hint_cost  of errors on labelled rows and on hints
    share    of the pool, drawn anew each round, that serves as hints
    epsilon  decision values up to this cost a hint nothing
    gamma    of the RBF kernel; default: 1 / d
    """
    y = signs(query)
    m = len(query.pool)
    hints = query.pool[np.sort(query.rng.permutation(m)[: max(1, round(share * m))])]
    rows = np.concatenate([query.labeled, hints])
    X = query.X
    if kernel == "rbf":
        X = kernel_features(X, rows, 1.0 / X.shape[1] if gamma is None else gamma)
    w, b = hinted(X[rows], y, labeled_cost, hint_cost, epsilon)
    return query.top(-np.abs(X[query.pool] @ w + b))
