"""Logistic regression to its optimum by Newton's method, with a Hessian that is kept.

Minimises  |W|^2 / 2 + sum_i v_i loss(x_i, y_i),  v_i = C times the weight of row i, the
intercepts not penalised. A step uses the inverse Hessian of an earlier point (a chord
step) as long as that shrinks the gradient well; else the Hessian is formed afresh and
the step is halved until the objective falls. Rows x carry a last column of ones.
"""

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import compiled, instead_of
from albench.models.engines.softmax import gradient
from albench.models.engines.vectors import (
    add,
    away,
    copied,
    copy,
    dot,
    greatest,
    largest,
    product,
)

SHRINK = 0.3
STEPS = 400
ROUNDING = 100.0
REACHED, FAILED, STALE = 1, 0, 2


def binary_gradient_numpy(
    X: Floats, target: Floats, v: Floats, w: Floats, g: Floats, curvature: Floats
) -> float:
    """Fill in the gradient, and the curvature of the loss of each row; the largest entry."""
    z = X @ w
    p = 1.0 / (1.0 + np.exp(-np.abs(z)))
    tail = 1.0 - p
    np.dot(X.T, v * (np.where(z >= 0, p, tail) - target), out=g)
    g[:-1] += w[:-1]
    curvature[:] = v * p * tail
    return float(np.abs(g).max())


@instead_of(binary_gradient_numpy)
def binary_gradient(
    X: Floats, target: Floats, v: Floats, w: Floats, g: Floats, curvature: Floats
) -> float:
    """Fill in the gradient, and the curvature of the loss of each row; the largest entry."""
    last = w.size - 1
    copy(w, g)
    g[last] = 0.0
    for i in range(X.shape[0]):
        z = dot(X[i], w)
        p = 1.0 / (1.0 + np.exp(-abs(z)))
        tail = 1.0 - p
        add(v[i] * ((p if z >= 0 else tail) - target[i]), X[i], g)
        curvature[i] = v[i] * p * tail
    return largest(g)


def binary_objective_numpy(X: Floats, target: Floats, v: Floats, w: Floats) -> float:
    """The objective; dear, and asked for where a step starts from a fresh Hessian only."""
    z = X @ w
    log_loss = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0) - z * target
    return float(0.5 * (w[:-1] @ w[:-1]) + v @ log_loss)


@instead_of(binary_objective_numpy)
def binary_objective(X: Floats, target: Floats, v: Floats, w: Floats) -> float:
    """The objective; dear, and asked for where a step starts from a fresh Hessian only."""
    last = w.size - 1
    value = 0.5 * (dot(w, w) - w[last] * w[last])
    for i in range(X.shape[0]):
        z = dot(X[i], w)
        value += v[i] * (np.log1p(np.exp(-abs(z))) + max(z, 0.0) - z * target[i])
    return float(value)


def binary_inverse(X: Floats, curvature: Floats) -> Floats:
    """Inverse of the Hessian."""
    H = X.T @ (X * curvature[:, None])
    H[np.diag_indices(len(H) - 1)] += 1.0
    return np.asarray(np.linalg.inv(H), dtype=np.float64)


def with_row_numpy(M: Floats, x: Floats, curvature: float, Mx: Floats) -> None:
    """Update the inverse Hessian for one more row (Sherman and Morrison 1950)."""
    np.dot(M, x, out=Mx)
    M -= np.outer(Mx * (curvature / (1.0 + curvature * (x @ Mx))), Mx)


@instead_of(with_row_numpy)
def with_row(M: Floats, x: Floats, curvature: float, Mx: Floats) -> None:
    """Update the inverse Hessian for one more row (Sherman and Morrison 1950)."""
    product(M, x, Mx)
    scale = curvature / (1.0 + curvature * dot(x, Mx))
    for j in range(x.size):
        add(-scale * Mx[j], Mx, M[j])


@compiled
def binary_steps(
    X: Floats,
    target: Floats,
    v: Floats,
    w: Floats,
    M: Floats,
    tol: float,
    n_new: int,
    fresh: bool,
) -> int:
    """Move `w` by steps with the inverse Hessian M, which is that at w where it is `fresh`.

    tol  largest gradient entry at the optimum
    STALE asks for a fresh one.
    """
    n, p = X.shape
    g, g_new, step, new = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    curvature, curvature_new = np.empty(n), np.empty(n)
    size = binary_gradient(X, target, v, w, g, curvature)
    for i in range(n - n_new if n_new < p else n, n):
        with_row(M, X[i], curvature[i], step)
    for _ in range(STEPS):
        if size <= tol:
            return REACHED
        product(M, g, step)
        part = 1.0
        away(w, part, step, new)
        size_new = binary_gradient(X, target, v, new, g_new, curvature_new)
        if fresh and size_new > 0.9 * size:
            slope, value = dot(g, step), binary_objective(X, target, v, w)
            while (
                size_new > 0.9 * size
                and binary_objective(X, target, v, new) > value - 1e-4 * part * slope
            ):
                part *= 0.5
                if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                    return REACHED if size <= ROUNDING * tol else FAILED
                away(w, part, step, new)
                size_new = binary_gradient(X, target, v, new, g_new, curvature_new)
        elif not fresh and not size_new <= SHRINK * size:
            return STALE
        copy(new, w)
        g, g_new, size, fresh = g_new, g, size_new, False
    return REACHED if size <= ROUNDING * tol else FAILED


