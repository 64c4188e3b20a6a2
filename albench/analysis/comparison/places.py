"""Where datasets lie about the rope: inside, beyond it, or too noisy to say.

A dataset lies inside the rope by its shrunken estimate: the normal empirical Bayes mean of what
its trials say and what the other datasets say (Morris 1983). Where even that has an interval
wider than the rope, the dataset is too noisy to say, unless the whole interval lies beyond the
rope on one side.
"""

from typing import NamedTuple

import numpy as np

from albench.analysis.comparison import paired
from albench.core.arrays import Floats

INSIDE, AHEAD, BEHIND, NOISY = "inside", "ahead", "behind", "too noisy to say"


class Measured(NamedTuple):
    """What trials say of n datasets, each (n,).

    means: differences; errors: their squared standard errors over trials (NaN: one trial); df:
    the degrees of freedom of those.
    """

    means: Floats
    errors: Floats
    df: Floats


def shrunken(means: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Empirical Bayes estimates of (n,) means with (n,) squared standard errors; their errors.

    The variance between datasets is that of the means less the mean error, not below zero; the
    weight of the common mean is V / (V + between), times (n - 3) / (n - 1), and the errors allow
    for its own being an estimate (Morris 1983, section 5). Below four datasets little is known
    of the others, and the means stay as they are.
    """
    n = len(means)
    if n < 4 or not np.isfinite(errors).all():
        return means, np.sqrt(errors)
    between = max(float(means.var(ddof=1)) - float(errors.mean()), 0.0)
    pull = np.divide(errors, between + errors, out=np.zeros(n), where=between + errors > 0)
    pull = pull * (n - 3) / (n - 1)
    away = means - float(means.mean())
    variance = errors * (1 - (n - 1) / n * pull) + 2 / (n - 3) * pull**2 * away**2
    return means - pull * away, np.sqrt(variance)


def place_of(value: float, low: float, high: float, rope: float) -> str:
    """Where a dataset lies about the rope.

    By its value, where its interval is no wider than the rope; wider ones say it only where they
    lie beyond the rope as a whole.
    """
    margin = round(rope, paired.DIGITS)
    if round(low, paired.DIGITS) > margin:
        return AHEAD
    if round(high, paired.DIGITS) < -margin:
        return BEHIND
    if not round(high - low, paired.DIGITS) <= 2 * margin:
        return NOISY
    if abs(round(value, paired.DIGITS)) <= margin:
        return INSIDE
    return AHEAD if value > 0 else BEHIND


class Placed(NamedTuple):
    """Shrunken estimates of n datasets, each (n,), and where they lie; noise: whether it is known.

    Where no dataset has two trials the noise is not known: values are the means as they came, and
    places are theirs.
    """

    value: Floats
    low: Floats
    high: Floats
    place: list[str]
    noise: bool


def placed(found: Measured, rope: float) -> Placed:
    """Where datasets lie about the rope, by `shrunken` estimates with 95 % t intervals.

    A dataset without a known error is too noisy to say.
    """
    from scipy.special import stdtrit

    means, errors, df = found
    known = np.isfinite(errors)
    if not known.any():
        return Placed(means, means, means, [place_of(d, d, d, rope) for d in means], False)
    value, half = means.copy(), np.full(len(means), np.inf)
    value[known], error = shrunken(means[known], errors[known])
    half[known] = stdtrit(np.maximum(df[known], 1.0), 0.975) * error
    low, high = value - half, value + half
    return Placed(
        value, low, high, [place_of(*x, rope) for x in zip(value, low, high, strict=True)], True
    )
