"""`submit`, `accept`: results and strategy of a contributor, packed; verified, merged."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.check import SampleOpt, SeedOpt
from albench.cli.options import ResultsOpt
from albench.cli.output import emit, note, show_frame
from albench.core.errors import BadValue

if TYPE_CHECKING:
    from albench.suite import Suite
    from albench.testing.submission import Opened

SuiteOpt = Annotated[
    str, typer.Option("--suite", metavar="SUITE", help="A TOML file or a shipped suite.")
]
ReadOpt = Annotated[
    bool, typer.Option("--read", help="You have read the strategy file: it may be executed.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("submit")(submit)
    app.command("accept")(accept)


def submit(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The results folder.")],
    plugin: Annotated[
        Path, typer.Option("--plugin", metavar="FILE", help="The file of the strategy.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="PACK", help="The ZIP file to write.")],
    suite: SuiteOpt = "leaderboard",
) -> None:
    """Pack the runs of a new strategy, with its file and the environment, to be sent.

    Only runs of the strategies of the file are packed, and none on a table of your own.
    """
    from albench.core import registry
    from albench.suite.toml import load_suite
    from albench.testing.submission import packed

    if not folder.is_dir():
        raise BadValue(f"{folder}: no such results folder")
    registry.load_plugin(plugin)
    made = packed(load_suite(suite), folder, plugin, to)
    for line in made.left_out:
        note(line)
    size = made.path.stat().st_size / 1e6
    emit(f"{made.path}: {made.runs} runs of {', '.join(made.strategies)} ({size:.1f} MB)")


def accept(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="What `albench submit` wrote.")],
    suite: SuiteOpt = "leaderboard",
    results: ResultsOpt = None,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder of the site.")] = Path(
        "site"
    ),
    sample: SampleOpt = 20,
    seed: SeedOpt = None,
    read: ReadOpt = False,
) -> None:
    """Check and verify a pack; where it passes all, merge it and write the leaderboard anew.

    Without --read nothing of the pack is executed: its tables are judged, and its strategy file
    is printed, to be read. With it the strategy is checked and a sample of the runs is replayed
    (see `check` and `verify`). Exit 1 where anything fails; then nothing is merged.
    """
    import tempfile

    from albench.runner import open_store
    from albench.suite.toml import load_suite
    from albench.testing import submission

    loaded = load_suite(suite)
    target = open_store(loaded, results, note).folder
    with tempfile.TemporaryDirectory() as folder:
        found = submission.opened(pack, Path(folder))
        runs = submission.judged(found, loaded, target)
        named = ", ".join(found.strategies)
        note(f"{len(runs)} runs of {named}; the tables agree with themselves")
        if not read:
            emit(found.file.read_text(encoding="utf-8", errors="replace"))
            return note("nothing was executed or merged; read the file, then give --read")
        examined(found, loaded, sample, seed)
        total = submission.merged(found, target)
        emit(f"{named} merged: {total} runs in {target}")
        return rebuilt(loaded, target, to)


def examined(found: "Opened", suite: "Suite", sample: int, seed: int | None) -> None:
    """Check the strategies of a pack and verify a sample of its runs; raises CheckFailed."""
    from albench.api.checks import check, verify
    from albench.core import registry
    from albench.results.store import Store
    from albench.testing import submission

    registry.load_plugin(found.file)
    names = submission.strategies_of(found.file)
    if names != found.strategies:
        raise submission.failed(f"{found.file.name} defines {', '.join(names)}")
    suite = suite.adding(names)
    submission.outside(suite, Store(found.folder).runs())
    for name in names:
        audited = check(name)
        for row in audited.rows:
            if row.verdict in ("fail", "warning"):
                note(f"{row.verdict}: {row.check}: {row.found}")
        if not audited.passed:
            raise submission.failed(f"check: {audited.verdict}")
        note(f"check: {audited.verdict} (seed {audited.seed})")
    verified = verify(found.folder, sample=sample, seed=seed, plugins=[found.file])
    show_frame(verified.runs, notes=verified.notes)
    for fault in verified.faults:
        note(f"fault: {fault}")
    if not verified.passed:
        raise submission.failed(f"verify: {verified.failure}")


def rebuilt(suite: "Suite", results: Path, site: Path) -> None:
    """Write the leaderboard anew."""
    from albench.cli.report import leaderboard

    leaderboard(str(suite.path or suite.name), results, site)
