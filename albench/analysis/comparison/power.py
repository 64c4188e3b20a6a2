"""What the signed-rank test finds: power, detectable effects, and how much more data is due.

Effects are in standard deviations of the differences over datasets (or trials), which are taken
to be normal. The power is that of the exact test at its own attainable level: with few datasets
that lies far below alpha, which quantiles of t do not see. In a family of m tests the level is
alpha / m, Holm's first step: what a strategy needs that alone differs.

A sample with shift e is called better where the lower end of its exact interval (an ordered
Walsh average, `signedrank`) lies above zero, so each standard normal sample has one smallest e
from which on it is found. Power curves and their inverse are shares and quantiles of those, over
samples from a fixed stream; beyond `SIMULATED` pairs the normal approximation of the rank sum
with its moments under the shift serves (Lehmann 1975, section 2.3).

A standard deviation that was estimated from a pilot with df degrees of freedom is no truth: found
too small, it promises too much. So powers are averages over what the pilot may have found: s is
the true one times sqrt(chi2_df / df), and an effect of c s is found with probability
E[F(c sqrt(chi2_df / df))], F the power at a known one. With normal tests in place of ranks that is
the noncentral t. On the average over pilots the power at a printed detectable effect is .80
(tests/benchmarks/looks.py); with s taken as the truth it is .72 to .76 at 9 to 10 datasets.
"""

from collections.abc import Callable
from functools import lru_cache
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np

from albench.analysis.comparison import signedrank
from albench.core.arrays import Floats

SAMPLES = 8_000
SIMULATED = 30
"""Up to so many pairs samples are drawn; beyond, moments are used (they agree within .02)."""
STREAM = 20_110_613
"""Seed of the samples: the same number of pairs has the same ones everywhere."""
TABLED = 100
"""Up to so many pairs the critical value is the exact one."""
SCALES = 200
"""Nodes of the distribution of an estimated standard deviation."""
MOST = 2_000
"""More datasets or trials than this are no answer."""


@lru_cache(maxsize=4096)
def out_of(n: int, level: float) -> int:
    """How many Walsh averages lie outside the two-sided interval on either side; 0: none can."""
    if n < 1:
        return 0
    lower = np.cumsum(signedrank.null_distribution(tuple(range(1, n + 1))))
    return int(np.searchsorted(lower, level / 2 * (1 + 1e-12), side="right"))


