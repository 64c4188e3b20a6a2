"""Convex quadratic programmes, solved by Clarabel (an interior-point method)."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from albench.core.arrays import Floats
from albench.core.errors import Skip, StrategyError

TOLERANCE = 1e-10


def solved(P: Any, q: Floats, A: Any, b: Floats, equalities: int) -> Floats:
    """(n,) the x of least x' P x / 2 + q' x with A x = b in the first rows, A x <= b below.

    P           (n, n) symmetric, positive semi-definite; dense or sparse
    A           (m, n) dense or sparse
    equalities  how many rows of A are equations
    Raises Skip where Clarabel is not installed, StrategyError where it finds no solution.
    """
    if find_spec("clarabel") is None:
        raise Skip("needs Clarabel to solve a quadratic programme: pip install 'albench[qp]'")
    import clarabel
    from scipy import sparse

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas"):
        setattr(settings, name, TOLERANCE)
    cones = [clarabel.NonnegativeConeT(len(b) - equalities)]
    if equalities:
        cones.insert(0, clarabel.ZeroConeT(equalities))
    upper, rows = sparse.triu(P, format="csc"), sparse.csc_matrix(A)
    found = clarabel.DefaultSolver(upper, q, rows, b, cones, settings).solve()
    if str(found.status) not in ("Solved", "AlmostSolved"):
        raise StrategyError(f"Clarabel finds no solution of a quadratic programme: {found.status}")
    return np.asarray(found.x, dtype=np.float64)


def solved_in_box(P: Floats, q: Floats, weights: Floats, total: float) -> Floats:
    """(n,) the x in [0, 1]^n of least x' P x / 2 + q' x with weights' x = total."""
    from scipy import sparse

    n = len(q)
    parts: Any = [weights[None], -sparse.identity(n), sparse.identity(n)]
    A: Any = sparse.vstack(parts)
    b = np.concatenate([[total], np.zeros(n), np.ones(n)])
    return np.clip(solved(P, q, A, b, 1), 0.0, 1.0)
