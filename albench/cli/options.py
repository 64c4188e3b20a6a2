"""Arguments and options that several commands share, and what they stand for."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.output import Format, note
from albench.core.errors import BadValue

if TYPE_CHECKING:
    import pandas as pd

    from albench.suite import Suite


SuiteArg = Annotated[str, typer.Argument(metavar="SUITE", help="A TOML file or a shipped suite.")]
ResultsOpt = Annotated[
    Path | None,
    typer.Option("--results", metavar="DIR", help="Results folder (default results/<suite>)."),
]
PluginOpt = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE", help="A Python file with entries of your own."),
]
OnlyOpt = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="KIND=A,B", help="Only these, such as dataset=iris,wine."),
]
FromOpt = Annotated[
    Path | None,
    typer.Option("--from", metavar="FOLDER", help="Look for data files here before any network."),
]
FormatOpt = Annotated[Format, typer.Option("--format", help="How the table is printed.")]
MetricOpt = Annotated[
    str | None, typer.Option("--metric", metavar="M", help="Metric (default: the primary one).")
]
ModelOpt = Annotated[
    str | None, typer.Option("--model", metavar="M", help="Only this model of the suite.")
]
BaselineOpt = Annotated[
    str | None, typer.Option("--baseline", metavar="S", help="Strategy to compare with.")
]


def suite_of(
    suite: str, plugins: Sequence[Path] | None = None, only: Sequence[str] | None = None
) -> "Suite":
    """The suite of a command, reduced to what `--only` names."""
    from albench.api.tables import reduced
    from albench.suite.toml import load_suite

    loaded = load_suite(suite, tuple(plugins or ()))
    for file in loaded.plugins:
        told_empty(file)
    return reduced(loaded, parsed_only(only or ()))


def taken_from(folder: Path | None) -> None:
    """Let a folder be the mirror, for this process and its workers."""
    import os

    if folder is None:
        return
    if not folder.is_dir():
        raise BadValue(f"--from {folder}: no such folder")
    os.environ["ALBENCH_MIRROR"] = str(folder.resolve())


def load_plugins(files: Sequence[Path] | None) -> None:
    """Load plugin files; say of one that registers nothing."""
    from albench.core import registry

    for file in files or ():
        registry.load_plugin(file)
        told_empty(file)


def told_empty(file: Path | str) -> None:
    """Say so where a plugin, which was loaded, has no entry."""
    from albench.core import registry

    path = str(Path(file).expanduser().resolve())
    if not any(e.plugin == path for kind in registry.ENTRIES.values() for e in kind.values()):
        note(f'plugin {file} registers nothing: a decorator such as @strategy("name") does')


def parsed_only(only: Sequence[str]) -> dict[str, list[str]]:
    """`--only kind=a,b` as a table."""
    wanted: dict[str, list[str]] = {}
    for item in only:
        kind, equals, labels = item.partition("=")
        if not equals or not labels:
            raise BadValue(f"--only {item}: KIND=A,B is due, such as dataset=iris,wine")
        # a comma before a space belongs to a label: `qbc(committee=5, vote=soft)`
        wanted.setdefault(kind, []).extend(re.split(r",(?! )", labels))
    return wanted


def stored(
    suite: "Suite",
    results: Path | None,
    wanted_model: str | None = None,
    metric: str | None = None,
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The labelled tables of a suite; raises BadResults where nothing is stored.

    metric  as `albench.api.tables.stored`
    """
    from albench.api import tables
    from albench.runner import open_store

    store = open_store(suite, results, note)
    how = retyped("run", suite, store.folder)
    return tables.stored(suite, store, wanted_model, how, metric=metric)


def retyped(verb: str, suite: "Suite", folder: Path | None, *more: str) -> str:
    """A command on the same suite, results and plugins, as one would type it here."""
    import tomllib

    from albench.suite.toml import shipped

    words, path = ["albench", verb], suite.path
    words.append(suite.name if path is None or path in shipped().values() else nearby(path))
    own = tomllib.loads(suite.text).get("plugins", ())
    known = {str((path.parent / file).resolve()) for file in own} if path else set()
    for file in suite.plugins:
        words += [] if file in known else ["--plugin", nearby(Path(file))]
    if folder is not None and folder != Path("results") / suite.name:
        words += ["--results", str(folder)]
    return shlex.join([*words, *more])


def nearby(path: Path) -> str:
    """A path as seen from the current folder, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
