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
    app.command("claims")(claims)
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


def reproduce(
    suite: Annotated[
        str | None,
        typer.Argument(
            metavar="[SUITE]", help="A TOML file or a shipped suite; none: all publications."
        ),
    ] = None,
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

    Without a suite: a table of all publications, from the folders of results in `--results`
    (default `results`). Exits with 1 where a cell differs.
    """
    from albench.analysis.reproduce import SYNONYMS, conflicts, reproduced, tally
    from albench.api.published import claims_of, publications

    if suite is None:
        if only or plugin or against or figure or every or margin is not None:
            raise BadValue("--only, --plugin, --against, --figure, --all, --margin need a SUITE")
        overview, said = publications(results or Path("results"))
        show_frame(overview, fmt=fmt, notes=[READ, *said], kept=tuple(overview.columns))
        return
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
    notes = [tally(table), rule(loaded.alpha), *by_value(loaded, runs, rounds)]
    notes += coincidences(runs, rounds)
    notes += [f"{hidden} cells without runs are left out; --all shows them"] if hidden else []
    show_frame(columns(shown), fmt=fmt, notes=notes, kept=ANSWER)
    if figure is not None:
        draw(table, figure)
    wrong = table[table["verdict"] == "differs"]
    if len(wrong):
        cells = ", ".join(f"{r.dataset} {r.strategy}" for r in wrong.head(8).itertuples())
        raise CheckFailed(f"{len(wrong)} cells differ from the published numbers: {cells}")


READ = (
    "cells: printed numbers of a publication; judged: those of which runs are at hand, by verdict; "
    "values: single values of published curves whose picks were replayed, and how many are equal "
    "to every printed digit. `albench reproduce SUITE` has the cells of one"
)


def by_value(suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame") -> list[str]:
    """How many values of published curves are equal, by dataset and model, as sentences."""
    from albench.analysis.publications import DIGITS, first_difference
    from albench.api.published import values_of

    found = values_of(suite, runs, rounds)
    if found is None or found.empty:
        return []
    said = []
    for (dataset, model), part in found.groupby(["dataset", "model"], sort=True):
        equal = int(part["equal"].sum())
        said.append(
            f"{dataset}, {model}: of {len(part)} published values whose picks were replayed, "
            f"{equal} are equal to {DIGITS} decimals"
        )
    first = first_difference(found)
    return [*said, f"the first that is not: {first}"] if first else said


def claims(
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="D", help="Only numbers of this dataset.")
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", metavar="S", help="Only numbers of this strategy.")
    ] = None,
    results: ResultsOpt = None,
    every: Annotated[
        bool, typer.Option("--all", help="Show every number where no dataset or strategy is named.")
    ] = False,
    fmt: FormatOpt = Format.table,
) -> None:
    """Put every published number that albench knows beside ours, and count what survives.

    With `--dataset` or `--strategy` the numbers, one row each; without, the conclusions: of how
    many comparisons they hold in print, and here. `--results DIR` holds a folder per suite
    (default `results`).
    """
    from albench.analysis.claims import sentences
    from albench.api.published import claims as claimed

    table, support, words = claimed(results or Path("results"), dataset, strategy)
    notes = [*sentences(support), *words]
    if dataset is None and strategy is None and not every:
        show_frame(support.round(5), fmt=fmt, notes=notes, kept=tuple(support.columns))
        return
    shown = ["publication", "dataset", "strategy", "model", "protocol", "printed", "printed_sd"]
    shown += ["ours", "ours_sd", "difference", "verdict", "why"]
    show_frame(table[shown].round(5), fmt=fmt, notes=notes, kept=("publication", *ANSWER))


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
