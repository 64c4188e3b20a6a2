"""Fisher information of a multinomial logistic regression, as a criterion for what to label.

A row x with class probabilities p carries the information W (x) x x', W = diag(p) - p p':
a matrix of k d rows. It is the information of a logistic regression with the features as
they stand; for another query model it is that of a last layer with these probabilities.
"""

from typing import Annotated

import numpy as np
from annotated_types import Gt

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory

Positive = Annotated[float, Gt(0)]
RELATIVE = 1e-9  # tie window, as a share of the largest gain


def curvature(proba: Floats) -> Floats:
    """(m, k, k) W = diag(p) - p p' of each row."""
    W = -proba[:, :, None] * proba[:, None, :]
    at = np.arange(proba.shape[1])
    W[:, at, at] += proba
    return W


def binary_curvature(proba: Floats) -> Floats:
    """(m, 1, 1) p (1 - p): two classes have one vector of coefficients."""
    return np.asarray((proba[:, :1] * proba[:, 1:])[:, :, None])


def summed(W: Floats, X: Floats) -> Floats:
    """(k, d, k, d) sum over rows of W (x) x x'."""
    k, d = W.shape[1], X.shape[1]
    total = np.empty((k, d, k, d))
    for a in range(k):
        for b in range(a, k):
            total[a, :, b, :] = (X * W[:, a, b, None]).T @ X
            total[b, :, a, :] = total[a, :, b, :].T
    return total


class Design:
    """An information matrix M and what each row would take off tr(M^-1 F).

    For a row with information W (x) x x', let B and C be the (k, k) matrices of x' P x over
    the blocks P of M^-1 and of M^-1 F M^-1. The row takes tr(C (I + W B)^-1 W) off the trace
    when it is added. Adding a row is an update of rank k of M^-1; B and C of all rows follow
    by its products with the features, so no matrix of size k d is inverted again.

    M, F   (k, d, k, d) information held, and information that counts
    W, X   (m, k, k) and (m, d) of the rows that may be added
    """

    def __init__(self, M: Floats, F: Floats, W: Floats, X: Floats) -> None:
        k, d = W.shape[1], X.shape[1]
        inverse = np.linalg.inv(M.reshape(k * d, k * d))
        self.inverse = (inverse + inverse.T) / 2.0
        self.F, self.W, self.X = F.reshape(k * d, k * d), W, X
        weighed = self.inverse @ self.F @ self.inverse
        self.B = self.blocks(self.inverse)
        self.C = self.blocks(weighed)

    def blocks(self, P: Floats) -> Floats:
        """(m, k, k) x' P_ab x over the blocks of a symmetric matrix."""
        k, d = self.W.shape[1], self.X.shape[1]
        P = P.reshape(k, d, k, d)
        found = np.empty_like(self.W)
        for a in range(k):
            for b in range(a, k):
                found[:, a, b] = np.einsum("ij,ij->i", self.X @ P[a, :, b, :], self.X)
                found[:, b, a] = found[:, a, b]
        return found

    def gains(self, sign: float = 1.0, rows: Ints | slice = slice(None)) -> Floats:
        """(m,) fall of the trace by adding a row; with sign -1 its rise by taking it away."""
        W, B, C = self.W[rows], self.B[rows], self.C[rows]
        inner = np.linalg.solve(np.eye(W.shape[1]) + sign * (W @ B), W)
        return np.asarray(np.einsum("iab,iba->i", C, inner))

    def move(self, at: int, sign: float = 1.0) -> None:
        """Add the information of a row, or with sign -1 take it away."""
        k = self.W.shape[1]
        x, W, B = self.X[at], self.W[at], self.B[at]
        middle = sign * np.linalg.solve(np.eye(k) + sign * (W @ B), W)  # of the rank-k update
        middle = (middle + middle.T) / 2.0
        U = self.inverse.reshape(k * len(x), k, len(x)) @ x  # M^-1 (I (x) x)
        Q = self.inverse @ (self.F @ U)
        H = U.T @ self.F @ U
        u, q = self.along(U), self.along(Q)
        um = u @ middle
        cross = um @ q.transpose(0, 2, 1)
        self.C -= cross
        self.C -= cross.transpose(0, 2, 1)
        self.C += um @ H @ um.transpose(0, 2, 1)
        self.B -= um @ u.transpose(0, 2, 1)
        self.inverse = self.inverse - U @ middle @ U.T

    def along(self, U: Floats) -> Floats:
        """(m, k, k) for each row the k blocks of U times its features."""
        k, d = self.W.shape[1], self.X.shape[1]
        return np.stack([self.X @ U.reshape(k, d, k)[a] for a in range(k)], axis=1)


