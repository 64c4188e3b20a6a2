"""Whom strategies asked: how right the aggregated labels are, and what a point of score costs.

Every run of several annotators beside the baseline's of the same trial, which is the
single-annotator run where the suite says so.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.bought import CELL, Bought, Cut, groups
from albench.analysis.comparison.paired import t_interval
from albench.core.arrays import Floats, Ints
from albench.core.errors import BadResults
from albench.core.tables import KEY

MEASURES = {
    "answers": "labels bought, asking again included",
    "rows": "rows that have a label",
    "right": "accuracy of the aggregated (majority) labels, with its 95 % interval",
    "money": "what they cost together, the start included",
    "hours": "working time of all who answered, where it is known",
    "score": "score at the end; gain: points above the start",
    "money / point": "money after the start for one point of gain, with Fieller's interval",
    "hours / point": "the same of working time",
    "ahead": "score beside the baseline's, at the money that both runs of a trial have spent",
    "right ahead": "accuracy of the aggregated labels beside the baseline's, at the end",
}


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    metric: str = "accuracy",
    better: str = "higher",
) -> pd.DataFrame:
    """One row per run and evaluation: the key, round, answers, rows, right, money, hours, score.

    Where there is nobody to choose of, one annotator answers, in an unknown time. `score`: higher
    is better.
    """
    found = []
    for group in groups(runs, rounds, cuts):
        for run in group.runs:
            found += of_run(run, metric, better)
    return pd.DataFrame(found)


def of_run(run: Bought, metric: str, better: str) -> list[dict[str, Any]]:
    """Rows of one run."""
    task, panel = run.cut.task, run.cut.panel
    took = np.full(len(run.rows), np.nan)
    if panel is not None:
        took = panel.seconds[run.rows, asked(run)]
    label, out = np.full(len(task.y), -1, dtype=np.intp), []
    votes: dict[int, list[int]] = {}
    sizes = np.cumsum([len(picks) for picks in run.rounds["picks"]])
    before = 0
    for number, until in enumerate(sizes):
        for at in range(before, until):
            if run.labels[at] >= 0:
                given = votes.setdefault(int(run.rows[at]), [])
                given.append(int(run.labels[at]))
                label[run.rows[at]] = majority(given)
        before = until
        known = np.flatnonzero(label >= 0)
        score = float(run.rounds[metric].iloc[number])
        out.append(
            dict(zip(KEY, run.key, strict=True))
            | {
                "round": number,
                "answers": int(until),
                "rows": len(known),
                "right": float(np.mean(label[known] == task.y[known])),
                "money": run.cost(number),
                "hours": float(took[:until].sum()) / 3600,
                "score": -score if better == "lower" else score,
            }
        )
    return out


def majority(given: Sequence[int]) -> int:
    """The most frequent label; among equals the one given first."""
    return max(given, key=lambda label: (given.count(label), -given.index(label)))


def asked(run: Bought) -> Ints:
    """(n,) who answered each pick; raises BadResults where that is not stored."""
    stored = run.rounds.get("annotators")
    if stored is None or stored.isna().any():
        raise BadResults("who answered is not stored: these runs are of an older albench")
    return np.concatenate([np.asarray(part, dtype=np.intp) for part in stored])


def summary(each: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """One row per cell at the end of its runs; see `MEASURES`.

    each: of `measured`. Ratios are of means over trials.
    """
    rows = []
    for cell, part in each.groupby(CELL, sort=False):
        ends = part.drop_duplicates("trial", keep="last").set_index("trial")
        starts = part.drop_duplicates("trial").set_index("trial")
        gain = 100 * (ends["score"] - starts["score"])
        money, hours = ends["money"] - starts["money"], ends["hours"] - starts["hours"]
        right_low, right_high = intervals.mean(floats(ends["right"]))
        row: dict[str, Any] = dict(zip(CELL, cell, strict=True)) | {"trials": len(ends)}
        for name in ("answers", "rows", "right", "money", "hours", "score"):
            row[name] = float(ends[name].mean())
        row |= {"right_low": right_low, "right_high": right_high, "gain": float(gain.mean())}
        row |= per_point("money", floats(money), floats(gain))
        row |= per_point("hours", floats(hours), floats(gain))
        others = each[(each[CELL[:3]] == list(cell[:3])).all(axis=1)]
        row |= beside(part, others[others["strategy"] == baseline], cell[3] == baseline)
        rows.append(row)
    return pd.DataFrame(rows)


def floats(values: "pd.Series[float]") -> Floats:
    """A column as a float array."""
    return np.asarray(values, dtype=float)


def per_point(name: str, spent: Floats, gain: Floats) -> dict[str, float]:
    """What one point of gain takes; NaN where the mean gain is none."""
    mean = float(gain.mean())
    ok = mean > 0 and bool(np.isfinite(spent).all())
    low, high = intervals.ratio(spent, gain) if ok else (np.nan, np.nan)
    value = float(spent.mean()) / mean if ok else np.nan
    return {f"{name}_point": value, f"{name}_point_low": low, f"{name}_point_high": high}


def beside(part: pd.DataFrame, base: pd.DataFrame, itself: bool) -> dict[str, float]:
    """Score at equal money and accuracy of the labels beside the baseline's, over its trials."""
    names = ("ahead", "ahead_low", "ahead_high", "right_ahead", "right_low_ahead")
    out = dict.fromkeys((*names, "right_high_ahead"), np.nan)
    if itself or base.empty:
        return out
    ahead, right = [], []
    for trial, own in part.groupby("trial"):
        other = base[base["trial"] == trial]
        if other.empty:
            continue
        money = min(float(own["money"].max()), float(other["money"].max()))
        ahead.append(score_at(own, money) - score_at(other, money))
        right.append(float(own["right"].iloc[-1] - other["right"].iloc[-1]))
    for name, low, high, values in (
        ("ahead", "ahead_low", "ahead_high", ahead),
        ("right_ahead", "right_low_ahead", "right_high_ahead", right),
    ):
        out[name] = float(np.mean(values)) if values else np.nan
        out[low], out[high] = t_interval(values)
    return out


