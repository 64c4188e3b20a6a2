"""Two strategies on the same trials of one dataset, or on the same datasets.

`d` is always an array of paired differences, ours minus theirs, higher = better.
Two readings of a p-value are kept apart: Wilcoxon and t are *conditional* (this finite
dataset, this protocol); `corrected_t` allows for the overlap of the trials' training
rows and speaks about the population the dataset came from.
"""

from math import nan, sqrt
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from albench.analysis.comparison import signedrank
from albench.analysis.comparison.power import effect_size
from albench.core.arrays import Floats
from albench.core.errors import BadValue

DIGITS = 12
"""Differences are rounded to this many decimals: float noise would break ties."""


def differences(d: ArrayLike) -> Floats:
    """`d` as a rounded float vector; raises BadValue on NaN or infinity."""
    values = np.round(np.asarray(d, dtype=np.float64).ravel(), DIGITS) + 0.0
    if not np.all(np.isfinite(values)):
        raise BadValue("paired differences must be finite: settle missing pairs first")
    return values


def smallest_n(tests: int = 1, alpha: float = 0.05) -> int:
    """Fewest pairs with which a two-sided exact signed-rank test can reach alpha under Holm.

    Its smallest p-value is 2 / 2^n, and the first step of Holm multiplies it by `tests`.
    """
    n = 1
    while 2.0 ** (1 - n) * max(tests, 1) > alpha:
        n += 1
    return n


def wilcoxon_p(d: ArrayLike) -> float:
    """Two-sided exact p of the signed-rank test, zeros split; 1 where all are zero, NaN if empty.

    Exact at every number of pairs, given the ties and zeros that there are: see `signedrank`.
    """
    return signedrank.signed_rank_p(differences(d))


