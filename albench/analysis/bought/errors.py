"""How wrong the estimators of the audit are, in numbers and in sentences."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.bought import CELL
from albench.analysis.bought.audit import ESTIMATORS, WHOLE
from albench.analysis.bought.words import settings
from albench.analysis.comparison.paired import t_interval
from albench.analysis.comparison.words import counted

PLACE = ["dataset", "protocol", "model", "checkpoint", "estimator"]


def errors(frame: pd.DataFrame) -> pd.DataFrame:
    """Bias, spread and root mean squared error of each estimator, by cell and checkpoint.

    frame: as `audit.measured`. Columns: dataset, protocol, model, strategy, checkpoint,
    n_labeled, estimator, estimate, truth (means), bias with its 95 % interval low, high,
    sd, rmse (over trials), trials, reason: why the estimator cannot be had in any trial (then
    all these are NaN), else empty.
    """
    rows = []
    for key, part in frame.groupby([*CELL, "checkpoint", "estimator"], sort=False):
        known = part.dropna(subset=["estimate", "truth"])
        gap = (known["estimate"] - known["truth"]).to_numpy()
        low, high = t_interval(gap) if len(gap) else (np.nan, np.nan)
        rows.append(
            {
                **dict(zip([*CELL, "checkpoint", "estimator"], key, strict=True)),
                "n_labeled": part["n_labeled"].mean(),
                "estimate": known["estimate"].mean(),
                "truth": known["truth"].mean(),
                "bias": gap.mean() if len(gap) else np.nan,
                "low": low,
                "high": high,
                "sd": gap.std(ddof=1) if len(gap) > 1 else np.nan,
                "rmse": float(np.sqrt(np.mean(gap**2))) if len(gap) else np.nan,
                "trials": len(gap),
                "reason": "" if len(gap) else part["reason"].iloc[0],
            }
        )
    return in_order(pd.DataFrame(rows))


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of cells, then checkpoints, then `ESTIMATORS`."""
    if frame.empty:
        return frame
    place = {name: i for i, name in enumerate(ESTIMATORS)}
    cells = [c for c in CELL if c in frame]
    codes = {c: pd.factorize(frame[c])[0] for c in cells}
    keys = pd.DataFrame(
        {**codes, "checkpoint": frame["checkpoint"], "e": frame["estimator"].map(place)}
    )
    return frame.loc[keys.sort_values([*cells, "checkpoint", "e"]).index].reset_index(drop=True)


def ranking(frame: pd.DataFrame) -> pd.DataFrame:
    """Whether each estimator ranks the strategies as the passive test does.

    Columns: dataset, protocol, model, checkpoint, estimator, strategies (how many have
    it), trials; tau (Kendall's tau-b by trial, mean), tau_mean (of the means over trials),
    best_right (share of trials where the best by the estimator is the best by the truth,
    draws shared out), regret (truth of the best minus truth of the chosen, mean), believed
    and truly (the best by the means). Only estimators that at least two strategies have.
    """
    rows = []
    for key, part in frame.dropna(subset=["estimate", "truth"]).groupby(PLACE, sort=False):
        estimate = part.pivot_table(index="trial", columns="strategy", values="estimate")
        truth = part.pivot_table(index="trial", columns="strategy", values="truth")
        both = estimate.dropna().index.intersection(truth.dropna().index)
        if estimate.shape[1] >= 2 and len(both):
            described = compared(estimate.loc[both], truth.loc[both])
            rows.append({**dict(zip(PLACE, key, strict=True)), **described})
    return in_order(pd.DataFrame(rows))


def compared(estimate: pd.DataFrame, truth: pd.DataFrame) -> dict[str, Any]:
    """Agreement of two tables (trials, strategies)."""
    from scipy.stats import kendalltau

    e, t = estimate.to_numpy(), truth.to_numpy()
    taus = [
        kendalltau(a, b).statistic for a, b in zip(e, t, strict=True) if np.ptp(a) and np.ptp(b)
    ]
    best = e >= e.max(axis=1, keepdims=True)
    share = best / best.sum(axis=1, keepdims=True)
    right = t >= t.max(axis=1, keepdims=True)
    chosen = (share * t).sum(axis=1)
    means, true_means = e.mean(axis=0), t.mean(axis=0)
    flat = np.ptp(means) == 0 or np.ptp(true_means) == 0
    return {
        "strategies": e.shape[1],
        "trials": len(e),
        "tau": float(np.mean(taus)) if taus else np.nan,
        "tau_mean": np.nan if flat else float(kendalltau(means, true_means).statistic),
        "best_right": float((share * right).sum(axis=1).mean()),
        "regret": float(np.mean(t.max(axis=1) - chosen)),
        "believed": str(estimate.columns[means.argmax()]),
        "truly": str(truth.columns[true_means.argmax()]),
    }


