"""Logistic regression to its optimum by Newton's method, with a Hessian that is kept.

Minimises  |W|^2 / 2 + sum_i v_i loss(x_i, y_i),  v_i = C times the weight of row i, the
intercepts not penalised. A step uses the inverse Hessian of an earlier point (a chord
step) as long as that shrinks the gradient well; else the Hessian is formed afresh and
the step is halved until the objective falls. Rows x carry a last column of ones.
"""

from typing import Any

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import compiled
from albench.models.engines.softmax import gradient

SHRINK = 0.3
STEPS = 400
ROUNDING = 100.0


@compiled
def as_floats(x: Any) -> Floats:
    """The array itself, for the type checker."""
    return x  # type: ignore[no-any-return]


@compiled
def binary_gradient(X: Floats, target: Floats, v: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Gradient, and curvature of the loss of each row."""
    z = X @ w
    p = 1.0 / (1.0 + np.exp(-np.abs(z)))
    tail = 1.0 - p
    residual = v * (np.where(z >= 0, p, tail) - target)
    g = X.T @ residual
    g[:-1] += w[:-1]
    return g, v * p * tail


@compiled
def binary_objective(X: Floats, target: Floats, v: Floats, w: Floats) -> float:
    """The objective; dear, and asked for where a step starts from a fresh Hessian only."""
    z = X @ w
    log_loss = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0) - z * target
    return float(0.5 * (w[:-1] @ w[:-1]) + v @ log_loss)


@compiled
def binary_inverse(X: Floats, curvature: Floats) -> Floats:
    """Inverse of the Hessian."""
    H = X.T @ (X * curvature.reshape(-1, 1))
    for j in range(H.shape[0] - 1):
        H[j, j] += 1.0
    return as_floats(np.linalg.inv(H))


@compiled
def with_row(M: Floats, x: Floats, curvature: float) -> None:
    """Update the inverse Hessian for one more row (Sherman and Morrison 1950)."""
    Mx = M @ x
    scale = curvature / (1.0 + curvature * (x @ Mx))
    M -= np.outer(Mx * scale, Mx)


@compiled
def binary(
    X: Floats, target: Floats, v: Floats, w: Floats, M: Floats, tol: float, n_new: int
) -> bool:
    """Move `w` to the optimum, where no gradient entry exceeds `tol` times the sum of v.

    M      inverse Hessian, kept up to date; NaN at first
    n_new  rows at the end of X that M has not heard of

    Returns whether the optimum was reached; rounding may keep the last digit (up to
    `ROUNDING` times `tol`) from getting there.
    """
    g, curvature = binary_gradient(X, target, v, w)
    for i in range(len(X) - n_new if n_new < len(w) else len(X), len(X)):
        with_row(M, X[i], curvature[i])
    size, tol = np.abs(g).max(), tol * v.sum()
    fresh = False
    for _ in range(STEPS):
        if size <= tol:
            return True
        step, part = M @ g, 1.0
        new = w - step
        g_new, curvature_new = binary_gradient(X, target, v, new)
        if fresh and np.abs(g_new).max() > 0.9 * size:
            slope, value = g @ step, binary_objective(X, target, v, w)
            while (
                np.abs(g_new).max() > 0.9 * size
                and binary_objective(X, target, v, new) > value - 1e-4 * part * slope
            ):
                part *= 0.5
                if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                    return bool(size <= ROUNDING * tol)
                new = w - part * step
                g_new, curvature_new = binary_gradient(X, target, v, new)
        elif not fresh and not np.abs(g_new).max() <= SHRINK * size:
            M[:] = binary_inverse(X, curvature)
            fresh = True
            continue
        w[:], g, curvature, fresh = new, g_new, curvature_new, False
        size = np.abs(g).max()
    return bool(size <= ROUNDING * tol)


@compiled
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
            block = X.T @ (X * (v * P[:, a] * (own - P[:, b])).reshape(-1, 1))
            for j in range(p - 1):
                block[j, j] += own
            block[p - 1, p - 1] += 1.0
            H[a * p : (a + 1) * p, b * p : (b + 1) * p] = block
            H[b * p : (b + 1) * p, a * p : (a + 1) * p] = block
    return as_floats(np.linalg.inv(H))


@compiled
def softmax(
    X: Floats, target: Floats, v: Floats, W: Floats, M: Floats, tol: float, n_new: int
) -> bool:
    """As `binary`, for k classes; `M` is the inverse of the (k (d + 1))^2 Hessian."""
    g, P, value = gradient(X, target, v, W)
    size, tol = np.abs(g).max(), tol * v.sum()
    fresh = False
    for _ in range(STEPS):
        if size <= tol:
            return True
        step, part = (M @ g.reshape(-1)).reshape(W.shape), 1.0
        new = W - step
        g_new, P_new, value_new = gradient(X, target, v, new)
        if fresh:
            slope = (g * step).sum()
            while value_new > value - 1e-4 * part * slope and np.abs(g_new).max() > 0.9 * size:
                part *= 0.5
                if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                    return bool(size <= ROUNDING * tol)
                new = W - part * step
                g_new, P_new, value_new = gradient(X, target, v, new)
        elif not np.abs(g_new).max() <= SHRINK * size:
            M[:] = softmax_inverse(X, P, v)
            fresh = True
            continue
        W[:], g, P, value, fresh = new, g_new, P_new, value_new, False
        size = np.abs(g).max()
    return bool(size <= ROUNDING * tol)
