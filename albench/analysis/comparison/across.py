"""Strategies compared across datasets.

Every function takes a wide frame of scores: one row per dataset (the unit of
inference), one column per strategy, higher = better, no holes. `analysis.comparison`
makes such frames from stored tables and composes what is here.
"""

from collections.abc import Mapping
from itertools import combinations
from math import factorial, nan, prod, sqrt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from albench.analysis import intervals
from albench.analysis.comparison import paired
from albench.analysis.comparison.paired import corrected_t
from albench.core.arrays import Floats
from albench.core.errors import BadValue, UnknownName

__all__ = [
    "PAIRS_MIN",
    "Rope",
    "against",
    "bonferroni_dunn",
    "companion",
    "corrected_t",
    "finner",
    "friedman",
    "groups",
    "holm",
    "nemenyi",
    "pairs",
    "posterior",
    "rank_intervals",
    "ranks",
    "signed_rank_rope",
    "versus",
]

PAIRS_MIN = 15
"""Below this many datasets no statement about all pairs is made."""


def _table(scores: pd.DataFrame, least: int = 1) -> pd.DataFrame:
    if scores.shape[1] < least or scores.shape[0] == 0:
        raise BadValue(
            f"the table of scores has {scores.shape[0]} datasets and {scores.shape[1]} strategies: "
            f"at least 1 and {least} are needed"
        )
    if scores.columns.has_duplicates or scores.index.has_duplicates:
        raise BadValue("the table of scores names a dataset or a strategy twice")
    table = scores.astype(float)
    holes = ~np.isfinite(table.to_numpy())
    if holes.any():
        where = [str(c) for c in table.columns[holes.any(axis=0)]]
        raise BadValue(
            f"the table of scores has {int(holes.sum())} holes (strategies {', '.join(where)}): "
            "leave out those datasets or strategies, or fill them and say so"
        )
    return table.round(paired.DIGITS)


def ranks(scores: pd.DataFrame) -> "pd.Series[float]":
    """Mean rank per strategy, best first; 1 is best, ties share the mean of their ranks."""
    return _ranked(_table(scores)).mean(axis=0).sort_values(kind="stable")


def rank_intervals(table: pd.DataFrame, seed: int, draws: int = 2000) -> pd.DataFrame:
    """Mean rank over datasets with its 95 % interval, datasets being the units.

    By bootstrap from `intervals.ENOUGH` datasets on; below, Student's, kept inside 1 to k.
    table: datasets x strategies, higher = better. Columns rank, rank_low, rank_high and
    `place`: one more than the strategies whose whole interval lies before the own; none is
    placed behind one of a worse mean rank, whose interval is the wider. Two whose intervals
    overlap may so have different places, where others lie between them. NaN intervals below
    three datasets, where all share the first place.
    """
    ranked = table.round(12).rank(axis=1, ascending=False).to_numpy()
    mean = ranked.mean(axis=0)
    low, high = np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    n, k = ranked.shape
    if 3 <= n < intervals.ENOUGH:
        # ranks are whole: the same on all datasets does not say that the next has it too, so
        # the spread is at least that of one dataset that is one rank off
        spread = np.maximum(ranked.std(axis=0, ddof=1), 1 / np.sqrt(n))
        half = intervals.t_quantile(n - 1) * spread / np.sqrt(n)
        low, high = np.clip(mean - half, 1, k), np.clip(mean + half, 1, k)
    elif len(ranked) >= 3:
        rng = np.random.default_rng([seed, 41])
        drawn = rng.multinomial(len(ranked), np.full(len(ranked), 1 / len(ranked)), size=draws)
        low, high = np.quantile(drawn @ ranked / len(ranked), [0.025, 0.975], axis=0)
    ahead = np.array([1 + int(np.sum(high < value)) for value in low])
    order = np.argsort(mean, kind="stable")
    place = np.empty_like(ahead)
    place[order] = np.minimum.accumulate(ahead[order][::-1])[::-1]
    columns = {"rank": mean, "rank_low": low, "rank_high": high, "place": place}
    found = pd.DataFrame(columns, index=table.columns)
    return found.sort_values("rank", kind="stable")


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    return table.rank(axis=1, ascending=False, method="average")


