"""Logistic regression whose Hessian is too large to be kept: Newton steps by conjugate gradients.

Minimises what `newton` minimises. A step solves the Newton equations by conjugate gradients,
preconditioned by the diagonal of the Hessian, as exactly as the distance to the optimum deserves
(Dembo, Eisenstat and Steihaug 1982). One row of coefficients is a model of two classes, more rows
are one for each class. Rows x carry a last column of ones.
"""

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import compiled, instead_of
from albench.models.engines.softmax import curved, gradient
from albench.models.engines.vectors import Singles, copied, departed, greatest, inner

STEPS = 400
ROUNDING = 100.0
MOST_PRODUCTS = 500
FINEST, FINEST_SINGLE = 1e-5, 1e-4
SHORT = 5  # steps that leave more than half of the gradient, before single precision is blamed
REACHED, FAILED, COARSE = 1, 0, 2


def diagonal_numpy(X: Singles, P: Singles, v: Singles, scale: Singles) -> None:
    """Fill in the diagonal of the Hessian, all but zero where it is."""
    scale[:] = (P * (1 - P) * v[:, None]).T @ (X * X)
    scale += 1e-12
    scale[:, :-1] += 1


@instead_of(diagonal_numpy, reordered=True)
def diagonal(X: Singles, P: Singles, v: Singles, scale: Singles) -> None:
    """Fill in the diagonal of the Hessian, all but zero where it is."""
    (n, p), k = X.shape, P.shape[1]
    for a in range(k):
        for j in range(p):
            scale[a, j] = 1.0 if j < p - 1 else 1e-12
    for i in range(n):
        for a in range(k):
            curvature = P[i, a] * (1 - P[i, a]) * v[i]
            for j in range(p):
                scale[a, j] += curvature * (X[i, j] * X[i, j])


def begin_numpy(g: Singles, scale: Singles, step: Singles, left: Singles, search: Singles) -> float:
    """Set up conjugate gradients at no step; left' left / scale."""
    step[:], left[:] = 0, g
    np.divide(left, scale, out=search)
    return float(np.vdot(left, search))


@instead_of(begin_numpy, reordered=True)
def begin(g: Singles, scale: Singles, step: Singles, left: Singles, search: Singles) -> float:
    """Set up conjugate gradients at no step; left' left / scale."""
    total = 0.0
    for a in range(g.shape[0]):
        for j in range(g.shape[1]):
            step[a, j], left[a, j] = 0.0, g[a, j]
            search[a, j] = g[a, j] / scale[a, j]
            total += left[a, j] * search[a, j]
    return total


def along_numpy(
    share: float, search: Singles, product: Singles, step: Singles, left: Singles
) -> float:
    """Go `share` of a search direction; the squared norm of what is left."""
    share = of_kind(left, share)
    step += share * search
    left -= share * product
    return float(np.vdot(left, left))


@instead_of(along_numpy, reordered=True)
def along(share: float, search: Singles, product: Singles, step: Singles, left: Singles) -> float:
    """Go `share` of a search direction; the squared norm of what is left."""
    total, part = 0.0, step.dtype.type(share)
    for a in range(step.shape[0]):
        for j in range(step.shape[1]):
            step[a, j] += part * search[a, j]
            left[a, j] -= part * product[a, j]
            total += left[a, j] * left[a, j]
    return total


def turned_numpy(before: float, left: Singles, scale: Singles, search: Singles) -> float:
    """Turn to the next search direction; left' left / scale, which was `before`."""
    z = left / scale
    now = float(np.vdot(left, z))
    search *= of_kind(left, now / before)
    search += z
    return now


@instead_of(turned_numpy, reordered=True)
def turned(before: float, left: Singles, scale: Singles, search: Singles) -> float:
    """Turn to the next search direction; left' left / scale, which was `before`."""
    total = 0.0
    for a in range(left.shape[0]):
        for j in range(left.shape[1]):
            total += left[a, j] * left[a, j] / scale[a, j]
    share = left.dtype.type(total / before)
    for a in range(left.shape[0]):
        for j in range(left.shape[1]):
            search[a, j] = left[a, j] / scale[a, j] + share * search[a, j]
    return total


