"""Newton's method without the Hessian: many classes or features, few labelled rows.

Each step solves the Newton equations by conjugate gradients, preconditioned by the
diagonal of the Hessian, as exactly as the distance to the optimum deserves (Dembo,
Eisenstat and Steihaug 1982).
"""

import numpy as np

from albench.engines.newton import ROUNDING, STEPS, softmax_gradient
from albench.learner import Floats

LARGE = 150
MOST_PRODUCTS = 500
FINEST = 1e-5


def softmax(X: Floats, target: Floats, v: Floats, W: Floats, tol: float) -> bool:
    """Move `W` (k, d + 1) to the optimum of the penalised softmax objective.

    X (n, d + 1) with a last column of ones, target (n,) class numbers, v (n,) weights.
    Returns whether the gradient became as small as rounding lets it.
    """
    g, P, value = softmax_gradient(X, target, v, W)
    begin = size = float(np.abs(g).max())
    tol *= v.sum()
    for _ in range(STEPS):
        if size <= tol:
            break
        step = direction(X, P, v, g, min(0.1, max(FINEST, size / begin)))
        slope, part = float((g * step).sum()), 1.0
        while True:
            new = W - part * step
            g_new, P_new, value_new = softmax_gradient(X, target, v, new)
            size_new = float(np.abs(g_new).max())
            # close to the optimum rounding hides a lower objective, not a smaller gradient
            if value_new <= value - 1e-4 * part * slope or size_new <= 0.9 * size:
                break
            part *= 0.5
            if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                return centred(W, size <= ROUNDING * tol)
        W[:], g, P, value, size = new, g_new, P_new, value_new, size_new
    return centred(W, size <= ROUNDING * tol)


def centred(W: Floats, solved: bool) -> bool:
    """Let the intercepts sum to zero, which moves no probability; returns `solved`."""
    W[:, -1] -= W[:, -1].mean()
    return bool(solved)


def direction(X: Floats, P: Floats, v: Floats, g: Floats, precision: float) -> Floats:
    """The Newton step: H step = g up to a residual of `precision` times the norm of g."""
    weights = v[:, None] * P
    scale = ((weights * (1.0 - P)).T @ (X * X)) + 1e-12
    scale[:, :-1] += 1.0
    step, residual = np.zeros_like(g), g.copy()
    z = residual / scale
    search, rz = z, float((residual * z).sum())
    enough = precision * float(np.linalg.norm(g))
    for _ in range(MOST_PRODUCTS):
        product = curved(X, P, weights, search)
        curvature = float((search * product).sum())
        if curvature <= 0.0:
            break
        along = rz / curvature
        step += along * search
        residual -= along * product
        if float(np.linalg.norm(residual)) <= enough:
            break
        z = residual / scale
        rz, before = float((residual * z).sum()), rz
        search = z + (rz / before) * search
    return step


def curved(X: Floats, P: Floats, weights: Floats, D: Floats) -> Floats:
    """The Hessian times D (k, d + 1); weights = v P."""
    A = X @ D.T
    A -= (P * A).sum(axis=1, keepdims=True)
    A *= weights
    product = A.T @ X
    product[:, :-1] += D[:, :-1]
    return np.asarray(product)