@lru_cache(maxsize=64)
def _shifts(n: int, level: float) -> Floats:
    """(SAMPLES,) sorted: the smallest shift at which each normal sample is found; see module."""
    rng = np.random.default_rng([STREAM, n])
    row, column = np.triu_indices(n)
    place = out_of(n, level) - 1
    parts = []
    for _ in range(20):
        z = rng.standard_normal((SAMPLES // 20, n))
        parts.append(np.partition((z[:, row] + z[:, column]) / 2, place, axis=1)[:, place])
    return np.sort(-np.concatenate(parts))


@lru_cache(maxsize=256)
def _scales(df: float) -> Floats:
    """(SCALES,) estimated over true standard deviation, at equal steps of probability."""
    from scipy.special import chdtri

    if not df < inf:
        return np.ones(1)
    tails = (np.arange(SCALES) + 0.5) / SCALES
    return np.asarray(np.sqrt(chdtri(max(df, 1.0), tails) / max(df, 1.0)))


def power(n: int, effect: float, level: float = 0.05, df: float = inf) -> float:
    """Probability that n pairs whose mean is `effect` standard deviations are found.

    level: two-sided, of one test; in a family of m tests alpha / m. df: degrees of freedom of the
    standard deviation, where it is an estimate. 0 where n pairs cannot reach the level.
    """
    effects = np.minimum(effect * _scales(df), 50.0)
    if n > SIMULATED:
        return float(_by_moments(n, effects, level).mean())
    if out_of(n, level) < 1:
        return 0.0
    shifts = _shifts(n, level)
    return float(np.searchsorted(shifts, effects, side="right").mean() / len(shifts))


def _by_moments(n: int, effect: Floats, level: float) -> Floats:
    """The powers by the rank sum's mean and variance under normal shifts."""
    from scipy.special import ndtr, ndtri, owens_t

    one, two = ndtr(effect), ndtr(sqrt(2) * effect)
    three = two - 2 * owens_t(sqrt(2) * effect, 1 / sqrt(3))
    mean = n * one + n * (n - 1) / 2 * two
    variance = (
        n * one * (1 - one)
        + n * (n - 1) / 2 * (2 * (one - two) ** 2 + 3 * two * (1 - two))
        + n * (n - 1) * (n - 2) * (three - two**2)
    )
    null = n * (n + 1) / 4
    if n <= TABLED:  # the exact critical value, halfway to the sum below it
        edge = n * (n + 1) / 2 - out_of(n, level) + 0.5
    else:
        edge = null + float(ndtri(1 - level / 2)) * sqrt(null * (2 * n + 1) / 6)
    known = variance > 1e-12
    z = np.divide(mean - edge, np.sqrt(variance, where=known, out=np.ones_like(variance)))
    return np.asarray(np.where(known, ndtr(z), mean > edge), dtype=np.float64)


@lru_cache(maxsize=4096)
def effect_size(n: int, level: float = 0.05, wanted: float = 0.8, df: float = inf) -> float:
    """The effect, in standard deviations, that n pairs find with power `wanted`; NaN: none.

    df: degrees of freedom of the standard deviation that the effect is a multiple of.
    """
    if out_of(n, level) < 1:
        return nan
    if n <= SIMULATED and not df < inf:
        return float(np.quantile(_shifts(n, level), wanted))
    from scipy.optimize import brentq

    return float(brentq(lambda e: power(n, e, level, df) - wanted, 0, 1e3, xtol=1e-6))


def smallest(found: Callable[[int], bool], start: int, most: int = MOST) -> float:
    """The smallest whole number from `start` on for which `found` holds; inf beyond `most`.

    By doubling and halving: `found` holds from some number on, but for the steps of discrete
    levels, which the last look downwards allows for.
    """
    if found(start):
        return float(start)
    low, high = start, min(max(2 * start, 2), most)
    while not found(high):
        if high >= most:
            return inf
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return float(high)


def datasets_for(
    effect: float,
    sd: float,
    level: float,
    wanted: float = 0.8,
    start: int = 1,
    df: float = inf,
) -> float:
    """How many datasets find a mean of `effect` with this spread of their means; inf: too many.

    sd: standard deviation over datasets of their mean differences, at the trials they have; df:
    its degrees of freedom.
    """
    if not effect > 0 or not np.isfinite(sd):
        return inf
    size = effect / sd if sd > 1e-12 else inf
    return smallest(lambda n: power(n, min(size, 1e6), level, df) >= wanted, start)


class Spread(NamedTuple):
    """Variances over n datasets: of their true differences, and over the trials of one.

    df: degrees of freedom of the variance of means over trials.
    """

    between: float
    within: float
    n: int
    df: float = inf


def trials_for(effect: float, s: Spread, level: float, wanted: float = 0.8) -> float:
    """How many trials per dataset let s.n datasets find `effect`; inf: no number, or too many."""
    needed = effect_size(s.n, level, wanted, s.df)
    if not effect > 0 or not np.isfinite(needed):
        return inf
    return _trials((effect / needed) ** 2, s)


def trials_for_equal(inside: float, s: Spread, alpha: float, wanted: float = 0.8) -> float:
    """How many trials let two one-sided t tests put a mean in the rope (`datasets_for_equal`)."""
    per = _equal_error(s.n, alpha, wanted, s.df)
    if not inside > 0 or not np.isfinite(per):
        return inf
    return _trials(s.n * (inside / per) ** 2, s)


def _trials(variance: float, s: Spread) -> float:
    """How many trials bring the variance of means down to this one."""
    spare = variance - s.between
    # rounded: a share that comes out whole must not ask for one trial more
    trials = np.ceil(round(s.within / spare, 9)) if spare > 1e-15 else inf
    return float(max(trials, 1.0)) if trials <= MOST else inf


def datasets_for_equal(
    inside: float,
    sd: float,
    alpha: float,
    wanted: float = 0.8,
    start: int = 2,
    df: float = inf,
) -> float:
    """How many datasets let two one-sided t tests put a mean in the rope.

    inside: the distance of the mean from the nearer border; sd, df: as for `datasets_for`. With a
    mean in the middle both borders count, so a miss on either side does.
    """
    if not inside > 0 or not np.isfinite(sd):
        return inf
    return smallest(
        lambda n: sd / sqrt(n) * _equal_error(n, alpha, wanted, df) <= inside, max(start, 2)
    )


@lru_cache(maxsize=4096)
def _equal_error(n: int, alpha: float, wanted: float, df: float = inf) -> float:
    """Estimated standard errors between mean and border that show equality with power `wanted`.

    |Z| standard errors of the mean and t of the test's own estimate must fit: the quantile of
    (|Z| + t s' / sigma) / (s / sigma), s' from the n datasets, s from the pilot.
    """
    from scipy.special import stdtrit

    if n < 2:
        return inf
    rng = np.random.default_rng([STREAM, n, 2])
    z = np.abs(rng.standard_normal(SAMPLES))
    own = np.sqrt(rng.chisquare(n - 1, SAMPLES) / (n - 1))
    scale = rng.permutation(np.resize(_scales(df), SAMPLES))
    return float(np.quantile((z + stdtrit(n - 1, 1 - alpha) * own) / scale, wanted))
