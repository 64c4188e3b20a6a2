"""How much of a gain remains when the task model weighs its classes.

Where a class is rare, a model that weighs classes gains by that alone about what a strategy gains
by its choice of rows; so a gain without weights may be one that weights would have given.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis import intervals
from albench.analysis.comparison import Comparison
from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.control import per_cell, per_unit
from albench.core.arrays import Floats
from albench.core.tables import lists

COLUMNS = [
    "strategy",
    "plain",
    "weighted",
    "datasets",
    "gain",
    "gain_weighted",
    "remains",
    "low",
    "high",
]


def twins(models: Mapping[str, tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """Label of a model -> that of the same model with class weights, where there are both.

    models: label -> name and parameters; parameters alike but for `class_weight`.
    """
    key = "class_weight"
    bare = {
        label: (name, tuple(sorted((k, str(v)) for k, v in params.items() if k != key)))
        for label, (name, params) in models.items()
    }
    heavy = {label for label, (_, params) in models.items() if params.get(key) == "balanced"}
    return {
        plain: weighted
        for plain in models
        for weighted in heavy
        if plain not in heavy and bare[plain] == bare[weighted]
    }


def remaining(
    stacks: Mapping[str, Stack],
    twins: Mapping[str, str],
    *,
    baseline: str,
    summary: str = "aubc",
    base: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per strategy and pair of models: the share of its gain that remains with weights.

    stacks: model -> its blocks, of one protocol; twins: model -> the same with class weights.
    gain, gain_weighted: mean differences to the baseline over the datasets that both have;
    remains: their ratio with Fieller's interval over datasets (low, high; NaN below three, or
    where the plain gain may be zero).
    """
    rows: list[dict[str, Any]] = []
    for plain, weighted in twins.items():
        one, two = (
            per_unit(per_cell(stacks[m], baseline, summary), base).set_index(["strategy", "unit"])[
                "difference"
            ]
            for m in (plain, weighted)
        )
        both = pd.concat({"plain": one, "weighted": two}, axis=1, join="inner").astype(float)
        for strategy, part in both.groupby(level="strategy", sort=False):
            before: Floats = part["plain"].to_numpy(dtype=np.float64)
            after: Floats = part["weighted"].to_numpy(dtype=np.float64)
            gain = float(before.mean())
            low, high = intervals.ratio(after, before)
            rows.append(
                {
                    "strategy": strategy,
                    "plain": plain,
                    "weighted": weighted,
                    "datasets": len(part),
                    "gain": gain,
                    "gain_weighted": float(after.mean()),
                    "remains": float(after.mean()) / gain if gain > 0 else np.nan,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def sentence(row: "pd.Series[Any]") -> str:
    """`margin: 40 % of the gain remains when the task model is class-weighted (...)`."""
    gains = f"{row['gain']:+.3f} with {row['plain']}, {row['gain_weighted']:+.3f} weighted"
    if not np.isfinite(row["low"]):
        return f"{row['strategy']}: {gains}; what share of a gain remains cannot be told"
    return (
        f"{row['strategy']}: {row['remains']:.0%} of the gain remains when the task model is "
        f"class-weighted (95 % interval {row['low']:.0%} to {row['high']:.0%}; {gains})"
    )


def one_class_starts(runs: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """How many trials begin with one class only, by dataset and protocol.

    runs, rounds: stored tables; the labels of a start are the first `n_labeled` of a run's
    `labels` at its first round. Columns: dataset, protocol, starts, one_class.
    """
    columns = ["dataset", "protocol", "starts", "one_class"]
    if "labels" not in rounds.columns or rounds.empty:
        return pd.DataFrame(columns=columns)
    order = rounds[["run", "round"]].sort_values("round", kind="stable")
    first = rounds.loc[order.drop_duplicates("run").index, ["run", "labels"]]
    joined = first.assign(run=first["run"].astype(str), labels=lists(first["labels"])).merge(
        runs[["run", "dataset", "protocol", "trial", "strategy"]], on="run"
    )
    # the start is shared by the strategies of a trial: it counts once
    joined = joined[joined["strategy"] != "all"]
    joined = joined.drop_duplicates(["dataset", "protocol", "trial"])
    known = joined[joined["labels"].map(lambda x: x is not None and len(x) > 0)]
    alone = known["labels"].map(lambda x: len({int(v) for v in x if v >= 0}) == 1)
    counted = known.assign(starts=1, one_class=alone.astype(int))
    by = counted.groupby(["dataset", "protocol"], sort=False)[["starts", "one_class"]].sum()
    return by.reset_index()[columns]


def told(
    found: Comparison,
    models: Mapping[str, tuple[str, Mapping[str, Any]]],
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
) -> list[str]:
    """What class weights leave of the gains, and how many starts hold one class only.

    models: label -> name and parameters; runs, rounds: the tables that `found` compares.
    """
    options, said, pairs = found.options, [], twins(models)
    for protocol in dict.fromkeys(stack.protocol for stack in found.stacks):
        stacks = {s.model: s for s in found.stacks if s.protocol == protocol}
        both = {a: b for a, b in pairs.items() if a in stacks and b in stacks}
        table = remaining(
            stacks, both, baseline=options.baseline, summary=options.summary, base=options.base
        )
        said += [sentence(row) for _, row in table.iterrows()]
    starts = one_class_starts(runs, rounds)
    alone = starts[starts["one_class"] > 0]
    if len(alone):
        cells = [f"{r['dataset']} {r['one_class']} of {r['starts']}" for _, r in alone.iterrows()]
        said.append(f"starts that hold one class only: {', '.join(cells)} trials")
    return said
