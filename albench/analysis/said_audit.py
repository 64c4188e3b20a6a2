"""What the evaluation audit found, in sentences made from the numbers by fixed rules."""

import numpy as np
import pandas as pd

from albench.analysis.against import CELL
from albench.analysis.audit import WHOLE
from albench.analysis.said import settings
from albench.analysis.words import counted

CLEAR = 0.005
HINDSIGHT = ["leftover", "cv_clean", "cv_matched", "lure_matched"]
"""Estimators that need labels or a test set that nobody has who buys labels."""


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
    """The estimator with the smallest mean root mean squared error that all strategies have.

    It is looked for on the cells where rows were left to buy: with the whole pool bought
    nothing was selected, and every estimator does well. An estimator counts that each of these
    cells has. `leftover` needs the labels of the rows that were not bought, so nobody has it
    who buys labels; it is named apart.
    """
    whole = end[(end["estimator"] == "leftover") & (end["reason"] == WHOLE)]
    bought = pd.MultiIndex.from_frame(whole[CELL])
    some = end[~pd.MultiIndex.from_frame(end[CELL]).isin(bought)]
    if some.empty:
        return "the whole pool was bought on every dataset, so none is called least wrong."
    cells = some.groupby(["dataset", "strategy"]).ngroups
    known = some[np.isfinite(some["rmse"].astype(float))]
    sizes = known.groupby("estimator").size()
    had = known[known["estimator"].isin(sizes[sizes == cells].index)]
    means = had.groupby("estimator")["rmse"].mean()
    places = list(dict.fromkeys(some["dataset"]))
    on = "" if len(bought) == 0 else f" on {', '.join(places)}, where rows were left to buy"
    usable = means.drop(HINDSIGHT, errors="ignore")
    if usable.empty:
        return f"no estimator was had for every strategy{on}."
    text = f"least wrong of those that every strategy has{on}: {usable.idxmin()} "
    text += f"(mean RMSE {usable.min():.3f})"
    if "leftover" in means.index:
        text += (
            f"; leftover ({means['leftover']:.3f}) is no rival, since it needs the true labels of "
            "all rows that were not bought"
        )
    return f"{text}."
