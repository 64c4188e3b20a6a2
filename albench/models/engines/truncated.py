"""Logistic regression whose Hessian is too large to be kept: Newton steps by conjugate gradients.

Minimises what `newton` minimises. A step solves the Newton equations by conjugate gradients,
preconditioned by the diagonal of the Hessian, as exactly as the distance to the optimum deserves
(Dembo, Eisenstat and Steihaug 1982). One row of coefficients is a model of two classes, more rows
are one for each class. Rows x carry a last column of ones.
"""

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import NUMBA, compiled

STEPS = 400
ROUNDING = 100.0
MOST_PRODUCTS = 500
FINEST = 1e-5


def shares_numpy(Z: Floats, target: Floats, v: Floats, R: Floats) -> float:
    """Turn scores Z (n, k) into probabilities; fill in R, v times their error.

    Returns the summed loss. One column of scores is that of class 1 of two.
    """
    if Z.shape[1] == 1:
        z = Z[:, 0].copy()
        loss = np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0) - z * target
        small = np.exp(-np.abs(z))
        Z[:, 0] = np.where(z >= 0, 1.0, small) / (1.0 + small)
        R[:, 0] = v * (Z[:, 0] - target)
        return float(v @ loss)
    rows, y = np.arange(len(Z)), target.astype(np.intp)
    Z -= Z.max(axis=1)[:, None]
    own = Z[rows, y]
    np.exp(Z, out=Z)
    total = Z.sum(axis=1)
    Z /= total[:, None]
    np.multiply(Z, v[:, None], out=R)
    R[rows, y] -= v
    return float(v @ (np.log(total) - own))


@compiled
def shares_compiled(Z: Floats, target: Floats, v: Floats, R: Floats) -> float:
    """As `shares_numpy`, row by row."""
    n, k = Z.shape
    value = 0.0
    for i in range(n):
        if k == 1:
            z = Z[i, 0]
            small = np.exp(-abs(z))
            value += v[i] * (np.log1p(small) + max(z, 0.0) - z * target[i])
            Z[i, 0] = (1.0 if z >= 0 else small) / (1.0 + small)
            R[i, 0] = v[i] * (Z[i, 0] - target[i])
            continue
        y, top, total = int(target[i]), Z[i, 0], 0.0
        for a in range(1, k):
            top = max(top, Z[i, a])
        own = Z[i, y] - top
        for a in range(k):
            Z[i, a] = np.exp(Z[i, a] - top)
            total += Z[i, a]
        value += v[i] * (np.log(total) - own)
        for a in range(k):
            Z[i, a] /= total
            R[i, a] = v[i] * Z[i, a]
        R[i, y] -= v[i]
    return float(value)


def curve_numpy(A: Floats, P: Floats, v: Floats) -> None:
    """Turn changes A (n, k) of the scores into v times those of the probabilities P."""
    A -= (P * A).sum(axis=1)[:, None]
    A *= P
    A *= v[:, None]


@compiled
def curve_compiled(A: Floats, P: Floats, v: Floats) -> None:
    """As `curve_numpy`, row by row."""
    n, k = A.shape
    for i in range(n):
        mean = 0.0
        for a in range(k):
            mean += P[i, a] * A[i, a]
        for a in range(k):
            A[i, a] = v[i] * P[i, a] * (A[i, a] - mean)


shares = shares_compiled if NUMBA else shares_numpy
curve = curve_compiled if NUMBA else curve_numpy


@compiled
def gradient(X: Floats, target: Floats, v: Floats, W: Floats) -> tuple[Floats, Floats, float]:
    """Gradient (k, d + 1), probabilities (n, k) and objective."""
    P = X @ W.T
    R = np.empty_like(P)
    value = shares(P, target, v, R)
    G = R.T @ X
    G[:, :-1] += W[:, :-1]
    return G, P, value + 0.5 * (W[:, :-1] ** 2).sum()


@compiled
def curved(X: Floats, P: Floats, v: Floats, D: Floats) -> Floats:
    """The Hessian times D (k, d + 1)."""
    A = X @ D.T
    curve(A, P, v)
    product = A.T @ X
    product[:, :-1] += D[:, :-1]
    return product


@compiled
def newton_step(
    X: Floats, squares: Floats, P: Floats, v: Floats, g: Floats, precision: float
) -> Floats:
    """The Newton step: H step = g up to a residual of `precision` times the norm of g.

    squares  X * X
    """
    scale = (P * (1.0 - P) * v.reshape(-1, 1)).T @ squares
    scale += 1e-12
    scale[:, :-1] += 1.0
    step, residual = np.zeros_like(g), g.copy()
    search = residual / scale
    rz = (residual * search).sum()
    enough = precision * precision * (g * g).sum()
    for _ in range(MOST_PRODUCTS):
        product = curved(X, P, v, search)
        curvature = (search * product).sum()
        if curvature <= 0.0:
            break
        along = rz / curvature
        step += along * search
        residual -= along * product
        if (residual * residual).sum() <= enough:
            break
        z = residual / scale
        before = rz
        rz = (residual * z).sum()
        search = z + (rz / before) * search
    return step


@compiled
def optimum(X: Floats, target: Floats, v: Floats, W: Floats, tol: float) -> bool:
    """Move `W` (k, d + 1), or (1, d + 1) with two classes, to the optimum.

    X (n, d + 1) with a last column of ones, target (n,) class numbers, v (n,) weights.
    Returns whether the gradient became as small as rounding lets it.
    """
    g, P, value = gradient(X, target, v, W)
    size = np.abs(g).max()
    begin, tol, squares = size, tol * v.sum(), X * X
    for _ in range(STEPS):
        if size <= tol:
            break
        step = newton_step(X, squares, P, v, g, min(0.1, max(FINEST, size / begin)))
        slope, part = (g * step).sum(), 1.0
        new = W - step
        g_new, P_new, value_new = gradient(X, target, v, new)
        # close to the optimum rounding hides a lower objective, not a smaller gradient
        while (
            value_new > value - 1e-4 * part * slope and np.abs(g_new).max() > 0.9 * size
        ):
            part *= 0.5
            if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                return bool(size <= ROUNDING * tol)
            new = W - part * step
            g_new, P_new, value_new = gradient(X, target, v, new)
        W[:], g, P, value = new, g_new, P_new, value_new
        size = np.abs(g).max()
    return bool(size <= ROUNDING * tol)
