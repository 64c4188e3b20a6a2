"""What a target takes: how many labels, how much money, how many hours."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.cells import stacks
from albench.analysis.comparison.options import curves_frame
from albench.analysis.comparison.targets import label_table
from albench.analysis.question import TARGETS, Options

CELL = ["protocol", "model", "dataset", "target", "strategy"]
PLACE = ["protocol", "model", "dataset", "target"]
LABELS, COST = "n_labeled", "cost"
SHOWN = 4
"""Datasets, and strategies beside the baseline, that sentences name."""
SECONDS = 3600


def label_tables(
    stack: Stack, options: Options, at: Mapping[tuple[str, str], float] | None = None
) -> pd.DataFrame:
    """`label_table` of all strategies of a stack; of one with too few runs, on those it has."""
    base, targets = options.baseline, options.targets or TARGETS
    how = {"lower": options.lower, "seed": options.seed, "at": at}
    tables = [label_table(stack, base, targets, **how)]  # type: ignore[arg-type]
    for name in (s for s in stack.everyone if s not in stack.strategies):
        own = label_table(stack.pair(base, name), base, targets, **how)  # type: ignore[arg-type]
        tables.append(own[own["strategy"] == name])
    return pd.concat(tables, ignore_index=True)


def efforts(
    runs: pd.DataFrame,
    rounds: pd.DataFrame | None,
    options: Options,
    seconds: float | None = None,
) -> pd.DataFrame:
    """Labels, cost and hours to each target; empty where neither a cost nor seconds are declared.

    One row per protocol, model, dataset, target and strategy. value: the score that the target
    is, one for all strategies, settled over the axis of the question; reached of trials that
    hold it within the budget; labels, cost, hours: medians over trials (Kaplan-Meier), NaN
    where half of the trials or more do not arrive within labels_budget, cost_budget (the ends
    that the curves of all strategies share). Labels count those of the start.

    seconds: that one label takes a person; None: no hours.
    """
    if options.axis != COST and seconds is None:
        return pd.DataFrame()
    frame, _ = curves_frame(runs, rounds, options)
    own = _over(frame, options, None)
    if own.empty:
        return own
    out = own[[*CELL, "value", "reached", "trials"]].copy()
    sign = -1.0 if options.lower else 1.0
    settled = {tuple(row[:-1]): sign * row[-1] for row in own[[*PLACE, "value"]].to_numpy()}
    for name, axis in (("labels", LABELS), ("cost", COST)):
        if axis == COST and options.axis != COST:
            continue
        held = own if axis == options.axis else _over(frame, replace(options, axis=axis), settled)
        told = held[[*CELL, "median", "budget"]]
        told = told.rename(columns={"median": name, "budget": f"{name}_budget"})
        out = out.merge(told, on=CELL, how="left")
    if seconds is not None:
        out["hours"] = out["labels"] * seconds / SECONDS
        out["hours_budget"] = out["labels_budget"] * seconds / SECONDS
    return out


def _over(
    frame: pd.DataFrame, options: Options, settled: Mapping[tuple[str, ...], float] | None
) -> pd.DataFrame:
    """The label tables over one axis; settled: (protocol, model, dataset, target) -> score."""
    found = []
    for stack in stacks(frame, options.baseline, missing=options.missing, axis=options.axis):
        if stack.blocks:
            place = (stack.protocol, stack.model)
            at = settled and {key[2:]: v for key, v in settled.items() if key[:2] == place}
            found.append(label_tables(stack, options, at))  # type: ignore[arg-type]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def sentences(table: pd.DataFrame, options: Options) -> list[str]:
    """What the first target takes, a sentence per dataset: the baseline, then the cheapest.

    Of many datasets the first ones; the table has all.
    """
    if table.empty:
        return []
    first = table[table["target"] == table["target"].iloc[0]]
    rank = "cost" if "cost" in table else "labels"
    places = list(first.groupby(["protocol", "model", "dataset"], sort=False))
    said = []
    for (protocol, model, dataset), part in places[:SHOWN]:
        named = [str(dataset)]
        for name, word in (("model", model), ("protocol", protocol)):
            named += [str(word)] if first[name].nunique() > 1 else []
        base = part[part["strategy"] == options.baseline]
        others = part[
            part["strategy"].ne(options.baseline) & ~part["strategy"].isin(list(options.unranked))
        ].sort_values(rank, kind="stable", na_position="last")
        rows = [*base.to_dict("records"), *others.head(SHOWN).to_dict("records")]
        left = len(others) - SHOWN
        told = "; ".join(f"{row['strategy']} {taken(row)}" for row in rows)
        more = f"; {left} more in the table" if left > 0 else ""
        score, what = part["value"].iloc[0], goal(str(part["target"].iloc[0]), options)
        said.append(
            f"{', '.join(named)}: {options.metric} of {score:.3f} ({what}) takes, median over "
            f"trials: {told}{more}"
        )
    if len(places) > SHOWN:
        said.append(f"{len(places) - SHOWN} more datasets or models stand in the table")
    return said


def goal(target: str, options: Options) -> str:
    """A target in words."""
    kind, _, share = target.partition(":")
    if kind == "random":
        return f"where {options.baseline} ends"
    if kind == "gap":
        return f"{float(share):.0%} of the way from the start to the whole pool"
    return "the target"


def taken(row: Mapping[str, object]) -> str:
    """`52 labels, cost 130, 0.43 hours`, or bounds; `reached by 3 of 20` where not by all."""
    parts = []
    for name, form in (("cost", "cost {}"), ("labels", "{} labels"), ("hours", "{} hours")):
        if name in row:
            parts.append(form.format(amount(row[name], row[f"{name}_budget"])))
    reached, trials = int(row["reached"]), int(row["trials"])  # type: ignore[call-overload]
    short = f" (reached in {reached} of {trials} trials)" if reached < trials else ""
    return ", ".join(parts) + short


def amount(value: object, budget: object) -> str:
    """A number for people, or the budget that it lies beyond."""
    number = float(value)  # type: ignore[arg-type]
    if not np.isfinite(number):
        return f"over {amount(budget, budget)}" if np.isfinite(float(budget)) else "?"  # type: ignore[arg-type]
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def for_people(table: pd.DataFrame) -> pd.DataFrame:
    """The table in columns of text, bounds as bounds."""
    if table.empty:
        return table
    several = [c for c in ("protocol", "model") if table[c].nunique() > 1]
    out = table[[*several, "dataset", "target", "strategy"]].copy()
    out["score"] = [f"{x:.3f}" for x in table["value"]]
    out["reached"] = [f"{r}/{t}" for r, t in zip(table["reached"], table["trials"], strict=True)]
    for name in ("cost", "labels", "hours"):
        if name in table:
            pairs = zip(table[name], table[f"{name}_budget"], strict=True)
            out[name] = [amount(value, budget) for value, budget in pairs]
    return out
