"""Each strategy against the baseline over datasets: the table behind the headline."""

from collections.abc import Collection, Mapping
from math import nan
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import across, cells, settle, verdicts
from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.paired import DIGITS, smallest_n, win_tie_loss
from albench.analysis.comparison.room import roomless, unlearnable
from albench.analysis.comparison.summaries import areas, wide
from albench.analysis.question import Options


def per_cell(stack: Stack, baseline: str, summary: str) -> pd.DataFrame:
    """One row per strategy and dataset, on the trials that the pair shares.

    Columns: strategy, dataset, difference (mean over trials), variance (its squared standard
    error), df, trials, of_trials (begun by any strategy; 0 unknown), imputed.
    """
    rows = []
    for strategy in (s for s in stack.everyone if s != baseline):
        for block in stack.beside(baseline, strategy):
            values = areas(block.only((baseline, strategy)), summary)
            mean, variance, df = verdicts.mean_variance(values[1] - values[0])
            rows.append(
                {
                    "strategy": strategy,
                    "dataset": block.dataset,
                    "difference": mean,
                    "variance": variance,
                    "df": df,
                    "trials": len(block.trials),
                    "of_trials": block.of_trials or len(block.trials),
                    "imputed": strategy in block.imputed,
                }
            )
    columns = ["strategy", "dataset", "difference", "variance", "df", "trials", "of_trials"]
    return pd.DataFrame(rows, columns=[*columns, "imputed"])


def per_unit(
    cell: pd.DataFrame, base: Mapping[str, str] | None, without: Collection[str] = ()
) -> pd.DataFrame:
    """Variants of one base dataset averaged: strategy, unit, difference, variance, df, room.

    room: whether any of its datasets is not among those `without` head-room.
    """
    named = cell.assign(
        unit=[(base or {}).get(d, d) for d in cell["dataset"]],
        room=[d not in without for d in cell["dataset"]],
    )
    by = named.groupby(["strategy", "unit"], sort=False)
    variance = by["variance"].agg(lambda v: float(v.sum(skipna=False)) / len(v) ** 2)
    return pd.DataFrame(
        {
            "difference": by["difference"].mean(),
            "variance": variance,
            "df": by["df"].sum(),
            "room": by["room"].any(),
        }
    ).reset_index()


def table(stack: Stack, options: Options, rooms: pd.DataFrame | None = None) -> pd.DataFrame:
    """Each strategy against the baseline on all datasets that both have, by the rules of `room`.

    rooms: as `room.rooms`; without them every dataset counts. Columns: strategy, verdict; those
    of `across.versus`, but wins, ties and losses of datasets with room only; counted (how many
    those are), within, above, below, noisy, noise, worst, worst_difference, tost_low, tost_high,
    tost (see `verdicts.spread`), varies_p; friedman_*
    (joint blocks only); better, rope, worse (posterior, NaN below the datasets of one test);
    imputed; gaps: what is lacking, in words; alike: other names of the same competitor; note.
    Verdicts first, the largest differences first.
    """
    base, alpha = options.baseline, options.alpha
    left_out = [] if rooms is None else unlearnable(rooms)
    without = set() if rooms is None else roomless(rooms)
    cell = per_cell(stack, base, options.summary)
    cell = cell[~cell["dataset"].isin(list(left_out))]
    unit = per_unit(cell, options.base, without)
    gaps = {
        s: unit.loc[unit["strategy"] == s].set_index("unit")
        for s in stack.everyone
        if s != base and (unit["strategy"] == s).any()
    }
    if not gaps:
        return pd.DataFrame()
    out = across.versus(
        {s: g["difference"].to_numpy() for s, g in gaps.items()}, alpha, options.seed
    )
    out = out.drop(columns=["wins", "ties", "losses"])
    more = pd.DataFrame([_more(g, options) for g in gaps.values()], index=out.index)
    more["imputed"] = [int(cell.loc[cell["strategy"] == s, "imputed"].sum()) for s in gaps]
    everywhere = list(dict.fromkeys(cell["dataset"]))
    more["gaps"] = [lacking(cell[cell["strategy"] == s], everywhere) for s in gaps]
    more["alike"] = [", ".join(stack.alike.get(s, ())) for s in gaps]
    note = out.pop("note")
    out = out.join(_companion(stack, options, left_out, out)).join(more)
    out["note"] = note
    out = out.rename_axis("strategy").reset_index()
    out.insert(1, "verdict", [verdicts.verdict(row, alpha) for _, row in out.iterrows()])
    keyed = out.assign(_rank=out["verdict"].map(verdicts.ORDER), _size=-out["mean_difference"])
    kept = keyed.sort_values(["_rank", "_size"], kind="stable").drop(columns=["_rank", "_size"])
    return kept.reset_index(drop=True)


def _more(gaps: pd.DataFrame, options: Options) -> dict[str, Any]:
    """What `across.versus` does not say of the differences of one strategy."""
    assert options.rope is not None
    # a dataset without room is neither a win nor equal; a loss beyond the rope it may be
    harmed = gaps["difference"].round(DIGITS) < -round(options.rope, DIGITS)
    gaps = gaps[gaps["room"].astype(bool) | harmed]
    d = gaps["difference"].astype(float)
    wins, ties, losses = win_tie_loss(d)
    record = {"counted": len(d), "wins": wins, "ties": ties, "losses": losses}
    # With fewer datasets than one test needs the prior, not the data, makes the posterior.
    told = len(d) >= smallest_n(1, options.alpha)
    found = across.posterior(d.to_numpy(), options.rope, options.seed) if told else None
    shares = dict.fromkeys(across.Rope._fields, nan) if found is None else found._asdict()
    varies = verdicts.varies_p(d, gaps["variance"], gaps["df"])
    spread = verdicts.spread(d, options.rope, options.alpha, gaps["variance"], gaps["df"])
    return record | spread | {"varies_p": varies} | shares


def _companion(
    stack: Stack, options: Options, left_out: Collection[str], out: pd.DataFrame
) -> pd.DataFrame:
    """Demsar's companion of the strategies in the joint blocks; NaN for the others."""
    kept = [b for b in stack.blocks if b.dataset not in left_out]
    names = ["friedman_z", "friedman_p", "friedman_holm_p"]
    if not kept or len(stack.strategies) < 2:
        return pd.DataFrame(np.nan, index=out.index, columns=names)
    joint = cells.averaged(
        wide(stack, options.summary).loc[[b.dataset for b in kept]], options.base
    )
    found = across.companion(joint, options.baseline).reindex(out.index)
    if len(joint) < smallest_n(len(stack.strategies) - 1, options.alpha):
        found["friedman_holm_p"] = nan
    if len(joint) < smallest_n(1, options.alpha):
        found["friedman_p"] = nan
    return found


def lacking(cell: pd.DataFrame, everywhere: Collection[str]) -> str:
    """`lacks wine; iris with 1 of 20 trials`, from one strategy's rows of `per_cell`."""
    own = cell[~cell["imputed"].astype(bool)]
    gone = [d for d in everywhere if d not in set(own["dataset"])]
    short = own[own["trials"] < own["of_trials"]]
    told = []
    if gone:
        verb = "lacks" if not cell["imputed"].any() else "not run, counted as no gain:"
        told.append(f"{verb} {settle.several(gone)}")
    if len(short):
        few = [
            f"{r['dataset']} with {r['trials']} of {r['of_trials']}" for _, r in short.iterrows()
        ]
        told.append(f"{settle.several(few)} trials")
    return "; ".join(told)