def at_end(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last checkpoint."""
    if frame.empty:
        return frame
    place = [name for name in ("dataset", "protocol", "model") if name in frame]
    final = frame.groupby(place)["checkpoint"].transform("max")
    last: pd.DataFrame = frame[frame["checkpoint"] == final]
    return last.reset_index(drop=True)


def left_out(frame: pd.DataFrame) -> list[str]:
    """Which estimators are missing at the last checkpoint, on which datasets, for whom, and why.

    What holds with every protocol and model is said once.
    """
    last = frame.groupby([*CELL, "trial"])["checkpoint"].transform("max")
    end = frame[frame["checkpoint"] == last]
    said: dict[str, list[str]] = {}
    starts = [start for start, _ in settings(end)]
    for start, part in settings(end):
        for sentence in gone(part):
            said.setdefault(sentence, []).append(start)
    return [
        text
        for sentence, where in said.items()
        for text in ([sentence] if where == starts else [f"{s}{sentence}" for s in where])
    ]


def gone(end: pd.DataFrame) -> Iterator[str]:
    """The sentences of one protocol and model."""
    places, everyone = list(dict.fromkeys(end["dataset"])), end["strategy"].nunique()
    cell = ["strategy", "dataset", "estimator"]
    sizes: dict[Any, int] = end.groupby(cell).size().to_dict()
    lost = end[end["reason"] != ""]
    for (name, why), rows in lost.groupby(["estimator", "reason"], sort=False):
        alike: dict[tuple[str, ...], list[str]] = {}
        for strategy, mine in rows.groupby("strategy", sort=False):
            found = []
            for dataset, part in mine.groupby("dataset", sort=False):
                n = sizes[strategy, dataset, name]
                some = "" if len(part) == n else f" ({len(part)} of {n} trials)"
                found.append(f"{dataset}{some}")
            alike.setdefault(tuple(found), []).append(str(strategy))
        for cells, who in alike.items():
            on = ", ".join(cells) if list(cells) != places else "every dataset"
            told = "all strategies" if len(who) == everyone else ", ".join(who)
            yield f"{name} is left out on {on} for {told}: {why}"


CLEAR = 0.005
HINDSIGHT = ["leftover", "cv_clean", "cv_matched", "lure_matched"]
"""Estimators that need labels or a test set that nobody has who buys labels."""


def sides(frame: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Each strategy beside the baseline at the end, by estimator and by the passive test.

    frame: as `audit.measured`. Columns: dataset, protocol, model, estimator, strategy, pairs
    (trials in which both have both numbers); believed and truly, the mean paired differences,
    with their 95 % t intervals (_low, _high).
    """
    known = frame.dropna(subset=["estimate", "truth"])
    last = known.groupby([*CELL, "trial"])["checkpoint"].transform("max")
    end = known[known["checkpoint"] == last]
    key = ["dataset", "protocol", "model", "estimator", "trial"]
    base = end[end["strategy"] == baseline].set_index(key)[["estimate", "truth"]]
    base = base.add_suffix("_base")
    # an empty join would leave its keys in the index, too
    both = end[end["strategy"] != baseline].join(base, on=key, how="inner").reset_index(drop=True)
    rows = []
    for group, part in both.groupby([*key[:-1], "strategy"], sort=False):
        row = dict(zip([*key[:-1], "strategy"], group, strict=True)) | {"pairs": len(part)}
        for name, column in (("believed", "estimate"), ("truly", "truth")):
            gap = (part[column] - part[f"{column}_base"]).to_numpy()
            low, high = t_interval(gap)
            row |= {name: float(gap.mean()), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    columns = [*key[:-1], "strategy", "pairs", "believed", "truly"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)


def audit(
    errors: pd.DataFrame, beside: pd.DataFrame, baseline: str, score: str = "accuracy"
) -> list[str]:
    """Sentences on the estimators. errors: as `errors`; beside: as `sides`; score: of what."""
    out = []
    for start, part in settings(errors):
        end = part[part["checkpoint"] == part["checkpoint"].max()]
        cv = end[(end["estimator"] == "cv") & ((end["low"] > 0) | (end["high"] < 0))]
        if len(cv):
            order = cv["bias"].abs().sort_values(ascending=False, kind="stable").index
            cells = [
                f"{r['strategy']} on {r['dataset']} {r['bias']:+.3f}"
                for _, r in cv.loc[order].iterrows()
            ]
            out.append(
                f"{start}cross-validated {score} on the labelled set misleads: {counted(cells)} "
                "against the passive test."
            )
        else:
            out.append(
                f"{start}cross-validated {score} on the labelled set is not shown to be biased."
            )
        here = beside[
            beside["protocol"].isin(part["protocol"]) & beside["model"].isin(part["model"])
        ]
        out += inverted(start, here, baseline)
        out.append(f"{start}{least_wrong(end)}")
    return out


def inverted(start: str, beside: pd.DataFrame, baseline: str) -> list[str]:
    """Strategies that cross-validation puts on the wrong side of the baseline.

    Both paired intervals over trials must leave zero out, on opposite sides, and both mean
    differences exceed `CLEAR`.
    """
    cells = []
    for _, row in beside[beside["estimator"] == "cv"].iterrows():
        believed, true = (sure_side(row, name) for name in ("believed", "truly"))
        if believed * true < 0 and min(abs(row["believed"]), abs(row["truly"])) > CLEAR:
            which = ("below", "above") if believed < 0 else ("above", "below")
            cells.append(
                f"on {row['dataset']} it ranks {row['strategy']} {which[0]} {baseline} "
                f"({row['believed']:+.3f} [{row['believed_low']:+.3f}, "
                f"{row['believed_high']:+.3f}]), the passive test {which[1]} "
                f"({row['truly']:+.3f} [{row['truly_low']:+.3f}, {row['truly_high']:+.3f}])"
            )
    if not cells:
        return [f"{start}it is not shown to put any strategy on the wrong side of {baseline}."]
    return [f"{start}it inverts the ranking: {counted(cells, 3)}."]


def sure_side(row: "pd.Series[Any]", name: str) -> int:
    """1 or -1 where the interval of a paired difference lies above or below 0, else 0."""
    return int(row[f"{name}_low"] > 0) - int(row[f"{name}_high"] < 0)


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
