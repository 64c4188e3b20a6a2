"""Logistic regression whose Hessian is too large to be kept: Newton steps by conjugate gradients.

Minimises what `newton` minimises. A step solves the Newton equations by conjugate gradients,
preconditioned by the diagonal of the Hessian, as exactly as the distance to the optimum deserves
(Dembo, Eisenstat and Steihaug 1982). One row of coefficients is a model of two classes, more rows
are one for each class. Rows x carry a last column of ones.
"""

from typing import Any, TypeAlias

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import compiled
from albench.models.engines.softmax import curved, gradient

Singles: TypeAlias = Any  # of one kind, float32 or float64

STEPS = 400
ROUNDING = 100.0
MOST_PRODUCTS = 500
FINEST, FINEST_SINGLE = 1e-5, 1e-4


@compiled
def newton_step(
    X: Singles, P: Singles, v: Singles, g: Singles, scale: Singles, precision: float, enough: float
) -> Singles:
    """The Newton step: H step = g up to a residual of `precision` times the norm of g.

    scale   diagonal of the Hessian, all but zero where it is
    enough  the norm of a residual that need not become smaller
    All arrays are of one kind, in which the step is calculated.
    """
    real = g.dtype.type
    step, residual = np.zeros_like(g), g.copy()
    search = residual / scale
    rz = (residual * search).sum()
    enough = max(enough, precision * np.sqrt((g * g).sum()))
    for _ in range(MOST_PRODUCTS):
        product = curved(X, P, v, search)
        curvature = (search * product).sum()
        if curvature <= 0.0:
            break
        along = real(rz / curvature)
        step += along * search
        residual -= along * product
        if np.sqrt((residual * residual).sum()) <= enough:
            break
        z = residual / scale
        before = rz
        rz = (residual * z).sum()
        search = z + real(rz / before) * search
    return step


@compiled
def optimum(X: Floats, target: Floats, v: Floats, W: Floats, tol: float) -> bool:
    """Move `W` (k, d + 1), or (1, d + 1) with two classes, to the optimum.

    X (n, d + 1) with a last column of ones, target (n,) class numbers, v (n,) weights.
    Returns whether the gradient became as small as rounding lets it. Steps are calculated in
    single precision, which gradients do not see, until one falls short of what it should.
    """
    g, P, value = gradient(X, target, v, W)
    size = np.abs(g).max()
    begin, tol, single = size, tol * v.sum(), True
    X_single, v_single = X.astype(np.float32), v.astype(np.float32)
    squares = X_single * X_single
    for _ in range(STEPS):
        if size <= tol:
            break
        precision = min(0.1, max(FINEST, size / begin))
        P_single = P.astype(np.float32)
        scale = (P_single * (np.float32(1.0) - P_single) * v_single.reshape(-1, 1)).T @ squares
        scale += np.float32(1e-12)
        scale[:, :-1] += np.float32(1.0)
        if single:
            step = newton_step(
                X_single,
                P_single,
                v_single,
                g.astype(np.float32),
                scale,
                max(precision, FINEST_SINGLE),
                0.3 * tol,
            ).astype(np.float64)
        else:
            step = newton_step(X, P, v, g, scale.astype(np.float64), precision, 0.3 * tol)
        slope, part = (g * step).sum(), 1.0
        new = W - step
        g_new, P_new, value_new = gradient(X, target, v, new)
        size_new = np.abs(g_new).max()
        # close to the optimum rounding hides a lower objective, not a smaller gradient
        while value_new > value - 1e-4 * part * slope and size_new > 0.9 * size:
            part *= 0.5
            if part < 1e-9 or (part < 0.01 and size <= ROUNDING * tol):
                return bool(size <= ROUNDING * tol)
            new = W - part * step
            g_new, P_new, value_new = gradient(X, target, v, new)
            size_new = np.abs(g_new).max()
        single = single and size_new <= 0.5 * size
        W[:], g, P, value, size = new, g_new, P_new, value_new, size_new
    return bool(size <= ROUNDING * tol)
