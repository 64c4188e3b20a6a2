"""Batches that look like the pool: maximum mean discrepancy in a quadratic programme.

The labelled rows and the batch should be distributed as the pool (the maximum mean
discrepancy, under a kernel, is small), and the batch should hold rows of which a kernel
machine is unsure (its loss on them, whatever their labels, is small). The weights of the
rows and the machine are found in turn.
"""

from typing import Annotated

import numpy as np
from annotated_types import Gt

from albench.core.arrays import Floats, Ints
from albench.core.registry import strategy
from albench.simulation.query import Query
from albench.strategies._applies import within_memory
from albench.strategies._binary import signs
from albench.strategies._geometry import centred
from albench.strategies._quadratic import solved_in_box

Positive = Annotated[float, Gt(0)]
ROUNDS = 16  # of weights and machine in turn, at most
TOLERANCE = 1e-6  # tie window of weights, which an interior point leaves inexact
EASY = 1e-3  # weight below which a row does not train the machine


class Kernel:
    """RBF kernel between and among labelled rows and pool, and the mean discrepancy's terms.

    linear  (m,) the part of the discrepancy that is linear in the weights of the pool rows
    """

    def __init__(self, query: Query, gamma: float | None) -> None:
        X, norms = centred(query)
        gamma = 1.0 / X.shape[1] if gamma is None else gamma
        labeled, pool = query.labeled, query.pool
        rows = np.concatenate([labeled, pool])
        within_memory(8.0 * 4 * len(rows) ** 2, "kernel and quadratic programme")
        squared = norms[rows, None] + norms[rows] - 2.0 * (X[rows] @ X[rows].T)
        K = np.exp(-gamma * np.maximum(squared, 0.0))
        l, m, n = len(labeled), len(pool), len(rows)  # noqa: E741  (the field's letter)
        self.LL, self.LU, self.UU = K[:l, :l], K[:l, l:], K[l:, l:]
        held, batch = (l + query.n) / n, (m - query.n) / n
        self.linear = batch * self.LU.sum(axis=0) - held * self.UU.sum(axis=0)


def worst_loss(f: Floats) -> Floats:
    """(m,) squared loss of the worse label, less 1: max over y of (y - f)^2 - 1."""
    return np.asarray(f * f + 2.0 * np.abs(f))


def machine(kernel: Kernel, y: Floats, rows: Ints, weights: Floats, ridge: float) -> Floats:
    """(l,) coefficients of a kernel machine on the labelled rows.

    It minimises |y - K theta|^2 over labelled rows + sum of weight * (f^2 + 2 |f|) over some
    pool rows + ridge theta' K theta, a convex problem: |f| is a variable of its own
    in a quadratic programme.
    """
    from albench.strategies._quadratic import solved

    l, r = len(y), len(rows)  # noqa: E741
    K, Q = kernel.LL, kernel.LU[:, rows]
    P = np.zeros((l + r, l + r))
    P[:l, :l] = 2.0 * (K @ K + (Q * weights) @ Q.T + ridge * K)
    q = np.r_[-2.0 * K @ y, 2.0 * weights]
    above = np.hstack([Q.T, -np.eye(r)])
    below = np.hstack([-Q.T, -np.eye(r)])
    return solved(P, q, np.vstack([above, below]), np.zeros(2 * r), 0)[:l]


def heaviest(query: Query, weights: Floats) -> Ints:
    """(n,) the pool rows of largest weight."""
    return query.top(weights, tolerance=TOLERANCE)


def ridge_regression(kernel: Kernel, y: Floats, ridge: float) -> Floats:
    """(l,) coefficients of kernel ridge regression on the labelled rows."""
    K = kernel.LL + ridge * np.eye(len(y))
    return np.asarray(np.linalg.solve(K, y))


