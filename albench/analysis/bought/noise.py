"""How many bought labels were wrong, whether the strategy was drawn to them, what it cost."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis import intervals
from albench.analysis.bought import CHECKPOINTS, Bought, Cut, groups
from albench.analysis.comparison.across import holm
from albench.core.arrays import Floats, Ints
from albench.core.tables import KEY, metric_columns

KEY_LIST = list(KEY)
MEASURES = {
    "wrong": "share of wrong labels among those queried",
    "base": "share of wrong labels the oracle would give over the pool",
    "abstained": "share of queried rows without an answer",
    "cost": "cumulative cost, the start included",
    "misled": "accuracy of the final model on rows whose label it was told wrong",
    "memorised": "share of those rows that it predicts as it was told",
    "relabel_wrong": "cost of asking again for exactly the wrong labels",
    "relabel_all": "cost of asking twice more for every label (majority of three)",
}


UNDEFINED = {
    "wrong": "nothing was queried",
    "base": "no row of the pool would be answered",
    "abstained": "nothing was queried",
    **dict.fromkeys(("misled", "memorised"), "no label was wrong, or not the last checkpoint"),
}
"""When a measure is NaN."""


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
) -> pd.DataFrame:
    """One row per run, checkpoint and measure of `MEASURES`, and the stored metrics.

    Columns: dataset, protocol, model, strategy, trial, checkpoint, n_labeled, measure,
    value. `misled` and `memorised` are of the last checkpoint only. NaN as `UNDEFINED` says.
    """
    rows: list[dict[str, Any]] = []
    names = metric_columns(rounds)
    for group in groups(runs, rounds, cuts):
        for run in group.runs:
            rows += of_run(run, names, checkpoints)
    return pd.DataFrame(rows)


def of_run(
    run: Bought, names: Sequence[str], checkpoints: Sequence[float]
) -> Iterator[dict[str, Any]]:
    """Rows of one run."""
    known = run.checkpoints(checkpoints)
    for share, number in known:
        at = run.in_hand(number)
        values = labels(run, number) | {"cost": run.cost(number)}
        values |= misled(run, at if number == known[-1][1] else at[:0])
        values |= {name: float(run.rounds[name].iloc[number]) for name in names}
        for name, value in values.items():
            yield {
                **dict(zip(KEY, run.key, strict=True)),
                "checkpoint": share,
                "n_labeled": len(at),
                "measure": name,
                "value": value,
            }


def labels(run: Bought, number: int) -> dict[str, float]:
    """Measures of the labels in hand at the evaluation of a round."""
    task, at = run.cut.task, run.in_hand(number)
    asked = np.flatnonzero((run.round > 0) & (run.round <= number))
    queried = at[run.round[at] > 0]
    bad = at[run.labels[at] != task.y[run.rows[at]]]
    prices = run.cut.prices
    return {
        "wrong": mean(run.labels[queried] != task.y[run.rows[queried]]),
        "base": base_rate(run),
        "abstained": mean(run.labels[asked] < 0),
        "relabel_wrong": float(prices[run.rows[bad]].sum()),
        "relabel_all": float(2 * prices[run.rows[at]].sum()),
    }


def mean(values: NDArray[np.bool_]) -> float:
    """The share of True; NaN of nothing."""
    return float(values.mean()) if len(values) else np.nan


def base_rate(run: Bought) -> float:
    """Share of wrong answers over the rows that could be queried and would be answered."""
    task, answers = run.cut.task, run.cut.answers
    fixed = np.union1d(task.withheld, run.rows[run.round == 0])
    open_rows = np.setdiff1d(np.arange(len(task.y)), fixed)
    said = open_rows[answers[open_rows] >= 0]
    return mean(answers[said] != task.y[said])


def misled(run: Bought, at: Ints) -> dict[str, float]:
    """What the model fitted on these labels makes of the rows whose label was wrong."""
    order = np.argsort(run.rows[at])
    rows, told = run.rows[at][order], run.labels[at][order]
    true = run.cut.task.y[rows]
    wrong = told != true
    if not wrong.any():
        return {"misled": np.nan, "memorised": np.nan}
    predicted = run.cut.fit(rows, told).predicted("train", rows[wrong])
    return {
        "misled": mean(predicted == true[wrong]),
        "memorised": mean(predicted == told[wrong]),
    }


def affinity(frame: pd.DataFrame) -> pd.DataFrame:
    """Share of wrong labels bought over the base rate, by cell, at the last checkpoint.

    1: wrong labels are bought as often as at random. Under uniform flips it is 1 by
    construction for every strategy, since none can see a label that it has not bought;
    where mistakes follow the class it mirrors the class mix. frame: as `measured` returns
    it. Columns: dataset, protocol, model, strategy, wrong, base (means over trials),
    affinity = their ratio with its 95 % interval low, high over trials (Fieller's; NaN below
    three trials or without spread), trials, p (two-sided paired t test of wrong against base)
    and holm_p over all cells that have one. NaN where no label is ever wrong.
    """
    last = frame[frame["checkpoint"] == frame.groupby(KEY_LIST)["checkpoint"].transform("max")]
    table = last[last["measure"].isin(["wrong", "base"])].pivot_table(
        index=KEY_LIST, columns="measure", values="value", sort=False
    )
    table = table.reindex(columns=["wrong", "base"])  # a column may be undefined everywhere
    rows = []
    for cell, part in table.dropna().groupby(level=KEY_LIST[:4], sort=False):
        wrong, base = part["wrong"].to_numpy(), part["base"].to_numpy()
        ratio, low, high = ratio_interval(wrong, base)
        rows.append(
            {
                **dict(zip(KEY_LIST, cell, strict=False)),
                "wrong": wrong.mean(),
                "base": base.mean(),
                "affinity": ratio,
                "low": low,
                "high": high,
                "trials": len(part),
                "p": chance_p(wrong, base) if base.mean() > 0 else np.nan,
            }
        )
    columns = [*KEY_LIST[:4], "wrong", "base", "affinity", "low", "high", "trials", "p"]
    out = pd.DataFrame(rows, columns=columns)
    return out.assign(holm_p=holm(out["p"].astype(float)))


def with_model(drawn: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """The table of `affinity` with the final model on the rows it was told wrong.

    summary: `over_trials` of the frame. Adds misled, memorised.
    """
    cell = KEY_LIST[:4]
    for name in ("misled", "memorised"):
        part = summary[summary["measure"] == name].dropna(subset=["value"])
        drawn = drawn.merge(
            part[[*cell, "value"]].rename(columns={"value": name}), on=cell, how="left"
        )
    return drawn


def ratio_interval(above: Floats, below: Floats) -> tuple[float, float, float]:
    """Ratio of means with its 95 % interval (Fieller's, `intervals.ratio`)."""
    if not len(below) or below.mean() <= 0:
        return np.nan, np.nan, np.nan
    return float(above.mean() / below.mean()), *intervals.ratio(above, below)


def chance_p(above: Floats, below: Floats) -> float:
    """Two-sided p of the paired t test that both have one mean; NaN below three pairs.

    1 where all pairs are alike; NaN where they differ by the same amount in every trial, which
    no t test can judge.
    """
    from scipy.special import stdtr

    d = np.round(above - below, 12)
    n = len(d)
    if n < 3:
        return np.nan
    error = float(d.std(ddof=1)) / np.sqrt(n)
    if error <= intervals.NO_SPREAD:
        return np.nan if d.any() else 1.0
    return float(2 * stdtr(n - 1, -abs(float(d.mean())) / error))
