"""Intervals from few units: of a mean, of a ratio of means, of a statistic of many samples.

Percentile bootstrap intervals of few units are too narrow: a resample has (n - 1) / n of the
variance and no quantiles of t. Below `ENOUGH` units none is used; what is here is exact for
normal values at every n and calibrated by simulation for others (tests/benchmarks).
"""

from collections.abc import Callable, Sequence
from math import nan, sqrt

import numpy as np

from albench.core.arrays import Floats

ENOUGH = 20
"""Units from which a percentile bootstrap may be used."""
NO_SPREAD = 1e-12
"""A standard deviation below this is none: it gives no interval."""

Ends = tuple[float, float]


def t_quantile(df: float, level: float = 0.95) -> float:
    """The two-sided quantile of Student's t; NaN below one degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.5 + level / 2)) if df >= 1 else nan


def mean(values: Floats, level: float = 0.95) -> Ends:
    """Student's interval of a mean; NaN below two values, or where all are alike.

    Values without spread say that it is small, not that it is nought: they give no width.
    """
    n = len(values)
    spread = float(values.std(ddof=1)) if n > 1 else 0.0
    if spread <= NO_SPREAD:
        return nan, nan
    half = t_quantile(n - 1, level) * spread / sqrt(n)
    return float(values.mean()) - half, float(values.mean()) + half


SKEWED = 10
"""Units from which a mean of skewed differences has an interval."""


def skewed(values: Floats, level: float = 0.95) -> Ends:
    """Interval of the mean of differences that may be very skewed; NaN below `SKEWED` values.

    Runs that are cut off, or of which a few save much, have means whose t interval covers .83 to
    .92 at 4 to 10 trials. This is the wider of Student's interval and that of the t statistic
    with its skewness removed by Hall's cubic transformation (Hall 1992). It covers .93 to .97 at
    10 to 20 trials, also where one side is exponential or most runs are cut off; .92 where one
    side is log-normal with a standard deviation of 1 and nothing is cut off. Below 10 no interval
    of these does (tests/benchmarks/calibration.md), so none is given.
    """
    n = len(values)
    if n < SKEWED or float(values.std(ddof=1)) <= NO_SPREAD:
        return nan, nan
    centre, spread = float(values.mean()), float(values.std(ddof=1))
    bend = (
        float(((values - centre) ** 3).mean()) / spread**3 * n * n / ((n - 1) * (n - 2)) / sqrt(n)
    )
    t, error = t_quantile(n - 1, level), spread / sqrt(n)
    low, high = (_unbent(x, bend) for x in (-t, t))
    return centre - max(t, high) * error, centre - min(-t, low) * error


def _unbent(x: float, bend: float) -> float:
    """The t statistic whose transform is x: inverse of Hall's cubic; bend: skewness / sqrt n."""
    if abs(bend) < 1e-6:
        return x
    return float(3 / bend * (np.cbrt(1 + bend * (x - bend / 6)) - 1))


def ratio(above: Floats, below: Floats, level: float = 0.95) -> Ends:
    """Interval of mean(above) / mean(below) from pairs (Fieller 1954).

    All ratios r for which the paired t test does not reject mean(above - r below) = 0; so it
    holds 1 exactly where that test of their difference does not reject. NaN below three pairs,
    where neither varies, and where the denominator may be zero, which leaves the ratio unbounded.
    """
    n = len(above)
    if n < 3 or np.ptp(above) <= NO_SPREAD:
        return nan, nan
    square = t_quantile(n - 1, level) ** 2 / n
    cov = np.cov(above, below)
    a = float(below.mean()) ** 2 - square * float(cov[1, 1])
    b = float(above.mean() * below.mean()) - square * float(cov[0, 1])
    c = float(above.mean()) ** 2 - square * float(cov[0, 0])
    root = b * b - a * c
    if a <= 0 or root < 0:
        return nan, nan
    return (b - sqrt(root)) / a, (b + sqrt(root)) / a


def share(value: Floats, error: Floats, df: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of a share from its standard error: Student's t on the logit scale.

    It stays inside (0, 1) and covers .92 to .97 from 4 units on, also where they crowd at one
    end, where the plain t interval covers .85 to .90. NaN without spread.
    """
    from scipy.special import expit, logit, stdtrit

    inside = np.clip(value, 1e-3, 1 - 1e-3)
    ok = (error > NO_SPREAD) & (df >= 1)
    factor = stdtrit(np.where(ok, df, 1.0), 0.5 + level / 2)
    half = np.where(ok, factor * error / (inside * (1 - inside)), nan)
    return np.asarray(expit(logit(inside) - half)), np.asarray(expit(logit(inside) + half))


def around(value: Floats, error: Floats, df: Floats, level: float = 0.95) -> tuple[Floats, Floats]:
    """Student's interval about a value with its standard error; NaN without spread."""
    from scipy.special import stdtrit

    ok = (error > NO_SPREAD) & (df >= 1)
    factor = stdtrit(np.where(ok, df, 1.0), 0.5 + level / 2)
    half = np.where(ok, factor * error, nan)
    return np.asarray(value - half), np.asarray(value + half)


def jackknife(
    samples: Sequence[Floats], statistic: Callable[[list[Floats]], Floats]
) -> tuple[Floats, Floats]:
    """Standard error and degrees of freedom of a statistic of several samples, each (K,).

    samples: one array per dataset, (J, ...), of which one row at a time is left out. The
    variance is the sum over datasets of (J - 1) / J times the squared deviations of the
    leave-one-out values from their mean (Efron and Stein 1981); the degrees of freedom are
    Satterthwaite's. Error 0 and NaN degrees where nothing varies; NaN where a dataset has fewer
    than two rows.
    """
    parts = list(samples)
    shape = statistic(parts).shape
    if any(len(p) < 2 for p in parts):
        return np.full(shape, nan), np.full(shape, nan)
    total, weighted = np.zeros(shape), np.zeros(shape)
    for place, part in enumerate(parts):
        j = len(part)
        left = np.array(
            [
                statistic([*parts[:place], np.delete(part, i, axis=0), *parts[place + 1 :]])
                for i in range(j)
            ]
        )
        own = (j - 1) / j * ((left - left.mean(axis=0)) ** 2).sum(axis=0)
        total, weighted = total + own, weighted + own**2 / (j - 1)
    return np.sqrt(total), degrees(total, weighted)


def degrees(variance: Floats, weighted: Floats) -> Floats:
    """Satterthwaite's degrees of freedom: variance squared over the sum of parts^2 / df."""
    out = np.full(np.shape(variance), nan)
    return np.asarray(np.divide(variance**2, weighted, out=out, where=weighted > 0))
