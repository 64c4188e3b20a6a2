"""What of each publication was repeated: its printed cells by verdict, its curves value by value.

Where a publication tells the rows that were bought, they are replayed, and each of its values can
be held against ours, round by round, to the digits that it prints.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.reproduce import VERDICTS, tally

KEY = ("dataset", "protocol", "model", "strategy", "trial", "round")
DIGITS = 4
ROUNDING = 1e-9
COLUMNS = (*KEY, "metric", "printed", "ours")


def values(
    runs: pd.DataFrame, rounds: pd.DataFrame, printed: pd.DataFrame, digits: int = DIGITS
) -> pd.DataFrame:
    """Each printed value with ours, where the run is finished.

    printed  the columns of `KEY` and one per metric; null where nothing was printed
    Columns: those of `KEY`, metric, printed, ours, gap, equal (to the printed digits). A metric
    that is not stored is left out.
    """
    done = runs.loc[runs["status"] == "done", ["run", *KEY[:5]]]
    metrics = [m for m in printed.columns if m not in KEY and m in rounds.columns]
    ours = done.merge(rounds[["run", "round", *metrics]], on="run").drop(columns="run")
    names = dict.fromkeys(KEY[:4], str)
    long = [
        frame.astype(names).melt(list(KEY), metrics, "metric", value)
        for frame, value in ((printed, "printed"), (ours, "ours"))
    ]
    both = long[0].dropna(subset="printed").merge(long[1], on=[*KEY, "metric"])
    gap = (both["ours"] - both["printed"]).abs()
    return both.assign(gap=gap, equal=gap <= 0.5 * 10.0**-digits + ROUNDING)


def by_cell(found: pd.DataFrame) -> pd.DataFrame:
    """One row per dataset, model and metric: values compared, equal, and the largest gap."""
    groups = found.groupby(["dataset", "model", "metric"], sort=True)
    return groups.agg(
        compared=("equal", "size"), equal=("equal", "sum"), largest_gap=("gap", "max")
    ).reset_index()


def first_difference(found: pd.DataFrame) -> str:
    """Where the first value that is not equal stands, in words; empty where all are."""
    wrong = found[~found["equal"]].sort_values([*KEY, "metric"], kind="stable")
    if wrong.empty:
        return ""
    row = wrong.iloc[0]
    return (
        f"{row['dataset']}, {row['model']}, {row['strategy']}, {row['protocol']}, trial "
        f"{row['trial']}, round {row['round']}: {row['metric']} is printed as {row['printed']:g} "
        f"and {row['ours']:.6g} here"
    )


def line(name: str, cells: pd.DataFrame, found: pd.DataFrame | None) -> dict[str, Any]:
    """The row of a publication: how many cells have each verdict, how many values are equal."""
    counts = cells["verdict"].value_counts()
    verdicts = {verdict: int(counts.get(verdict, 0)) for verdict in VERDICTS}
    judged = sum(verdicts[v] for v in VERDICTS[:4])
    row: dict[str, Any] = {"publication": name, "cells": len(cells), "judged": judged, **verdicts}
    row["values"] = 0 if found is None else len(found)
    row["equal values"] = 0 if found is None else int(found["equal"].sum())
    return row


def reasons(name: str, cells: pd.DataFrame, most: int = 3) -> list[str]:
    """Why cells of a publication are not comparable or not run, the commonest reasons first."""
    said = []
    for verdict in ("not comparable", "not run"):
        part = cells[cells["verdict"] == verdict]
        why = part["why"].replace("", "no finished runs at hand").value_counts(sort=True)
        told = [f"{n} {reason}" for reason, n in list(why.items())[:most]]
        more = len(why) - len(told)
        told += [f"{more} other reasons" if more > 1 else "one other reason"] if more else []
        said += [f"{name}, {len(part)} {verdict}: {'; '.join(told)}"] if len(part) else []
    return said


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The last row: all publications together."""
    table = pd.DataFrame(rows).drop(columns="publication")
    return {"publication": "all", **{c: int(np.sum(table[c])) for c in table.columns}}


__all__ = ["by_cell", "first_difference", "line", "reasons", "summed", "tally", "values"]
