"""Tables as an author pastes them: booktabs LaTeX, Markdown, and the frames behind them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis import paired
from albench.analysis.cells import Block, Stack
from albench.analysis.compare import holm
from albench.analysis.summaries import areas, head_room, wide
from albench.analysis.variants import averaged
from albench.analysis.words import units, verdict_within

BEST, EQUAL = "best", "equal"
"""Marks of a cell: significantly best of its row; not told apart from the best."""


def headline_table(against: pd.DataFrame) -> pd.DataFrame:
    """The comparison with the baseline in columns of text, for people, what matters first."""
    several = [c for c in ("protocol", "model") if against[c].nunique() > 1]
    out = against[[*several, "strategy"]].copy()
    out["verdict"] = against["verdict"]
    out["difference"] = [f"{x:+.4f}" for x in against["mean_difference"]]
    out["95 % interval"] = [
        f"[{a:+.4f}, {b:+.4f}]" if np.isfinite(a) else "-"
        for a, b in zip(against["low"], against["high"], strict=True)
    ]
    counts = against[["wins", "ties", "losses"]].to_numpy()
    out["W/T/L"] = ["/".join(str(int(x)) for x in row) for row in counts]
    for column, title in (("holm_p", "Holm p"), ("wilcoxon_p", "p")):
        out[title] = [number(p) for p in against[column]]
    for column, title, form in (
        ("mde", "detectable", ".4f"), ("better", "P(better)", ".2f"), ("rope", "P(equal)", ".2f"),
        ("rank_biserial", "rank-biserial", "+.2f"),
    ):  # fmt: skip
        out[title] = [f"{x:{form}}" if np.isfinite(x) else "-" for x in against[column]]
    return out


def within_table(within: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """The comparisons over the trials of single datasets in columns of text, for people."""
    several = [c for c in ("protocol", "model") if within[c].nunique() > 1]
    out = within[[*several, "dataset", "strategy"]].copy()
    out["on this dataset"] = [verdict_within(row, alpha) for _, row in within.iterrows()]
    out["difference"] = [f"{x:+.4f}" for x in within["mean_difference"]]
    out["95 % interval"] = [
        f"[{a:+.4f}, {b:+.4f}]" if np.isfinite(a) else "-"
        for a, b in zip(within["low"], within["high"], strict=True)
    ]
    counts = within[["wins", "ties", "losses"]].to_numpy()
    out["trials W/T/L"] = ["/".join(str(int(x)) for x in row) for row in counts]
    for column, title in (
        ("holm_p", "Holm p"),
        ("wilcoxon_p", "p"),
        ("corrected_p", "corrected p"),
    ):
        out[title] = [number(p) for p in within[column]]
    out["detectable"] = [f"{x:.4f}" if np.isfinite(x) else "-" for x in within["mde"]]
    return out.assign(note=within["note"]) if within["note"].any() else out


def number(p: float) -> str:
    """A p-value for people; a dash where there is none."""
    if not np.isfinite(p):
        return "-"
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def cell_table(stack: Stack, *, summary: str = "aubc", alpha: float = 0.05) -> pd.DataFrame:
    """Datasets x strategies in long form: dataset, strategy, mean, half, mark.

    half: half width of the 95 % t interval of the mean over trials. Per dataset the best
    mean is compared with each other by a paired two-sided Wilcoxon test over trials,
    Holm over the row: where any differs, the best is marked "best" and those that do
    not differ from it "equal"; where none does, nothing is marked.
    """
    rows: list[dict[str, Any]] = []
    for block in stack.blocks:
        values = areas(block, summary)
        marks = _marks(values, alpha)
        for place, strategy in enumerate(block.strategies):
            low, high = paired.t_interval(values[place])
            rows.append(
                {
                    "dataset": block.dataset,
                    "strategy": strategy,
                    "mean": float(values[place].mean()),
                    "half": (high - low) / 2,
                    "mark": marks[place],
                }
            )
    return pd.DataFrame(rows)


def _marks(values: np.ndarray[Any, np.dtype[np.float64]], alpha: float) -> list[str]:
    best = int(np.argmax(values.mean(axis=1)))
    others = [i for i in range(len(values)) if i != best]
    if values.shape[1] < paired.smallest_n(len(others), alpha) or not others:
        return [""] * len(values)
    p = holm([paired.wilcoxon_p(values[best] - values[i]) for i in others])
    if not (p <= alpha).any():
        return [""] * len(values)
    marks = [""] * len(values)
    marks[best] = BEST
    for i, q in zip(others, p, strict=True):
        marks[i] = EQUAL if q > alpha else ""
    return marks


def foot_rows(
    stack: Stack, baseline: str, summary: str = "aubc", base: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Per strategy over datasets: mean rank, W/T/L against the baseline, mean normalised gain.

    Variants of one `base` dataset are averaged first, as in the tables of ranks and tests.
    """
    each = wide(stack, summary)
    table = averaged(each, base).round(paired.DIGITS)
    rank = table.rank(axis=1, ascending=False).mean()
    difference = table.sub(table[baseline], axis=0)
    counts = [paired.win_tie_loss(difference[s]) for s in stack.strategies]
    rooms = np.array([head_room(b, baseline, summary) for b in stack.blocks])
    fine = rooms > 1e-12
    gaps = each.round(paired.DIGITS).sub(each[baseline].round(paired.DIGITS), axis=0)
    gain = averaged(gaps[fine].div(rooms[fine], axis=0), base).mean()
    return pd.DataFrame(
        {
            "strategy": stack.strategies,
            "rank": rank.to_numpy(),
            "record": ["/".join(map(str, c)) for c in counts],
            "normalised_gain": gain.to_numpy(),
        }
    )