def weight_rows(kernel: Kernel, f: Floats, easy: Floats, n: int, discrepancy: float) -> Floats:
    """(m,) weights in [0, 1] of the pool rows: the quadratic programme of a step.

    easy  (m,) how much each row counts; the weights times it sum to n where that can be,
          else to as much as there is
    """
    P = discrepancy * kernel.UU
    q = discrepancy * kernel.linear + easy * worst_loss(f)
    return solved_in_box(P, q, easy, min(float(n), float(easy.sum())))


@strategy(
    "bmdr",
    family="hybrid",
    needs=("binary",),
    cite="Wang and Ye 2013, 2015",
    batch_aware=True,
    cost="O(n^2 d) a round, O(n^3) a step of the solver",
    memory="O(n^2)",
)
def bmdr(
    query: Query,
    *,
    discrepancy: Positive = 1000.0,
    ridge: Positive = 0.1,
    gamma: Positive | None = None,
) -> Ints:
    """Batch of unsure rows that, with the labelled ones, is distributed as the pool (BMDR).

    Weights of the pool rows (each 0 to 1, the batch in all) minimise their worst-case loss
    plus `discrepancy` times the maximum mean discrepancy; a kernel machine is fitted to the
    labels and to the rows of largest weight, whatever their labels; and so in turn until
    the batch stays. The query model is not asked. (ALiPy halves the quadratic part of the
    discrepancy, which then is none.)
    discrepancy  its weight against the loss
    ridge        of the machine
    gamma        of the RBF kernel; default: 1 / d
    """
    y = signs(query)
    kernel = Kernel(query, gamma)
    theta = ridge_regression(kernel, y, ridge)
    picks, everyone = np.empty(0, dtype=np.intp), np.ones(len(query.pool))
    for _ in range(ROUNDS):
        weights = weight_rows(kernel, theta @ kernel.LU, everyone, query.n, discrepancy)
        before, picks = picks, heaviest(query, weights)
        if np.array_equal(np.sort(before), np.sort(picks)):
            break
        at = np.searchsorted(query.pool, np.sort(picks))
        theta = machine(kernel, y, at, np.ones(len(at)), ridge)
    return picks


@strategy(
    "spal",
    family="hybrid",
    needs=("binary",),
    cite="Tang and Huang 2019",
    batch_aware=True,
    cost="O(n^2 d) a round, O(n^3) a step of the solver",
    memory="O(n^2)",
)
class SelfPaced:
    """Batch of unsure, representative and easy rows, easier ones first (SPAL).

    As `bmdr`, with a second weight of each row that says how easy it is: 1 - loss / pace,
    never below 0, loss the row's worst-case loss times its first weight. The batch has the
    largest products of both weights. The pace grows by `step` a round, so harder rows come
    later. Where the easy rows do not make up a batch the weights sum to what there is.
    discrepancy  weight of the maximum mean discrepancy against the loss
    ridge        of the machine
    pace, step   first value and growth of the pace
    gamma        of the RBF kernel; default: 1 / d
    """

    def __init__(
        self,
        *,
        discrepancy: Positive = 0.1,
        ridge: Positive = 0.1,
        pace: Positive = 0.1,
        step: Positive = 0.01,
        gamma: Positive | None = None,
    ) -> None:
        self.discrepancy, self.ridge, self.gamma = discrepancy, ridge, gamma
        self.pace, self.step = pace, step

    def __call__(self, query: Query) -> Ints:
        y = signs(query)
        kernel = Kernel(query, self.gamma)
        theta = ridge_regression(kernel, y, self.ridge)
        picks, easy = np.empty(0, dtype=np.intp), np.ones(len(query.pool))
        for _ in range(ROUNDS):
            f = theta @ kernel.LU
            weights = weight_rows(kernel, f, easy, query.n, self.discrepancy)
            easy = np.maximum(1.0 - weights * worst_loss(f) / self.pace, 0.0)
            before, picks = picks, heaviest(query, weights * easy)
            if np.array_equal(np.sort(before), np.sort(picks)):
                break
            both = weights * easy
            rows = np.flatnonzero(both > EASY)
            theta = machine(kernel, y, rows, both[rows], self.ridge)
        self.pace += self.step
        return picks
