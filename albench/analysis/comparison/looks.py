"""Looking at results while trials come in, with error rates that hold over all looks.

Trials are added in looks. At each look a comparison may be decided: better or worse (two-sided
signed-rank test in Holm's family), equal within the rope, by the rules of `verdicts`; what is
decided stays so. Looking often would find differences where there are none, so each look has a
level of its own: alpha is spent as alpha t^2, t the share of the most trials that are there
(Lan and DeMets 1983; the spending function of Kim and DeMets 1987 with power 2). The levels follow
from the joint distribution of a mean at t_1, t_2, ..., a Brownian motion, by recursive integration
(Armitage, McPherson and Rowe 1969). Holm's steps over group-sequential tests keep the familywise
rate (Maurer and Bretz 2013).

Beyond the datasets at hand their number does not grow with trials: looks are correlated more than
Brownian motion is, which makes the same levels conservative (shown by simulation). Stopping early
because nothing will be decided spends no error, since it is never required.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import nan, sqrt
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from albench.analysis.comparison import paired, places, power, verdicts
from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.places import Measured
from albench.analysis.comparison.signedrank import signed_rank_p
from albench.analysis.comparison.summaries import areas
from albench.core.arrays import Floats

Scope: TypeAlias = Literal["these", "beyond"]
RULE = (
    "alpha spending, alpha t^2 (Lan and DeMets 1983; Kim and DeMets 1987), Holm over comparisons "
    "(Maurer and Bretz 2013)"
)
FUTILE = 0.1
"""A look stops where no open comparison has this chance of being decided at the last one."""
DRAWS = 400
"""Continuations drawn to project the last look."""
MOST_LOOKS = 10
LEAST_TRIALS = 4
"""Trials between looks, but for suites with fewer."""


def schedule(most: int) -> tuple[int, ...]:
    """Trials at each look, the last being `most`: up to ten looks, at least four trials apart."""
    looks = max(1, min(MOST_LOOKS, most // LEAST_TRIALS))
    return tuple(dict.fromkeys(-(-most * k // looks) for k in range(1, looks + 1)))


def spent(t: float, level: float) -> float:
    """The part of a level that may be used up when the share t of the information is there."""
    return level * t * t


@lru_cache(maxsize=1024)
def levels(
    shares: tuple[float, ...],
    level: float,
    spending: Callable[[float, float], float] = spent,
) -> tuple[float, ...]:
    """Two-sided nominal level of each look: a p at or below it ends the test there.

    shares: information at each look, ascending, the last at most 1. The probability that a
    Brownian motion leaves the levels at or before look k, under the null, is spending(t_k, level).
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    nodes, weights = np.polynomial.legendre.leggauss(160)
    x, mass, before, gone = np.zeros(1), np.ones(1), 0.0, 0.0
    out = []
    for t in shares:
        step, due = sqrt(t - before), spending(t, level) - gone
        where = (x, mass, sqrt(t), step, due)
        z = float(brentq(_excess, 0.0, 38.0, args=where, xtol=1e-10))
        out.append(float(2 * ndtr(-z)))
        edge, gone = z * sqrt(t), spending(t, level)
        y = edge * nodes
        density = np.exp(-0.5 * ((y[:, None] - x) / step) ** 2) / (step * sqrt(2 * np.pi))
        x, mass, before = y, edge * weights * (density @ mass), t
    return tuple(out)


def _excess(z: float, x: Floats, mass: Floats, scale: float, step: float, due: float) -> float:
    """Probability of leaving +-z at the next look, from `mass` at x, less what may be spent."""
    from scipy.special import ndtr

    edge = z * scale
    return float(mass @ (ndtr((-edge - x) / step) + ndtr((x - edge) / step))) - due


@dataclass(frozen=True)
class Design:
    """The looks of a sequential run: trials at each, level, rope, scope; fixed beforehand."""

    trials: tuple[int, ...]
    alpha: float = 0.05
    rope: float = 0.01
    scope: Scope = "beyond"

    def level(self, look: int, tests: int) -> float:
        """Two-sided level of a look (from 0) in a family of `tests` that are still open."""
        return levels(self.shares, self.alpha / max(tests, 1))[look]

    def equal_level(self, look: int) -> float:
        """Level of each of the two one-sided tests of equality."""
        return levels(self.shares, 2 * self.alpha)[look] / 2

    @property
    def shares(self) -> tuple[float, ...]:
        """Information at each look."""
        return tuple(n / self.trials[-1] for n in self.trials)


