"""Numbers that sum up learning curves, one row per cell.

Every function takes `n`, the labels (or the cost) at the T checkpoints, and `score`,
an array of shape (..., T) with one curve per row, higher = better; it returns one
number per curve: a float for one curve, an array of shape (...) for several.
What is not defined is NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from albench.analysis import intervals
from albench.analysis.comparison import paired
from albench.analysis.comparison.cells import Block, Stack
from albench.analysis.comparison.targets import Survival, kaplan_meier, labels_to, wilson
from albench.core.arrays import Floats
from albench.core.errors import BadValue

__all__ = [
    "Survival",
    "alc",
    "area_from",
    "aubc",
    "bounded_deficiency",
    "checkpoints",
    "deficiency",
    "first_lead",
    "gain",
    "harm_rate",
    "kaplan_meier",
    "labels_to",
    "learning_stability",
    "normalised_gain",
    "quality_at",
    "ramp_up",
    "slope",
    "wilson",
    "worst_loss",
]


def checkpoints(n: ArrayLike, score: ArrayLike) -> tuple[Floats, Floats]:
    """`n` and `score` as float arrays; raises BadValue where they are no curve."""
    x, y = np.asarray(n, dtype=np.float64), np.asarray(score, dtype=np.float64)
    if x.ndim != 1 or y.ndim == 0 or y.shape[-1] != len(x):
        raise BadValue(f"a curve needs one score per checkpoint: n {x.shape}, score {y.shape}")
    if len(x) == 0 or not np.all(np.isfinite(x)) or np.any(np.diff(x) <= 0):
        raise BadValue("the checkpoints of a curve must be finite and strictly increasing")
    return x, y


def _out(value: Any) -> Any:
    """A float for one curve, an array for several."""
    value = np.asarray(value, dtype=np.float64)
    return float(value) if value.ndim == 0 else value


def _mean_height(x: Floats, y: Floats) -> Floats:
    if len(x) < 2:
        return np.full(y.shape[:-1], np.nan)
    return cast(Floats, np.asarray(np.trapezoid(y, x, axis=-1) / (x[-1] - x[0])))


def aubc(n: ArrayLike, score: ArrayLike) -> Any:
    """Area under the budget curve: trapezoids over the labels, divided by their range.

    In units of the score and independent of the step. NaN for a single checkpoint.
    """
    return _out(_mean_height(*checkpoints(n, score)))


def alc(
    n: ArrayLike,
    score: ArrayLike,
    *,
    budget: float | None = None,
    chance: float | None = None,
    best: float = 1.0,
) -> Any:
    """Area over log2 labels (Guyon et al. 2011), divided by its range.

    `budget` prolongs the last score horizontally. With `chance`, the score of a random
    guess, the area is rescaled so that chance is 0 and `best` is 1 (their global score).
    """
    x, y = checkpoints(n, score)
    if x[0] <= 0:
        raise BadValue("the logarithmic area needs at least one label at the first checkpoint")
    if budget is not None and budget > x[-1]:
        x, y = np.append(x, budget), np.concatenate([y, y[..., -1:]], axis=-1)
    area = _mean_height(np.log2(x), y)
    return _out(area if chance is None else (area - chance) / (best - chance))


def gain(n: ArrayLike, score: ArrayLike, baseline: ArrayLike) -> Any:
    """Area of `score` minus area of `baseline` (paired row by row)."""
    return _out(np.asarray(aubc(n, score)) - np.asarray(aubc(n, baseline)))


def _ratio(above: Floats, below: Floats) -> Any:
    """above / below where `below` > 0, else NaN: no head-room is no number."""
    above, below = np.broadcast_arrays(above, below)
    room = below > 1e-12
    return _out(np.divide(above, below, out=np.full(below.shape, np.nan), where=room))


def deficiency(n: ArrayLike, score: ArrayLike, baseline: ArrayLike, full: ArrayLike) -> Any:
    """Area between `full` and the curve, over that of the baseline (Baram et al. 2004).

    Trapezoid weights. Below 1: better than the baseline. NaN where the baseline leaves
    no head-room (full <= its area).
    """
    top = np.asarray(full, dtype=np.float64)
    ours, theirs = np.asarray(aubc(n, score)), np.asarray(aubc(n, baseline))
    return _ratio(top - ours, top - theirs)


def bounded_deficiency(n: ArrayLike, score: ArrayLike, baseline: ArrayLike, full: ArrayLike) -> Any:
    """A / (A + B) of the two areas below `full`: in [0, 1], a half is a draw.

    NaN where either area is negative or both are zero.
    """
    top = np.asarray(full, dtype=np.float64)
    ours, theirs = np.broadcast_arrays(
        top - np.asarray(aubc(n, score)), top - np.asarray(aubc(n, baseline))
    )
    fine = (ours >= 0) & (theirs >= 0)
    return _ratio(np.where(fine, ours, np.nan), np.where(fine, ours + theirs, np.nan))


def normalised_gain(n: ArrayLike, score: ArrayLike, baseline: ArrayLike, full: ArrayLike) -> Any:
    """Share of the head-room over the baseline that is gained: 1 - deficiency."""
    return _out(1.0 - np.asarray(deficiency(n, score, baseline, full)))


def quality_at(n: ArrayLike, score: ArrayLike, labels: float) -> Any:
    """Score at `labels`, linear between checkpoints; NaN outside the curve."""
    x, y = checkpoints(n, score)
    if not x[0] <= labels <= x[-1]:
        return _out(np.full(y.shape[:-1], np.nan))
    right = min(max(int(np.searchsorted(x, labels)), 1), len(x) - 1)
    if len(x) == 1:
        return _out(y[..., 0])
    share = (labels - x[right - 1]) / (x[right] - x[right - 1])
    return _out(y[..., right - 1] * (1 - share) + y[..., right] * share)


def area_from(n: ArrayLike, score: ArrayLike, start: float, stop: float) -> Any:
    """Mean height of the curve between `start` and `stop` labels (ramp-up, plateau)."""
    x, y = checkpoints(n, score)
    start, stop = max(start, float(x[0])), min(stop, float(x[-1]))
    if stop <= start:
        return _out(np.full(y.shape[:-1], np.nan))
    inner = (x > start) & (x < stop)
    ends = [np.asarray(quality_at(x, y, at))[..., None] for at in (start, stop)]
    grid = np.concatenate([[start], x[inner], [stop]])
    return _out(_mean_height(grid, np.concatenate([ends[0], y[..., inner], ends[1]], axis=-1)))


def harm_rate(score: ArrayLike, baseline: ArrayLike) -> Any:
    """Share of the checkpoints after the first at which the curve lies below the baseline.

    The first checkpoint holds the start rows, which all strategies share.
    """
    loss = _after_start(score, baseline) < 0
    return _out(np.mean(loss, axis=-1) if loss.shape[-1] else np.full(loss.shape[:-1], np.nan))


def worst_loss(score: ArrayLike, baseline: ArrayLike) -> Any:
    """Smallest paired difference to the baseline after the first checkpoint (negative = harm)."""
    left = _after_start(score, baseline)
    return _out(np.min(left, axis=-1) if left.shape[-1] else np.full(left.shape[:-1], np.nan))


def _after_start(score: ArrayLike, baseline: ArrayLike) -> Floats:
    ours = np.asarray(score, dtype=np.float64)
    theirs = np.asarray(baseline, dtype=np.float64)
    # Rounded: an equal score must not count as harm because of the last bit.
    return np.round(ours - theirs, 12)[..., 1:]


def first_lead(n: ArrayLike, difference: ArrayLike) -> Any:
    """Labels from which the difference to the baseline stays above zero; inf if never."""
    x, d = checkpoints(n, difference)
    behind = np.round(d, 12) <= 0
    last = np.where(behind.any(axis=-1), len(x) - 1 - np.argmax(behind[..., ::-1], axis=-1), -1)
    return _out(np.append(x, np.inf)[last + 1])


def ramp_up(score: ArrayLike, k: int) -> Any:
    """Share of the quality range that the first `k` steps bring (Trittenbach et al. 2020)."""
    y = np.asarray(score, dtype=np.float64)
    _step(y, k)
    whole = y[..., -1] - y[..., 0]
    return _range_share(y[..., k] - y[..., 0], whole)


def learning_stability(score: ArrayLike, k: int) -> Any:
    """Slope of the last `k` steps over the slope of the whole curve (Trittenbach et al. 2020).

    About 0: converged. Above about .3 the budget is too short and final ranks are unstable.
    """
    y = np.asarray(score, dtype=np.float64)
    _step(y, k)
    steps = y.shape[-1] - 1
    return _range_share((y[..., -1] - y[..., -1 - k]) / k, (y[..., -1] - y[..., 0]) / steps)


def _step(y: Floats, k: int) -> None:
    if not 1 <= k <= y.shape[-1] - 1:
        raise BadValue(f"k must be between 1 and the {y.shape[-1] - 1} steps of the curve, got {k}")


def _range_share(part: Floats, whole: Floats) -> Any:
    flat = np.abs(whole) <= 1e-12
    return _out(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=~flat))


def slope(n: ArrayLike, score: ArrayLike, share: float = 1 / 3) -> Any:
    """Least-squares slope of the score on log2 labels over the first `share` of the labels."""
    x, y = checkpoints(n, score)
    early = x <= x[0] + share * (x[-1] - x[0]) + 1e-9
    if early.sum() < 2 or x[0] <= 0:
        return _out(np.full(y.shape[:-1], np.nan))
    centred = np.log2(x[early]) - np.log2(x[early]).mean()
    return _out(y[..., early] @ centred / (centred @ centred))


SUMMARIES: dict[str, Callable[[Floats, Floats], Any]] = {
    "aubc": aubc,
    "alc": alc,
    "end": lambda n, score: score[..., -1],
}
"""The numbers per run that strategies can be compared by."""


def areas(block: Block, summary: str = "aubc") -> Floats:
    """(K, J): the summary of every run. Raises BadValue where it is undefined."""
    if summary not in SUMMARIES:
        raise BadValue(f"unknown summary {summary!r}: one of {', '.join(SUMMARIES)}")
    if summary != "end" and len(block.grid) < 2:
        raise BadValue(
            f"{block.dataset}: its curves have a single checkpoint, so no area; use summary='end'"
        )
    return np.asarray(SUMMARIES[summary](block.grid, block.scores), dtype=np.float64)


def wide(stack: Stack, summary: str = "aubc") -> pd.DataFrame:
    """Datasets x strategies: mean over trials of the summary."""
    rows = {b.dataset: areas(b, summary).mean(axis=1) for b in stack.blocks}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(stack.strategies))


def head_room(block: Block, baseline: str, summary: str = "aubc") -> float:
    """Mean score of the whole pool minus the baseline's mean area; NaN if never run."""
    full = block.full[np.isfinite(block.full)]
    if not len(full):
        return float("nan")
    return float(full.mean() - areas(block.only([baseline]), summary).mean())


