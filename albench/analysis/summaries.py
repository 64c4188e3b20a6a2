"""One row per cell: what its learning curves amount to."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis import curves, paired
from albench.analysis.cells import Block, Stack
from albench.errors import BadValue

Floats = NDArray[np.float64]

SUMMARIES: dict[str, Callable[[Floats, Floats], Any]] = {
    "aubc": curves.aubc,
    "alc": curves.alc,
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
    """(J, K) runs rescaled so that the baseline's mean is 0 and the whole pool is 1.

    The dataset's means are the scale, never ratios of single trials. None where there
    is no head-room or no whole-pool run.
    """
    room = head_room(block, baseline, summary)
    if not room > 1e-12:
        return None
    values = areas(block, summary)
    base = values[block.strategies.index(baseline)].mean()
    return np.asarray((values - base).T / room, dtype=np.float64)


def summarise(
    stack: Stack,
    baseline: str | None = "random",
    checkpoints: Sequence[float] = (0.1, 0.25, 0.5),
    seed: int = 0,
) -> pd.DataFrame:
    """One row per dataset and strategy.

    trials; aubc with its 95 % t interval and sd; alc; start, early (area of the first
    third) and end quality, and that at the `checkpoints` (shares of the labels at the
    end: at_10 for 10 %); full (whole pool); ramp_up (first third), stability (last
    fifth), slope per doubling; and against the baseline, paired by trial: gain with its
    interval, normalised_gain with a joint bootstrap interval, deficiency, harm_rate,
    worst_loss (means over trials), lead_from (labels from which the mean stays ahead).
    Undefined: NaN, and `flag` says why.
    """
    rows: list[dict[str, object]] = []
    for block in stack.blocks:
        rng = np.random.default_rng([seed, len(rows)])
        base = baseline if baseline in block.strategies else None
        shares = _gain_shares(block, base, rng)
        for place, strategy in enumerate(block.strategies):
            row = {
                "protocol": stack.protocol,
                "model": stack.model,
                "dataset": block.dataset,
                "strategy": strategy,
                "trials": len(block.trials),
                **_own(block, strategy),
                **_on_the_way(block, strategy, checkpoints),
            }
            if base is not None:
                row |= _against(block, strategy, base) | {k: v[place] for k, v in shares.items()}
            rows.append(row | {"flag": _flag(block, strategy, base)})
    return pd.DataFrame(rows)


def _own(block: Block, strategy: str) -> dict[str, float]:
    n, y = block.grid, block.of(strategy)
    area = np.asarray(curves.aubc(n, y))
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
        "alc": float(np.mean(curves.alc(n, y))) if n[0] > 0 else np.nan,
        "start": float(mean[0]),
        "early": float(np.mean(curves.area_from(n, y, float(n[0]), third))),
        "end": float(mean[-1]),
        "full": float(full.mean()) if len(full) else np.nan,
        "ramp_up": float(curves.ramp_up(mean, max(1, steps // 3))) if steps else np.nan,
        "stability": float(curves.learning_stability(mean, max(1, steps // 5)))
        if steps
        else np.nan,
        "slope": float(curves.slope(n, mean)),
    }


def _on_the_way(block: Block, strategy: str, shares: Sequence[float]) -> dict[str, float]:
    mean, last = block.of(strategy).mean(axis=0), float(block.grid[-1])
    return {
        f"at_{100 * share:g}": float(curves.quality_at(block.grid, mean, share * last))
        for share in shares
        if 0 < share < 1
    }


def _against(block: Block, strategy: str, baseline: str) -> dict[str, float]:
    n, ours, theirs = block.grid, block.of(strategy), block.of(baseline)
    gain = np.asarray(curves.gain(n, ours, theirs))
    known = np.isfinite(gain).all()
    low, high = paired.t_interval(gain) if known else (np.nan, np.nan)
    lead = curves.first_lead(n[1:], (ours - theirs).mean(axis=0)[1:]) if len(n) > 1 else np.nan
    return {
        "gain": float(gain.mean()),
        "gain_low": low,
        "gain_high": high,
        "harm_rate": float(np.mean(curves.harm_rate(ours, theirs))),
        "worst_loss": float(np.mean(curves.worst_loss(ours, theirs))),
        "lead_from": float(lead) if np.isfinite(lead) else np.nan,
    }


def _gain_shares(
    block: Block, baseline: str | None, rng: np.random.Generator, draws: int = 2000
) -> dict[str, Floats]:
    """Normalised gain of the means with a bootstrap over trials, drawn jointly."""
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
    weight = rng.multinomial(j, np.full(j, 1 / j), size=draws) / j
    drawn = weight @ area.T
    top = weight @ block.full if len(full) == j else np.full(draws, full.mean())
    below = top - drawn[:, base]
    safe = np.where(below > 1e-12, below, np.nan)
    ratios = (drawn - drawn[:, [base]]) / safe[:, None]
    # A sample without head-room has no ratio: then the interval is not defined either.
    fine = j > 1 and bool(np.isfinite(safe).all())
    low, high = np.quantile(ratios, [0.025, 0.975], axis=0) if fine else (nothing, nothing)
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
