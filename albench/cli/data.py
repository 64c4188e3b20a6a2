"""`data list|look|fetch|import|verify`: what lies where, and getting it there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.options import (
    FormatOpt,
    FromOpt,
    OnlyOpt,
    PluginOpt,
    SuiteArg,
    load_plugins,
    suite_of,
    taken_from,
)
from albench.cli.output import Format, note, show
from albench.cli.tables import given_of, lines_of, rows_of, with_table_options
from albench.core.errors import (
    AlbenchError,
    BadData,
    BadValue,
    CheckFailed,
    Unavailable,
    UsageError,
)

if TYPE_CHECKING:
    from albench.suite import Labelled


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    data = typer.Typer(
        no_args_is_help=True, help="Data files: list, look at a table, fetch, import, verify."
    )
    data.command("list")(list_files)
    data.command("look")(look)
    data.command("fetch")(fetch)
    data.command("import")(import_folder)
    data.command("verify")(verify)
    app.add_typer(data, name="data")


def list_files(
    suite: Annotated[
        str | None, typer.Argument(metavar="[SUITE]", help="Only the files of this suite.")
    ] = None,
    urls: Annotated[
        bool, typer.Option("--urls", help="File, address and checksum of each dataset.")
    ] = False,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """List the datasets with files of their own: where they lie and what is known of them.

    With `--urls` what to copy where there is no network: `--from FOLDER` on run and fetch, or
    `albench data import FOLDER`, takes the files up, whatever they are called.
    """
    from albench.core.spec import Ref
    from albench.datasets import _catalogue as catalogue

    if suite is not None or urls:
        load_plugins(plugin)
        if suite is not None:
            refs = [(entry.label, entry.ref) for entry in suite_of(suite, plugin).datasets]
        else:
            refs = [(name, Ref(name)) for name in catalogue.files()]
        rows = catalogue.needed(refs)
        columns = ["dataset", "file", "address", "sha256", "md5", "where"]
        absent = sum(row["where"] == "absent" for row in rows)
        told = f"{absent} of {len(rows)} files are not here; {catalogue.HELP}"
        return show(rows, columns, fmt=fmt, notes=[told] if absent else [], kept=columns[1:4])
    load_plugins(plugin)
    rows = catalogue.listing()
    columns = ["name", "n", "d", "classes", "bytes", "where", "sha256", "known"]
    here = sum(row["where"] != "absent" for row in rows)
    notes = [f"cache: {catalogue.folder()}", f"{here} of {len(rows)} files are here"]
    return show(rows, columns, fmt=fmt, notes=notes)


@with_table_options
def look(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A table of your own.")],
    target: Annotated[
        str, typer.Option("--target", metavar="COLUMN", help="The column of classes.")
    ] = "",
    fmt: FormatOpt = Format.table,
    **options: Any,
) -> None:
    """Say how each column of a table is taken, and what looks wrong. Nothing is written.

    The options are those of a table in a suite. Exits with 2 where a run would refuse it.
    """
    from albench.datasets._look import looked

    found = looked(file, target, given_of(options))
    report = found.report
    head = f"{file}: {found.use}, {report.layout}; {report.n} rows, {len(report.columns)} columns"
    classes = [f"{len(found.counts)} classes: {told_classes(found.counts)}"] if found.counts else []
    notes = [head, *classes, *lines_of(found)]
    show(rows_of(found), ["column", "taken as", "why", "distinct", "missing"], fmt=fmt, notes=notes)
    if report.errors:
        raise BadData(f"{len(report.errors)} things a run would refuse; see the lines above")


def told_classes(counts: dict[str, int]) -> str:
    """The first classes with their rows."""
    told = ", ".join(f"{label!r} ({n})" for label, n in list(counts.items())[:10])
    return told + (", ..." if len(counts) > 10 else "")


def fetch(
    suite: SuiteArg,
    only: OnlyOpt = None,
    source: FromOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Download what a suite needs. Interrupted, the same command goes on where it stopped.

    Files go to the folder ALBENCH_DATA, else to the platform's cache folder.
    """
    taken_from(source)
    loaded = suite_of(suite, plugin, only)
    rows, failures = [], []
    for entry in loaded.datasets:
        row, error = fetched(entry)
        rows.append(row)
        note(f"{entry.label}: {row['result']}")
        if error is not None:
            failures.append(error)
    show(rows, ["dataset", "n", "d", "classes", "result"], fmt=fmt)
    if failures:
        usage = [e for e in failures if isinstance(e, UsageError)]
        kind: type[AlbenchError] = UsageError if usage else Unavailable
        raise kind(f"{len(failures)} of {len(rows)} datasets could not be had: {failures[0]}")


def fetched(entry: "Labelled") -> tuple[dict[str, Any], AlbenchError | None]:
    """One dataset, fetched and parsed; a row that says how it went."""
    from albench.core import registry
    from albench.datasets import _catalogue as catalogue

    try:
        catalogue.repaired(entry.ref)
        dataset = registry.build("dataset", entry.ref)
    except (UsageError, Unavailable) as error:
        return {"dataset": entry.label, "result": f"failed: {error}"}, error
    size = {"n": dataset.n, "d": dataset.d, "classes": len(dataset.classes)}
    return {"dataset": entry.label, "result": "here"} | size, None


def import_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with data files.")],
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Fill the cache from a folder; files are told by their checksum, not by their name."""
    from albench.datasets import _catalogue as catalogue

    load_plugins(plugin)
    if not folder.is_dir():
        raise BadValue(f"{folder}: no such folder")
    rows, strange = catalogue.imported(folder)
    show(rows, ["name", "file", "result"], fmt=fmt, notes=[f"{strange} files belong to no dataset"])


def verify(fmt: FormatOpt = Format.table, plugin: PluginOpt = None) -> None:
    """Hash every file of the cache again. Exits with 1 where one is not what it was."""
    from albench.datasets import _catalogue as catalogue

    load_plugins(plugin)
    rows = catalogue.verified()
    show(rows, ["file", "result", "expected", "found"], fmt=fmt)
    wrong = [row for row in rows if row["result"] != "same"]
    if wrong:
        raise CheckFailed(f"{len(wrong)} of {len(rows)} files are damaged: {wrong[0]['file']}")
