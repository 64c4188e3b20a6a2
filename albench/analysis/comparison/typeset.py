"""Tables as an author pastes them: booktabs LaTeX, Markdown, and the frames behind them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.comparison import effort, paired
from albench.analysis.comparison.across import holm
from albench.analysis.comparison.cells import Block, Stack, averaged, stacks
from albench.analysis.comparison.effort import efforts, label_tables
from albench.analysis.comparison.options import curves_frame
from albench.analysis.comparison.summaries import areas, head_room, summarise, wide
from albench.analysis.comparison.words import units, verdict_within
from albench.analysis.question import Options
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults

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
    out["pseudo-median"] = [
        f"{x:+.4f} [{a:+.4f}, {b:+.4f}]" if np.isfinite(a) else f"{x:+.4f}"
        for x, a, b in zip(
            against["pseudo_median"], against["median_low"], against["median_high"], strict=True
        )
    ]
    counts = against[["wins", "ties", "losses"]].to_numpy()
    out["W/T/L"] = ["/".join(str(int(x)) for x in row) for row in counts]
    out["within"] = [
        f"{k} of {n}" for k, n in zip(against["within"], against["counted"], strict=True)
    ]
    if against["noisy"].gt(0).any():
        out["too noisy"] = against["noisy"]
    for column, title in (("holm_p", "Holm p"), ("wilcoxon_p", "p")):
        out[title] = [number(p) for p in against[column]]
    for column, title, form in (
        ("mde", "detectable", ".4f"),
        ("better", "P(better)", ".2f"),
        ("rope", "P(equal)", ".2f"),
        ("rank_biserial", "rank-biserial", "+.2f"),
    ):
        out[title] = [f"{x:{form}}" if np.isfinite(x) else "-" for x in against[column]]
    for column, title in (("alike", "same as"), ("gaps", "gaps")):
        if against[column].ne("").any():
            out[title] = against[column]
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
    for column, title in (("learnable", "learnable"), ("head_room", "head-room")):
        if np.isfinite(within[column]).any():
            out[title] = [f"{x:+.3f}" if np.isfinite(x) else "-" for x in within[column]]
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


@dataclass(frozen=True, repr=False)
class CurveTables(Displayed):
    """summary: one row per cell; labels: one row per cell and target; notes; effort: labels, cost
    and hours to each target, where a cost or the seconds of a label are declared."""

    summary: pd.DataFrame
    labels: pd.DataFrame
    notes: tuple[str, ...]
    effort: pd.DataFrame = field(default_factory=pd.DataFrame)

    def sheet(self) -> Sheet:
        """The summary, for people."""
        return Sheet(frame=for_people(self, "summary"), notes=self.notes)


def curve_tables(
    runs: pd.DataFrame,
    rounds: pd.DataFrame | None,
    options: Options,
    *,
    checkpoints: Sequence[float] = (0.1, 0.25, 0.5),
    seconds: float | None = None,
) -> CurveTables:
    """Summaries of all protocols and models; bounds are among them, marked so.

    seconds: that one label takes a person, where it is known.
    Raises a UsageError with the reason where there is nothing to sum up.
    """
    frame, notes = curves_frame(runs, rounds, options)
    summary, labels = [], []
    for stack in stacks(frame, options.baseline, missing=options.missing, axis=options.axis):
        notes += stack.notes
        if not stack.blocks:
            continue
        summary.append(summarise(stack, options.baseline, checkpoints))
        labels.append(label_tables(stack, options))
    if not summary:
        raise BadResults("no dataset has trials that all strategies finished: " + "; ".join(notes))
    table = pd.concat(summary, ignore_index=True)
    bound = table["strategy"].isin(set(options.unranked))
    comma = table["flag"].where(table["flag"] == "", table["flag"] + ", ")
    table["flag"] = table["flag"].where(~bound, comma + "bound, not ranked")
    if not np.isfinite(table["full"]).any():
        notes.append("no whole-pool runs: normalised gain, deficiency and gap targets are null")
    taken = efforts(runs, rounds, options, seconds)
    told = tuple(dict.fromkeys(notes))
    return CurveTables(table, pd.concat(labels, ignore_index=True), told, taken)


def for_people(found: CurveTables, table: str) -> pd.DataFrame:
    """The recommended columns as text: intervals in brackets, bounds as bounds."""
    if table == "effort":
        return effort.for_people(found.effort)
    return _labels(found.labels) if table == "labels" else _summary(found)


def _summary(found: CurveTables) -> pd.DataFrame:
    s = found.summary
    out = s[[*_keys(s), "strategy", "trials"]].copy()
    out["area"] = _with_interval(s, "aubc", "aubc_low", "aubc_high", "{:.3f}")
    out["gain"] = _with_interval(s, "gain", "gain_low", "gain_high", "{:+.3f}")
    out["norm. gain"] = _with_interval(s, "normalised_gain", "ng_low", "ng_high", "{:+.2f}")
    out["end"] = [_number(x, "{:.3f}") for x in s["end"]]
    if not found.labels.empty:
        first = found.labels["target"].iloc[0]
        part = found.labels[found.labels["target"] == first]
        key = ["protocol", "model", "dataset", "strategy"]
        text = _labels(part).set_axis(part.index)
        told = part[key].assign(
            labels=text["median"] + " (" + text["reached"] + ")", use=text["use"]
        )
        merged = s[key].merge(told, on=key, how="left").fillna("-")
        out[f"labels to {first}"] = merged["labels"].to_numpy()
        out["utilisation"] = merged["use"].to_numpy()
    out["harm"] = [_number(x, "{:.2f}") for x in s["harm_rate"]]
    out["stability"] = [_number(x, "{:.2f}") for x in s["stability"]]
    out["worst"] = [_number(x, "{:+.3f}") for x in s["worst_loss"]]
    if (s["flag"] != "").any():
        out["flag"] = s["flag"]
    return out


def _labels(labels: pd.DataFrame) -> pd.DataFrame:
    if labels.empty:
        return labels
    out = labels[[*_keys(labels), "target", "strategy"]].copy()
    out["score"] = [_number(x, "{:.3f}") for x in labels["value"]]
    out["reached"] = [f"{r}/{t}" for r, t in zip(labels["reached"], labels["trials"], strict=True)]
    out["95 % of share"] = _interval(labels, "share_low", "share_high", "{:.2f}")
    out["median"] = [
        _number(m, "{:.0f}", f"> {b:.0f}")
        for m, b in zip(labels["median"], labels["budget"], strict=True)
    ]
    out["restricted mean"] = [_number(x, "{:.1f}") for x in labels["restricted_mean"]]
    for name, title in (("utilisation", "use"), ("saving", "saving")):
        pairs = zip(labels[f"{name}_sign"], labels[name], strict=True)
        out[title] = [
            f"{'' if sign == '=' else sign + ' '}{x:.2f}" if sign else "-" for sign, x in pairs
        ]
    out["labels fewer"] = _with_interval(labels, "fewer", "fewer_low", "fewer_high", "{:+.1f}")
    return out


def _keys(frame: pd.DataFrame) -> list[str]:
    """The key columns that tell rows apart."""
    several = [c for c in ("protocol", "model") if frame[c].nunique() > 1]
    return [*several, "dataset"]


def _number(x: float, form: str, otherwise: str = "-") -> str:
    return form.format(x) if np.isfinite(x) else otherwise


def _interval(frame: pd.DataFrame, low: str, high: str, form: str) -> list[str]:
    pairs = zip(frame[low], frame[high], strict=True)
    return [
        f"[{form.format(a)}, {form.format(b)}]" if np.isfinite(a) and np.isfinite(b) else ""
        for a, b in pairs
    ]


def _with_interval(frame: pd.DataFrame, value: str, low: str, high: str, form: str) -> list[str]:
    values = [_number(x, form) for x in frame[value]]
    return [
        f"{x} {i}".strip() for x, i in zip(values, _interval(frame, low, high, form), strict=True)
    ]


def caption(options: Options, table: str) -> str:
    """What must stand beside these tables in print."""
    base = options.baseline
    if table == "effort":
        return (
            f"What a target in {options.metric} takes: medians over trials (Kaplan-Meier), 'over' "
            "where it lies beyond the budget. Reached: trials that hold it for two checkpoints."
        )
    if table == "labels":
        return (
            f"Labels to target in {options.metric}, held for two checkpoints. Reached: trials that "
            "did, with the Wilson 95 % interval of their share; median: Kaplan-Meier, '>' where it "
            f"lies beyond the budget; use: our median over that of {base}, with bounds where one "
            f"is censored; labels fewer: saved per trial up to the budget, paired, 95 % t."
        )
    return (
        f"Learning curves in {options.metric}: area under the curve and paired gain over {base} "
        "with 95 % t intervals over trials, normalised gain (whole pool = 1) with a bootstrap "
        f"interval, share of checkpoints below {base} (harm), stability, and worst paired loss."
    )
