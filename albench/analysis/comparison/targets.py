"""How many labels a target quality takes, when some runs never reach it.

A run that does not reach the target within its budget is right-censored there: it is
neither dropped nor counted as if it had arrived.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from albench.analysis import intervals
from albench.analysis.comparison.cells import Block, Stack
from albench.analysis.question import TARGETS, Target
from albench.core.arrays import Floats
from albench.core.errors import BadValue


def labels_to(n: ArrayLike, score: ArrayLike, target: ArrayLike, hold: int = 2) -> Any:
    """Labels at which `score` first reaches `target` and holds it.

    n: (T,), score: (..., T), target: a number or (...). The target must be met at
    `hold` checkpoints in a row; between the checkpoint before and the first of them
    the crossing is interpolated linearly. inf where that never happens: the run is
    right-censored at n[-1]. A curve that only touches the target at its last
    checkpoint has not held it for two.
    """
    x, y = np.asarray(n, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0 or y.shape[-1:] != x.shape or np.any(np.diff(x) <= 0):
        raise BadValue("labels_to needs increasing checkpoints and one score for each")
    if hold < 1:
        raise BadValue(f"hold must be at least 1 checkpoint, got {hold}")
    goal = np.broadcast_to(np.asarray(target, dtype=np.float64), y.shape[:-1])
    # 1e-12: a mean of the very same scores may differ from them in the last bit.
    over = np.asarray(y >= goal[..., None] - 1e-12)
    arrived: NDArray[np.bool_] = np.zeros((*over.shape[:-1], 1), dtype=bool)
    if len(x) >= hold:
        windows = np.lib.stride_tricks.sliding_window_view(over, hold, axis=-1)
        arrived = np.asarray(windows.all(axis=-1))
    first = np.argmax(arrived, axis=-1)
    labels = _crossing(x, y, goal, first)
    out = np.where(arrived.any(axis=-1), labels, inf)
    return float(out) if out.ndim == 0 else out


def _crossing(x: Floats, y: Floats, goal: Floats, first: NDArray[np.intp]) -> Floats:
    before = np.maximum(first - 1, 0)
    low = np.take_along_axis(y, before[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(y, first[..., None], axis=-1)[..., 0]
    rise = high - low
    share = np.divide(goal - low, rise, out=np.ones_like(rise), where=rise > 0)
    share = np.where(first == 0, 1.0, np.clip(share, 0.0, 1.0))
    return np.asarray(x[before] + share * (x[first] - x[before]), dtype=np.float64)


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier estimate of the share of runs that have not yet reached a target.

    labels: (m,) the distinct label counts at which runs arrived, ascending;
    surviving, low, high: (m,) the share still under way from there on and its
    pointwise 95 % band; median: labels at which at most half are under way (inf:
    never within the budget); restricted_mean: mean labels spent, up to `budget`;
    reached of trials runs arrived.
    """

    labels: Floats
    surviving: Floats
    low: Floats
    high: Floats
    median: float
    restricted_mean: float
    reached: int
    trials: int
    budget: float


def kaplan_meier(
    labels: ArrayLike, reached: ArrayLike | None = None, budget: float | None = None
) -> Survival:
    """Kaplan-Meier over runs.

    labels: (J,) where each run arrived, or where it was cut off; reached: (J,) bool,
    default: finite labels; budget: upper end of the restricted mean, default the
    largest finite entry of `labels`. Raises BadValue when nothing says where the
    unfinished runs were cut off.
    """
    times = np.asarray(labels, dtype=np.float64).ravel()
    event = np.isfinite(times) if reached is None else np.asarray(reached, dtype=bool).ravel()
    if len(times) == 0 or event.shape != times.shape or np.isnan(times).any():
        raise BadValue("kaplan_meier needs at least one run, and one `reached` per run")
    if budget is None:
        if not np.isfinite(times).any():
            raise BadValue("no run reached the target: say at which budget they were cut off")
        budget = float(times[np.isfinite(times)].max())
    event = event & (times <= budget)
    times = np.minimum(times, budget)
    steps = np.unique(times[event])
    at_risk = (times[None, :] >= steps[:, None]).sum(axis=1)
    arrived = ((times[None, :] == steps[:, None]) & event[None, :]).sum(axis=1)
    surviving = np.cumprod(1 - arrived / at_risk)
    low, high = _greenwood(surviving, at_risk, arrived)
    half = np.flatnonzero(surviving <= 0.5 + 1e-12)
    widths = np.diff(np.concatenate([[0.0], steps, [budget]]))
    return Survival(
        labels=steps,
        surviving=surviving,
        low=low,
        high=high,
        median=float(steps[half[0]]) if len(half) else inf,
        restricted_mean=float(widths @ np.concatenate([[1.0], surviving])),
        reached=int(event.sum()),
        trials=len(times),
        budget=float(budget),
    )


