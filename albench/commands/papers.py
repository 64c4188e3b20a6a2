"""Tables for a paper: the columns that matter, a caption, and a label to refer to."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from albench.show import NOISE

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.topics import View

PRINTED: Mapping[str, Sequence[str]] = {
    "pairs": ("a", "b", "n", "mean_difference", "low", "high", "wins", "ties", "losses", "holm_p"),
    "within": ("dataset", "strategy", "on this dataset", "difference", "95 % interval",
               "trials W/T/L", "Holm p"),
    "aggregates": ("strategy", "iqm", "iqm_low", "iqm_high", "better", "better_low", "better_high"),
    "omnibus": ("n", "k", "F_ties", "df1", "df2", "p_ties"),
}  # fmt: skip
"""The columns in print of the tables of `compare` that have more."""
NAMES = {
    "mean_difference": "difference", "holm_p": "Holm p", "wins": "won", "ties": "tied",
    "losses": "lost", "F_ties": "F", "p_ties": "p", "better": "P(better)",
    "better_low": "from", "better_high": "to", "iqm": "IQM", "iqm_low": "low", "iqm_high": "high",
}  # fmt: skip
CAPTIONS = {
    "pairs": "All pairs of strategies over datasets: mean of a minus b in {measure}, its 95 % t "
    "interval (low, high), datasets won, tied and lost by a, two-sided Wilcoxon p after Holm.",
    "within": "Each strategy against {baseline} on each dataset: mean paired difference in "
    "{measure} over trials with its 95 % t interval; trials won/tied/lost; two-sided Wilcoxon p "
    "after Holm.",
    "ranks": "Mean rank of each strategy over datasets, by {measure}; 1: best.",
    "omnibus": "Whether any strategy differs from any other in {measure}: Iman-Davenport's F over "
    "n datasets and k strategies, ties corrected.",
    "aggregates": "Normalised {measure} over datasets: interquartile mean, and probability of "
    "being better than {baseline}, with bootstrap intervals.",
    "penalties": "Pairwise penalties by {measure}: how often the strategy of a row beats that of "
    "a column by a significant difference.",
}


def of_comparison(found: "Comparison", table: str, frame: "pd.DataFrame", against: str) -> str:
    """A table of `compare` in LaTeX.

    against  the caption of the table against the baseline
    """
    caption, label = against, f"{table}-{found.options.baseline}"
    if table in CAPTIONS:
        measure = found.design[0]["measure"]
        caption = CAPTIONS[table].format(measure=measure, baseline=found.options.baseline)
        label = table
    kept = [c for c in ("protocol", "model") if c in frame and frame[c].nunique() > 1]
    columns = PRINTED.get(table, [c for c in frame if c not in ("protocol", "model")])
    alone = [str(frame[c].iloc[0]) for c in ("model", "protocol")
             if table in CAPTIONS and c in frame and c not in kept and len(frame)]  # fmt: skip
    shown = frame[list(dict.fromkeys([*kept, *(c for c in columns if c in frame)]))]
    where = f" {', '.join(alone)}." if alone else ""
    return in_print(shown.rename(columns=NAMES), caption + where, f"compare-{label}")


def of_view(view: "View", frame: "pd.DataFrame", protocols: Mapping[str, str]) -> str:
    """A table of what was bought in LaTeX.

    protocols  their labels, with what their oracles do
    """
    kept = [c for c in frame.columns if c not in ("protocol", "model") or frame[c].nunique() > 1]
    alone = [str(frame[c].iloc[0]) for c in ("model", "protocol") if c not in kept and len(frame)]
    told = [protocols.get(name, name) for name in alone]
    if "protocol" in kept:
        told += [protocols[p] for p in frame["protocol"].unique() if protocols.get(p, p) != p]
    where = f" {', '.join(told)}." if told else ""
    caption = f"{view.title}.{where}"
    shown = frame[kept].copy()
    for column in shown.select_dtypes("float"):
        shown[column] = shown[column].round(NOISE) + 0.0
    return in_print(shown, caption, f"{view.topic}-{view.name}")


def in_print(frame: "pd.DataFrame", caption: str, label: str) -> str:
    """A frame as a LaTeX table with a caption and a label."""
    from albench.analysis import typeset

    text = typeset.latex(frame, caption)
    return labelled(text, label)


def labelled(text: str, label: str) -> str:
    """A LaTeX table with a label, which has to follow its caption."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")
    return text.replace(r"\begin{tabular}", f"\\label{{tab:{slug}}}\n\\begin{{tabular}}", 1)
