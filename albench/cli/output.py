"""Tables and notes on the terminal in every format, and what heads their columns."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from typing import Any

from typer.core import TyperCommand

from albench.core.display import (
    WIDE,
    cleaned,
    constant,
    fitting,
    line_width,
    quiet,
    text_of,
    wrapped,
)
from albench.core.safe import printable

__all__ = ["WIDE", "Explained", "Format", "emit", "note", "say", "show", "show_frame"]


class Format(StrEnum):
    """How a table is printed."""

    table = "table"
    csv = "csv"
    json = "json"
    latex = "latex"
    markdown = "markdown"


def note(sentence: str) -> None:
    """A remark on standard error."""
    text = wrapped(printable(sentence.rstrip()), line_width(sys.stderr))
    sys.stderr.write(text + "\n")


def emit(text: str) -> None:
    """Output on standard output."""
    text = printable(text)
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def say(text: str) -> None:
    """Prose on standard output, wrapped at words where lines have a width."""
    emit(wrapped(printable(text), line_width(sys.stdout)))


def show(
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    *,
    fmt: Format = Format.table,
    notes: Sequence[str] = (),
    title: str = "",
    kept: Sequence[str] = (),
) -> None:
    """Print rows as a table on standard output; `kept` columns stay, however narrow it is.

    Notes follow the table on standard error, or lie in the JSON; undefined is null in
    JSON and empty elsewhere.
    """
    rows = [{c: cleaned(row.get(c)) for c in columns} for row in rows]
    if fmt is Format.json:
        table = {"columns": list(columns), "rows": rows, "notes": list(notes)}
        emit(json.dumps(table, indent=1, ensure_ascii=False, allow_nan=False))
        return
    if fmt is Format.csv:
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        emit(buffer.getvalue())
    elif fmt is Format.table:
        printed(rows, columns, title, kept)
    else:
        write = latex if fmt is Format.latex else markdown
        emit(write([[text_of(quiet(row[c], c)) for c in columns] for row in rows], columns))
    for sentence in notes:
        note(sentence)


def show_frame(frame: Any, **options: Any) -> None:
    """`show` for a pandas data frame."""
    show(frame.to_dict("records"), [str(c) for c in frame.columns], **options)


def table_width() -> int | None:
    """Columns of the terminal, else of COLUMNS; None where neither is known."""
    return line_width(sys.stdout)


def printed(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], title: str, kept: Sequence[str] = ()
) -> None:
    """A table for people: in a terminal the columns that fit, elsewhere all of them.

    The columns that are left out are named below the table.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = table_width()
    console = Console(width=width or WIDE, highlight=False)
    every = [str(c) for c in columns]
    cells = [[text_of(quiet(row[c], c)) for c in columns] for row in rows]
    places = list(range(len(every))) if width is None else fitting(cells, every, width, kept)
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for place in places:
        values = [row[columns[place]] for row in rows if row[columns[place]] is not None]
        numeric = bool(values) and all(isinstance(v, int | float) for v in values)
        table.add_column(
            Text(every[place]), justify="right" if numeric else "left", overflow="fold"
        )
    for line in cells:
        table.add_row(*(Text(line[place]) for place in places))
    console.print(table)
    tell_left_out(cells, every, places)


def tell_left_out(
    cells: Sequence[Sequence[str]], columns: Sequence[str], places: Sequence[int]
) -> None:
    """Name the columns that a terminal had no room for, with the value of those with one."""
    gone = [place for place in range(len(columns)) if place not in places]
    same = [place for place in constant(cells, columns) if place in gone]
    if same:
        held = ", ".join(f"{columns[p]} {cells[0][p] or '(empty)'}" for p in same)
        note(f"the same in every row: {held}")
    if left := [columns[place] for place in gone if place not in same]:
        names = ", ".join(left)
        note(f"too wide for this terminal, left out: {names}; --format csv or json has all")


