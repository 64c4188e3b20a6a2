"""Stopping rules judged: labels spent, score lost, cost and regret, by run, dataset and over all.

What a rule spends is set against going on to the end of the same run. A price says what a mistake
costs, in labels: cost = labels + price x share of wrong predictions, so that with a price of
1,000 one point of accuracy is worth ten labels. Where a protocol prices labels, their stored cost
stands in place of their number, held-out ones at the mean price so far. Regret is the cost above
that of the best round of the same run, which is known in hindsight only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from albench.analysis.comparison.across import posterior, versus
from albench.analysis.comparison.paired import t_interval
from albench.analysis.comparison.verdicts import mean_variance, spread, varies_p, verdict
from albench.analysis.intervals import mean as mean_interval
from albench.analysis.question import Options
from albench.core.errors import BadResults, BadValue, UnknownName
from albench.core.tables import FULL_POOL, KEY

CELL = ["protocol", "model", "strategy", "dataset"]
PLACE = ["protocol", "model", "strategy"]
TAIL = 1 / 3
"""The last share of the labels over which a curve must not rise to count as flat."""


@dataclass(frozen=True)
class Price:
    """What a mistake costs, in labels, over all predictions that the model will ever make.

    Raises BadValue for one that is not positive.
    """

    mistakes: float = 1000.0

    def __post_init__(self) -> None:
        if not 0 < self.mistakes < float("inf"):
            raise BadValue(f"the price of mistakes is {self.mistakes}: a positive number of labels")

    def loss(self, score: "pd.Series[float]", question: Options) -> "pd.Series[float]":
        """What of a score is lost: to 1 where higher is better, all of it where lower is."""
        return score if question.lower else 1 - score


def evaluations(rounds: pd.DataFrame, question: Options, price: Price) -> pd.DataFrame:
    """Every evaluation with the labels bought by then, the score and the cost.

    rounds: the stored table. Columns: run, round, bought, paid (labels, or what they cost where
    the question is asked over costs), score (higher is better), cost.
    """
    if question.metric not in rounds.columns:
        raise UnknownName(f"no metric {question.metric!r} in the results")
    out = rounds.sort_values(["run", "round"], kind="stable")
    bought = out["picks"].map(len).groupby(out["run"]).cumsum()
    paid = out["cost"].astype(float) if question.axis == "cost" else bought
    raw = out[question.metric].astype(float)
    cost = paid + price.mistakes * price.loss(raw, question)
    score = -raw if question.lower else raw
    named = {"bought": bought, "paid": paid, "score": score, "cost": cost}
    return out[["run", "round"]].assign(**named).reset_index(drop=True)


def by_run(
    stops: pd.DataFrame,
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    question: Options,
    price: Price,
) -> pd.DataFrame:
    """One row per run and rule: what stopping by it saves and costs.

    stops: run, rule (as tables show it), round (-1: never), spent, why, refused; rules that do
    not apply to a run are left out. Columns: those of the key, run, rule, stopped, round, spent,
    end_spent, saved, saved_share, score, end_score, lost (score given up, above 0: worse), cost,
    end_cost, cheaper (cost saved), best_cost, best_at, regret, end_regret, why.
    """
    at = evaluations(rounds, question, price)
    ends = at.drop_duplicates("run", keep="last").set_index("run")
    least = at.loc[at.dropna(subset=["cost"]).groupby("run")["cost"].idxmin()].set_index("run")
    applied = stops[stops["refused"].isna()]
    last = applied["run"].map(ends["round"])
    where = applied["round"].where(applied["round"] >= 0, last)
    known = applied.assign(stopped=applied["round"] >= 0, round=where).dropna(subset=["round"])
    known = known.assign(round=known["round"].astype(int))
    out = known.merge(at, on=["run", "round"], how="left")
    done = runs.loc[runs["status"] == "done", ["run", *KEY]]
    out = done[done["strategy"] != FULL_POOL].merge(out, on="run", how="inner")
    for name in ("bought", "score", "cost"):
        out[f"end_{name}"] = out["run"].map(ends[name])
    out["best_cost"] = out["run"].map(least["cost"])
    out["best_at"] = out["run"].map(least["bought"])
    out["cost"] += (out["spent"] - out["bought"]) * out["paid"] / out["bought"]  # held-out ones
    out = out.rename(columns={"end_bought": "end_spent"}).drop(columns=["bought", "paid"])
    out["saved"] = out["end_spent"] - out["spent"]
    out["saved_share"] = out["saved"] / out["end_spent"]
    out["lost"] = out["end_score"] - out["score"]
    out["cheaper"] = out["end_cost"] - out["cost"]
    out["regret"] = out["cost"] - out["best_cost"]
    out["end_regret"] = out["end_cost"] - out["best_cost"]
    return out.drop(columns="refused")


def flatness(
    runs: pd.DataFrame, rounds: pd.DataFrame, question: Options, price: Price, rope: float
) -> pd.DataFrame:
    """Whether curves flatten within the budget, one row per cell.

    Columns: those of `CELL`, trials, rise (mean gain of score over the last third of the labels
    that were bought after the start), rise_low, rise_high (95 %, over trials), flat: whether the
    upper end lies below the rope. A cell of one trial is not known to be flat.
    """
    at = evaluations(rounds, question, price)
    by = at.groupby("run")["bought"]
    first, last = by.transform("min"), by.transform("max")
    before = at[at["bought"] <= last - TAIL * (last - first)]
    left = before.drop_duplicates("run", keep="last").set_index("run")["score"]
    ends = at.drop_duplicates("run", keep="last").set_index("run")["score"]
    done = runs[(runs["status"] == "done") & (runs["strategy"] != FULL_POOL)]
    rise = done.assign(rise=done["run"].map(ends - left)).dropna(subset=["rise"])
    rows = []
    for cell, part in rise.groupby(CELL, sort=False):
        gains = part["rise"].to_numpy(dtype=np.float64)
        low, high = mean_interval(gains)
        top = high if np.isfinite(high) else float(gains.mean())  # all trials alike
        flat = len(gains) > 1 and top < rope
        ends_of = {"rise_low": low, "rise_high": high, "flat": flat}
        rows.append(
            dict(zip(CELL, cell, strict=True))
            | {"trials": len(gains), "rise": float(gains.mean())}
            | ends_of
        )
    columns = [*CELL, "trials", "rise", "rise_low", "rise_high", "flat"]
    return pd.DataFrame(rows, columns=columns)


MEANS = (
    "stopped",
    "spent",
    "end_spent",
    "saved",
    "saved_share",
    "score",
    "end_score",
    "lost",
    "cost",
    "end_cost",
    "cheaper",
    "best_cost",
    "regret",
    "end_regret",
)


def by_dataset(each: pd.DataFrame, flat: pd.DataFrame) -> pd.DataFrame:
    """Means over trials, one row per cell and rule, with t intervals of lost and cheaper.

    each: of `by_run`; flat: of `flatness`, whose column `flat` comes along.
    """
    keys = [*CELL, "rule"]
    by = each.groupby(keys, sort=False)
    out = by[list(MEANS)].mean()
    out.insert(0, "trials", by.size())
    for name in ("lost", "cheaper"):
        ends = [t_interval(part.dropna()) for _, part in by[name]]
        out[f"{name}_low"], out[f"{name}_high"] = np.array(ends).reshape(-1, 2).T
        out[f"{name}_error"] = [squared_error(part.dropna()) for _, part in by[name]]
    return out.reset_index().merge(flat[[*CELL, "flat"]], on=CELL, how="left")


def squared_error(values: "pd.Series[float]") -> float:
    """Squared standard error of a mean over trials; NaN below two."""
    return mean_variance(np.asarray(values, dtype=float))[1] if len(values) else np.nan


def over_datasets(
    datasets: pd.DataFrame, question: Options, price: Price, rope: float
) -> pd.DataFrame:
    """One row per protocol, model, strategy and rule, over the datasets whose curves flatten.

    The unit is the dataset; variants of one base are averaged first. Of score lost and cost saved
    against going on: mean with its 95 % t interval, exact signed-rank p after Holm over the rules
    (`lost_p`, `cheaper_p`), and a verdict by the rules of the comparison, with the rope of the
    metric, and of the cost what the price makes of it. `harmed`: datasets that lose more than the
    rope, by their shrunken estimates. `saved_low`, `saved_high`: of the share of labels saved.
    """
    rows = []
    kept = datasets[datasets["flat"].eq(True)]
    for place, part in kept.groupby(PLACE, sort=False):
        lost = family(part, "lost", -1.0, rope, question)
        cheaper = family(part, "cheaper", 1.0, rope * price.mistakes, question)
        for rule, own in part.groupby("rule", sort=False):
            unit = units(own, question)
            saved = unit["saved_share"].mean()
            row = dict(zip(PLACE, place, strict=True)) | {"rule": rule, "datasets": len(unit)}
            row |= {name: float(unit[name].mean()) for name in MEANS}
            row["saved_share"] = float(saved)
            row["saved_low"], row["saved_high"] = t_interval(unit["saved_share"])
            for name, table, sign in (("lost", lost, -1.0), ("cheaper", cheaper, 1.0)):
                told = dict(table.loc[str(rule)])
                ends = sorted((sign * told["low"], sign * told["high"]))
                row |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
                row |= {f"{name}_p": told["holm_p"], f"{name}_verdict": told["verdict"]}
            row["harmed"] = int(lost["below"].loc[str(rule)])
            rows.append(row)
    out = pd.DataFrame(rows)
    return out.sort_values([*PLACE, "regret"], kind="stable", ignore_index=True) if rows else out


def units(own: pd.DataFrame, question: Options) -> pd.DataFrame:
    """The rows of one rule by base dataset, variants averaged, with squared errors of the mean."""
    base = question.base or {}
    named = own.assign(unit=[base.get(d, d) for d in own["dataset"]])
    by = named.groupby("unit", sort=False)
    out = by[list(MEANS)].mean()
    for name in ("lost", "cheaper"):
        out[f"{name}_error"] = by[f"{name}_error"].sum(min_count=1) / by.size() ** 2
    out["df"] = by["trials"].sum() - by.size()
    return out


def family(
    part: pd.DataFrame, name: str, sign: float, rope: float, question: Options
) -> pd.DataFrame:
    """The tests of one quantity over all rules of one model and strategy, one row per rule."""
    by = {rule: units(own, question) for rule, own in part.groupby("rule", sort=False)}
    gaps = {str(rule): sign * unit[name] for rule, unit in by.items()}
    out = versus({r: g.to_numpy() for r, g in gaps.items()}, question.alpha, question.seed)
    more = []
    for rule, gap in gaps.items():
        unit = by[rule]
        noise = (unit[f"{name}_error"], unit["df"])
        told = {
            "rope": posterior(gap, rope, question.seed).rope,
            "varies_p": varies_p(gap, *noise),
            "counted": len(gap),
        }
        more.append(spread(gap, rope, question.alpha, *noise) | told)
    out = pd.concat([out, pd.DataFrame(more, index=out.index)], axis=1)
    out["verdict"] = [verdict(row, question.alpha) for _, row in out.iterrows()]
    return out


def shown_as(stops: pd.DataFrame, labels: Mapping[str, str]) -> pd.DataFrame:
    """The stops with the rules as tables show them; raises BadResults for an unknown one."""
    strange = set(stops["rule"]) - set(labels)
    if strange:
        raise BadResults(f"rule {min(strange)[:60]} is none of those asked for")
    return stops.assign(rule=stops["rule"].map(labels))
