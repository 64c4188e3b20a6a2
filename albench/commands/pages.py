"""`report`, `leaderboard`, `cite`: pages and references."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.commands.analyse import compared, judged
from albench.commands.options import (
    FormatOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    stored,
    suite_of,
)
from albench.errors import BadValue
from albench.show import Format, emit, note, show

if TYPE_CHECKING:
    import pandas as pd

    from albench.store import Store
    from albench.suite import Suite


OWNER = "suite.json"  # whose site a folder holds, and its pages


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
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
    from albench.files import write_atomic
    from albench.report import page_of

    loaded = suite_of(suite, plugin, only)
    loaded, store, runs, rounds = read(loaded, results)
    text = page_of(loaded, store, runs, rounds, note)
    target = to or store.folder / "report.html"
    write_atomic(target, text.encode())
    emit(f"{target} ({len(text.encode()) / 1e6:.1f} MB)")


def read(suite: "Suite", results: Path | None) -> "tuple[Suite, Store, pd.DataFrame, pd.DataFrame]":
    """The suite with what was added to it, its store and its tables."""
    from albench import registry
    from albench.runner import open_store

    store = open_store(suite, results, note)
    known = registry.names("strategy")
    suite = suite.adding([a for a in store.manifest.get("added", ()) if a in known])
    return suite, store, *stored(suite, results)


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
    from albench.board import board
    from albench.evidence import evidence
    from albench.files import write_atomic
    from albench.leaderboard import write
    from albench.recommend import recommendation
    from albench.report import MOST
    from albench.topics import Source

    loaded, store, runs, rounds = read(suite_of(suite, plugin), results)
    before = pages_of(to, loaded.name)
    note("measuring what was bought")
    measured = evidence(loaded, runs, rounds)
    note("ranking by every model, metric, budget and group")
    found = board(loaded, runs, rounds, measured)
    comparison = compared(runs, rounds, judged(loaded, loaded.primary) | {"missing": "impute"})
    answers = recommendation(Source(loaded, runs, rounds, most=MOST), comparison)
    note("drawing and writing the pages")
    for page in before:
        page.unlink(missing_ok=True)
    strange = {*to.glob("*.html")}
    size = write(found, store.manifest, answers, to)
    names = sorted(page.name for page in {*to.glob("*.html")} - strange)
    mark = {"suite": loaded.name, "pages": names}
    write_atomic(to / OWNER, json.dumps(mark, indent=1).encode())
    for line in found.notes:
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
    from albench.parts import references

    show(references(suite_of(suite, plugin)), ["kind", "name", "reference"], fmt=fmt)