def score_at(rows: pd.DataFrame, money: float) -> float:
    """The score of the last evaluation that so much money paid for."""
    paid = rows[rows["money"] <= money + 1e-9]
    return float(paid["score"].iloc[-1])


def words(found: pd.DataFrame, baseline: str, metric: str) -> list[str]:
    """What is shown of each strategy beside the baseline, cell by cell, and what is not."""
    lines = []
    for _, row in found.iterrows():
        told = (
            f"{row['dataset']}, {row['model']}: {row['strategy']} has {row['rows']:.0f} rows "
            f"labelled by {row['answers']:.0f} answers, {100 * row['right']:.1f} % of them right, "
            f"at a cost of {row['money']:.4g}{hours_of(row)}"
        )
        if np.isfinite(row["money_point"]):
            told += f", {row['money_point']:.3g} a point of {metric} gained"
        else:
            told += f", and no gain of {metric} over the start"
        if row["strategy"] != baseline and np.isfinite(row["ahead"]):
            told += f"; at equal money {100 * row['ahead']:+.1f} points {sure(row, baseline)}"
        lines.append(f"{told}.")
    return lines


def hours_of(row: "pd.Series[Any]") -> str:
    """` and 3.2 hours`, or nothing where working time is not known."""
    return f" and {row['hours']:.3g} hours" if np.isfinite(row["hours"]) else ""


def sure(row: "pd.Series[Any]", baseline: str) -> str:
    """How sure the difference at equal money is."""
    low, high = row["ahead_low"], row["ahead_high"]
    if not np.isfinite(low):
        return f"against {baseline} (one trial: no interval)"
    shown = f"against {baseline} [{100 * low:+.1f}, {100 * high:+.1f}]"
    return shown if low > 0 or high < 0 else f"{shown}: no difference is shown"