def friedman(scores: pd.DataFrame) -> "pd.Series[Any]":
    """Friedman's omnibus test with Iman and Davenport's F.

    Returns n, k, chi2 (without tie correction, as in Demsar 2006), chi2_ties (with),
    F and p from chi2, F_ties and p_ties from chi2_ties, df1, df2. NaN below three
    strategies or two datasets, or where every rank is tied. Where the datasets agree
    perfectly F is infinite and p is exact: one over the orders, per further dataset.
    """
    from scipy.special import fdtrc

    table = _table(scores)
    n, k = table.shape
    out: dict[str, float] = {"n": n, "k": k}
    out |= dict.fromkeys(("chi2", "chi2_ties", "F", "p", "F_ties", "p_ties", "df1", "df2"), nan)
    if k < 3 or n < 2:
        return pd.Series(out)
    ranked = _ranked(table)
    mean = ranked.mean(axis=0).to_numpy()
    chi2 = 12 * n / (k * (k + 1)) * float((mean**2).sum() - k * (k + 1) ** 2 / 4)
    sizes = [np.unique(row, return_counts=True)[1] for row in ranked.to_numpy()]
    ties = float(sum((s**3 - s).sum() for s in sizes))
    share = 1 - ties / (n * (k**3 - k))
    df1, df2 = k - 1, (k - 1) * (n - 1)
    out |= {"df1": df1, "df2": df2}
    if share <= 1e-12:
        return pd.Series(out)
    for tail, value in (("", chi2), ("_ties", chi2 / share)):
        left = n * df1 - value
        f = (n - 1) * value / left if left > 1e-9 else np.inf
        exact = (prod(factorial(int(s)) for s in sizes[0]) / factorial(k)) ** (n - 1)
        p = float(fdtrc(df1, df2, f)) if f < np.inf else exact
        out |= {f"chi2{tail}": value, f"F{tail}": f, f"p{tail}": p}
    return pd.Series(out)