def of_kind(like: Singles, number: float) -> Singles:
    """A number of the kind of an array."""
    return like.dtype.type(number)


@compiled
def newton_step(
    X: Singles,
    P: Singles,
    v: Singles,
    g: Singles,
    scale: Singles,
    precision: float,
    enough: float,
    step: Singles,
) -> None:
    """Fill in the Newton step: H step = g up to a residual of `precision` times the norm of g.

    scale   diagonal of the Hessian, all but zero where it is
    enough  the norm of a residual that need not become smaller
    All arrays are of one kind, in which the step is calculated.
    """
    left, search, product = np.empty_like(g), np.empty_like(g), np.empty_like(g)
    changes = np.empty_like(P)
    rz = begin(g, scale, step, left, search)
    enough = max(enough, precision * np.sqrt(inner(g, g)))
    for _ in range(MOST_PRODUCTS):
        curved(X, P, v, search, changes, product)
        curvature = inner(search, product)
        if curvature <= 0.0:
            break
        if np.sqrt(along(rz / curvature, search, product, step, left)) <= enough:
            break
        rz = turned(rz, left, scale, search)


@compiled
def optimise(
    X: Floats,
    target: Floats,
    v: Floats,
    W: Floats,
    tol: float,
    X_step: Singles,
    v_step: Singles,
    finest: float,
    short: int,
) -> int:
    """Move `W` towards the optimum by steps calculated in the kind of `X_step` and `v_step`.

    tol     largest gradient entry at the optimum
    finest  residual of a step, as a share of the gradient, that need not become smaller
    short   steps that may leave more than half of the gradient; then give up, as COARSE
    """
    G, P = np.empty_like(W), np.empty((X.shape[0], W.shape[0]))
    G_new, P_new, new, R = np.empty_like(G), np.empty_like(P), np.empty_like(W), np.empty_like(P)
    g, step = np.empty(W.shape, X_step.dtype), np.empty(W.shape, X_step.dtype)
    scale, P_step = np.empty(W.shape, X_step.dtype), np.empty(P.shape, X_step.dtype)
    value = gradient(X, target, v, W, G, P, R)
    size = greatest(G)
    begun = size
    for _ in range(STEPS):
        if size <= tol:
            break
        copied(P, P_step)
        copied(G, g)
        diagonal(X_step, P_step, v_step, scale)
        precision = max(finest, min(0.1, max(FINEST, size / begun)))
        newton_step(X_step, P_step, v_step, g, scale, precision, 0.3 * tol, step)
        slope, part = inner(G, step), 1.0
        departed(W, part, step, new)
        value_new = gradient(X, target, v, new, G_new, P_new, R)
        size_new = greatest(G_new)
        # close to the optimum rounding hides a lower objective, not a smaller gradient
        while value_new > value - 1e-4 * part * slope and size_new > 0.9 * size:
            part *= 0.5
            if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                return REACHED if size <= ROUNDING * tol else FAILED
            departed(W, part, step, new)
            value_new = gradient(X, target, v, new, G_new, P_new, R)
            size_new = greatest(G_new)
        short -= not size_new <= 0.5 * size
        copied(new, W)
        G, G_new, P, P_new = G_new, G, P_new, P
        value, size = value_new, size_new
        if short < 0 and size > tol:
            return COARSE
    return REACHED if size <= ROUNDING * tol else FAILED


def optimum(X: Floats, target: Floats, v: Floats, W: Floats, tol: float) -> bool:
    """Move `W` (k, d + 1), or (1, d + 1) with two classes, to the optimum.

    X (n, d + 1) with a last column of ones, target (n,) class numbers, v (n,) weights.
    Returns whether the gradient became as small as rounding lets it. Steps are calculated in
    single precision, which gradients do not see, until several fall short of what they should.
    """
    tol *= float(v.sum())
    singles = X.astype(np.float32), v.astype(np.float32)
    state = optimise(X, target, v, W, tol, *singles, FINEST_SINGLE, SHORT)
    if state == COARSE:
        state = optimise(X, target, v, W, tol, X, v, FINEST, STEPS)
    return bool(state == REACHED)
