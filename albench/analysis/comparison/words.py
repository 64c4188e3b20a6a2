"""What a comparison says, in sentences."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import pandas as pd

Verdict: TypeAlias = Literal["better", "worse", "equal", "unclear"]

EQUAL = 0.95
"""Posterior probability of practical equality from which the word is used."""


def verdict(row: "pd.Series[Any]", alpha: float) -> Verdict:
    """What one row of the comparison with the baseline allows to say.

    better, worse: Holm's p is at most alpha, and ranks and mean point the same way; equal:
    the posterior puts at least 95 % inside the rope; else unclear. Both may hold: then the
    difference is named.
    """
    if row["holm_p"] <= alpha and row["rank_biserial"] * row["mean_difference"] > 0:
        return "better" if row["mean_difference"] > 0 else "worse"
    return "equal" if row["rope"] >= EQUAL else "unclear"


def several(n: int, word: str) -> str:
    """`1 dataset`, `4 datasets`."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def units(design: dict[str, Any]) -> str:
    """`4 datasets`, or `2 base datasets (digits = mean of digits, digits8)`."""
    if not design["merged"]:
        return several(design["datasets"], "dataset")
    return f"{several(design['datasets'], 'base dataset')} ({design['merged']})"


def p_text(p: float) -> str:
    """`p = 0.012`, or `p < 0.0001`."""
    return "p < 0.0001" if p < 0.0001 else f"p = {p:.2g}"


def headline(against: pd.DataFrame, design: dict[str, Any], where: Sequence[str] = ()) -> str:
    """Whether each strategy beats the baseline, in one line.

    against: rows of one protocol and model with the column `verdict`; design: the
    entries `baseline`, `signed`, `datasets`, `merged`, `alpha`, `rope`; where: model, protocol.
    """
    base = design["baseline"]
    start = ", ".join([*where, design["signed"], units(design)])
    if against.empty:
        return f"{start}: nothing to compare with {base}."
    start += f", mean difference to {base} [95 % interval over datasets]"
    named = {v: against[against["verdict"] == v] for v in ("better", "worse", "equal", "unclear")}
    lead = {
        "better": f"beats {base}",
        "worse": f"worse than {base}",
        "equal": f"practically equal to {base} (within {design['rope']:g})",
        "unclear": "the data cannot tell",
    }
    parts = [
        f"{lead[v]}: " + ", ".join(_told(row, v, design) for _, row in rows.iterrows())
        for v, rows in named.items()
        if len(rows)
    ]
    if against["holm_p"].isna().all():
        why = next((note for note in against["note"] if note), "too little data")
        return (
            f"{start}: whether a strategy beats {base} beyond these datasets cannot be told: "
            + (
                f"{why}. Means: "
                + ", ".join(
                    _told(row, "equal" if row["verdict"] == "equal" else "mean", design)
                    for _, row in against.iterrows()
                )
                + "."
            )
        )
    return f"{start}: " + "; ".join(parts) + "."


def _told(row: "pd.Series[Any]", kind: str, design: dict[str, Any]) -> str:
    size = f"{row['strategy']} {row['mean_difference']:+.3f}"
    if pd.notna(row["low"]):
        size += f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    decided = int(row["wins"] + row["ties"] + row["losses"])
    ahead = f"ahead on {int(row['wins'])} of {decided}"
    if kind in ("better", "worse"):
        small = f", though by less than {design['rope']:g}" if row["rope"] >= EQUAL else ""
        return f"{size} ({ahead}, Holm {p_text(row['holm_p'])}{small})"
    if kind == "equal":
        return f"{size} (practically equal with probability {row['rope']:.2f})"
    if kind == "unclear":
        seen = f", detectable {row['mde']:.3f}" if pd.notna(row["mde"]) else ""
        return f"{size} ({ahead}{seen})"
    return f"{size} ({ahead})"


def verdict_within(row: "pd.Series[Any]", alpha: float) -> str:
    """What the trials of one dataset allow to say: better, worse, unclear; a dash: no test."""
    if pd.isna(row["holm_p"]):
        return "-"
    if row["holm_p"] <= alpha and row["rank_biserial"] * row["mean_difference"] > 0:
        return "better" if row["mean_difference"] > 0 else "worse"
    return "unclear"


def on_one(within: pd.DataFrame, design: dict[str, Any], where: Sequence[str] = ()) -> str:
    """The answer on a suite's only dataset, from its trials, in one line.

    within: rows of one protocol and model, of that dataset; design: as for `headline`.
    """
    base, dataset = design["baseline"], design["dataset_names"][0]
    start = ", ".join([*where, design["signed"]])
    start += (
        f", on {dataset} only, {several(design['trials_min'], 'paired trial')}: mean difference to "
        f"{base} [95 % interval over trials]"
    )
    said = [verdict_within(row, design["alpha"]) for _, row in within.iterrows()]
    lead = {
        "better": f"ahead of {base}",
        "worse": f"behind {base}",
        "unclear": "not told apart",
        "-": f"cannot be told, {next((n for n in within['note'] if n), 'no test')}",
    }
    ordered = within.assign(said=said).sort_values(
        "mean_difference", ascending=False, kind="stable"
    )
    parts = [
        f"{words}: " + ", ".join(_by_trials(row) for _, row in rows.iterrows())
        for kind, words in lead.items()
        if len(rows := ordered[ordered["said"] == kind])
    ]
    tests = int(within["wilcoxon_p"].notna().sum())
    how = f" (two-sided Wilcoxon over trials, Holm over {several(tests, 'test')})"
    return (
        f"{start}{how if within['holm_p'].notna().any() else ''}: {'; '.join(parts)}. This holds "
        "for this dataset and protocol; one dataset says nothing of others."
    )


def _by_trials(row: "pd.Series[Any]") -> str:
    text = f"{row['strategy']} {row['mean_difference']:+.3f}"
    if pd.notna(row["low"]):
        text += f" [{row['low']:+.3f}, {row['high']:+.3f}]"
    ahead = f"ahead in {int(row['wins'])} of {int(row['trials'])} trials"
    return f"{text} ({ahead}{', Holm ' + p_text(row['holm_p']) if pd.notna(row['holm_p']) else ''})"


def conditional(within: pd.DataFrame, design: dict[str, Any]) -> str:
    """What the trials say about the very datasets at hand, never beyond them."""
    alpha, base = design["alpha"], design["baseline"]
    if within.empty:
        return ""
    if within["holm_p"].isna().all():
        note = next((n for n in within["note"] if n), "too few trials")
        return f"Nor can it be told on these datasets alone: {note}."
    sure = within["holm_p"] <= alpha
    parts = []
    for strategy, rows in within.groupby("strategy", sort=False):
        up = int((sure[rows.index] & (rows["rank_biserial"] > 0)).sum())
        down = int((sure[rows.index] & (rows["rank_biserial"] < 0)).sum())
        parts.append(f"{strategy} ahead on {up}, behind on {down} of {len(rows)}")
    return (
        f"On these datasets only, under this protocol (two-sided Wilcoxon over trials, Holm over "
        f"all {int(within['wilcoxon_p'].notna().sum())} tests), against {base}: "
        + "; ".join(parts)
        + "."
    )


def counted(items: Sequence[str], limit: int = 4) -> str:
    """A list for people: the first few, and how many more."""
    shown = "; ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown}; and {len(items) - limit} more"
