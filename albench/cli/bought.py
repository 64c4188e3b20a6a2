"""`bias`, `coverage`, `rare`, `noise`, `audit`: what the strategies did to the labelled data."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli import compare
from albench.cli.options import (
    BaselineOpt,
    FormatOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    stored,
    suite_of,
)
from albench.cli.output import Explained, Format, emit, note, show_frame
from albench.core.errors import BadValue

if TYPE_CHECKING:
    from albench.reporting.source import Source


ANSWERS = {
    ("bias", "drift"): ("tv", "z tv"),
    ("bias", "overlap"): ("other", "excess"),
    ("coverage", "distance"): ("nearest_mean", "z nearest_mean"),
    ("rare", "discovery"): ("found", "discovery"),
    ("noise", "affinity"): ("affinity", "low", "high"),
    ("audit", "errors"): ("estimator", "bias", "low", "high"),
    ("audit", "ranking"): ("estimator", "tau", "regret"),
}
"""The columns that answer the question of a table: they stay, however narrow the terminal."""


def read(
    suite: str,
    plugin: Any,
    only: Any,
    results: Path | None,
    model: str | None,
    baseline: str | None,
    checkpoints: str | None,
    jobs: int,
) -> "Source":
    """The suite of a command and its tables."""
    from albench.reporting.source import Source
    from albench.runner import workers_of

    workers_of(jobs)
    shares = shares_of(checkpoints)
    loaded = suite_of(suite, plugin, only)
    runs, rounds = stored(loaded, results, model)
    return Source(loaded, runs, rounds, baseline=baseline, checkpoints=shares, jobs=jobs)


def shares_of(text: str | None) -> tuple[float, ...] | None:
    """`--checkpoints 0,0.5,1` as numbers."""
    if text is None:
        return None
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if not shares or any(not 0 <= share <= 1 for share in shares):
        raise BadValue(f"--checkpoints {text}: shares from 0 (start) to 1 (end), such as 0,0.5,1")
    return shares


def tell(
    source: "Source",
    topic: str,
    table: str,
    long: bool,
    to: Path | None,
    fmt: Format,
    **more: Any,
) -> None:
    """A view: its table, then what was found in words (in the notes of JSON and CSV)."""
    from albench.reporting.views import VIEWS

    view = VIEWS[topic][str(table)](source, **more)
    apart = fmt in (Format.json, Format.csv)
    shown = view.long if long else view.table
    if fmt is Format.latex:
        emit("\n".join("% " + line[:1].upper() + line[1:] for line in view.lines))
        emit(compare.of_view(view, shown, source.suite.protocol_words))
        for sentence in view.notes:
            note(sentence)
        return None if to is None else draw(source, view.frames(), to)
    kept = ("dataset", "strategy", *ANSWERS.get((topic, str(table)), ()))
    show_frame(shown, fmt=fmt, notes=[*view.notes, *(view.lines if apart else ())], kept=kept)
    if not apart:
        emit("\n".join(line[:1].upper() + line[1:] for line in view.lines))
    return None if to is None else draw(source, view.frames(), to)


def draw(source: "Source", frames: Any, to: Path, formats: Sequence[str] = ()) -> None:
    """Write the figures of a view."""
    from albench.plots.bought import write

    order = [s.label for s in source.suite.strategies]
    for name, _ in write(frames, order, source.baseline, to, protocols=source.suite.protocol_words):
        note(f"wrote {to / name}")


ToOpt = Annotated[
    Path | None,
    typer.Option("--to", metavar="DIR", help="Also draw the figures, here."),
]
LongOpt = Annotated[
    bool, typer.Option("--long", help="Every checkpoint and measure, with intervals, by rows.")
]


class BiasTable(StrEnum):
    """Tables of `bias`."""

    drift = "drift"
    focus = "focus"
    overlap = "overlap"
    features = "features"


class CoverageTable(StrEnum):
    """Tables of `coverage`."""

    distance = "distance"
    classes = "classes"


class RareTable(StrEnum):
    """Tables of `rare`."""

    discovery = "discovery"
    labels = "labels"


class NoiseTable(StrEnum):
    """Tables of `noise`."""

    affinity = "affinity"
    cost = "cost"


class AuditTable(StrEnum):
    """Tables of `audit`."""

    errors = "errors"
    ranking = "ranking"


CheckpointsOpt = Annotated[
    str | None,
    typer.Option(
        "--checkpoints",
        metavar="A,B",
        help="Shares of what was bought, 0 the start, 1 the end (default: the suite's).",
    ),
]
JobsOpt = Annotated[int, typer.Option("--jobs", metavar="N", help="Processes; -1 for all cores.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (bias, coverage, rare, noise, audit):
        app.command(command.__name__, cls=Explained)(command)


def bias(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    checkpoints: CheckpointsOpt = None,
    table: Annotated[BiasTable, typer.Option("--table", help="Which table.")] = BiasTable.drift,
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How far labelled sets drift from the pool, and whether random ones would as much."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "bias", table, long, to, fmt)


def coverage(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    checkpoints: CheckpointsOpt = None,
    table: Annotated[
        CoverageTable, typer.Option("--table", help="Which table.")
    ] = CoverageTable.distance,
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How well the labels cover pool, test set, clusters and classes."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "coverage", table, long, to, fmt)


def rare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    checkpoints: CheckpointsOpt = None,
    table: Annotated[RareTable, typer.Option("--table", help="Which table.")] = RareTable.discovery,
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Whether the rare class is found, and what the queries for it are spent on."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "rare", table, long, to, fmt)


def noise(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    checkpoints: CheckpointsOpt = None,
    table: Annotated[
        NoiseTable, typer.Option("--table", help="Which table.")
    ] = NoiseTable.affinity,
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How many bought labels were wrong, whether strategies seek them, what labels cost."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "noise", table, long, to, fmt)


def audit(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    checkpoints: CheckpointsOpt = None,
    table: Annotated[AuditTable, typer.Option("--table", help="Which table.")] = AuditTable.errors,
    score: Annotated[
        str | None,
        typer.Option(
            "--score",
            help="accuracy or balanced_accuracy (default: the primary metric, where it is one).",
        ),
    ] = None,
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """What one would believe without a test set, against the passive test score."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "audit", table, long, to, fmt, score=score)
