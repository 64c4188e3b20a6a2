"""`report`, `leaderboard`, `cite`, `reproduce`: pages and references."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.options import (
    FormatOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    retyped,
    stored,
    suite_of,
)
from albench.cli.output import Format, emit, note, show, show_frame
from albench.core.errors import BadValue, CheckFailed

if TYPE_CHECKING:
    import pandas as pd

    from albench.results.store import Store
    from albench.suite import Suite


OWNER = "suite.json"  # whose site a folder holds, and its pages


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("reproduce")(reproduce)
    app.command("report")(report)
    app.command("leaderboard")(leaderboard)
    app.command("cite")(cite)


def report(
    suite: SuiteArg,
    results: ResultsOpt = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Default: report.html beside them.")
    ] = None,
    only: OnlyOpt = None,
    plugin: PluginOpt = None,
) -> None:
    """Write one page about a suite: the answer in words, figures, tables, how to repeat it."""
    from albench.api.views import report as reported

    loaded = suite_of(suite, plugin, only)
    emit(str(reported(loaded, results, to=to, say=note, how=retyped("run", loaded, results))))


def read(suite: "Suite", results: Path | None) -> "tuple[Suite, Store, pd.DataFrame, pd.DataFrame]":
    """The suite with what was added to it, its store and its tables."""
    from albench.api.tables import opened

    loaded, store = opened(suite, results, say=note)
    return loaded, store, *stored(loaded, results)


def leaderboard(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A TOML file or a shipped suite.")
    ] = "leaderboard",
    results: ResultsOpt = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder of the site.")] = Path(
        "site"
    ),
    plugin: PluginOpt = None,
) -> None:
    """Write the leaderboard: leaderboard.csv, Markdown, and a site that needs no network."""
    from albench.analysis.comparison import compare
    from albench.core.files import write_atomic
    from albench.reporting import MOST
    from albench.reporting.board import board
    from albench.reporting.evidence import evidence
    from albench.reporting.gaps import lacking, of_one_protocol
    from albench.reporting.site import write
    from albench.reporting.source import Source
    from albench.reporting.views import recommendation

    loaded, store, runs, rounds = read(suite_of(suite, plugin), results)
    before = pages_of(to, loaded.name)
    missing = lacking(loaded, runs)
    runs, left_out = of_one_protocol(loaded, runs)
    note("measuring what was bought")
    measured = evidence(loaded, runs, rounds)
    note("ranking by every model, metric, budget and group")
    found = board(loaded, runs, rounds, measured)
    comparison = compare(runs, rounds, replace(loaded.question(), missing="impute"))
    answers = recommendation(Source(loaded, runs, rounds, most=MOST), comparison)
    note("drawing and writing the pages")
    for page in before:
        page.unlink(missing_ok=True)
    strange = {*to.glob("*.html")}
    missing += left_out
    size = write(found, store.manifest, answers, to, missing)
    names = sorted(page.name for page in {*to.glob("*.html")} - strange)
    mark = {"suite": loaded.name, "pages": names}
    write_atomic(to / OWNER, json.dumps(mark, indent=1).encode())
    for line in (*found.notes, *missing):
        note(line)
    emit(f"{to / 'index.html'} ({size / 1e6:.1f} MB in all)")


def pages_of(folder: Path, suite: str) -> list[Path]:
    """The pages that an earlier leaderboard of the suite left in a folder.

    Raises BadValue where the folder holds the site of another suite.
    """
    mark = folder / OWNER
    if not mark.is_file():
        return []
    try:
        held = json.loads(mark.read_text(encoding="utf-8"))
        owner, names = str(held["suite"]), [str(name) for name in held["pages"]]
    except (ValueError, KeyError, TypeError):
        raise BadValue(f"{mark} is damaged; give another folder with --to") from None
    if owner != suite:
        raise BadValue(
            f"{folder} holds the leaderboard of suite {owner!r}, not of {suite!r}; give another "
            "folder with --to, or delete it"
        )
    return [folder / name for name in names if Path(name).name == name and name.endswith(".html")]


def cite(suite: SuiteArg, fmt: FormatOpt = Format.table, plugin: PluginOpt = None) -> None:
    """Print the references of everything that a suite uses."""
    from albench.reporting.page import references

    show(references(suite_of(suite, plugin)), ["kind", "name", "reference"], fmt=fmt)


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
        [
            "dataset",
            "strategy",
            "printed",
            "ours",
            "difference",
            "low",
            "high",
            "margin",
            "printed_sd",
            "ours_sd",
            "trials",
            "verdict",
            "why",
        ]
    ]
    return kept.round(5)


def coincidences(runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """The findings of the strategy audit as sentences."""
    from albench.analysis.reproduce import coinciding, summary

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