def cell_latex(
    cells: pd.DataFrame, foot: pd.DataFrame, caption: str, baseline: str, better: str = "higher"
) -> str:
    """A booktabs table of `cell_table`, best in bold, undecided underlined.

    With better="lower" the analysis' negated scores are printed in their own direction.
    """
    sign, arrow = (1, r"$\uparrow$") if better == "higher" else (-1, r"$\downarrow$")
    names = list(foot["strategy"])
    head = " & ".join([f"dataset {arrow}", *(escape(s) for s in names)])
    lines = []
    for dataset, part in cells.groupby("dataset", sort=False):
        row = part.set_index("strategy").loc[names]
        shown = [_marked(sign * r["mean"], r["half"], r["mark"]) for _, r in row.iterrows()]
        lines.append(" & ".join([escape(str(dataset)), *shown]) + r" \\")
    feet = [
        ["mean rank", *(f"${r:.2f}$" for r in foot["rank"])],
        [f"W/T/L vs {escape(baseline)}"]
        + ["--" if s == baseline else r for s, r in zip(names, foot["record"], strict=True)],
        ["normalised gain", *(_gain(g) for g in foot["normalised_gain"])],
    ]
    body = "\n".join([*lines, r"\midrule", *(" & ".join(f) + r" \\" for f in feet)])
    return _float(head, body, "l" + "r" * len(names), caption)


def _gain(value: float) -> str:
    return f"${value:+.2f}$" if np.isfinite(value) else "--"


def _marked(mean: float, half: float, mark: str) -> str:
    text = f"{mean:.3f}"
    shown = {BEST: rf"$\mathbf{{{text}}}$", EQUAL: rf"\underline{{${text}$}}"}.get(
        mark, f"${text}$"
    )
    return shown + (rf"{{\tiny$\pm${half:.3f}}}" if np.isfinite(half) else "")


def latex(frame: pd.DataFrame, caption: str = "") -> str:
    """Any frame as a booktabs table."""
    numeric = [pd.api.types.is_numeric_dtype(frame[c]) for c in frame.columns]
    head = " & ".join(escape(str(c)) for c in frame.columns)
    frame = without_noise(frame)
    body = "\n".join(
        " & ".join(_in_latex(cell(x)) for x in row) + r" \\"
        for row in frame.itertuples(index=False, name=None)
    )
    return _float(head, body, "".join("r" if n else "l" for n in numeric), caption)


def without_noise(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with float noise as zero; a p-value may be that small in earnest."""
    floats = [c for c in frame.columns if pd.api.types.is_float_dtype(frame[c])]
    chosen = [c for c in floats if c != "p" and not str(c).endswith(("_p", " p"))]
    return frame.assign(**{str(c): frame[c].round(paired.DIGITS) + 0.0 for c in chosen})


NUMBERS = re.compile(r"[-+<>=\[\],./ \d]*\d[-+<>=\[\],./ \d]*")


def _in_latex(text: str) -> str:
    """Numbers and intervals in math mode, for true minus signs; a dash for nothing."""
    if text == "-":
        return "--"
    return f"${text}$" if NUMBERS.fullmatch(text) else escape(text)


def _float(head: str, body: str, columns: str, caption: str) -> str:
    return (
        "\\begin{table}\n\\centering\n"
        + (f"\\caption{{{escape(caption)}}}\n" if caption else "")
        + f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head} \\\\\n\\midrule\n{body}\n"
        + "\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def markdown(frame: pd.DataFrame) -> str:
    """Any frame as a Markdown table."""
    rows = [[str(c) for c in frame.columns], ["---"] * frame.shape[1]]
    frame = without_noise(frame)
    rows += [[cell(x) for x in row] for row in frame.itertuples(index=False, name=None)]
    return (
        "\n".join("| " + " | ".join(c.replace("|", r"\|") for c in r) + " |" for r in rows) + "\n"
    )


def cell(value: object) -> str:
    """A value for people: four digits, a dash where undefined."""
    if isinstance(value, float | np.floating):
        return f"{value:.4g}" if np.isfinite(value) else "-"
    return "-" if value is None or value is pd.NA else str(value)


def escape(text: str) -> str:
    """Text safe in LaTeX."""
    table = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    table |= {c: "\\" + c for c in "&%$#_{}"}
    table |= {"<": "$<$", ">": "$>$"}
    return "".join(table.get(c, c) for c in text)


def cell_caption(stack: Stack, design: dict[str, Any], baseline: str, alpha: float) -> str:
    """What the per-dataset table's caption must say. design: `measure`, `datasets`, `merged`."""
    trials, measure = trials_text(stack.blocks), design["measure"]
    last = f" The last rows count {units(design)}." if design["merged"] else ""
    where = ", ".join(x for x in (stack.model, stack.protocol) if x)
    return (
        f"{measure[:1].upper()}{measure[1:]} ({where}): mean over {trials} trials, with the half "
        f"width of its 95 % t interval. Bold: best, where any other differs from it (two-sided "
        f"paired Wilcoxon over trials, Holm over the row, {alpha:g}); underlined: does not differ "
        f"from the best. W/T/L: datasets won, tied, lost against {baseline} by the mean.{last}"
    )


def trials_text(blocks: Sequence[Block]) -> str:
    """The number of trials per dataset, as text."""
    counts = [len(b.trials) for b in blocks]
    return str(counts[0]) if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"
