"""Aggregates over trials and datasets in the manner of Agarwal et al. 2021 (rliable).

Input is one array per dataset, (J, K): J trials of K strategies, paired by row. The
bootstrap draws trials within each dataset, the same rows for every strategy, and where
asked the datasets too, for statements beyond those at hand. Below 20 units (trials of a dataset,
or datasets) a percentile bootstrap is too narrow: there Student's t with the jackknife's standard
error serves instead, see `intervals`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from albench.analysis import intervals
from albench.analysis.comparison import paired
from albench.analysis.comparison.cells import Block, Stack
from albench.analysis.comparison.summaries import areas, normalised
from albench.core.arrays import Floats
from albench.core.errors import BadValue

LEAST_UNITS = 4
"""Below so many datasets no interval beyond them is given: it would span nearly everything."""


class Estimate(NamedTuple):
    """A value per strategy (or per strategy and threshold) with its 95 % interval."""

    value: Floats
    low: Floats
    high: Floats


def iqm(values: ArrayLike) -> float:
    """Interquartile mean: the mean of the middle half; NaN if there is nothing."""
    from scipy.stats import trim_mean

    x = np.asarray(values, dtype=np.float64).ravel()
    return float(trim_mean(x, 0.25)) if len(x) else float("nan")


def improvement(ours: ArrayLike, theirs: ArrayLike) -> float:
    """P(a run of ours beats a run of theirs) on one dataset, a draw counting half."""
    a = np.asarray(ours, dtype=np.float64).ravel()[:, None]
    b = np.asarray(theirs, dtype=np.float64).ravel()[None, :]
    return float(np.mean((a > b) + 0.5 * (a == b)))


def iqm_interval(
    scores: Sequence[ArrayLike],
    rng: np.random.Generator,
    draws: int = 2000,
    datasets: bool = False,
) -> Estimate:
    """IQM over all runs of all datasets, per strategy: arrays of shape (K,).

    datasets: the units are datasets, not the trials of each.
    """
    blocks = _blocks(scores)

    def value(parts: list[Floats]) -> Floats:
        return _column_iqm(np.concatenate(parts, axis=0))

    if datasets and len(blocks) < intervals.ENOUGH:
        return _by_datasets(blocks, value)
    if not datasets and _few(blocks):
        return _jackknifed(blocks, value)
    # Draws differ from each other by rows only, so they are stacked and sorted at once.
    return _interval(value(blocks), [value(p) for p in _resamples(blocks, rng, draws, datasets)])


def _column_iqm(x: Floats) -> Floats:
    cut = int(0.25 * len(x))
    middle = np.partition(x, (cut, len(x) - cut - 1), axis=0)[cut : len(x) - cut]
    return np.asarray(middle.mean(axis=0), dtype=np.float64)


def profile(
    scores: Sequence[ArrayLike],
    thresholds: ArrayLike,
    rng: np.random.Generator,
    draws: int = 1000,
) -> Estimate:
    """Share of runs above each threshold, datasets weighing alike: arrays (K, thresholds)."""
    grid = np.asarray(thresholds, dtype=np.float64)
    above = [
        (block[:, :, None] > grid).reshape(len(block), -1).astype(np.float64)
        for block in _blocks(scores)
    ]
    values = np.array([b.mean(axis=0) for b in above])
    if _few(above):
        flat = _shares(
            values, [(b.std(axis=0) / np.sqrt(max(len(b) - 1, 1))) for b in above], above
        )
    else:
        samples = np.array([_counts(len(b), rng, draws) @ b / len(b) for b in above])
        flat = _interval(values.mean(axis=0), samples.mean(axis=0))
    return Estimate(*(part.reshape(-1, len(grid)) for part in flat))


def improvement_interval(
    scores: Sequence[ArrayLike],
    control: int,
    rng: np.random.Generator,
    draws: int = 2000,
    units: Sequence[str] | None = None,
) -> Estimate:
    """P(improvement) over column `control`, the mean over datasets: arrays of shape (K,).

    Both strategies are resampled by the same rows, unlike in rliable. units: the units are the
    datasets, those of one name (variants of a base dataset) as one; then the interval is
    Student's of their values on the logit scale, NaN below `LEAST_UNITS` and without spread.
    """
    blocks = _blocks(scores)
    values = np.array([_wins(block, control) for block in blocks])
    if units is not None:
        return _of_units(values, units)
    if _few(blocks):
        errors = [
            intervals.jackknife([block], lambda parts: _wins(parts[0], control))[0]
            for block in blocks
        ]
        return _shares(values, errors, blocks)
    samples = []
    for block in blocks:
        weight = _counts(len(block), rng, draws)
        sample = np.empty((draws, block.shape[1]))
        for k in range(block.shape[1]):
            ahead = _ahead(block, k, control)
            sample[:, k] = np.einsum("bi,bi->b", weight @ ahead, weight) / len(block) ** 2
        samples.append(sample)
    return _interval(values.mean(axis=0), np.mean(samples, axis=0))


def _ahead(block: Floats, column: int, control: int) -> Floats:
    """(J, J): whether each run of a column beats each of the control's, a draw a half."""
    ours, theirs = block[:, column, None], block[None, :, control]
    return np.asarray((ours > theirs) + 0.5 * (ours == theirs), dtype=np.float64)


