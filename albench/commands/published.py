"""`reproduce`: published numbers beside ours, a verdict per cell."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.commands.options import (
    FormatOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    stored,
    suite_of,
)  # fmt: skip
from albench.errors import BadValue, CheckFailed
from albench.show import Format, note, show_frame

if TYPE_CHECKING:
    import pandas as pd

    from albench.suite import Suite

MarginOpt = Annotated[
    float | None,
    typer.Option("--margin", help="What counts as equal (default half the sd, at most .01)."),
]
AgainstOpt = Annotated[
    str | None,
    typer.Option("--against", metavar="SUITE", help="Claims of another suite on the same cells."),
]
FigureOpt = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", help="Draw printed against reproduced numbers."),
]
ANSWER = ("dataset", "strategy", "printed", "ours", "verdict")
AllOpt = Annotated[bool, typer.Option("--all", help="Show cells without runs too, and why.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("reproduce")(reproduce)


def claims_of(suite: "Suite") -> "pd.DataFrame":
    """The published numbers beside a suite's file; raises BadValue where there are none."""
    from albench.analysis.reproduce import claims

    assert suite.path is not None
    path = suite.path.with_name(f"{suite.path.stem}.published.csv")
    if not path.is_file():
        raise BadValue(f"suite {suite.name!r} has no published numbers: {path} does not exist")
    return claims(path)


def reproduce(
    suite: SuiteArg,
    results: ResultsOpt = None,
    only: OnlyOpt = None,
    margin: MarginOpt = None,
    against: AgainstOpt = None,
    figure: FigureOpt = None,
    every: AllOpt = False,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Put our numbers beside the published ones: same, agrees, too uncertain or differs.

    Exits with 1 where a cell differs.
    """
    from albench.analysis.reproduce import SYNONYMS, conflicts, reproduced, tally

    loaded = suite_of(suite, plugin, only)
    # how alike strategies are on the same splits is part of the interval, so all are read
    whole = suite_of(suite, plugin, [item for item in only or () if item.startswith("dataset")])
    published = claims_of(loaded)
    for kind, entries in (("dataset", loaded.datasets), ("strategy", loaded.strategies)):
        if any(item.startswith(kind) for item in only or ()):
            published = published[published[kind].isin([e.label for e in entries])]
    if margin is not None and not margin > 0:
        raise BadValue(f"--margin {margin}: a positive number")
    runs, rounds = stored(whole, results)
    table = reproduced(runs, rounds, published, margin=margin, alpha=loaded.alpha)
    if against is not None:
        other = suite_of(against)
        both = conflicts(table, claims_of(other), SYNONYMS, (loaded.name, other.name))
        show_frame(both, fmt=fmt)
        return
    shown = table if every else table[table["trials"] > 0]
    hidden = len(table) - len(shown)
    notes = [tally(table), rule(loaded.alpha), *coincidences(runs, rounds)]
    notes += [f"{hidden} cells without runs are left out; --all shows them"] if hidden else []
    show_frame(columns(shown), fmt=fmt, notes=notes, kept=ANSWER)
    if figure is not None:
        draw(table, figure)
    wrong = table[table["verdict"] == "differs"]
    if len(wrong):
        cells = ", ".join(f"{r.dataset} {r.strategy}" for r in wrong.head(8).itertuples())
        raise CheckFailed(f"{len(wrong)} cells differ from the published numbers: {cells}")


def rule(alpha: float) -> str:
    """How the verdicts come about, in a sentence."""
    return (
        "same: mean and sd have the printed digits over as many trials; agrees: the "
        f"{1 - alpha:.0%} t interval of the difference (low, high) lies within the margin on "
        "either side of 0; differs: it leaves out 0; else too uncertain"
    )


def columns(table: "pd.DataFrame") -> "pd.DataFrame":
    """What the printed table shows, numbers rounded to five decimals."""
    kept = table[
        ["dataset", "strategy", "printed", "ours", "difference", "low", "high", "margin",
         "printed_sd", "ours_sd", "trials", "verdict", "why"]
    ]  # fmt: skip
    return kept.round(5)


def coincidences(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """The findings of the strategy audit as sentences."""
    from albench.analysis.coincide import coinciding, summary

    said = []
    for row in summary(coinciding(runs, rounds)).to_dict("records"):
        place = f"on {row['datasets']} datasets, {row['trials']} trials"
        if row["finding"] == "same picks":
            said.append(f"{row['strategy']} buys the same rows as {row['with']} {place}")
        else:
            said.append(f"{row['strategy']} ranks nothing: all candidates tie {place}")
    return said


def draw(table: "pd.DataFrame", path: Path) -> None:
    """Save the figure of printed against reproduced numbers."""
    from albench.plots.reproduce import saved

    note(f"{saved(table, path)}: printed against reproduced numbers")
