"""The one rule by which equal scores are broken.

Among scores within `tolerance` of the best, the first in the given order wins; a batch
repeats the rule. No result depends on an unstable sort.
"""

from heapq import heappop, heappush

import numpy as np

from albench.learner import Floats, Ints

TOLERANCE = 1e-6


def first_best(
    scores: Floats, n: int, tolerance: float = TOLERANCE, order: Ints | None = None,
    best: float | None = None,
) -> tuple[Ints, int]:  # fmt: skip
    """Indices of the n best scores in the order picked, and the size of the tie window.

    scores     (m,) larger is better; no NaN
    n          how many, at most m
    tolerance  absolute width of the tie window below the best score
    order      (m,) distinct priorities, smallest first; None: the order of the array
    best       the largest score, where it is known
    Returns the (n,) indices, and how many scores lay in the window of the first pick.
    """
    tied = (scores >= (scores.max() if best is None else best) - tolerance).nonzero()[0]
    if n == 1:
        return tied[:1] if order is None else tied[[order[tied].argmin()]], len(tied)
    floor = np.partition(scores, len(scores) - n)[len(scores) - n]
    candidates = np.flatnonzero(scores >= floor - tolerance)
    if order is not None:
        candidates = candidates[np.argsort(order[candidates], kind="stable")]
    return repeat_first(scores[candidates], candidates, n, tolerance), len(tied)


def repeat_first(scores: Floats, candidates: Ints, n: int, tolerance: float) -> Ints:
    """Apply the rule n times to candidates that stand in priority order."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if (ranked[1 : n + 1] < ranked[:n][: len(ranked) - 1] - tolerance).all():
        return candidates[order[:n]]
    if ranked[-1] >= ranked[0] - tolerance:
        return candidates[:n]
    # the window only moves down, so what has entered it stays in until it is picked
    window: list[int] = []
    picked: dict[int, None] = {}
    best = entered = 0
    for _ in range(n):
        while int(order[best]) in picked:
            best += 1
        while entered < len(ranked) and ranked[entered] >= ranked[best] - tolerance:
            heappush(window, int(order[entered]))
            entered += 1
        picked[heappop(window)] = None
    return candidates[list(picked)]
