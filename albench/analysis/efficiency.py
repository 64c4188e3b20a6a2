"""Labels to a declared target, per dataset and strategy, with censoring kept."""

from collections.abc import Iterable
from math import inf
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.cells import Block, Stack
from albench.analysis.targets import Survival, kaplan_meier, labels_to, saving, utilisation, wilson
from albench.errors import BadValue

Floats = NDArray[np.float64]
Target: TypeAlias = str | float

TARGETS: tuple[Target, ...] = ("random", "gap:0.95")
"""Targets where a suite declares none."""


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
    value; fewer: labels saved per trial up to the budget, paired, with a percentile
    bootstrap interval.
    """
    rows: list[dict[str, object]] = []
    for block in stack.blocks:
        for target in targets:
            value = target_value(block, target, baseline, lower)
            if np.isnan(value):
                continue
            rng = np.random.default_rng([seed, len(rows)])
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
                rows.append(row | _fewer(spent[base] - spent[place], rng))
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


def _fewer(d: Floats, rng: np.random.Generator, draws: int = 2000) -> dict[str, object]:
    if len(d) < 2:
        return {"fewer": float(d.mean()), "fewer_low": np.nan, "fewer_high": np.nan}
    means = d[rng.integers(len(d), size=(draws, len(d)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"fewer": float(d.mean()), "fewer_low": float(low), "fewer_high": float(high)}


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