def normalised(block: Block, baseline: str, summary: str = "aubc") -> Floats | None:
    """(J, K) gains over the baseline's run of the same trial, as shares of the head-room.

    The dataset's mean head-room is the scale, never ratios of single trials; so the baseline's
    own gain is 0 in every trial. None where there is no head-room or no whole-pool run.
    """
    room = head_room(block, baseline, summary)
    if not room > 1e-12:
        return None
    values = areas(block, summary)
    return np.asarray(
        (values - values[block.strategies.index(baseline)]).T / room, dtype=np.float64
    )


def summarise(
    stack: Stack,
    baseline: str | None = "random",
    checkpoints: Sequence[float] = (0.1, 0.25, 0.5),
) -> pd.DataFrame:
    """One row per dataset and strategy.

    trials; aubc with its 95 % t interval and sd; alc; start, early (area of the first
    third) and end quality, and that at the `checkpoints` (shares of the labels at the
    end: at_10 for 10 %); full (whole pool); ramp_up (first third), stability (last
    fifth), slope per doubling; and against the baseline, paired by trial: gain with its
    interval, normalised_gain with Fieller's interval, deficiency, harm_rate,
    worst_loss (means over trials), lead_from (labels from which the mean stays ahead).
    Undefined: NaN, and `flag` says why.
    """
    rows: list[dict[str, object]] = []
    for cells in _cells(stack, baseline):
        for strategy, block in cells.items():
            base = baseline if baseline in block.strategies else None
            shares = _gain_shares(block, base)
            place = block.strategies.index(strategy)
            row = {
                "protocol": block.protocol,
                "model": block.model,
                "dataset": block.dataset,
                "strategy": strategy,
                "trials": len(block.trials),
            }
            row |= _own(block, strategy) | _on_the_way(block, strategy, checkpoints)
            if base is not None:
                row |= _against(block, strategy, base)
            row |= {name: float(value[place]) for name, value in shares.items()}
            rows.append(row | {"flag": _flag(block, strategy, base)})
    return pd.DataFrame(rows)