def features(query: Query, intercept: bool) -> Floats:
    """(n_train, d) features, with a column of ones for the intercept."""
    return np.column_stack([query.X, np.ones(len(query.X))]) if intercept else query.X


def probabilities(query: Query, rows: Ints) -> Floats:
    """(r, k) probabilities of train rows; raises Skip where the query model has none."""
    proba = query.fitted.proba("train", rows)
    return query.proba if proba is None else proba


def fitting(n: int, k: int, d: int) -> None:
    """Raise Skip where the matrices would not fit into memory."""
    within_memory(8.0 * max((k * d) ** 2, n * k * k), f"information of {k} x {d} coefficients")


@strategy(
    "bait",
    family="expected change",
    needs=("proba",),
    batch_aware=True,
    cite="Ash, Goel, Krishnamurthy and Kakade 2021",
    cost="O(n k^2 d^2 + (kd)^3) once a round, then O(n k^2 (k + d) + (kd)^2 k) a pick",
    memory="O(n k^2 + (kd)^2)",
)
def bait(
    query: Query,
    *,
    regularisation: Positive = 1.0,
    intercept: bool = False,
    oversample: Annotated[float, Gt(1)] = 2.0,
) -> Ints:
    """Batch that leaves least of the pool's Fisher information unexplained (BAIT).

    The batch minimises tr(M^-1 F): F is the mean information of all train rows, M that of
    the labelled rows and the batch. Greedily, `oversample` times as many rows as are asked
    for are added, then those that are missed least are taken away again. As in the authors'
    code a labelled row weighs 1 / (l + b) in M, a row of the batch b / (l + b).
    regularisation  times the identity is added to M
    intercept       count the intercept's coefficients too; the authors do not
    oversample      rows of the forward pass, as a multiple of the batch
    """
    X = features(query, intercept)
    k, d, n = query.n_classes, X.shape[1], query.n
    fitting(len(X), k, d)
    W = curvature(probabilities(query, np.arange(len(X))))
    labeled, pool = query.labeled, query.pool
    share = 1.0 / (len(labeled) + n)
    M = share * summed(W[labeled], X[labeled])
    M.reshape(k * d, k * d).flat[:: k * d + 1] += regularisation
    design = Design(M, summed(W, X) / len(X), n * share * W[pool], X[pool])
    picks: list[int] = []
    while len(picks) < min(int(oversample * n), len(pool)):
        gains = design.gains()
        gains[picks] = -np.inf
        picked = query.top(gains, 1, RELATIVE * max(float(gains.max()), 0.0))[0]
        picks.append(int(np.searchsorted(pool, picked)))
        design.move(picks[-1])
    while len(picks) > n:
        missed = design.gains(-1.0, np.array(picks))
        least = missed <= missed.min() + RELATIVE * abs(missed.min())
        design.move(picks.pop(int(np.flatnonzero(least)[-1])), -1.0)  # of equal ones the last
    return pool[picks]


@strategy(
    "variance_reduction",
    family="expected change",
    needs=("proba",),
    cite="Schein and Ungar 2007, A-optimality; Zhang and Oles 2000",
    cost="O(n k^2 d^2 + (kd)^3)",
    memory="O(n k^2 + (kd)^2)",
)
def variance_reduction(
    query: Query, *, regularisation: Positive = 1.0, intercept: bool = True
) -> Ints:
    """Smallest variance of the pool's probabilities after the label (A-optimality).

    The variance of a probability is g' M^-1 g, g its gradient and M the Fisher information
    of the labelled rows; it is summed over the pool's rows and classes. The information of
    a row does not depend on its label, so the coefficients stay as they are fitted, and no
    model is fitted again. Not the ratio of votes that is sometimes called a variance
    (`variation_ratio`).
    regularisation  times the identity is added to M; 1 / C of the logistic regression
    intercept       count the intercept's coefficients too
    """
    X = features(query, intercept)
    binary = query.n_classes == 2
    k = 1 if binary else query.n_classes
    fitting(len(X), k, X.shape[1])
    curved = binary_curvature if binary else curvature
    W = curved(query.proba)
    M = summed(curved(probabilities(query, query.labeled)), X[query.labeled])
    M.reshape(k * X.shape[1], -1).flat[:: k * X.shape[1] + 1] += regularisation
    gains = Design(M, summed(W @ W, X[query.pool]), W, X[query.pool]).gains()
    return query.top(gains, tolerance=RELATIVE * max(float(gains.max()), 0.0))
