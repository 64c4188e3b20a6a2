"""The frames behind the figures of one protocol and model.

Each function takes a comparison and the place of a protocol and model in it, and returns a frame,
empty where these results have nothing to draw. `albench.plots.figures.FIGURES` says which figure
is drawn from which.
"""

from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import Comparison, across
from albench.analysis.comparison.aggregate import profiles
from albench.analysis.comparison.cells import Stack, averaged, stacks
from albench.analysis.comparison.summaries import head_room, normalised, wide
from albench.analysis.comparison.targets import survival_curves
from albench.analysis.comparison.within import gain_bands, mean_curves, overall_gain


def learning_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Mean learning curves with their intervals, bounds included."""
    stack = comparison.stacks[place]
    lower = comparison.options.lower
    base = comparison.options.baseline
    # a strategy with too few runs for the joint blocks is drawn by those it has
    partial = [stack.pair(base, s) for s in stack.everyone if s not in stack.strategies]
    curves = [mean_curves(s, lower) for s in (stack, *partial, *_bounds(comparison, stack))]
    return pd.concat(curves, ignore_index=True).drop_duplicates(["dataset", "strategy", "n"])


def gain_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Paired differences to the baseline by dataset, with their bands."""
    options = comparison.options
    return gain_bands(comparison.stacks[place], options.baseline, seed=options.seed)


def overall_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Paired differences to the baseline over all datasets."""
    options = comparison.options
    stack = comparison.stacks[place]
    return overall_gain(stack, options.baseline, base=options.base, seed=options.seed)


def survival_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Share of the runs that have not reached the target."""
    options = comparison.options
    stack = comparison.stacks[place]
    return survival_curves(stack, options.baseline, options.target, options.lower)


def pairs_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """All pairs of strategies."""
    return _of(comparison.tables["pairs"], comparison.stacks[place])


def ranks_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Mean ranks with their intervals; `bars`: numbers of a strategy's bars, and `distance`.

    Of the datasets that count, as in the table of ranks.
    """
    return _ranks(comparison.stacks[place], comparison)


def heat_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Normalised gain of each strategy on each dataset."""
    stack = comparison.stacks[place]
    return _heat(stack, _of(comparison.tables["within"], stack), comparison)


def profile_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Share of runs above each normalised gain."""
    options, stack = comparison.options, comparison.stacks[place]
    return profiles(stack, options.baseline, summary=options.summary, seed=options.seed)


def improvement_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Probability that a run beats one of the baseline."""
    mine = _of(comparison.tables["aggregates"], comparison.stacks[place])
    return mine[mine["strategy"] != comparison.options.baseline]


def posterior_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Posterior of the signed-rank test, where the datasets are enough for one."""
    return _of(comparison.tables["against"], comparison.stacks[place]).dropna(subset=["rope"])


def runtime_panel(comparison: Comparison, place: int = 0) -> pd.DataFrame:
    """Seconds a query against quality, only where the runs tell `seconds`."""
    stack = comparison.stacks[place]
    return _runtime(_of(comparison.tables["aggregates"], stack), comparison.frame, stack)


def _of(frame: pd.DataFrame, stack: Stack) -> pd.DataFrame:
    return frame[(frame["protocol"] == stack.protocol) & (frame["model"] == stack.model)]


def _bounds(comparison: Comparison, stack: Stack) -> list[Stack]:
    """Bounds have stacks of their own, so that they cost the others no trial."""
    options, frame = comparison.options, _of(comparison.frame, stack)
    found = []
    for name in options.unranked:
        part = frame[frame["strategy"].isin([name, options.baseline])]
        if name in part["strategy"].unique():
            found += stacks(part, options.baseline, axis=options.axis)
    return found


def _ranks(stack: Stack, comparison: Comparison) -> pd.DataFrame:
    options = comparison.options
    each = wide(stack, options.summary)
    left_out = comparison.design[comparison.stacks.index(stack)]["left_out"]
    table = averaged(each.loc[[d for d in each.index if d not in left_out]], options.base)
    found = across.rank_intervals(table, options.seed)
    # the distance speaks of all pairs, and those are not told apart below their least n
    told = len(table) >= across.PAIRS_MIN
    distance = across.nemenyi(table, options.alpha) if told else np.nan
    bars = across.groups(found["rank"], distance) if told else []
    member = [[str(i) for i, bar in enumerate(bars) if s in bar] for s in found.index]
    out = found[["rank", "rank_low", "rank_high"]].rename_axis("strategy").reset_index()
    return out.assign(bars=[",".join(m) for m in member], distance=distance)


def _heat(stack: Stack, within: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    options = comparison.options
    found = zip(within["dataset"], within["strategy"], within["holm_p"], strict=True)
    sure = {(d, s): bool(p <= options.alpha) for d, s, p in found}
    # sorted by the head-room of the dataset, which pairs with gaps see a little differently
    rows: list[dict[str, Any]] = []
    base, summary = options.baseline, options.summary
    for strategy in (s for s in stack.everyone if s != base):
        for block in stack.beside(base, strategy):
            scaled = normalised(block, base, summary)
            place = block.strategies.index(strategy)
            rows.append(
                {
                    "dataset": block.dataset,
                    "strategy": strategy,
                    "normalised_gain": np.nan if scaled is None else float(scaled[:, place].mean()),
                    "sure": sure.get((block.dataset, strategy), False),
                    "head_room": head_room(block, base, summary),
                }
            )
    out = pd.DataFrame(rows)
    out["head_room"] = out.groupby("dataset")["head_room"].transform("max")
    return out.sort_values("head_room", ascending=False, kind="stable").reset_index(drop=True)


def _runtime(aggregates: pd.DataFrame, frame: pd.DataFrame, stack: Stack) -> pd.DataFrame:
    mine = _of(frame, stack)
    if "seconds" not in mine.columns or not mine["seconds"].gt(0).any():
        return pd.DataFrame()
    seconds = mine.groupby("strategy", observed=True)["seconds"].mean()
    out = aggregates[["strategy", "iqm", "iqm_low", "iqm_high"]].set_axis(
        ["strategy", "quality", "low", "high"], axis=1
    )
    out = out.assign(seconds=out["strategy"].map(seconds)).dropna()
    return out[out["seconds"] > 0]