def _greenwood(
    surviving: Floats, at_risk: NDArray[np.intp], arrived: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """95 % band on the log(-log) scale, which stays inside [0, 1]."""
    left = at_risk - arrived
    terms = np.divide(
        arrived, at_risk * left, out=np.full(len(left), nan), where=(left > 0) & (at_risk > 0)
    )
    low, high = np.full(len(left), nan), np.full(len(left), nan)
    inside = (surviving > 0) & (surviving < 1)
    log_s = np.log(surviving[inside])
    half = 1.959963984540054 * np.sqrt(np.cumsum(terms)[inside]) / np.abs(log_s)
    low[inside] = np.exp(log_s * np.exp(half))
    high[inside] = np.exp(log_s * np.exp(-half))
    return low, high


def wilson(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of k successes in n (both NaN for n = 0)."""
    from scipy.special import ndtri

    if n == 0:
        return nan, nan
    z, share = float(ndtri(0.5 + level / 2)), k / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the formula is exact in theory; rounding must not leave [0, 1].
    return (0.0 if k == 0 else centre - half), (1.0 if k == n else centre + half)


@dataclass(frozen=True)
class Bounded:
    """A number, or a bound on it: sign is "=", "<=", ">", or "" where nothing is known."""

    value: float
    sign: str

    def __str__(self) -> str:
        if not self.sign:
            return "undefined"
        return f"{'' if self.sign == '=' else self.sign + ' '}{self.value:.2f}"


def utilisation(ours: float, theirs: float, budget: float) -> Bounded:
    """Data-utilisation ratio: our labels over random's (Melville and Mooney 2004).

    inf stands for "not within the budget": then the ratio is only bounded, above when
    random did not arrive, below when we did not, and unknown when neither did.
    """
    if np.isnan(ours) or np.isnan(theirs) or theirs == 0 or (ours == inf and theirs == inf):
        return Bounded(nan, "")
    if theirs == inf:
        return Bounded(ours / budget, "<=")
    if ours == inf:
        return Bounded(budget / theirs, ">")
    return Bounded(ours / theirs, "=")


def saving(ours: float, theirs: float, budget: float) -> Bounded:
    """Share of random's labels that is saved: 1 - utilisation, with its bound turned round."""
    ratio = utilisation(ours, theirs, budget)
    sign = {"=": "=", "<=": ">=", ">": "<", "": ""}[ratio.sign]
    return Bounded(1 - ratio.value, sign)


def target_value(block: Block, target: Target, baseline: str, lower: bool = False) -> float:
    """The score that `target` means on this dataset; one for all trials and strategies.

    "random": the baseline's mean over its last three checkpoints; "gap:SHARE": its
    start plus that share of the way to the whole pool's score; a number: that score
    (of a metric where lower is better: `lower`). NaN where there is no whole-pool run.
    """
    if isinstance(target, str):
        kind, _, share = target.partition(":")
        if kind == "random" and not share:
            return float(block.of(baseline)[:, -3:].mean())
        if kind == "gap" and 0 < _number(share, target) < 1:
            full = block.full[np.isfinite(block.full)]
            start = block.of(baseline)[:, 0].mean()
            way = _number(share, target) * (full.mean() - start) if len(full) else np.nan
            return float(start + way)
    value = _number(target, target)
    return -value if lower else value


def _number(text: object, target: Target) -> float:
    try:
        return float(text)  # type: ignore[arg-type]
    except ValueError:
        raise BadValue(
            f"unknown target {target!r}: 'random', 'gap:SHARE' with 0 < SHARE < 1, or a score"
        ) from None


def times(block: Block, target: float, hold: int = 2) -> Floats:
    """(K, J) labels to the target, inf where the run never held it."""
    return np.asarray(labels_to(block.grid, block.scores, target, hold))


def label_table(
    stack: Stack,
    baseline: str,
    targets: Iterable[Target] = TARGETS,
    *,
    lower: bool = False,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per dataset, target and strategy.

    value of the target; reached of trials with its Wilson interval; median (NaN: not
    within the budget) and restricted_mean labels up to `budget`; utilisation (our
    median over the baseline's) and saving, each with a sign that tells a bound from a
    value; fewer: labels saved per trial up to the budget, paired, with its interval over trials
    (`intervals.skewed`: NaN below ten trials, and where all save alike: no spread, no interval).
    """
    rows: list[dict[str, object]] = []
    for block in stack.blocks:
        for target in targets:
            value = target_value(block, target, baseline, lower)
            if np.isnan(value):
                continue
            base = block.strategies.index(baseline)
            labels = times(block, value)
            spent = np.minimum(labels, block.grid[-1])
            theirs = _survival(block, labels[base])
            for place, strategy in enumerate(block.strategies):
                row: dict[str, object] = {
                    "protocol": stack.protocol,
                    "model": stack.model,
                    "dataset": block.dataset,
                    "target": str(target),
                    "value": -value if lower else value,
                    "strategy": strategy,
                }
                row |= _reach(_survival(block, labels[place]), theirs)
                rows.append(row | _fewer(spent[base] - spent[place]))
    return pd.DataFrame(rows)


def _survival(block: Block, labels: Floats) -> Survival:
    return kaplan_meier(labels, budget=float(block.grid[-1]))


def _reach(ours: Survival, theirs: Survival) -> dict[str, object]:
    low, high = wilson(ours.reached, ours.trials)
    ratio = utilisation(ours.median, theirs.median, ours.budget)
    saved = saving(ours.median, theirs.median, ours.budget)
    return {
        "reached": ours.reached,
        "trials": ours.trials,
        "share_low": low,
        "share_high": high,
        "median": ours.median if ours.median < inf else np.nan,
        "restricted_mean": ours.restricted_mean,
        "budget": ours.budget,
        "utilisation": ratio.value,
        "utilisation_sign": ratio.sign,
        "saving": saved.value,
        "saving_sign": saved.sign,
    }


def _fewer(d: Floats) -> dict[str, object]:
    low, high = intervals.skewed(d)
    return {"fewer": float(d.mean()), "fewer_low": low, "fewer_high": high}


def survival_curves(
    stack: Stack, baseline: str, target: Target = "random", lower: bool = False
) -> pd.DataFrame:
    """Kaplan-Meier steps pooled over datasets, each dataset weighing alike.

    Labels are given as a share of each dataset's budget, 0 to 1. Columns: strategy,
    share, surviving, reached, trials, datasets.
    """
    grid = np.linspace(0, 1, 201)
    found: dict[str, list[Floats]] = {s: [] for s in stack.strategies}
    counts = dict.fromkeys(stack.strategies, 0)
    trials = used = 0
    for block in stack.blocks:
        value = target_value(block, target, baseline, lower)
        if np.isnan(value):
            continue
        used, trials = used + 1, trials + len(block.trials)
        for strategy, labels in zip(block.strategies, times(block, value), strict=True):
            # All runs of a block are cut off at one budget: the product-limit estimate
            # is the plain share that has not arrived.
            share = labels[:, None] / block.grid[-1]
            found[strategy].append(np.mean(share > grid + 1e-12, axis=0))
            counts[strategy] += int(np.isfinite(labels).sum())
    frames = [
        pd.DataFrame(
            {
                "strategy": strategy,
                "share": grid,
                "surviving": np.mean(parts, axis=0),
                "reached": counts[strategy],
                "trials": trials,
                "datasets": used,
            }
        )
        for strategy, parts in found.items()
        if parts
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
