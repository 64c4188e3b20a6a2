"""Each strategy against the baseline on one dataset, paired by trial."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from albench.analysis.comparison import paired
from albench.analysis.comparison.across import holm
from albench.analysis.comparison.cells import Block, Stack
from albench.analysis.comparison.room import rooms
from albench.analysis.comparison.summaries import areas
from albench.analysis.question import ROPE
from albench.core.arrays import Floats

FILLED = "imputed: no runs here"
"""The note of a cell without runs of its own."""


def per_dataset(
    stack: Stack,
    baseline: str,
    *,
    summary: str = "aubc",
    alpha: float = 0.05,
    rope: float = ROPE,
    seed: int = 0,
) -> pd.DataFrame:
    """One row per dataset and strategy other than the baseline, on the trials that both have.

    learnable, head_room, room: whether the dataset leaves anything to win (`room.rooms`);
    trials; mean_difference with t interval (low, high) and studentised-bootstrap
    interval (boot_low, boot_high); wilcoxon_p, two-sided and conditional on this finite
    dataset, and holm_p over all rows; corrected_p (Nadeau and Bengio, two-sided; NaN
    where the sizes of train and test are unknown); rank_biserial; win_share; a12
    (Vargha and Delaney, unpaired); wins, ties, losses; mde; note.
    """
    rows: list[dict[str, object]] = []
    beside = {s: stack.beside(baseline, s) for s in stack.everyone if s != baseline}
    blocks = {(b.dataset, s): b for s, found in beside.items() for b in found}
    everywhere = stack.all_blocks(baseline)
    room = rooms(everywhere, baseline, summary, rope)
    for dataset in (b.dataset for b in everywhere):
        for strategy in beside:
            if (dataset, strategy) in blocks:
                block = blocks[dataset, strategy]
                values = areas(block.only((strategy, baseline)), summary)
                rng = np.random.default_rng([seed, len(rows)])
                row = _row(block, strategy, (values[0], values[1]), alpha, rng)
                rows.append(row | {str(k): v for k, v in room.loc[dataset].items()})
    out = pd.DataFrame(rows)
    if out.empty:
        return out
    out["note"] = out.pop("note")
    out.insert(list(out.columns).index("wilcoxon_p") + 1, "holm_p", holm(out["wilcoxon_p"]))
    # The family is guarded as the one across datasets is: no p that cannot reach alpha.
    # Where no cell has enough trials for a single test, all of them are the family.
    known, here = out["wilcoxon_p"].notna(), out["note"] != FILLED
    tests = int(known.sum()) or int(here.sum())
    needed = paired.smallest_n(tests, alpha)
    short = here & (out["trials"] < needed)
    out.loc[short, "holm_p"] = np.nan
    s = out["trials"].map(lambda n: "" if n == 1 else "s")
    told = f"cannot reach {alpha:g} with " + out["trials"].astype(str) + " trial" + s
    need = f" ({tests} tests need {needed})" if tests > 1 else f" (one test needs {needed})"
    out.loc[short, "note"] = (told + need)[short]
    out.insert(0, "protocol", stack.protocol)
    out.insert(1, "model", stack.model)
    return out


def _row(
    block: Block,
    strategy: str,
    values: tuple[Floats, Floats],
    alpha: float,
    rng: np.random.Generator,
) -> dict[str, object]:
    ours, theirs = values
    d = ours - theirs
    low, high = paired.t_interval(d)
    boot_low, boot_high = paired.studentised_interval(d, rng)
    wins, ties, losses = paired.win_tie_loss(d)
    needed = paired.smallest_n(1, alpha)
    enough, filled = len(d) >= needed, strategy in block.imputed
    test = enough and not filled
    sized = np.isfinite(block.n_train) and np.isfinite(block.n_test) and block.n_test > 0
    corrected = paired.corrected_t(d, block.n_train, block.n_test)["p"] if sized else np.nan
    return {
        "dataset": block.dataset,
        "strategy": strategy,
        "trials": len(d),
        "mean_difference": float(d.mean()),
        "low": low,
        "high": high,
        "boot_low": boot_low,
        "boot_high": boot_high,
        "wilcoxon_p": paired.wilcoxon_p(d) if test else np.nan,
        "corrected_p": np.nan if filled else corrected,
        "rank_biserial": paired.rank_biserial(d),
        "win_share": paired.win_share(d),
        "a12": paired.vargha_delaney(ours, theirs),
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "mde": paired.detectable(d, alpha),
        "note": FILLED if filled else "",
    }


def gain_bands(
    stack: Stack, baseline: str, draws: int = 2000, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Paired difference to the baseline at every checkpoint with its simultaneous band.

    Columns: dataset, strategy, n, mean, low, high (max-T over the checkpoints after the
    shared start, within one curve).
    """
    frames: list[pd.DataFrame] = []
    beside = {s: stack.beside(baseline, s) for s in stack.everyone if s != baseline}
    for dataset in (b.dataset for b in stack.all_blocks(baseline)):
        for strategy, blocks in beside.items():
            block = next((b for b in blocks if b.dataset == dataset), None)
            if block is None:
                continue
            rng = np.random.default_rng([seed, len(frames)])
            d = block.of(strategy) - block.of(baseline)
            mean, low, high = paired.band(d, rng, draws, level)
            frames.append(
                pd.DataFrame(
                    {
                        "dataset": block.dataset,
                        "strategy": strategy,
                        "n": block.grid,
                        "mean": mean,
                        "low": low,
                        "high": high,
                    }
                )
            )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def overall_gain(
    stack: Stack,
    baseline: str,
    *,
    base: Mapping[str, str] | None = None,
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Gain over the baseline against the share of the labels bought, over datasets.

    Columns: strategy, dataset ("" for the mean over datasets), n (share, 0 to 1), mean,
    low, high (95 % simultaneous band, whole datasets flipped; NaN below six datasets).
    Variants of one `base` dataset are averaged first.
    """
    grid = np.linspace(0, 1, 41)
    frames: list[pd.DataFrame] = []
    for place, strategy in enumerate(s for s in stack.everyone if s != baseline):
        rows, blocks = [], stack.beside(baseline, strategy)
        units = [(base or {}).get(b.dataset, b.dataset) for b in blocks]
        for block in blocks:
            if len(block.grid) < 2:
                return pd.DataFrame()
            share = (block.grid - block.grid[0]) / (block.grid[-1] - block.grid[0])
            d = (block.of(strategy) - block.of(baseline)).mean(axis=0)
            rows.append(np.interp(grid, share, d))
        each = pd.DataFrame(rows).groupby(units, sort=False).mean()
        mean, low, high = paired.band(each.to_numpy(), np.random.default_rng([seed, place]), draws)
        shared = {"strategy": strategy, "n": grid}
        frames.append(
            pd.DataFrame({**shared, "dataset": "", "mean": mean, "low": low, "high": high})
        )
        frames += [
            pd.DataFrame({**shared, "dataset": name, "mean": row, "low": np.nan, "high": np.nan})
            for name, row in zip(each.index, each.to_numpy(), strict=True)
        ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def mean_curves(stack: Stack, lower: bool = False) -> pd.DataFrame:
    """Mean score per dataset, strategy and checkpoint with its 95 % t interval over trials.

    Columns: dataset, strategy, n, mean, low, high, full (score of the whole pool), in
    the metric's own direction (`lower`: lower is better).
    """
    from scipy.special import stdtrit

    sign = -1.0 if lower else 1.0
    frames: list[pd.DataFrame] = []
    for block in stack.blocks:
        j = len(block.trials)
        factor = float(stdtrit(j - 1, 0.975)) / np.sqrt(j) if j > 1 else np.nan
        known = block.full[np.isfinite(block.full)]
        for strategy, y in zip(block.strategies, sign * block.scores, strict=True):
            mean = y.mean(axis=0)
            half = factor * y.std(axis=0, ddof=1) if j > 1 else np.full(len(mean), np.nan)
            frame = {"dataset": block.dataset, "strategy": strategy, "n": block.grid, "mean": mean}
            full = sign * known.mean() if len(known) else np.nan
            frames.append(
                pd.DataFrame(frame | {"low": mean - half, "high": mean + half, "full": full})
            )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