def markdown(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    """A pipe table."""
    lines = [columns, ["---"] * len(columns), *cells]
    return "\n".join(
        "| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines
    )


LATEX = {c: "\\" + c for c in "&%$#_{}"} | {"~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}


def latex(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> str:
    """A booktabs table."""

    def line(values: Sequence[str]) -> str:
        escaped = ("".join(LATEX.get(c, c) for c in value.replace("\\", "/")) for value in values)
        return " & ".join(escaped) + r" \\"

    head = [rf"\begin{{tabular}}{{{'l' * len(columns)}}}", r"\toprule", line(columns), r"\midrule"]
    return "\n".join([*head, *map(line, cells), r"\bottomrule", r"\end{tabular}"])


OWN: Mapping[str, Mapping[str, str]] = {
    "compare": {
        "difference": "mean paired difference to the baseline over datasets, in the metric's units",
        "95 % interval": "of that mean, over datasets",
        "W/T/L": "datasets won, tied, lost against the baseline",
        "Holm p": "p of the Wilcoxon signed-rank test over datasets, corrected for all strategies",
        "p": "the same, uncorrected",
        "on this dataset": "(--table within) what the trials of one dataset say",
        "corrected p": "(--table within) p that allows for overlapping train rows of the trials",
        "detectable": "the smallest difference that so many datasets would show 4 times in 5",
        "P(better)": "Bayesian signed-rank probability of better by more than `rope`",
        "P(equal)": "the same of equal for all practical purposes: within `rope`",
        "rank-biserial": "size of the effect, -1 (always behind) to +1 (always ahead)",
    },
    "curves": {
        "area": "mean height of the learning curve, with its 95 % interval over trials",
        "gain": "paired difference of the areas to the baseline",
        "norm. gain": "the gain as a share of the room between baseline and full pool",
        "labels to T": "median labels until target T is reached (trials that reached it)",
        "utilisation": "those labels over the baseline's; below 1: fewer labels",
        "harm": "share of the checkpoints at which the baseline is ahead",
        "stability": "slope at the end over the mean slope; near 0: the curve is flat by then",
        "worst": "largest loss to the baseline at any checkpoint",
    },
    "audit": {
        "checkpoint": "share of what was bought; 1: the end",
        "estimator": "how one would estimate the score without a test set",
        "estimate, truth": "its mean, and that of the score on the passive test set",
        "bias": "estimate minus truth, with its 95 % interval low, high",
        "sd, rmse": "spread and root mean squared error over trials",
        "tau": "Kendall correlation of its ranking of strategies with the test's, by trial",
        "tau_mean": "the same of the rankings by the means over trials",
        "best_right": "share of trials in which it names the strategy that is best",
        "regret": "score that is lost by believing it",
        "believed, truly": "the strategy it names, and the one that is best",
    },
    "bias": {
        "z ...": "of the drift: distance from random subsets, in their deviations",
        "other": "the strategy that is compared with in the table of overlaps",
        "jaccard, chance": "overlap of the queried rows, and that of random ones; excess: between",
    },
    "coverage": {"z ...": "distance from random subsets, in their deviations"},
    "stop": {
        "stopped": "share of the runs that the rule stopped; the others went on to the end",
        "spent": "labels by then on average, held-out ones included",
        "saved_share": "labels saved over those of the whole run, with its 95 % interval",
        "lost": "score given up against going on, with its 95 % interval; Holm p over the rules",
        "lost_verdict": "better, worse, equal, ... than going on, by the rules of the comparison",
        "harmed": "datasets that lose more than the rope",
        "cheaper": "cost saved against going on, in labels at the price of mistakes; its Holm p",
        "regret": "cost above that of the best round of the same run, known in hindsight only",
    },
    "noise": {
        "affinity": "wrong over base, with its 95 % interval low, high; above 1: it seeks them",
    },
}
MEASURED = {
    "bias": ("bias", "overlap"),
    "coverage": ("coverage",),
    "rare": ("rare",),
    "noise": ("noise", "annotators"),
}


def heads(command: str) -> dict[str, str]:
    """Column -> what it holds, of the tables of a command."""
    found: dict[str, str] = {}
    for name in MEASURED.get(command, ()):
        found |= import_module(f"albench.analysis.bought.{name}").MEASURES
    return {**found, **OWN.get(command, {})}


class Explained(TyperCommand):
    """A command whose help ends with its columns; what they hold is looked up then only."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the columns below the options."""
        with formatter.section("Columns"):
            formatter.write_dl(list(heads(str(self.name)).items()))
