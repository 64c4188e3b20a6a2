"""How results are handed out: rows without NaN, the families of tests, the guards."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.compare import PAIRS_MIN
from albench.analysis.paired import smallest_n
from albench.analysis.words import several


def plain(value: Any) -> Any:
    """A number, text or truth value as JSON has it; undefined and infinite become None."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if value is pd.NaT or value is pd.NA else value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """One dict per row."""
    columns = [str(c) for c in frame.columns]
    rows = frame.itertuples(index=False, name=None)
    return [dict(zip(columns, map(plain, row), strict=True)) for row in rows]


def table(frame: pd.DataFrame, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON form of every printed table: columns, rows, notes."""
    return {
        "columns": [str(c) for c in frame.columns],
        "rows": records(frame),
        "notes": list(notes),
    }


def families(design: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which tests were adjusted together, per protocol and model; all are two-sided."""
    out = []
    for d in design:
        k, n, alpha = len(d["strategies"]), d["datasets"], d["alpha"]
        shared = {"protocol": d["protocol"], "model": d["model"], "alpha": alpha, "sides": 2}
        across = {"unit": "dataset", "n": n, "test": "Wilcoxon signed-rank, zeros split"}
        sizes = {"against": k - 1, "pairs": k * (k - 1) // 2}
        for name, tests in sizes.items():
            least = smallest_n(tests, alpha) if tests else 0
            least = max(least, PAIRS_MIN) if name == "pairs" else least
            out.append(
                {**shared, **across, "table": name, "tests": tests, "adjustment": "Holm"}
                | {"headline": name == "against", "needs": least}
            )
        out.append(
            {**shared, "table": "within", "unit": "trial", "n": d["trials_min"]}
            | {"test": "Wilcoxon signed-rank, zeros split; conditional on the dataset"}
            | {"tests": (k - 1) * len(d["dataset_names"]), "adjustment": "Holm", "headline": False}
            | {"needs": smallest_n((k - 1) * len(d["dataset_names"]), alpha)}
        )
    return out


def guards(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for every family that is too small for its level."""
    said = []
    for family in found:
        if family["tests"] and family["n"] < family["needs"]:
            where = ", ".join(x for x in (family["model"], family["protocol"]) if x)
            said.append(
                f"{family['table']}{f' ({where})' if where else ''}: cannot reach "
                f"{family['alpha']:g} with {several(family['n'], family['unit'])}; "
                f"{several(family['tests'], 'test')} need{'s' if family['tests'] == 1 else ''} "
                f"{family['needs']}"
            )
    return said
