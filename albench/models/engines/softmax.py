"""Probabilities of k classes, gradient and curvature of their loss: compiled, else by arrays."""

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import compiled, instead_of
from albench.models.engines.vectors import Singles


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


@instead_of(shares_numpy)
def shares(Z: Floats, target: Floats, v: Floats, R: Floats) -> float:
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


def curve_numpy(A: Singles, P: Singles, v: Singles) -> None:
    """Turn changes A (n, k) of the scores into v times those of the probabilities P."""
    A -= (P * A).sum(axis=1)[:, None]
    A *= P
    A *= v[:, None]


@instead_of(curve_numpy)
def curve(A: Singles, P: Singles, v: Singles) -> None:
    """As `curve_numpy`, row by row."""
    n, k = A.shape
    for i in range(n):
        mean = 0.0
        for a in range(k):
            mean += P[i, a] * A[i, a]
        for a in range(k):
            A[i, a] = v[i] * P[i, a] * (A[i, a] - mean)


def penalise_numpy(W: Singles, G: Singles) -> float:
    """Add the gradient of the penalty on all but the last column of W; its double."""
    G[:, :-1] += W[:, :-1]
    return float((W[:, :-1] ** 2).sum())


@instead_of(penalise_numpy)
def penalise(W: Singles, G: Singles) -> float:
    """Add the gradient of the penalty on all but the last column of W; its double."""
    squares = 0.0
    for a in range(W.shape[0]):
        for j in range(W.shape[1] - 1):
            G[a, j] += W[a, j]
            squares += W[a, j] * W[a, j]
    return float(squares)


@compiled
def gradient(
    X: Floats, target: Floats, v: Floats, W: Floats, G: Floats, P: Floats, R: Floats
) -> float:
    """Fill in gradient G (k, d + 1) and probabilities P (n, k); returns the objective.

    R (n, k) is room to work in.
    """
    np.dot(X, W.T, P)
    value = shares(P, target, v, R)
    np.dot(R.T, X, G)
    return value + 0.5 * penalise(W, G)


@compiled
def curved(X: Singles, P: Singles, v: Singles, D: Singles, A: Singles, out: Singles) -> None:
    """Fill in the Hessian times D (k, d + 1); A (n, k) is room to work in."""
    np.dot(X, D.T, A)
    curve(A, P, v)
    np.dot(A.T, X, out)
    penalise(D, out)
