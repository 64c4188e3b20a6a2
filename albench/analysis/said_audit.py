"""What the evaluation audit found, in sentences made from the numbers by fixed rules."""

from math import isfinite

import pandas as pd

from albench.analysis.said import settings
from albench.analysis.words import counted

CLEAR = 0.005


def audit(errors: pd.DataFrame, ranking: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on the estimators. errors, ranking: as in `misled`."""
    out = []
    for start, part in settings(errors):
        end = part[part["checkpoint"] == part["checkpoint"].max()]
        cv = end[(end["estimator"] == "cv") & ((end["low"] > 0) | (end["high"] < 0))]
        if len(cv):
            order = cv["bias"].abs().sort_values(ascending=False, kind="stable").index
            cells = [f"{r['strategy']} on {r['dataset']} {r['bias']:+.3f}"
                     for _, r in cv.loc[order].iterrows()]  # fmt: skip
            out.append(
                f"{start}cross-validation on the labelled set misleads: {counted(cells)} "
                "against the passive test."
            )
        else:
            out.append(f"{start}no bias of cross-validation on the labelled set was found.")
        out += inverted(start, end, baseline)
        out.append(f"{start}{least_wrong(end)}")
    return out


def inverted(start: str, end: pd.DataFrame, baseline: str) -> list[str]:
    """Strategies that cross-validation puts on the wrong side of the baseline.

    Both mean differences must exceed `CLEAR`.
    """
    cells = []
    for dataset, rows in end[end["estimator"] == "cv"].groupby("dataset", sort=False):
        table = rows.set_index("strategy")
        if baseline not in table.index:
            continue
        base = table.loc[baseline]
        for name, row in table.drop(index=baseline).iterrows():
            believed, true = row["estimate"] - base["estimate"], row["truth"] - base["truth"]
            if believed * true < 0 and min(abs(believed), abs(true)) > CLEAR:
                sides = ("below", "above") if believed < 0 else ("above", "below")
                cells.append(f"on {dataset} it ranks {name} {sides[0]} {baseline}, "
                             f"the passive test {sides[1]}")  # fmt: skip
    if not cells:
        return [f"{start}it puts no strategy clearly on the wrong side of {baseline}."]
    return [f"{start}it inverts the ranking: {counted(cells, 3)}."]


def least_wrong(end: pd.DataFrame) -> str:
    """The estimator with the smallest mean root mean squared error that all strategies have."""
    cells = end.groupby(["dataset", "strategy"]).ngroups
    usable = end[~end["estimator"].isin(["leftover", "cv_clean", "cv_matched", "lure_matched"])]
    sizes = usable.groupby("estimator").size()
    whole = usable[usable["estimator"].isin(sizes[sizes == cells].index)]
    means = whole.groupby("estimator")["rmse"].mean()
    if means.empty or not isfinite(means.min()):
        return "no estimator was had for every strategy."
    best = means.idxmin()
    return f"least wrong of those that every strategy has: {best} (RMSE {means.min():.3f})."