def _wins(block: Floats, control: int) -> Floats:
    """(K,) P(improvement) of each column over the control's."""
    return np.array([_ahead(block, k, control).mean() for k in range(block.shape[1])])


def _few(blocks: Sequence[Floats]) -> bool:
    """Whether any dataset has too few trials for a percentile bootstrap."""
    return min(map(len, blocks)) < intervals.ENOUGH


def _jackknifed(blocks: list[Floats], value: Callable[[list[Floats]], Floats]) -> Estimate:
    """Student's interval with the jackknife's error, trials left out within datasets."""
    middle = value(blocks)
    return Estimate(middle, *intervals.around(middle, *intervals.jackknife(blocks, value)))


def _by_datasets(blocks: list[Floats], value: Callable[[list[Floats]], Floats]) -> Estimate:
    """Student's interval with the jackknife's error, whole datasets left out."""
    middle, n = value(blocks), len(blocks)
    if n < LEAST_UNITS:
        return Estimate(middle, np.full(middle.shape, np.nan), np.full(middle.shape, np.nan))
    left = np.array([value([b for j, b in enumerate(blocks) if j != i]) for i in range(n)])
    error = np.sqrt((n - 1) * left.var(axis=0))
    return Estimate(middle, *intervals.around(middle, error, np.full(middle.shape, n - 1.0)))


def _shares(values: Floats, errors: Sequence[Floats], blocks: Sequence[Floats]) -> Estimate:
    """The mean over datasets of shares (D, K) with their standard errors, on the logit scale."""
    variance = np.array([e**2 for e in errors]) / len(values) ** 2
    freedom = np.array([max(len(b) - 1, 1) for b in blocks])[:, None]
    total = variance.sum(axis=0)
    df = intervals.degrees(total, (variance**2 / freedom).sum(axis=0))
    middle = values.mean(axis=0)
    return Estimate(middle, *intervals.share(middle, np.sqrt(total), df))


def _of_units(values: Floats, units: Sequence[str]) -> Estimate:
    """The mean over units of their datasets' values (D, K), the units being what is sampled."""
    member = np.array([[u == unit for u in units] for unit in dict.fromkeys(units)], dtype=float)
    each = member / member.sum(axis=1, keepdims=True) @ values
    n, middle = len(each), each.mean(axis=0)
    if n < LEAST_UNITS:
        return Estimate(middle, np.full(middle.shape, np.nan), np.full(middle.shape, np.nan))
    error = each.std(axis=0, ddof=1) / np.sqrt(n)
    return Estimate(middle, *intervals.share(middle, error, np.full(middle.shape, n - 1.0)))


def _blocks(scores: Sequence[ArrayLike]) -> list[Floats]:
    blocks = [np.asarray(block, dtype=np.float64) for block in scores]
    if not blocks or any(b.ndim != 2 or len(b) == 0 for b in blocks):
        raise BadValue("aggregates need at least one dataset of shape (trials, strategies)")
    if len({b.shape[1] for b in blocks}) > 1:
        raise BadValue("every dataset must have the same strategies")
    if any(not np.all(np.isfinite(b)) for b in blocks):
        raise BadValue("aggregates need finite scores: settle missing runs first")
    return blocks