def binary(
    X: Floats, target: Floats, v: Floats, w: Floats, M: Floats, tol: float, n_new: int
) -> bool:
    """Move `w` to the optimum, where no gradient entry exceeds `tol` times the sum of v.

    M      inverse Hessian, kept up to date; NaN at first
    n_new  rows at the end of X that M has not heard of

    Returns whether the optimum was reached; rounding may keep the last digit (up to
    `ROUNDING` times `tol`) from getting there.
    """
    tol *= float(v.sum())
    state = STALE if np.isnan(M[0, 0]) else binary_steps(X, target, v, w, M, tol, n_new, False)
    g, curvature = np.empty(len(w)), np.empty(len(X))
    for _ in range(STEPS):
        if state != STALE:
            break
        binary_gradient(X, target, v, w, g, curvature)
        M[:] = binary_inverse(X, curvature)
        state = binary_steps(X, target, v, w, M, tol, 0, True)
    return bool(state == REACHED)


def softmax_inverse(X: Floats, P: Floats, v: Floats) -> Floats:
    """Inverse of the Hessian of k classes.

    The objective does not change when all intercepts move together, and no gradient
    points there; one is added to the curvature in that direction.
    """
    k, p = P.shape[1], X.shape[1]
    H = np.empty((k * p, k * p))
    for a in range(k):
        for b in range(a + 1):
            own = 1.0 if a == b else 0.0
            block = X.T @ (X * (v * P[:, a] * (own - P[:, b]))[:, None])
            block[np.diag_indices(p - 1)] += own
            block[p - 1, p - 1] += 1.0
            H[a * p : (a + 1) * p, b * p : (b + 1) * p] = block
            H[b * p : (b + 1) * p, a * p : (a + 1) * p] = block
    return np.asarray(np.linalg.inv(H), dtype=np.float64)


@compiled
def softmax_steps(
    X: Floats,
    target: Floats,
    v: Floats,
    W: Floats,
    w: Floats,
    M: Floats,
    tol: float,
    fresh: bool,
) -> int:
    """As `binary_steps`, for k classes.

    W, w  the coefficients (k, d + 1), and the same numbers as a vector
    """
    n, k = X.shape[0], W.shape[0]
    G, G_new, P, R = np.empty_like(W), np.empty_like(W), np.empty((n, k)), np.empty((n, k))
    step, before = np.empty_like(w), np.empty_like(w)
    value = gradient(X, target, v, W, G, P, R)
    size = greatest(G)
    for _ in range(STEPS):
        if size <= tol:
            return REACHED
        g, part = G.reshape(-1), 1.0
        product(M, g, step)
        copy(w, before)
        away(before, part, step, w)
        value_new = gradient(X, target, v, W, G_new, P, R)
        size_new = greatest(G_new)
        if fresh:
            slope = dot(g, step)
            while value_new > value - 1e-4 * part * slope and size_new > 0.9 * size:
                part *= 0.5
                if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                    copy(before, w)
                    return REACHED if size <= ROUNDING * tol else FAILED
                away(before, part, step, w)
                value_new = gradient(X, target, v, W, G_new, P, R)
                size_new = greatest(G_new)
        elif not size_new <= SHRINK * size:
            copy(before, w)
            return STALE
        copied(G_new, G)
        value, size, fresh = value_new, size_new, False
    return REACHED if size <= ROUNDING * tol else FAILED


def softmax(
    X: Floats, target: Floats, v: Floats, W: Floats, M: Floats, tol: float, n_new: int
) -> bool:
    """As `binary`, for k classes; `M` is the inverse of the (k (d + 1))^2 Hessian."""
    tol *= float(v.sum())
    w = W.reshape(-1)
    state = STALE if np.isnan(M[0, 0]) else softmax_steps(X, target, v, W, w, M, tol, False)
    for _ in range(STEPS):
        if state != STALE:
            break
        P = np.empty((len(X), len(W)))
        gradient(X, target, v, W, np.empty_like(W), P, np.empty_like(P))
        M[:] = softmax_inverse(X, P, v)
        state = softmax_steps(X, target, v, W, w, M, tol, True)
    return bool(state == REACHED)
