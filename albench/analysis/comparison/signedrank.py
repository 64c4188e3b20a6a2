"""The signed-rank test, exact at every n with ties and zeros, and the estimate it goes with.

The test's null hypothesis is that the differences are symmetric about zero; what it detects is a
pseudo-median (Hodges and Lehmann 1963) that is not zero. So its estimate is the median of the
Walsh averages (d_i + d_j) / 2, i <= j, and its interval the range of centres that the test does
not reject (Hollander and Wolfe 1999, section 3.2 and 3.4). The mean is another question, see
`paired.t_interval`.
"""

from functools import lru_cache
from math import nan

import numpy as np

from albench.core.arrays import Floats, Ints


def null_distribution(ranks: tuple[int, ...]) -> Floats:
    """Probabilities of the sums 0, 1, ... of `ranks` where each joins with probability 1/2.

    A dynamic programme over the rank sums: each rank shifts half of the mass. Sums of positive
    terms only, so that small tails keep their relative precision.
    """
    mass = np.zeros(sum(ranks) + 1)
    mass[0], top = 1.0, 0
    for rank in ranks:
        mass[: top + 1] *= 0.5
        top += rank
        mass[rank : top + 1] += mass[: top - rank + 1].copy()
    return mass


@lru_cache(maxsize=256)
def upper_tails(ranks: tuple[int, ...]) -> Floats:
    """P(sum >= s) for s = 0, 1, ..., see `null_distribution`."""
    return np.cumsum(null_distribution(ranks)[::-1])[::-1]


def doubled_ranks(values: Floats) -> Ints:
    """Twice the midranks of |values|, which are whole numbers."""
    from scipy.stats import rankdata

    return np.rint(2 * rankdata(np.abs(values))).astype(np.intp)


def signed_rank_p(values: Floats) -> float:
    """Two-sided p of the signed-rank test, given the ties and zeros that there are.

    Zeros take part in the ranking and their ranks are shared by both sides, whatever the signs
    of the others (`zsplit` of scipy): they make no difference to the null distribution, which
    is that of the signs of the differences that are not zero. values: rounded, finite.
    """
    ranks = doubled_ranks(values)
    moving = values != 0
    if not moving.any():
        return 1.0 if len(values) else nan
    kept, plus = ranks[moving], int(ranks[values > 0].sum())
    step = int(np.gcd.reduce(kept))
    tails = upper_tails(tuple(sorted((kept // step).tolist())))
    far = max(plus, int(kept.sum()) - plus) // step
    return min(1.0, 2.0 * float(tails[far]))


def walsh_averages(values: Floats) -> Floats:
    """(n (n + 1) / 2,) the means of all pairs, each value with itself too, sorted."""
    row, column = np.triu_indices(len(values))
    return np.sort((values[row] + values[column]) / 2)


def pseudo_median(values: Floats) -> float:
    """The Hodges-Lehmann estimate: the median of the Walsh averages; NaN of nothing."""
    return float(np.median(walsh_averages(values))) if len(values) else nan


def pseudo_median_interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of the pseudo-median; NaN where n is too small for the level.

    Its ends are Walsh averages, counted in from both sides as far as the null distribution of
    the rank sum without ties allows; with ties it covers at least as often (closed interval).
    """
    n = len(values)
    lower = np.cumsum(null_distribution(tuple(range(1, n + 1)))) if n else np.empty(0)
    # the number of rank sums that are too small to be believed, on either side
    out = int(np.searchsorted(lower, (1 - level) / 2 * (1 + 1e-12), side="right"))
    if out < 1:
        return nan, nan
    averages = walsh_averages(values)
    return float(averages[out - 1]), float(averages[-out])