@dataclass(frozen=True)
class Open:
    """One comparison at a look: its units, and how its datasets lie.

    gaps: (n,) differences, one per dataset (scope beyond) or per trial, averaged over datasets
    (these); datasets, errors, df: (D,) mean differences of the datasets, their squared standard
    errors (NaN: one trial) and degrees of freedom; typical: whether the posterior puts .95 in the
    rope (these: not asked); room: whether any dataset leaves something to win.
    """

    gaps: Floats
    datasets: Floats
    errors: Floats
    df: Floats
    typical: bool = True
    room: bool = True

    @property
    def measured(self) -> Measured:
        """What trials say of the datasets."""
        return Measured(paired.differences(self.datasets), self.errors, self.df)


@dataclass(frozen=True)
class Decisions:
    """What was decided, by comparison, and at how many trials; the rest is open.

    A comparison's key is whatever names it; its family is the comparisons that Holm adjusts
    together.
    """

    verdict: Mapping[Any, str] = field(default_factory=dict)
    at: Mapping[Any, int] = field(default_factory=dict)

    def with_(self, new: Mapping[Any, str], trials: int) -> "Decisions":
        """The same and more."""
        return replace(
            self,
            verdict={**self.verdict, **new},
            at={**self.at, **dict.fromkeys(new, trials)},
        )


def decide(design: Design, look: int, family: Mapping[Any, Open], before: Decisions) -> Decisions:
    """The decisions of a family after a look (from 0); those of earlier looks stay."""
    p = {key: signed_rank_p(paired.differences(one.gaps)) for key, one in family.items()}
    won = {k for k, v in before.verdict.items() if k in family and v != "equal"}
    new: dict[Any, str] = {}
    # Holm: each rejection leaves its share of alpha to those that are open
    for key in sorted(family, key=lambda k: (p[k], str(k))):
        mean = float(np.mean(family[key].gaps))
        if key in won or not np.isfinite(p[key]):
            continue
        if p[key] > design.level(look, len(family) - len(won)):
            break
        won.add(key)
        if key not in before.verdict and mean * paired.rank_biserial(family[key].gaps) > 0:
            new[key] = "worse" if mean < 0 else "better" if family[key].room else "no room"
    for key, one in family.items():
        if key not in before.verdict and key not in new and equal(design, look, one):
            new[key] = "equal"
    return before.with_(new, design.trials[look])


def equal(design: Design, look: int, one: Open) -> bool:
    """Whether a comparison is equal within the rope at the level of a look."""
    return bool(
        one.typical
        and one.room
        and inside(one.measured, design.rope)
        and two_one_sided(one.gaps, design.rope) <= design.equal_level(look)
    )


def inside(datasets: Measured, rope: float) -> bool:
    """Whether at least 80 % of the datasets lie inside the rope, see `places.placed`."""
    found = places.placed(datasets, rope).place
    return (len(found) - found.count(places.INSIDE)) * verdicts.BEYOND <= len(found)


def two_one_sided(gaps: Floats, rope: float) -> float:
    """The larger p of the two one-sided t tests that the mean lies inside the rope."""
    from scipy.special import stdtr

    n = len(gaps)
    if n < 2:
        return 1.0
    error = float(np.std(gaps, ddof=1)) / sqrt(n)
    room = rope - abs(float(np.mean(gaps)))
    if error <= 1e-15:
        return 0.0 if room >= 0 else 1.0
    return float(stdtr(n - 1, -room / error))


