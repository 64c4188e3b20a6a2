"""From measures of single runs to means over trials, each beside the baseline's runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from albench.analysis.paired import t_interval

CELL = ["dataset", "protocol", "model", "strategy"]


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
    rows = [
        {**dict(zip([*CELL, "checkpoint", "measure"], key, strict=True)), **described(part)}
        for key, part in joined.groupby([*CELL, "checkpoint", "measure"], sort=False)
    ]
    out = pd.DataFrame(rows)
    own = ["difference", "low", "high"]
    out.loc[out["strategy"] == baseline, own] = np.nan
    why = undefined or {}
    out["reason"] = [
        why.get(measure, "undefined") if np.isnan(value) else ""
        for measure, value in zip(out["measure"], out["value"], strict=True)
    ]
    return out


def described(part: pd.DataFrame) -> dict[str, float]:
    """Mean, difference and null of one cell, checkpoint and measure."""
    value, gap = part["value"].dropna(), part["gap"].dropna()
    low, high = t_interval(gap) if len(gap) else (np.nan, np.nan)
    null = {
        name: float(part[name].mean()) if name in part else np.nan
        for name in ("z", "null_low", "null_high")
    }
    return {
        "n_labeled": float(part["n_labeled"].mean()),
        "value": float(value.mean()) if len(value) else np.nan,
        "trials": len(value),
        "of_trials": len(part),
        "difference": float(gap.mean()) if len(gap) else np.nan,
        "low": low,
        "high": high,
        "pairs": len(gap),
        **null,
    }


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
