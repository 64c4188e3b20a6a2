"""Small steps on arrays that solvers are made of: loops where numba compiles them, else numpy.

numba needs a second or more for what numpy says in one line (`np.where`, `x[:] = y`, `x @ y`),
and some 0.05 s for the same as a loop. So compiled solvers are made of these and of loops.
"""

from typing import Any

import numpy as np

from albench.core.arrays import Floats
from albench.models.engines.compiled import instead_of

Singles = Any  # an array of one kind, float32 or float64


def dot_numpy(a: Floats, b: Floats) -> float:
    """Inner product of two vectors."""
    return float(a @ b)


@instead_of(dot_numpy, reordered=True)
def dot(a: Floats, b: Floats) -> float:
    """Inner product of two vectors."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


def add_numpy(share: float, a: Floats, out: Floats) -> None:
    """Add `share` times the vector a to `out`."""
    out += share * a


@instead_of(add_numpy, reordered=True)
def add(share: float, a: Floats, out: Floats) -> None:
    """Add `share` times the vector a to `out`."""
    for i in range(a.size):
        out[i] += share * a[i]


def product_numpy(M: Floats, a: Floats, out: Floats) -> None:
    """Fill in M a for a square matrix M."""
    np.dot(M, a, out)


@instead_of(product_numpy)
def product(M: Floats, a: Floats, out: Floats) -> None:
    """Fill in M a for a square matrix M."""
    for i in range(a.size):
        out[i] = dot(M[i], a)


def copy_numpy(a: Floats, out: Floats) -> None:
    """Copy a vector into another one."""
    out[:] = a


@instead_of(copy_numpy)
def copy(a: Floats, out: Floats) -> None:
    """Copy a vector into another one."""
    for i in range(a.size):
        out[i] = a[i]


def away_numpy(a: Floats, share: float, step: Floats, out: Floats) -> None:
    """Fill in a - share step."""
    np.subtract(a, share * step, out=out)


@instead_of(away_numpy)
def away(a: Floats, share: float, step: Floats, out: Floats) -> None:
    """Fill in a - share step."""
    for i in range(a.size):
        out[i] = a[i] - share * step[i]


def largest_numpy(a: Floats) -> float:
    """The largest size of an entry; NaN where there is one."""
    return float(np.abs(a).max())


@instead_of(largest_numpy)
def largest(a: Floats) -> float:
    """The largest size of an entry; NaN where there is one."""
    most = 0.0
    for i in range(a.size):
        size = abs(a[i])
        if size > most or size != size:
            most = size
    return most


def inner_numpy(A: Singles, B: Singles) -> float:
    """Sum of the products of the entries of two matrices."""
    return float(np.vdot(A, B))


@instead_of(inner_numpy, reordered=True)
def inner(A: Singles, B: Singles) -> float:
    """Sum of the products of the entries of two matrices."""
    total = 0.0
    for a in range(A.shape[0]):
        for j in range(A.shape[1]):
            total += np.float64(A[a, j]) * np.float64(B[a, j])
    return total


def copied_numpy(A: Singles, out: Singles) -> None:
    """Copy a matrix into another one, which may be of the other kind."""
    out[:] = A


@instead_of(copied_numpy)
def copied(A: Singles, out: Singles) -> None:
    """Copy a matrix into another one, which may be of the other kind."""
    for a in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[a, j] = A[a, j]


def departed_numpy(A: Floats, share: float, step: Singles, out: Floats) -> None:
    """Fill in A - share step."""
    np.subtract(A, share * step.astype(np.float64), out=out)


@instead_of(departed_numpy)
def departed(A: Floats, share: float, step: Singles, out: Floats) -> None:
    """Fill in A - share step."""
    for a in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[a, j] = A[a, j] - share * np.float64(step[a, j])


def greatest_numpy(A: Floats) -> float:
    """The largest size of an entry of a matrix; NaN where there is one."""
    return float(np.abs(A).max())


@instead_of(greatest_numpy)
def greatest(A: Floats) -> float:
    """The largest size of an entry of a matrix; NaN where there is one."""
    most = 0.0
    for a in range(A.shape[0]):
        for j in range(A.shape[1]):
            size = abs(A[a, j])
            if size > most or size != size:
                most = size
    return most