def hodges_lehmann(d: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Pseudo-median of the differences with its exact interval: value, low, high.

    What the signed-rank test is about; the interval is NaN below the pairs that its level needs
    (six at 95 %).
    """
    values = differences(d)
    return (
        signedrank.pseudo_median(values),
        *signedrank.pseudo_median_interval(values, level),
    )


def signed_ranks(d: ArrayLike) -> tuple[float, float]:
    """(T+, T-): rank sums of the positive and the negative differences, zeros dropped."""
    from scipy.stats import rankdata

    values = differences(d)
    values = values[values != 0]
    ranks = rankdata(np.abs(values))
    return float(ranks[values > 0].sum()), float(ranks[values < 0].sum())


def rank_biserial(d: ArrayLike) -> float:
    """Matched-pairs rank-biserial correlation (Kerby 2014), in [-1, 1]; NaN if all are zero."""
    plus, minus = signed_ranks(d)
    return (plus - minus) / (plus + minus) if plus + minus else nan


def win_share(d: ArrayLike) -> float:
    """Share of pairs in which ours is ahead, a draw counting half."""
    values = differences(d)
    return float(np.mean(values > 0) + np.mean(values == 0) / 2) if len(values) else nan


def win_tie_loss(d: ArrayLike) -> tuple[int, int, int]:
    """Counts by sign (after rounding)."""
    values = differences(d)
    return int((values > 0).sum()), int((values == 0).sum()), int((values < 0).sum())


def vargha_delaney(ours: ArrayLike, theirs: ArrayLike) -> float:
    """A = P(ours > theirs) + P(equal) / 2 over all combinations (ignores the pairing)."""
    from scipy.stats import rankdata

    a = np.round(np.asarray(ours, dtype=np.float64).ravel(), DIGITS)
    b = np.round(np.asarray(theirs, dtype=np.float64).ravel(), DIGITS)
    if not len(a) or not len(b):
        return nan
    ranks = rankdata(np.concatenate([a, b]))
    return float((ranks[: len(a)].sum() / len(a) - (len(a) + 1) / 2) / len(b))


def t_interval(d: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Student interval of the mean difference; NaN below two pairs."""
    from scipy.special import stdtrit

    values = differences(d)
    if len(values) < 2:
        return nan, nan
    half = float(stdtrit(len(values) - 1, 0.5 + level / 2)) * _standard_error(values)
    mean = float(values.mean())
    return mean - half, mean + half


def studentised_interval(
    d: ArrayLike, rng: np.random.Generator, draws: int = 2000, level: float = 0.95
) -> tuple[float, float]:
    """Bootstrap-t interval of the mean difference (Efron 1979); NaN below three pairs.

    For differences that are far from normal. Samples without spread carry no t and are
    left out; NaN where that leaves fewer than half.
    """
    values = differences(d)
    if len(values) < 3 or np.ptp(values) == 0:
        return nan, nan
    sample = values[rng.integers(len(values), size=(draws, len(values)))]
    spread = sample.std(axis=1, ddof=1)
    good = spread > 1e-12
    if good.sum() < draws / 2:
        return nan, nan
    error = spread[good] / sqrt(len(values))
    t = (sample[good].mean(axis=1) - values.mean()) / error
    low, high = np.quantile(t, [0.5 - level / 2, 0.5 + level / 2])
    scale = _standard_error(values)
    return float(values.mean() - high * scale), float(values.mean() - low * scale)


def corrected_t(differences: ArrayLike, n_train: float, n_test: float) -> "pd.Series[Any]":
    """Corrected resampled t test (Nadeau and Bengio 2003).

    t = mean / sqrt((1/J + n_test/n_train) * variance), J - 1 degrees of freedom.
    Returns t, df, p (two-sided), p_greater (one-sided: ours is better). NaN where
    there are fewer than two differences or they do not vary. `n_train` = pool size is
    a convention for active learning; not for a fixed test split.
    """
    from scipy.special import stdtr

    values = np.asarray(differences, dtype=np.float64).ravel()
    if n_train <= 0 or n_test <= 0:
        raise BadValue(f"n_train and n_test must be positive, got {n_train} and {n_test}")
    if not np.all(np.isfinite(values)):
        raise BadValue("paired differences must be finite: settle missing pairs first")
    j = len(values)
    spread = float(values.std(ddof=1)) if j > 1 else 0.0
    if spread <= 1e-12:
        return pd.Series({"t": nan, "df": float(j - 1), "p": nan, "p_greater": nan})
    t = float(values.mean()) / (spread * sqrt(1 / j + n_test / n_train))
    p = 2 * float(stdtr(j - 1, -abs(t)))
    greater = float(stdtr(j - 1, -t))
    return pd.Series({"t": t, "df": float(j - 1), "p": p, "p_greater": greater})


def detectable(d: ArrayLike, alpha: float = 0.05, power: float = 0.8, tests: int = 1) -> float:
    """Smallest true mean difference that this test would find with that power.

    The exact signed-rank test at alpha / tests, Holm's first step in a family of `tests`, with
    as many pairs and the standard deviation of these, which is an estimate (`power.effect_size`).
    NaN where no difference can be found: fewer pairs than the test needs to reach its level.
    """
    values = differences(d)
    if len(values) < smallest_n(tests, alpha):
        return nan
    n, level = len(values), alpha / max(tests, 1)
    return effect_size(n, level, power, n - 1) * float(values.std(ddof=1))


def sign_flip_p(d: ArrayLike, rng: np.random.Generator, draws: int = 20_000) -> float:
    """Two-sided p of the mean under random signs: exact up to 14 pairs, else by draws.

    With draws the observed signs count as one of them, so p is never zero.
    """
    values = differences(d)
    n = len(values)
    if n == 0:
        return nan
    observed = abs(values.sum()) - 1e-9
    if n <= 14:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ values) >= observed))
    signs = rng.integers(0, 2, size=(draws, n), dtype=np.int8) * 2 - 1
    return float((1 + np.sum(np.abs(signs @ values) >= observed)) / (draws + 1))


def band(
    d: ArrayLike, rng: np.random.Generator, draws: int = 2000, level: float = 0.95
) -> tuple[Floats, Floats, Floats]:
    """Simultaneous band of a mean difference curve by max-T sign flips.

    d: (J, T) paired differences at T checkpoints. Returns mean, low, high, each (T,).
    The signs of whole trials are flipped; c is the `level` quantile of the largest |t|
    over the checkpoints; the band is mean +- c * standard error. Checkpoints without
    spread (the shared start) take no part and get a band of width zero. NaN with fewer
    than six trials, whose signs cannot reach the level.
    """
    values = np.round(np.asarray(d, dtype=np.float64), DIGITS)
    mean = cast(Floats, values.mean(axis=0))
    if len(values) < smallest_n(1, 1 - level + 1e-12):
        return mean, np.full(mean.shape, nan), np.full(mean.shape, nan)
    j = len(values)
    error = values.std(axis=0, ddof=1) / sqrt(j)
    moving = error > 1e-12
    if not moving.any():
        return mean, mean.copy(), mean.copy()
    signs = (rng.integers(0, 2, size=(draws, j), dtype=np.int8) * 2 - 1).astype(np.float64)
    flipped = signs @ values[:, moving] / j
    # Under flips the sum of squares stays, so the variance follows from the mean.
    square = (values[:, moving] ** 2).mean(axis=0)
    variance = np.maximum(square - flipped**2, 1e-24) * j / (j - 1)
    c = float(np.quantile(np.max(np.abs(flipped) / np.sqrt(variance / j), axis=1), level))
    return mean, mean - c * error, mean + c * error


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1)) / sqrt(len(values))