def holm(p: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values; NaN stays NaN and counts as no test."""
    return _adjusted(p, "holm")


def finner(p: ArrayLike) -> Floats:
    """Finner's step-down adjusted p-values: needs independence or positive dependence."""
    return _adjusted(p, "finner")


def _adjusted(p: ArrayLike, rule: str) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    out = np.full(values.shape, nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    m = len(order)
    step = np.arange(m)
    raw = values[order]
    adjusted = raw * (m - step) if rule == "holm" else 1 - (1 - raw) ** (m / (step + 1))
    out[order] = np.minimum(np.maximum.accumulate(adjusted), 1.0) if m else adjusted
    return out


def against(
    scores: pd.DataFrame,
    baseline: str,
    *,
    alpha: float = 0.05,
    seed: int = 0,
) -> pd.DataFrame:
    """Each strategy against the baseline on the same datasets, one row per strategy (the index).

    Columns: those of `versus`, and friedman_z, friedman_p, friedman_holm_p (Demsar's companion,
    see `companion`) before the note.
    """
    table = _table(scores, least=2)
    if baseline not in table.columns:
        known = ", ".join(map(str, table.columns))
        raise UnknownName(f"baseline {baseline!r} is not among the strategies: {known}")
    others = [c for c in table.columns if c != baseline]
    out = versus({c: (table[c] - table[baseline]).to_numpy() for c in others}, alpha, seed)
    beside = companion(table, baseline)
    for column in beside.columns:
        out.insert(len(out.columns) - 1, column, beside[column])
    if out["holm_p"].isna().all():  # below the guard rail of the family
        out["friedman_holm_p"] = nan
    if out["wilcoxon_p"].isna().all():
        out["friedman_p"] = nan
    out.index = pd.Index(others, name="strategy")
    return out


def companion(scores: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Demsar's comparison of mean ranks with a control: friedman_z, friedman_p, friedman_holm_p."""
    table = _table(scores, least=2)
    others = [c for c in table.columns if c != baseline]
    n, k = table.shape
    mean = _ranked(table).mean(axis=0)
    z = (mean[baseline] - mean[others]).to_numpy() / sqrt(k * (k + 1) / (6 * n))
    p = _normal_p(z)
    columns = {"friedman_z": z, "friedman_p": p, "friedman_holm_p": holm(p)}
    return pd.DataFrame(columns, index=pd.Index(others))


def pairs(scores: pd.DataFrame, *, alpha: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """All pairs, one row for each (columns a, b: a minus b), with Holm over all of them.

    Columns as in `versus`. Below 15 datasets holm_p is NaN: no all-pairs statement.
    """
    table = _table(scores, least=2)
    names = list(combinations(table.columns, 2))
    gaps = {(a, b): (table[a] - table[b]).to_numpy() for a, b in names}
    out = versus(gaps, alpha, seed).reset_index(drop=True)
    if len(table) < PAIRS_MIN:
        out[["holm_p", "finner_p"]] = nan
        out["note"] = f"no all-pairs statement below {PAIRS_MIN} datasets (here {len(table)})"
    out.insert(0, "a", [a for a, _ in names])
    out.insert(1, "b", [b for _, b in names])
    return out


def versus(gaps: Mapping[Any, ArrayLike], alpha: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """One row of paired statistics per name (the index), with Holm over all that can be tested.

    gaps: name -> differences, one per dataset; their numbers may differ. Columns: n;
    mean_difference with its 95 % t interval low, high; pseudo_median (Hodges-Lehmann) with its
    exact 95 % interval median_low, median_high; wins, ties, losses; wilcoxon_p, holm_p, finner_p
    (two-sided exact signed-rank, raw and adjusted over the family); rank_biserial; sign_flip_p
    (permutation cross-check of the mean); mde (smallest difference found with 80 % power at the
    family's first Holm step, NaN where none can be); note.

    A row whose n is too small for a single test at alpha is no test of the family: that is
    decided by n alone, before any result. Where no row can reach alpha at Holm's first step no
    adjusted p is given. The note says so.
    """
    values = {name: paired.differences(d) for name, d in gaps.items()}
    one = paired.smallest_n(1, alpha)
    m = sum(len(d) >= one for d in values.values())
    rows = []
    for place, d in enumerate(values.values()):
        wins, ties, losses = paired.win_tie_loss(d)
        low, high = paired.t_interval(d)
        middle, middle_low, middle_high = paired.hodges_lehmann(d)
        test = len(d) >= one
        rng = np.random.default_rng([seed, place])
        rows.append(
            {
                "n": len(d),
                "mean_difference": float(np.mean(d)) if len(d) else nan,
                "low": low,
                "high": high,
                "pseudo_median": middle,
                "median_low": middle_low,
                "median_high": middle_high,
                "wins": wins,
                "ties": ties,
                "losses": losses,
                "wilcoxon_p": paired.wilcoxon_p(d) if test else nan,
                "rank_biserial": paired.rank_biserial(d),
                "sign_flip_p": paired.sign_flip_p(d, rng) if test else nan,
                "mde": paired.detectable(d, alpha, tests=max(m, 1)),
            }
        )
    out = pd.DataFrame(rows, index=pd.Index(list(values), tupleize_cols=False))
    place = list(out.columns).index("wilcoxon_p") + 1
    out.insert(place, "holm_p", holm(out["wilcoxon_p"]))
    out.insert(place + 1, "finner_p", finner(out["wilcoxon_p"]))
    needed = paired.smallest_n(m or len(out), alpha)
    reached = bool((out["n"] >= needed).any())
    if not reached:
        out[["holm_p", "finner_p"]] = nan
    out["note"] = [
        "" if n >= one and reached else cannot(n, alpha, 1 if reached else m or len(out))
        for n in out["n"]
    ]
    return out


def cannot(n: int, alpha: float, tests: int) -> str:
    """Why n datasets reach no verdict in a family of tests."""
    need = f"{tests} tests need" if tests > 1 else "one test needs"
    with_n = f"{n} dataset{'' if n == 1 else 's'}"
    return f"cannot reach {alpha:g} with {with_n} ({need} {paired.smallest_n(tests, alpha)})"


def _normal_p(z: Floats) -> Floats:
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(z)), dtype=np.float64)


def nemenyi(scores: pd.DataFrame, alpha: float = 0.05) -> float:
    """Critical distance of mean ranks (Nemenyi; Demsar 2006), for the classical diagram only.

    q of the studentised range with infinite degrees of freedom over sqrt(2), times
    sqrt(k (k + 1) / (6 n)).
    """
    from scipy.stats import studentized_range

    n, k = _table(scores, least=2).shape
    q = float(studentized_range.isf(alpha, k, np.inf)) / sqrt(2)
    return q * sqrt(k * (k + 1) / (6 * n))


def bonferroni_dunn(scores: pd.DataFrame, alpha: float = 0.05) -> float:
    """Critical distance of mean ranks to a control (Dunn 1961; Demsar 2006)."""
    from scipy.special import ndtri

    n, k = _table(scores, least=2).shape
    return float(ndtri(1 - alpha / (2 * (k - 1)))) * sqrt(k * (k + 1) / (6 * n))


def groups(mean_ranks: "pd.Series[float]", distance: float) -> list[list[str]]:
    """Maximal sets of strategies whose mean ranks lie within `distance`, for the bars."""
    order = mean_ranks.sort_values(kind="stable")
    values, out, reach = order.to_numpy(), [], -1
    for start in range(len(values)):
        stop = int(np.searchsorted(values, values[start] + distance + 1e-12, side="right")) - 1
        if stop > max(start, reach):
            out.append(list(order.index[start : stop + 1]))
            reach = stop
    return out


class Rope(NamedTuple):
    """Posterior probabilities that a is better, practically equal, worse."""

    better: float
    rope: float
    worse: float


def signed_rank_rope(
    scores: pd.DataFrame, a: str, b: str, rope: float = 0.01, seed: int = 0
) -> Rope:
    """Bayesian signed-rank test with a region of practical equivalence.

    Benavoli et al. 2014, 2017: probabilities that over datasets a is better than b by
    more than `rope`, that they differ by less, that b is better by more. Dirichlet
    weights on the differences and a zero of weight 1/2, 50,000 samples; the numbers are
    those of baycomp.two_on_multiple with random_state=seed, many times faster.
    """
    table = _table(scores, least=2)
    for name in (a, b):
        if name not in table.columns:
            known = ", ".join(map(str, table.columns))
            raise UnknownName(f"{name!r} is not among the strategies: {known}")
    return posterior(table[a] - table[b], rope, seed)


def posterior(gaps: ArrayLike, rope: float = 0.01, seed: int = 0) -> Rope:
    """The same of paired differences, one per dataset."""
    if rope <= 0:
        raise BadValue(f"the rope must be positive, got {rope}")
    values = -np.asarray(gaps, dtype=np.float64)
    d = np.concatenate([[0.0], values])
    prior = np.concatenate([[0.5], np.ones(len(values))])
    # The generator of baycomp, so that seeds mean the same.
    weights = np.random.RandomState(seed).dirichlet(prior, 50_000)
    sums = d[:, None] + d[None, :]
    better, worse = (((weights @ _step(s * sums, 2 * rope)) * weights).sum(axis=1) for s in (-1, 1))
    winner = np.argmax([better, 1 - better - worse, worse], axis=0)
    return Rope(*(float(share) for share in np.bincount(winner, minlength=3) / len(winner)))


def _step(x: Floats, threshold: float) -> Floats:
    """1 above the threshold, a half on it, 0 below."""
    return np.asarray((x > threshold) + 0.5 * (x == threshold), dtype=np.float64)