def _cells(stack: Stack, baseline: str | None) -> Iterator[dict[str, Block]]:
    """For each dataset the block of every strategy: with the baseline, on what both have."""
    if baseline is None or baseline not in stack.strategies:
        for block in stack.blocks:
            yield dict.fromkeys(block.strategies, block)
        return
    beside = {s: stack.beside(baseline, s) for s in stack.everyone if s != baseline}
    for own in stack.all_blocks(baseline):
        cells = {baseline: own}
        for strategy, blocks in beside.items():
            for block in (b for b in blocks if b.dataset == own.dataset):
                cells[strategy] = block
        yield cells


def _own(block: Block, strategy: str) -> dict[str, float]:
    n, y = block.grid, block.of(strategy)
    area = np.asarray(aubc(n, y))
    mean = y.mean(axis=0)
    # Where the area is undefined (one checkpoint) there is no interval either.
    known = np.isfinite(area).all()
    low, high = paired.t_interval(area) if known else (np.nan, np.nan)
    third = n[0] + (n[-1] - n[0]) / 3
    full = block.full[np.isfinite(block.full)]
    steps = len(n) - 1
    return {
        "aubc": float(area.mean()),
        "aubc_low": low,
        "aubc_high": high,
        "aubc_sd": float(area.std(ddof=1)) if len(area) > 1 and known else np.nan,
        "alc": float(np.mean(alc(n, y))) if n[0] > 0 else np.nan,
        "start": float(mean[0]),
        "early": float(np.mean(area_from(n, y, float(n[0]), third))),
        "end": float(mean[-1]),
        "full": float(full.mean()) if len(full) else np.nan,
        "ramp_up": float(ramp_up(mean, max(1, steps // 3))) if steps else np.nan,
        "stability": float(learning_stability(mean, max(1, steps // 5))) if steps else np.nan,
        "slope": float(slope(n, mean)),
    }


def _on_the_way(block: Block, strategy: str, shares: Sequence[float]) -> dict[str, float]:
    mean, last = block.of(strategy).mean(axis=0), float(block.grid[-1])
    return {
        f"at_{100 * share:g}": float(quality_at(block.grid, mean, share * last))
        for share in shares
        if 0 < share < 1
    }


def _against(block: Block, strategy: str, baseline: str) -> dict[str, float]:
    n, ours, theirs = block.grid, block.of(strategy), block.of(baseline)
    gains = np.asarray(gain(n, ours, theirs))
    known = np.isfinite(gains).all()
    low, high = paired.t_interval(gains) if known else (np.nan, np.nan)
    lead = first_lead(n[1:], (ours - theirs).mean(axis=0)[1:]) if len(n) > 1 else np.nan
    return {
        "gain": float(gains.mean()),
        "gain_low": low,
        "gain_high": high,
        "harm_rate": float(np.mean(harm_rate(ours, theirs))),
        "worst_loss": float(np.mean(worst_loss(ours, theirs))),
        "lead_from": float(lead) if np.isfinite(lead) else np.nan,
    }


def _gain_shares(block: Block, baseline: str | None) -> dict[str, Floats]:
    """Normalised gain of the means with Fieller's interval over trials."""
    nothing = np.full(len(block.strategies), np.nan)
    empty = dict.fromkeys(("normalised_gain", "ng_low", "ng_high", "deficiency"), nothing)
    full = block.full[np.isfinite(block.full)]
    if baseline is None or not len(full) or len(block.grid) < 2:
        return empty
    area = areas(block)
    base, j = block.strategies.index(baseline), area.shape[1]
    room = full.mean() - area[base].mean()
    if room <= 1e-12:
        return empty
    share = (area.mean(axis=1) - area[base].mean()) / room
    below = (block.full if len(full) == j else np.full(j, full.mean())) - area[base]
    low, high = np.array([intervals.ratio(row - area[base], below) for row in area]).T
    return {"normalised_gain": share, "ng_low": low, "ng_high": high, "deficiency": 1 - share}


def _flag(block: Block, strategy: str, baseline: str | None) -> str:
    said = ["imputed"] if strategy in block.imputed else []
    if len(block.grid) < 2:
        said.append("one checkpoint")
    elif baseline is not None:
        room = head_room(block, baseline)
        if np.isnan(room):
            said.append("no whole-pool run")
        elif room <= 1e-12:
            said.append("no head-room")
    return ", ".join(said)