def _counts(size: int, rng: np.random.Generator, draws: int) -> Floats:
    """How often each trial occurs in each bootstrap sample: (draws, size)."""
    return rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64)


def _resamples(
    blocks: list[Floats], rng: np.random.Generator, draws: int, datasets: bool
) -> Iterator[list[Floats]]:
    for _ in range(draws):
        places = rng.integers(len(blocks), size=len(blocks)) if datasets else range(len(blocks))
        chosen = [blocks[int(d)] for d in places]
        yield [b[rng.integers(len(b), size=len(b))] for b in chosen]


def _interval(value: Floats, samples: ArrayLike) -> Estimate:
    low, high = np.quantile(np.asarray(samples, dtype=np.float64), [0.025, 0.975], axis=0)
    return Estimate(value, low, high)


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

    Both with 95 % intervals over the trials within datasets (iqm_low, iqm_high; better_low,
    better_high) and, for statements beyond these datasets, one over datasets (better_wide_low,
    better_wide_high; NaN below four), where variants of one `base` dataset are one unit.
    `iqm_datasets` counts the datasets with head-room, on which the IQM rests.
    """
    if not stack.blocks:
        return pd.DataFrame()

    def of(part: Stack) -> pd.DataFrame:
        return _aggregates(part, baseline, summary=summary, base=base, draws=draws, seed=seed)

    out = of(stack)
    for strategy in (s for s in stack.everyone if s != baseline):
        pair = stack.pair(baseline, strategy)
        if strategy not in stack.strategies or not same_runs(stack, pair):
            own = of(pair)
            parts = [out[out["strategy"] != strategy], own[own["strategy"] == strategy]]
            out = pd.concat(parts, ignore_index=True)
    return out


def same_runs(stack: Stack, pair: Stack) -> bool:
    """Whether a pair rests on the very runs of the joint blocks, so that they serve for it."""
    return len(stack.blocks) == len(pair.blocks) and all(
        one.dataset == two.dataset
        and one.trials == two.trials
        and one.imputed & frozenset(two.strategies) == two.imputed
        and np.array_equal(one.grid, two.grid)
        for one, two in zip(stack.blocks, pair.blocks, strict=True)
    )


def _aggregates(
    stack: Stack,
    baseline: str,
    *,
    summary: str,
    base: Mapping[str, str] | None,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """The aggregates of the joint blocks of a stack."""
    control = stack.strategies.index(baseline)
    raw = [np.round(areas(b, summary).T, paired.DIGITS) for b in stack.blocks]
    scaled = scaled_runs(stack, baseline, summary)
    out = pd.DataFrame({"strategy": stack.strategies})
    out.insert(0, "protocol", stack.protocol)
    out.insert(1, "model", stack.model)
    nothing = np.full(len(stack.strategies), np.nan)
    iqm = Estimate(nothing, nothing, nothing)
    if scaled:
        iqm = iqm_interval(scaled, np.random.default_rng([seed, 1]), min(draws, 1000))
    units = [(base or {}).get(d, d) for d in stack.datasets]
    narrow, wider = (
        improvement_interval(raw, control, np.random.default_rng([seed, 2]), draws, u)
        for u in (None, units)
    )
    out["iqm"], out["iqm_low"], out["iqm_high"] = iqm
    # the baseline's own gain is 0 in every trial by definition, which is no estimate
    own = out["strategy"] == baseline
    out.loc[own, ["iqm_low", "iqm_high"]] = out.loc[own, "iqm"].iloc[0]
    out["iqm_datasets"] = len(scaled)
    out["better"], out["better_low"], out["better_high"] = narrow
    _, out["better_wide_low"], out["better_wide_high"] = wider
    out["datasets"] = len(raw)
    return out


def scaled_runs(stack: Stack, baseline: str, summary: str = "aubc") -> list[Floats]:
    """(J, K) per dataset with head-room: gains over the same trial's baseline, see `normalised`."""
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
    shares = profile(scaled, grid, np.random.default_rng([seed, 3]), draws)
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
