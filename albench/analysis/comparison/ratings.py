"""Ratings that benchmarks of tabular models print: Bradley-Terry on the Elo scale, improvability.

Elo            every pair of strategies plays one game on each dataset, won by the higher mean, a
               draw counting half; the Bradley-Terry strengths of all games by maximum likelihood
               (Bradley and Terry 1952), times 400 / ln 10, the baseline at 1000. Beside its games
               each strategy has one drawn game against one of average strength, so that one that
               wins or loses all stays finite (the likelihood alone then has no maximum); with n
               datasets and k strategies that is 1 game to n (k - 1)
improvability  by how many percent the best strategy's error on a dataset is below the own, the
               mean over datasets (TabArena: Erickson et al. 2025); the error is one less the
               score of a share, or the score itself where less is better. 0: best everywhere

Both speak of these strategies together: a rating moves when others are added, a paired
difference does not. Their intervals take datasets as units: by bootstrap from 20 datasets on,
below by leaving out one dataset at a time, with Student's t; none below four.
"""

from collections.abc import Callable
from math import log

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import paired
from albench.core.arrays import Floats

START = 1000.0
"""The baseline's rating."""
SCALE = 400 / log(10)
"""Elo points of one unit of log odds: 400 points are odds of ten to one."""
LEAST = 4
"""Below so many datasets no interval is given."""
DRAWS = 500
COLUMNS = [
    "strategy",
    "elo",
    "elo_low",
    "elo_high",
    "improvability",
    "improvability_low",
    "improvability_high",
    "datasets",
]


def games(table: pd.DataFrame) -> Floats:
    """(D, K, K) whether row strategy beats column strategy on each dataset, a draw a half.

    table: datasets x strategies, higher = better.
    """
    x = table.to_numpy(dtype=np.float64).round(paired.DIGITS)
    ahead, behind = x[:, :, None], x[:, None, :]
    won = (ahead > behind) + 0.5 * (ahead == behind)
    won[:, np.arange(x.shape[1]), np.arange(x.shape[1])] = 0.0
    return np.asarray(won, dtype=np.float64)


def strengths(won: Floats, prior: float = 1.0) -> Floats:
    """(..., K) Bradley-Terry strengths (log odds) from (..., K, K) games won.

    prior: drawn games of each strategy against one of strength 0; with 0 it is the maximum of
    the likelihood itself, which must exist, with mean 0. By Newton's method, since the log
    likelihood is concave.
    """
    k = won.shape[-1]
    theta = np.zeros(won.shape[:-1])
    played, diagonal = won + np.swapaxes(won, -1, -2), np.arange(k)
    for _ in range(100):
        p = 1 / (1 + np.exp(theta[..., None, :] - theta[..., :, None]))
        even = 1 / (1 + np.exp(-theta))
        slope = (won - played * p).sum(axis=-1) + prior * (0.5 - even)
        bend = -played * p * (1 - p)
        bend[..., diagonal, diagonal] = -bend.sum(axis=-1) + prior * even * (1 - even)
        # without a prior the likelihood is flat along equal shifts of all: no step goes there
        step = np.linalg.solve(bend + (0 if prior else 1 / k), slope[..., None])[..., 0]
        theta = theta + step
        if np.abs(step).max() < 1e-9:
            break
    return theta


def elo(won: Floats, base: int, prior: float = 1.0) -> Floats:
    """(..., K) ratings from (..., K, K) games won, the strategy at place `base` having 1000."""
    found = strengths(won, prior)
    return np.asarray(START + SCALE * (found - found[..., [base]]))


def improvability(errors: Floats) -> Floats:
    """(D, K) by how many percent of each error the best of the row is below it; 0 where it is 0."""
    best = errors.min(axis=1, keepdims=True)
    share = np.divide(errors - best, errors, out=np.zeros(errors.shape), where=errors > 0)
    return np.asarray(100 * share, dtype=np.float64)


def ratings(
    table: pd.DataFrame, baseline: str, *, lower: bool = False, seed: int = 0
) -> pd.DataFrame:
    """One row per strategy, best first: elo and improvability with 95 % intervals over datasets.

    table: datasets x strategies, higher = better (negated where `lower`: less of the metric is
    better). improvability is NaN where a score is no share in [0, 1] and more is better. The
    baseline's own rating is 1000 by definition, without an interval.
    """
    won = games(table)
    base = list(table.columns).index(baseline)
    n = len(table)
    value = elo(won.sum(axis=0), base)
    rng = np.random.default_rng([seed, 6])
    low, high = _ends(value, n, lambda weight: elo(np.tensordot(weight, won, axes=1), base), rng)
    low[base] = high[base] = np.nan
    x = table.to_numpy(dtype=np.float64)
    errors = -x if lower else 1 - x
    known = bool((errors >= 0).all()) and (lower or bool((errors <= 1).all()))
    each = improvability(errors) if known else np.full(x.shape, np.nan)
    ends = _ends(each.mean(axis=0), n, lambda weight: weight @ each / n, rng)
    if n < intervals.ENOUGH:
        ends = ends[0].clip(0, 100), ends[1].clip(0, 100)
    columns = [table.columns, value, low, high, each.mean(axis=0), *ends]
    out = pd.DataFrame(dict(zip(COLUMNS, columns, strict=False))).assign(datasets=n)
    return out.sort_values("elo", ascending=False, kind="stable").reset_index(drop=True)


def _ends(
    value: Floats, n: int, of: Callable[[Floats], Floats], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """The interval of a statistic of weighted datasets; of: weights (..., n), of sum n, to it."""
    if n < LEAST:
        return np.full(value.shape, np.nan), np.full(value.shape, np.nan)
    if n < intervals.ENOUGH:
        left = of((np.ones((n, n)) - np.eye(n)) * n / (n - 1))
        error = np.sqrt((n - 1) * left.var(axis=0))
        return intervals.around(value, error, np.full(value.shape, n - 1.0))
    drawn = of(rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return low, high
