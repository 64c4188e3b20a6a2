"""The one rule by which equal scores are broken.

Among scores within `tolerance` of the best, the first in the given order wins; a batch
repeats the rule. No result depends on an unstable sort.
"""

import numpy as np

from albench.learner import Floats, Ints

TOLERANCE = 1e-6


def first_best(
    scores: Floats, n: int, tolerance: float = TOLERANCE, order: Ints | None = None
) -> tuple[Ints, int]:
    """Indices of the n best scores in the order picked, and the size of the tie window.

    scores     (m,) larger is better; no NaN
    n          how many, at most m
    tolerance  absolute width of the tie window below the best score
    order      (m,) distinct priorities, smallest first; None: the order of the array
    Returns the (n,) indices, and how many scores lay in the window of the first pick.
    """
    best = scores.max()
    window = scores >= best - tolerance
    n_tied = int(np.count_nonzero(window))
    if n == 1:
        tied = np.flatnonzero(window) if order is not None else None
        first = int(window.argmax()) if tied is None else int(tied[order[tied].argmin()])  # type: ignore[index]
        return np.array([first], dtype=np.intp), n_tied
    floor = np.partition(scores, len(scores) - n)[len(scores) - n]
    candidates = np.flatnonzero(scores >= floor - tolerance)
    if order is not None:
        candidates = candidates[np.argsort(order[candidates], kind="stable")]
    return repeat_first(scores[candidates], candidates, n, tolerance), n_tied


def repeat_first(scores: Floats, candidates: Ints, n: int, tolerance: float) -> Ints:
    """Apply the rule n times to candidates that stand in priority order."""
    picked = np.empty(n, dtype=np.intp)
    for i in range(n):
        window = scores >= scores.max() - tolerance
        if window.all():
            picked[i:] = candidates[: n - i]
            break
        first = int(window.argmax())
        picked[i] = candidates[first]
        scores, candidates = np.delete(scores, first), np.delete(candidates, first)
    return picked
