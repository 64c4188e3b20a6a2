"""What one row of the comparison with the baseline allows to say.

better, worse   Holm's p of the signed-rank test is at most alpha, and mean and signed ranks
                point the same way
equal           the posterior puts at least 95 % inside the rope, two one-sided t tests put the
                mean inside it (the 1 - 2 alpha interval, 90 % at .05), and at least 80 % of the
                datasets lie inside it
depends on      no side wins, it is not equal, and a fifth of the datasets or more lie beyond the
the dataset     rope, or the typical dataset lies inside it and the others pull the mean out;
                where trials tell how noisy a dataset's difference is, the datasets must differ
                by more than that noise
                Where a dataset lies is told by its shrunken estimate, see `places.placed`: one
                that is too noisy to say lies neither inside nor beyond
no room         nothing can be learnt, or nothing gained, on any of the datasets (`room`), and
                no side wins
unclear         anything else
"""

from collections.abc import Mapping
from math import nan
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from albench.analysis.comparison import paired, places
from albench.core.arrays import Floats

Verdict: TypeAlias = Literal[
    "better", "worse", "equal", "depends on the dataset", "unclear", "no room"
]
DEPENDS: Verdict = "depends on the dataset"
ORDER: dict[str, int] = {
    "better": 0,
    "equal": 1,
    DEPENDS: 1,
    "unclear": 1,
    "no room": 1,
    "worse": 2,
}
"""Where the rows of a verdict stand in tables; by size among themselves."""
EQUAL = 0.95
"""Posterior probability of practical equality from which the word may be used."""
BEYOND = 5
"""One over the share of datasets beyond the rope from which nothing is equal: a fifth."""


def verdict(row: "Mapping[str, Any] | pd.Series[Any]", alpha: float) -> Verdict:
    """The verdict on a row; see the module.

    row: holm_p, rank_biserial, mean_difference, rope (posterior of equality), tost, counted (the
    datasets with room), within, above, below, varies_p.
    """
    if row["holm_p"] <= alpha and row["rank_biserial"] * row["mean_difference"] > 0:
        if row["mean_difference"] < 0:
            return "worse"
        return "better" if row["counted"] else "no room"
    n, beyond = int(row["counted"]), int(row["above"]) + int(row["below"])
    if n == 0:
        return "no room"
    typical = bool(row["rope"] >= EQUAL)
    if typical and row["tost"] and (n - int(row["within"])) * BEYOND <= n:
        return "equal"
    mixed = beyond * BEYOND >= n or (typical and beyond > 0)
    if np.isfinite(row["holm_p"]) and mixed and not row["varies_p"] > alpha:
        return DEPENDS
    return "unclear"


def spread(
    gaps: "pd.Series[float]", rope: float, alpha: float, variance: ArrayLike, df: ArrayLike
) -> dict[str, Any]:
    """How the datasets lie about the rope.

    gaps: differences by dataset; variance, df: their squared standard errors over trials (NaN:
    one trial) and degrees of freedom. within, above, below, noisy: datasets inside the rope
    (borders included), beyond it and ahead, beyond it and behind, too noisy to say, by their
    shrunken estimates (`places.placed`); noise: whether trials tell how noisy they are; worst,
    worst_difference: the lowest of those behind, else of all, by name, and its difference;
    tost_low, tost_high: the 1 - 2 alpha t interval of the mean, tost: whether it lies inside.
    """
    d = paired.differences(gaps.to_numpy())
    margin = round(rope, paired.DIGITS)
    low, high = paired.t_interval(d, 1 - 2 * alpha)
    inside = bool(-margin <= round(low, 12) and round(high, 12) <= margin) if len(d) > 1 else False
    measured = places.Measured(d, np.asarray(variance, float), np.asarray(df, float))
    at = places.placed(measured, rope)
    behind = [i for i, p in enumerate(at.place) if p == places.BEHIND] or range(len(d))
    worst = min(behind, key=lambda i: float(d[i]), default=-1)
    return {
        "within": at.place.count(places.INSIDE),
        "above": at.place.count(places.AHEAD),
        "below": at.place.count(places.BEHIND),
        "noisy": at.place.count(places.NOISY),
        "noise": at.noise,
        "worst": str(gaps.index[worst]) if len(d) else "",
        "worst_difference": float(d[worst]) if len(d) else nan,
        "tost_low": low,
        "tost_high": high,
        "tost": inside,
    }


def varies_p(gaps: ArrayLike, variance: ArrayLike, df: ArrayLike) -> float:
    """Whether datasets differ by more than the noise of their trials: p of an F test.

    gaps: (n,) mean differences; variance: (n,) squared standard errors over trials; df: (n,)
    their degrees of freedom. The variance of the gaps over the mean variance within, whose
    degrees of freedom are Satterthwaite's (1946). NaN where trials do not tell; 0 where they
    have no noise at all and the gaps differ.
    """
    from scipy.special import fdtrc

    d, v, nu = (np.asarray(x, dtype=np.float64) for x in (gaps, variance, df))
    if len(d) < 2 or not np.isfinite(v).all() or not (nu > 0).all():
        return nan
    between: float = float(np.round(d, paired.DIGITS).var(ddof=1))
    total = float(v.sum())
    if total <= 1e-18:
        return 0.0 if between > 1e-18 else nan
    freedom = total**2 / float(np.sum(v**2 / nu))
    return float(fdtrc(len(d) - 1, freedom, between / (total / len(d))))


def parting(row: "Mapping[str, Any] | pd.Series[Any]", word: str, alpha: float) -> list[str]:
    """Where the tests of a row part, what the sentence rests on; usually nothing.

    The signed ranks speak of the pseudo-median, the t interval of the mean, sign flips of the
    mean without its normality. All three at alpha, before Holm.
    """
    if not np.isfinite(row["wilcoxon_p"]):
        return []
    ranks = bool(row["wilcoxon_p"] <= alpha)
    mean = bool(row["low"] > 0 or row["high"] < 0)
    opposed = row["rank_biserial"] * row["mean_difference"] < 0
    said = []
    if word in ("better", "worse") and not mean:
        said.append("by the signed ranks, the interval of the mean holds 0")
    elif row["holm_p"] <= alpha and opposed:
        said.append("signed ranks and mean point apart")
    elif word not in ("better", "worse") and mean and not ranks:
        said.append("the interval of the mean leaves 0 out, the signed ranks do not reject")
    elif word not in ("better", "worse") and ranks and not mean:
        said.append("before Holm the signed ranks reject, the interval of the mean holds 0")
    if np.isfinite(row["sign_flip_p"]) and bool(row["sign_flip_p"] <= alpha) != ranks:
        said.append(f"sign flips disagree, p = {row['sign_flip_p']:.2g}")
    return said


def slight(row: "Mapping[str, Any] | pd.Series[Any]", rope: float) -> bool:
    """Whether mean and interval both lie inside the rope: a difference that is too small."""
    margin = round(rope, paired.DIGITS)
    ends = (row["mean_difference"], row["low"], row["high"])
    return all(np.isfinite(x) and abs(round(float(x), 12)) <= margin for x in ends)


def mean_variance(gaps: Floats) -> tuple[float, float, int]:
    """Mean of the gaps of one dataset's trials, its squared standard error, and their df."""
    d = paired.differences(gaps)
    df = len(d) - 1
    return float(d.mean()), float(d.var(ddof=1)) / len(d) if df else nan, df
