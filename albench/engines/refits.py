"""Logistic regression, two classes, after one more row: many refits from one optimum.

By the quasi-Newton method of limited memory (Nocedal 1980) whose first metric is the inverse
Hessian at the old optimum, updated for the new row (Sherman and Morrison 1950). The start is
exact in the new row and quadratic in the others.
"""

import numpy as np

from albench.engines.compiled import compiled
from albench.engines.newton import binary_objective
from albench.learner import Floats

STEPS = 60
MEMORY = 40
HALVINGS = 30


@compiled
def pull(z: float, q: float, v: float, target: float) -> float:
    """Root a of a = v (sigma(z - a q) - target): how far the new row moves the optimum.

    z  its linear score before;  q  x' M x for the inverse Hessian M
    """
    low, high = -v * target, v * (1.0 - target)
    a = 0.0
    for _ in range(50):
        s = 1.0 / (1.0 + np.exp(-(z - a * q)))
        miss = a - v * (s - target)
        if miss > 0.0:
            high = a
        else:
            low = a
        new = a - miss / (1.0 + v * s * (1.0 - s) * q)
        if not low < new < high:
            new = 0.5 * (low + high)
        if abs(new - a) <= 1e-9 * v:
            return float(new)
        a = new
    return float(a)


@compiled
def gradient(X: Floats, target: Floats, v: Floats, w: Floats, g: Floats) -> float:
    """Fill in the gradient at w; returns its largest entry."""
    z = X @ w
    for i in range(len(z)):
        z[i] = v[i] * (1.0 / (1.0 + np.exp(-z[i])) - target[i])
    g[:] = z @ X
    size = abs(g[-1])
    for j in range(len(g) - 1):
        g[j] += w[j]
        size = max(size, abs(g[j]))
    return float(size)


@compiled
def direction(g: Floats, M: Floats, Mx: Floats, scale: float, S: Floats, Y: Floats,
              rho: Floats, n: int, part: Floats) -> Floats:  # fmt: skip
    """The inverse Hessian as n steps S, their changes of gradient Y and M tell it, times g."""
    step = g.copy()
    for k in range(n - 1, -1, -1):
        part[k] = rho[k] * (S[k] @ step)
        step -= part[k] * Y[k]
    out = M @ step
    out -= scale * (Mx @ step) * Mx
    for k in range(n):
        out += (part[k] - rho[k] * (Y[k] @ out)) * S[k]
    return out


@compiled
def refit(X: Floats, target: Floats, v: Floats, w: Floats, M: Floats, tol: float) -> bool:
    """Move `w`, the optimum without the last row, to that with it; returns whether it got there.

    X       (n + 1, p) the rows, a column of ones last
    target  (n + 1,) 0 or 1;  v  (n + 1,) weights;  M  (p, p) inverse Hessian at w
    tol     the largest gradient entry that remains, as a share of the sum of v
    """
    p, x = len(w), X[-1]
    Mx = M @ x
    q, z = x @ Mx, x @ w
    a = pull(z, q, v[-1], target[-1])
    w -= a * Mx
    s = 1.0 / (1.0 + np.exp(-(z - a * q)))
    curvature = v[-1] * s * (1.0 - s)
    scale = curvature / (1.0 + curvature * q)
    S, Y = np.empty((MEMORY, p)), np.empty((MEMORY, p))
    rho, part = np.empty(MEMORY), np.empty(MEMORY)
    g, new_g = np.empty(p), np.empty(p)
    tol *= v.sum()
    size, n = gradient(X, target, v, w, g), 0
    for _ in range(STEPS):
        if size <= tol:
            return True
        if n == MEMORY:
            return False
        step = direction(g, M, Mx, scale, S, Y, rho, n, part)
        new = w - step
        new_size = gradient(X, target, v, new, new_g)
        if new_size > 0.9 * size:
            value, slope, share = binary_objective(X, target, v, w), g @ step, 1.0
            for _ in range(HALVINGS):
                if binary_objective(X, target, v, new) <= value - 1e-4 * share * slope:
                    break
                share *= 0.5
                new = w - share * step
            new_size = gradient(X, target, v, new, new_g)
        S[n], Y[n] = new - w, new_g - g
        curve = S[n] @ Y[n]
        w[:], g[:], size = new, new_g, new_size
        if curve > 0.0:
            rho[n] = 1.0 / curve
            n += 1
    return False
