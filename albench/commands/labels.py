"""`bias`, `coverage`, `rare`, `noise`, `audit`: what the strategies did to the labelled data."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from albench.commands.given import read, tell
from albench.commands.heads import Explained
from albench.commands.options import (
    BaselineOpt,
    FormatOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
)
from albench.show import Format

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
        "--checkpoints", metavar="A,B",
        help="Shares of what was bought, 0 the start, 1 the end (default: the suite's).",
    ),
]  # fmt: skip
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
        str, typer.Option("--score", help="accuracy or balanced_accuracy.")
    ] = "accuracy",
    long: LongOpt = False,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """What one would believe without a test set, against the passive test score."""
    source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
    tell(source, "audit", table, long, to, fmt, score=score)