def chance(design: Design, look: int, one: Open, tests: int, seed: int = 0) -> float:
    """Probability that a comparison is decided at the last look, given what is there.

    By continuations drawn from the data's own means and variances, with the uncertainty of both
    means (predictive power: Spiegelhalter, Freedman and Blackburn 1986).
    """
    rng = np.random.default_rng([seed, look])
    now, last = design.trials[look], design.trials[-1]
    grown = (last - now) / last
    own = grown * np.sqrt(np.nan_to_num(one.errors) * last / (last - now))
    datasets = one.datasets + own * rng.standard_normal((DRAWS, len(one.datasets)))
    if design.scope == "beyond":
        # variants of one dataset are averaged in the units; their noise is too
        gaps = datasets if len(one.gaps) == len(one.datasets) else np.tile(one.gaps, (DRAWS, 1))
    else:
        n, more = len(one.gaps), last - now
        sd = float(np.std(one.gaps, ddof=1)) if n > 1 else 0.0
        middle = np.mean(one.gaps) + sd / sqrt(n) * rng.standard_normal((DRAWS, 1))
        fresh = middle + sd * rng.standard_normal((DRAWS, more))
        gaps = np.concatenate([np.tile(one.gaps, (DRAWS, 1)), fresh], axis=1)
    errors, df = one.errors * now / last, one.df + (last - now)
    ends = [
        _ends(design, g, Measured(d, errors, df), tests)
        for g, d in zip(gaps, datasets, strict=True)
    ]
    return float(np.mean(ends))


def _ends(design: Design, gaps: Floats, datasets: Measured, tests: int) -> bool:
    """Whether these units decide at the last look."""
    last = len(design.trials) - 1
    if rank_sum_decides(gaps, design.level(last, tests)):
        return True
    return two_one_sided(gaps, design.rope) <= design.equal_level(last) and inside(
        datasets, design.rope
    )


def rank_sum_decides(gaps: Floats, level: float) -> bool:
    """Whether the signed-rank test of differences without ties reaches a level."""
    n = len(gaps)
    out = power.out_of(n, level)
    order = np.argsort(np.abs(gaps))
    plus = int((np.arange(1, n + 1) * (gaps[order] > 0)).sum())
    total = n * (n + 1) // 2
    return out > 0 and (plus < out or plus > total - out)


def of_stack(
    stack: Stack,
    against: pd.DataFrame,
    *,
    baseline: str,
    summary: str,
    scope: Scope,
    left_out: Sequence[str] = (),
    base: Mapping[str, str] | None = None,
) -> dict[str, Open]:
    """Strategy -> its comparison with the baseline, from the blocks of the pair.

    against: rows of `control.table` of this stack (its column `rope` is the posterior).
    """
    row = {r["strategy"]: r for _, r in against.iterrows()}
    out = {}
    for strategy in (s for s in stack.everyone if s != baseline):
        blocks = [b for b in stack.beside(baseline, strategy) if b.dataset not in left_out]
        if not blocks:
            continue
        gaps = []
        for block in blocks:
            values = areas(block.only((baseline, strategy)), summary)
            gaps.append(pd.Series(values[1] - values[0], index=list(block.trials)))
        unit = [(base or {}).get(b.dataset, b.dataset) for b in blocks]
        means = pd.Series([g.mean() for g in gaps]).groupby(unit, sort=False).mean()
        error = pd.Series([g.var(ddof=1) / len(g) if len(g) > 1 else nan for g in gaps])
        count = error.groupby(unit, sort=False).transform("size")
        by_unit_error = (error / count**2).groupby(unit, sort=False)
        errors = by_unit_error.agg(lambda v: float(v.sum(skipna=False)))
        freedom = pd.Series([len(g) - 1.0 for g in gaps]).groupby(unit, sort=False).sum()
        if scope == "these":
            each = pd.concat(gaps, axis=1, join="inner")
            by_unit = each.T.groupby(unit, sort=False).mean()
            units = by_unit.mean(axis=0).to_numpy(dtype=np.float64)
        else:
            units = means.to_numpy(dtype=np.float64)
        told: Mapping[str, Any] | pd.Series[Any] = row.get(strategy, {})
        typical = scope == "these" or bool(told.get("rope", 0.0) >= verdicts.EQUAL)
        room = bool(told.get("counted", 1))
        at: Floats = np.asarray(means, dtype=np.float64)
        error_at: Floats = np.asarray(errors, dtype=np.float64)
        df: Floats = np.asarray(freedom, dtype=np.float64)
        out[strategy] = Open(units, at, error_at, df, typical, room)
    return out
