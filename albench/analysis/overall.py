"""Aggregates over the datasets of a Stack: interquartile means, profiles, improvement."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis import aggregate, paired
from albench.analysis.cells import Block, Stack
from albench.analysis.summaries import areas, normalised

Floats = NDArray[np.float64]


def aggregates(
    stack: Stack,
    baseline: str,
    *,
    summary: str = "aubc",
    base: Mapping[str, str] | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per strategy: normalised-gain IQM and probability of improvement.

    Both with 95 % intervals of a bootstrap that draws trials within datasets (iqm_low,
    iqm_high; better_low, better_high) and, for statements beyond these datasets,
    another that draws the datasets too (better_wide_low, better_wide_high), where variants
    of one `base` dataset are one unit.
    `iqm_datasets` counts the datasets with head-room, on which the IQM rests.
    """
    if not stack.blocks:
        return pd.DataFrame()
    control = stack.strategies.index(baseline)
    raw = [np.round(areas(b, summary).T, paired.DIGITS) for b in stack.blocks]
    scaled = scaled_runs(stack, baseline, summary)
    out = pd.DataFrame({"strategy": stack.strategies})
    out.insert(0, "protocol", stack.protocol)
    out.insert(1, "model", stack.model)
    nothing = np.full(len(stack.strategies), np.nan)
    iqm = aggregate.Estimate(nothing, nothing, nothing)
    if scaled:
        iqm = aggregate.iqm_interval(scaled, np.random.default_rng([seed, 1]), min(draws, 1000))
    units = [(base or {}).get(d, d) for d in stack.datasets]
    narrow, wider = (
        aggregate.improvement_interval(raw, control, np.random.default_rng([seed, 2]), draws, u)
        for u in (None, units)
    )
    out["iqm"], out["iqm_low"], out["iqm_high"] = iqm
    out["iqm_datasets"] = len(scaled)
    out["better"], out["better_low"], out["better_high"] = narrow
    _, out["better_wide_low"], out["better_wide_high"] = wider
    out["datasets"] = len(raw)
    return out


def scaled_runs(stack: Stack, baseline: str, summary: str = "aubc") -> list[Floats]:
    """(J, K) per dataset with head-room: runs scaled to baseline = 0, whole pool = 1."""
    found = [normalised(b, baseline, summary) for b in stack.blocks]
    return [x for x in found if x is not None]


def profiles(
    stack: Stack, baseline: str, *, summary: str = "aubc", draws: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Performance profile: share of runs whose scaled area exceeds each threshold.

    Columns: strategy, threshold, share, low, high, datasets. The thresholds span the
    middle 98 % of all runs.
    """
    scaled = scaled_runs(stack, baseline, summary)
    if not scaled:
        return pd.DataFrame()
    low, high = np.quantile(np.concatenate([x.ravel() for x in scaled]), [0.01, 0.99])
    grid = np.linspace(low, high, 101)
    shares = aggregate.profile(scaled, grid, np.random.default_rng([seed, 3]), draws)
    return pd.DataFrame(
        {
            "strategy": np.repeat(stack.strategies, len(grid)),
            "threshold": np.tile(grid, len(stack.strategies)),
            "share": shares.value.ravel(),
            "low": shares.low.ravel(),
            "high": shares.high.ravel(),
            "datasets": len(scaled),
        }
    )


def penalties(stack: Stack, baseline: str, alpha: float = 0.05) -> pd.DataFrame:
    """Pairwise penalty matrix in the manner of Ash et al. 2020, as a description.

    Entry (i, j): over the datasets, the share of checkpoints at which i beats j by a
    paired t test at `alpha` (two-sided, J - 1 degrees of freedom, uncorrected). The
    checkpoints lie at doubling steps after the shared start, until the baseline has
    99 % of its final score. Row "mean": average loss of each column; lower is better.
    """
    total = np.zeros((len(stack.strategies),) * 2)
    for block in stack.blocks:
        total += _beaten(block, _doubling(block, baseline), alpha)
    out = pd.DataFrame(total, index=list(stack.strategies), columns=list(stack.strategies))
    out.loc["mean"] = total.sum(axis=0) / max(len(stack.strategies) - 1, 1)
    return out


def _doubling(block: Block, baseline: str) -> Sequence[int]:
    mean = block.of(baseline).mean(axis=0)
    places, step = [], 1
    while step < len(block.grid):
        places.append(step)
        if mean[step] >= 0.99 * mean[-1]:
            break
        step *= 2
    return places


def _beaten(block: Block, places: Sequence[int], alpha: float) -> Floats:
    from scipy.special import stdtrit

    j, k = len(block.trials), len(block.strategies)
    beaten = np.zeros((k, k))
    if j < 2 or not places:
        return beaten
    limit = float(stdtrit(j - 1, 1 - alpha / 2))
    for place in places:
        scores = block.scores[:, :, place]
        d = np.round(scores[:, None, :] - scores[None, :, :], paired.DIGITS)
        error = d.std(axis=2, ddof=1) / np.sqrt(j)
        beaten += (d.mean(axis=2) > limit * error) & (error > 0)
    return beaten / len(places)
