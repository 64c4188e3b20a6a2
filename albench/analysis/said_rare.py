"""What the search for a rare class found, in sentences made from the numbers by fixed rules."""

from typing import Any

import pandas as pd

from albench.analysis.against import sure
from albench.analysis.said import at_end, settings
from albench.analysis.words import counted


def rare(summary: pd.DataFrame, baseline: str) -> list[str]:
    """Sentences on the rare class."""
    out = []
    for start, part in settings(summary):
        asked = at_end(part, "ambiguous_negative").dropna(subset=["value"])
        stuck = asked[(asked["value"] > 0.5) & (asked["strategy"] != baseline)]
        if len(stuck):
            cells = [f"{r['strategy']} on {r['dataset']} {r['value']:.0%}"
                     for _, r in stuck.iterrows()]  # fmt: skip
            out.append(f"{start}most queries go to ambiguous negatives: {counted(cells)}.")
        elif len(asked):
            out.append(f"{start}no strategy spends most of its queries on ambiguous negatives.")
        else:
            out.append(
                f"{start}whether queries go to ambiguous negatives is unknown: run the suite "
                "with trace = true."
            )
        out += found_more(start, at_end(part, "found"), baseline)
        out += hidden_loss(start, part, baseline)
    return out


def found_more(start: str, part: pd.DataFrame, baseline: str) -> list[str]:
    """Who finds more or fewer positives than the baseline, and who may, but is not shown to."""
    out = []
    others = part[part["strategy"] != baseline]
    signs = others.apply(sure, axis=1) if len(others) else pd.Series(dtype=int)
    for sign, word in ((1, "more"), (-1, "fewer")):
        rows = others[signs == sign]
        if len(rows):
            out.append(
                f"{start}{word} positives found than with {baseline} (difference in the share of "
                "all positives, whose 95 % interval over trials leaves zero out): "
                f"{counted([points(r) for _, r in rows.iterrows()])}."
            )
            # a larger difference that is not listed would look forgotten
            least = rows["difference"].abs().min()
            open_ = others[(signs == 0) & (sign * others["difference"] >= least)]
            if len(open_):
                out.append(
                    f"{start}not listed, though as large, since the interval holds zero: "
                    f"{counted([points(r, True) for _, r in open_.iterrows()])}."
                )
    if not out and len(others):
        out.append(f"{start}no strategy finds more or fewer positives than {baseline}.")
    return out


def points(row: "pd.Series[Any]", interval: bool = False) -> str:
    """`margin on digits +10 points`: a difference of shares, in percentage points."""
    text = f"{row['strategy']} on {row['dataset']} {100 * row['difference']:+.0f}"
    if interval:
        text += f" [{100 * row['low']:+.0f}, {100 * row['high']:+.0f}]"
    return f"{text} percentage points"


def hidden_loss(start: str, part: pd.DataFrame, baseline: str) -> list[str]:
    """Where average precision falls behind the baseline while accuracy does not show it."""
    known = set(part["measure"])
    if not {"accuracy", "average_precision_macro"} <= known:
        return []
    keys = ["dataset", "strategy"]
    precision = at_end(part, "average_precision_macro").set_index(keys)
    accuracy = at_end(part, "accuracy").set_index(keys)
    both = precision.join(accuracy["difference"].rename("accuracy")).reset_index()
    cells = [
        f"{row['strategy']} on {row['dataset']} {row['difference']:+.2f} "
        f"(accuracy {row['accuracy']:+.3f})"
        for _, row in both.iterrows()
        if row["strategy"] != baseline and sure(row) < 0
    ]
    return [f"{start}average precision below {baseline}'s: {counted(cells)}."] if cells else []
