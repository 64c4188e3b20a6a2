"""What picks are worth to another model than the one they were bought for.

A frame of `rescored` rows: dataset, protocol, model (with which was queried), strategy, trial,
scored (the model that scores), n_labeled, score. The unit is the dataset: trials are averaged
first. With one dataset the unit is the trial, and what is said holds for that dataset only.
"""

from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison.paired import t_interval
from albench.analysis.comparison.summaries import aubc
from albench.core.errors import BadResults

CELL = ["dataset", "protocol", "model", "strategy", "trial", "scored"]
PLACE = ["protocol", "model", "scored", "strategy"]


def areas(rescored: pd.DataFrame, better: str) -> pd.DataFrame:
    """One row per run and scoring model: the area under its curve, higher = better."""
    sign = 1.0 if better == "higher" else -1.0
    rows = []
    for place, part in rescored.groupby(CELL, sort=True):
        curve = part.sort_values("n_labeled").drop_duplicates("n_labeled")
        if len(curve) > 1 and curve["score"].notna().all():
            area = float(aubc(curve["n_labeled"].to_numpy(), curve["score"].to_numpy()))
            rows.append(dict(zip(CELL, place, strict=True)) | {"area": sign * area})
    if not rows:
        raise BadResults("no run has two evaluations that can be scored")
    return pd.DataFrame(rows)


def gains(areas_of: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """The area of each strategy less that of the baseline, same trial and both models.

    Raises BadResults where the baseline was not run.
    """
    base = areas_of[areas_of["strategy"] == baseline]
    if base.empty:
        raise BadResults(f"the baseline {baseline!r} has no runs to compare with")
    key = [c for c in CELL if c != "strategy"]
    both = areas_of[areas_of["strategy"] != baseline].merge(
        base[[*key, "area"]], on=key, suffixes=("", "_base")
    )
    return both.assign(gain=both["area"] - both["area_base"])


def units(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Means by dataset; where there is one dataset, the trials themselves."""
    if table["dataset"].nunique() == 1:
        return table.rename(columns={"trial": "unit"})[[*PLACE, "unit", column]]
    means = table.groupby([*PLACE, "dataset"], sort=True)[column].mean().reset_index()
    return means.rename(columns={"dataset": "unit"})


def interval(values: Any) -> dict[str, float]:
    """Mean with its 95 % interval."""
    values = np.asarray(values, dtype=np.float64)
    low, high = t_interval(values)
    return {"mean": float(values.mean()), "low": low, "high": high, "units": len(values)}


def matrix(rescored: pd.DataFrame, baseline: str, better: str) -> pd.DataFrame:
    """One row per strategy, query model and task model: its gain over the baseline.

    Columns: protocol, strategy, queried (query model), scored (task model), gain with its 95 %
    interval low, high over `units` (datasets, or trials of the only one); `own`: what picks of the
    task model itself gain there, lost = gain - own paired by unit with lost_low, lost_high; kept:
    gain as a share of what the same picks gain with the model they were bought for, where that
    gain is surely above 0.
    """
    table = gains(areas(rescored, better), baseline)
    wide = units(table, "gain")
    rows = []
    for (protocol, model, scored, strategy), part in wide.groupby(PLACE, sort=True):
        mine = part.set_index("unit")["gain"]
        found = interval(mine)
        row: dict[str, Any] = {"protocol": protocol, "strategy": strategy}
        row |= {"queried": model, "scored": scored, "gain": found.pop("mean"), **found}
        rows.append(row | against(wide, row, mine))
    return pd.DataFrame(rows)


def against(wide: pd.DataFrame, row: dict[str, Any], mine: "pd.Series[float]") -> dict[str, Any]:
    """What picks of the task model itself gain, and what share of the gain at home is kept."""
    here = (wide["protocol"] == row["protocol"]) & (wide["strategy"] == row["strategy"])
    nothing = dict.fromkeys(("own", "lost", "lost_low", "lost_high", "kept"), float("nan"))
    told: dict[str, Any] = dict(nothing)
    own = wide[here & (wide["model"] == row["scored"]) & (wide["scored"] == row["scored"])]
    if len(own):
        pair = pd.concat([mine, own.set_index("unit")["gain"]], axis=1, join="inner").to_numpy()
        found = interval(pair[:, 0] - pair[:, 1])
        told |= {"own": float(pair[:, 1].mean()), "lost": found["mean"]}
        told |= {"lost_low": found["low"], "lost_high": found["high"]}
    home = wide[here & (wide["model"] == row["queried"]) & (wide["scored"] == row["queried"])]
    if len(home):
        found = interval(home["gain"])
        if found["low"] > 0:
            told["kept"] = float(mine.mean()) / found["mean"]
    return told


def sentences(table: pd.DataFrame) -> list[str]:
    """Whether querying with the model that is scored was better, strategy by strategy."""
    said = []
    other = table[(table["queried"] != table["scored"]) & table["lost"].notna()]
    for (protocol, strategy), part in other.groupby(["protocol", "strategy"], sort=True):
        worse, better = part["lost_high"] < 0, part["lost_low"] > 0
        said.append(
            f"{strategy} ({protocol}): of {len(part)} pairs of a query model and another task "
            f"model, the picks of the task model itself gain surely more in {int(worse.sum())}, "
            f"surely less in {int(better.sum())}; in the others it is not told"
        )
    return said


def made_of(rescored: pd.DataFrame, baseline: str, better: str, names: dict[str, str]) -> Any:
    """What the gain over the plain model on rows of the baseline is made of, step by step.

    names  `plain`, `weighted`, `tuned`, `both` -> the label of the model that scores. Each step
           adds to the one before: class weights, then tuned C (`both` has the two), then the
           strategy's picks instead of the baseline's; the steps add up to the whole gain.
    One row per dataset, protocol, query model and strategy: plain (area of the baseline's rows
    with the plain model), the steps, and gain, their sum.
    """
    table = areas(rescored, better)
    rows = []
    for place, part in table.groupby(["dataset", "protocol", "model"], sort=True):
        wide = part.pivot_table(index="strategy", columns="scored", values="area")
        if baseline not in wide.index or not set(names.values()) <= set(wide.columns):
            continue
        base = wide.loc[baseline]
        for strategy in (s for s in wide.index if s != baseline):
            steps = {
                "class weights": base[names["weighted"]] - base[names["plain"]],
                "tuned C": base[names["both"]] - base[names["weighted"]],
                "querying": wide.loc[strategy, names["both"]] - base[names["both"]],
            }
            row: dict[str, Any] = dict(zip(("dataset", "protocol", "model"), place, strict=True))
            row |= {"strategy": strategy, "plain": base[names["plain"]], **steps}
            rows.append(row | {"gain": sum(steps.values())})
    columns = ["dataset", "protocol", "model", "strategy", "plain", *STEPS, "gain"]
    return pd.DataFrame(rows, columns=columns)


STEPS = ("class weights", "tuned C", "querying")
