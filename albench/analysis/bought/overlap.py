"""Where a strategy looks: the boundary of the full-data model; and who picks the same rows."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.bought import CHECKPOINTS, Bought, Cut, groups
from albench.analysis.bought.space import Space
from albench.core.arrays import Ints
from albench.core.tables import KEY

MEASURES = {
    "boundary": "picks in the lowest tenth of the full-pool model's margins, over a tenth",
    "full_margin": "mean full-pool margin of the picks, over the pool's",
    "early_error": "share of picks near the boundary when asked, but not in the end",
}
UNDEFINED = {
    "boundary": "nothing was queried",
    "full_margin": "nothing was queried",
    "early_error": "nothing was queried, or margins were not traced (trace = true does)",
}
"""When a measure is NaN."""
LOWEST = 0.1


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
) -> pd.DataFrame:
    """One row per run, checkpoint and measure of `MEASURES`.

    Columns as `bias.measured`. NaN as `UNDEFINED` says.
    """
    rows: list[dict[str, Any]] = []
    for group in groups(runs, rounds, cuts):
        near: dict[str, Any] = {}
        for run in group.runs:
            model = run.key[2]
            if model not in near:
                near[model] = boundary_rows(run.cut)
            for share, number in run.checkpoints(checkpoints):
                at = run.in_hand(number)
                base = {
                    **dict(zip(KEY, run.key, strict=True)),
                    "checkpoint": share,
                    "n_labeled": len(at),
                }
                queried = at[run.round[at] > 0]
                values = focus(run, queried, *near[model])
                rows += [{**base, "measure": m, "value": v} for m, v in values.items()]
    return pd.DataFrame(rows)


def boundary_rows(cut: Cut) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which rows lie in the lowest tenth of the pool's full-pool margins, and the margins."""
    margins = cut.full_margins
    pool = np.setdiff1d(np.arange(len(margins)), cut.task.withheld)
    return margins <= np.quantile(margins[pool], LOWEST), margins / margins[pool].mean()


def focus(
    run: Bought, queried: Ints, near: NDArray[np.bool_], margins: NDArray[np.float64]
) -> dict[str, float]:
    """Measures of the queried rows (indices into what the run bought)."""
    if not len(queried):
        return dict.fromkeys(MEASURES, np.nan)
    rows, rank = run.rows[queried], run.margin_rank[queried]
    early = np.nan
    if not np.isnan(rank).any():
        early = float(np.mean((rank < LOWEST) & ~near[rows]))
    return {
        "boundary": float(near[rows].mean() / LOWEST),
        "full_margin": float(margins[rows].mean()),
        "early_error": early,
    }


def overlaps(runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut]) -> pd.DataFrame:
    """Overlap of what was queried: between strategies on one cut, and between trials.

    Columns: dataset, protocol, model, strategy, other (a strategy, or "other trials"),
    jaccard, chance (for random picks of the same sizes among the rows both could pick,
    n m / N shared), excess = jaccard - chance, pairs. The start is left out. Trials are
    compared on the dataset rows that both could query; 20 pairs of trials at most.
    """
    kept: dict[tuple[Any, ...], list[Queried]] = {}
    rows: list[dict[str, Any]] = []
    for group in groups(runs, rounds, cuts):
        task = group.task
        for run in group.runs:
            queried = run.rows[run.round > 0]
            fixed = np.union1d(task.withheld, run.rows[run.round == 0])
            open_rows = np.setdiff1d(np.arange(len(task.y)), fixed)
            kept.setdefault(run.key[:4], []).append(
                Queried(run.key[4], task.rows[queried], task.rows[open_rows])
            )
    for key, members in kept.items():
        rows += [
            {**dict(zip(KEY, key, strict=False)), "other": "other trials", **shared(a, b)}
            for a, b in list(combinations(members, 2))[:20]
        ]
        for other in kept:
            if other[:3] == key[:3] and other[3] != key[3]:
                rows += [
                    {**dict(zip(KEY, key, strict=False)), "other": other[3], **shared(a, b)}
                    for a in members
                    for b in kept[other]
                    if a.trial == b.trial
                ]
    return mean_overlap(rows)


class Queried(NamedTuple):
    """What a run queried, and could have queried, as rows of the dataset."""

    trial: int
    picked: Ints
    open: Ints


def shared(one: Queried, two: Queried) -> dict[str, float]:
    """Jaccard index of two queried sets on the rows that both could query, and chance."""
    common = np.intersect1d(one.open, two.open)
    a, b = np.intersect1d(one.picked, common), np.intersect1d(two.picked, common)
    if not len(a) or not len(b):
        return {"jaccard": np.nan, "chance": np.nan}
    both, expected = len(np.intersect1d(a, b)), len(a) * len(b) / len(common)
    return {
        "jaccard": both / (len(a) + len(b) - both),
        "chance": expected / (len(a) + len(b) - expected),
    }


def mean_overlap(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Means over the pairs of trials."""
    columns = [*KEY[:4], "other", "jaccard", "chance", "excess", "pairs"]
    if not rows:
        return pd.DataFrame(columns=columns)
    grouped = pd.DataFrame(rows).dropna().groupby([*KEY[:4], "other"], sort=False)
    out = grouped[["jaccard", "chance"]].mean()
    out["excess"], out["pairs"] = out["jaccard"] - out["chance"], grouped.size()
    return out.reset_index()[columns]


def plane(runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut]) -> pd.DataFrame:
    """Where the picks of each dataset's first trial lie in a fixed plane.

    The plane is spanned by the first two principal axes of the standardised pool. Columns:
    dataset, protocol, model, strategy, x, y, round (in which the row was bought, NaN: never).
    """
    parts: list[pd.DataFrame] = []
    first: dict[tuple[Any, ...], int] = {}
    for group in groups(runs, rounds, cuts):
        flat = Space.of(group.task).plane
        pool = Space.of(group.task).pool
        for run in group.runs:
            if first.setdefault(run.key[:4], run.key[4]) != run.key[4]:
                continue
            when = np.full(len(flat), np.nan)
            when[run.rows] = run.round
            parts.append(
                pd.DataFrame({"x": flat[pool, 0], "y": flat[pool, 1], "round": when[pool]}).assign(
                    **dict(zip(KEY, run.key[:4], strict=False))
                )
            )
    return pd.concat(parts, ignore_index=True)
