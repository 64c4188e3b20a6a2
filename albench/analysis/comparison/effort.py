"""What a target takes: how many labels, how much money, how many hours."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from albench.analysis.comparison.blocks import Stack
from albench.analysis.comparison.cells import stacks
from albench.analysis.comparison.options import curves_frame
from albench.analysis.comparison.targets import label_table, target_value, times
from albench.analysis.question import TARGETS, Options
from albench.core.arrays import Floats

CELL = ["protocol", "model", "dataset", "target", "strategy"]
LABELS, COST = "n_labeled", "cost"
SHOWN = 4
"""Datasets, and strategies beside the baseline, that sentences name."""
SECONDS = 3600


class Place(NamedTuple):
    """A run, as curves name it."""

    protocol: str
    model: str
    dataset: str
    strategy: str
    trial: Any


class Ledger(NamedTuple):
    """What a run had spent, and how many labels it had, round by round."""

    cost: Floats
    labels: Floats

    def at(self, cost: float) -> float:
        """The labels it had when it had spent so much."""
        return float(np.interp(cost, self.cost, self.labels)) if np.isfinite(cost) else np.inf


def label_tables(stack: Stack, options: Options) -> pd.DataFrame:
    """`label_table` of all strategies of a stack; of one with too few runs, on those it has."""
    base, targets, lower = options.baseline, options.targets or TARGETS, options.lower
    tables = [label_table(stack, base, targets, lower=lower, seed=options.seed)]
    for name in (s for s in stack.everyone if s not in stack.strategies):
        own = label_table(stack.pair(base, name), base, targets, lower=lower, seed=options.seed)
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
    is, one for all strategies; reached of trials that hold it within the budget; labels, cost,
    hours: medians over trials (Kaplan-Meier), NaN where half of the trials or more do not arrive
    within labels_budget, cost_budget, hours_budget. Where the question is over cost, labels are
    those that a run had when its cost was the target's. Labels count those of the start.

    seconds: that one label takes a person; None: no hours.
    """
    if options.axis != COST and seconds is None:
        return pd.DataFrame()
    frame, _ = curves_frame(runs, rounds, options)
    found = stacks(frame, options.baseline, missing=options.missing, axis=options.axis)
    tables = [label_tables(stack, options) for stack in found if stack.blocks]
    if not tables:
        return pd.DataFrame()
    own = pd.concat(tables, ignore_index=True)
    out = own[[*CELL, "value", "reached", "trials"]].copy()
    own_name = "cost" if options.axis == COST else "labels"
    out[own_name], out[f"{own_name}_budget"] = own["median"], own["budget"]
    if options.axis == COST:
        ledgers = _ledgers(frame)
        rows = [row for stack in found for row in _labels_of(stack, options, ledgers)]
        out = out.merge(pd.DataFrame(rows), on=CELL, how="left")
    if seconds is not None:
        out["hours"] = out["labels"] * seconds / SECONDS
        out["hours_budget"] = out["labels_budget"] * seconds / SECONDS
    return out


def _ledgers(frame: pd.DataFrame) -> dict[Place, Ledger]:
    """The ledger of every run."""
    place = list(Place._fields)
    ordered = frame.sort_values([*place, COST, LABELS], kind="stable")
    return {
        Place(str(key[0]), str(key[1]), str(key[2]), str(key[3]), key[4]): Ledger(
            part[COST].to_numpy(float), part[LABELS].to_numpy(float)
        )
        for key, part in ordered.groupby(place, sort=False, observed=True)
    }


def _labels_of(
    stack: Stack, options: Options, ledgers: Mapping[Place, Ledger]
) -> Iterator[dict[str, Any]]:
    """The labels that each strategy had at the cost of each target, median over trials."""
    base = options.baseline
    for name in stack.everyone:
        blocks = stack.blocks if name in stack.strategies else stack.beside(base, name)
        for block in blocks:
            where = (stack.protocol, stack.model, block.dataset)
            # an imputed strategy has the baseline's curves
            own = [ledgers.get(Place(*where, name, trial)) for trial in block.trials]
            theirs = [ledgers.get(Place(*where, base, trial)) for trial in block.trials]
            books = [one or other for one, other in zip(own, theirs, strict=True)]
            known = [book for book in books if book is not None]
            for target in options.targets or TARGETS:
                value = target_value(block, target, base, options.lower)
                if np.isnan(value):
                    continue
                spent = times(block, value)[block.strategies.index(name)]
                held = sorted(book.at(cost) for book, cost in zip(known, spent, strict=True))
                labels = held[(len(held) - 1) // 2]
                cell = zip(CELL, (*where, str(target), name), strict=True)
                yield {
                    **dict(cell),
                    "labels": labels if np.isfinite(labels) else np.nan,
                    "labels_budget": min(book.at(float(block.grid[-1])) for book in known),
                }


def sentences(table: pd.DataFrame, options: Options) -> list[str]:
    """What the first target takes, a sentence per dataset: the baseline, then the cheapest.

    Of many datasets the first ones; the table has all.
    """
    if table.empty:
        return []
    first = table[table["target"] == table["target"].iloc[0]]
    rank = "cost" if "cost" in table else "labels"
    places = list(first.groupby(["protocol", "model", "dataset"], sort=False, observed=True))
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
