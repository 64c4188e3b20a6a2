"""From measures of single runs to means over trials, each beside the baseline's runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from albench.analysis.paired import DIGITS

CELL = ["dataset", "protocol", "model", "strategy"]
NULL = ("z", "null_low", "null_high")


def over_trials(
    runs: pd.DataFrame, baseline: str, undefined: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Means over trials and paired differences to the baseline.

    runs: one row per run, checkpoint and measure, with the columns dataset, protocol, model,
    strategy, trial, checkpoint, n_labeled, measure, value and, where there is a null, z,
    null_low, null_high. Returns one row per cell, checkpoint and measure: n_labeled, value,
    trials (those where the measure is defined, of_trials in all), difference with its 95 %
    interval low, high over the `pairs` trials it shares with the baseline, z, null_low,
    null_high (means), and reason: why the value is NaN, as `undefined` (measure -> when it
    is) has it, else empty.
    """
    place = ["dataset", "protocol", "model", "checkpoint", "measure"]
    base = runs[runs["strategy"] == baseline].set_index([*place, "trial"])["value"]
    base = base[~base.index.duplicated()].rename("base")
    joined = runs.join(base, on=[*place, "trial"])
    joined["gap"] = joined["value"] - joined["base"]
    out = described(joined, [*CELL, "checkpoint", "measure"])
    own = ["difference", "low", "high"]
    out.loc[out["strategy"] == baseline, own] = np.nan
    why = undefined or {}
    out["reason"] = [
        why.get(measure, "undefined") if np.isnan(value) else ""
        for measure, value in zip(out["measure"], out["value"], strict=True)
    ]
    return out


def described(joined: pd.DataFrame, key: Sequence[str]) -> pd.DataFrame:
    """Mean, difference with its t interval (as `paired.t_interval`) and null of each group."""
    from scipy.special import stdtrit

    own = joined.assign(rounded=joined["gap"].round(DIGITS))
    own = own.assign(**{name: np.nan for name in NULL if name not in own})
    by = own.groupby(list(key), sort=False, dropna=False)
    mean = by[["n_labeled", "value", "gap", "rounded", *NULL]].mean()
    pairs = by["gap"].count()
    df = (pairs - 1).where(pairs > 1).to_numpy(dtype=np.float64)
    half = stdtrit(df, 0.975) * by["rounded"].std(ddof=1) / np.sqrt(pairs)
    return pd.DataFrame(
        {"n_labeled": mean["n_labeled"], "value": mean["value"], "trials": by["value"].count(),
         "of_trials": by.size(), "difference": mean["gap"], "low": mean["rounded"] - half,
         "high": mean["rounded"] + half, "pairs": pairs, **{name: mean[name] for name in NULL}}
    ).reset_index()  # fmt: skip


def wide(
    summary: pd.DataFrame, measures: Sequence[str], z: Sequence[str] = (), last: bool = True
) -> pd.DataFrame:
    """One row per cell (and checkpoint), a column per measure, `z <measure>` beside it.

    last: only the last checkpoint of each cell.
    """
    if last:
        final = summary.groupby(CELL)["checkpoint"].transform("max")
        summary = summary[summary["checkpoint"] == final]
    index = [*CELL, "n_labeled", "of_trials"]
    order = pd.MultiIndex.from_frame(summary[index].drop_duplicates())
    columns = {}
    for name in measures:
        part = summary[summary["measure"] == name].set_index(index)
        columns[name] = part["value"]
        if name in z:
            columns[f"z {name}"] = part["z"]
    return pd.DataFrame(columns, index=order).reset_index().rename(columns={"of_trials": "trials"})


def sure(row: "pd.Series[float]") -> int:
    """1 or -1 where the interval of a difference lies above or below 0, else 0."""
    if row["low"] > 0:
        return 1
    return -1 if row["high"] < 0 else 0
