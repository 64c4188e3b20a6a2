"""`bias`, `coverage`, `rare`, `noise`, `audit`: what the strategies did to the labelled data."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from albench.commands.given import given, tell
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


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for command in (bias, coverage, rare, noise, audit):
        app.command(command.__name__)(command)


def bias(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[BiasTable, typer.Option("--table", help="Which table.")] = BiasTable.drift,
    long: LongOpt = False,
    to: ToOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How far labelled sets drift from the pool, and whether random ones would as much."""
    from albench.analysis import bias as drift
    from albench.analysis import overlap, said
    from albench.analysis.against import over_trials, wide

    have = given(suite, results, baseline, model, only, plugin)
    share = {"checkpoints": have.suite.checkpoints}
    if table is BiasTable.overlap:
        found = have.measured(overlap.overlaps)
        return tell(said.overlap(found), found, fmt, have.lacking())
    if table is BiasTable.focus:
        summary = over_trials(have.measured(overlap.measured, **share), have.baseline)
        shown = summary if long else wide(summary, tuple(overlap.MEASURES))
        have.draw(to, focus=summary)
        return tell(said.focus(summary, have.baseline), shown, fmt, have.lacking())
    frame = have.measured(drift.measured, **share)
    summary = over_trials(frame, have.baseline)
    shown = summary if long else wide(summary, drift.SHOWN, drift.WITH_Z)
    if table is BiasTable.features:
        shown = drift.worst_features(frame)
    if to is not None:
        have.draw(to, drift=summary, plane=have.measured(overlap.plane))
    return tell(said.bias(summary, have.baseline), shown, fmt, have.lacking())


def coverage(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[
        CoverageTable, typer.Option("--table", help="Which table.")
    ] = CoverageTable.distance,
    long: LongOpt = False,
    to: ToOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How well the labels cover pool, test set, clusters and classes."""
    from albench.analysis import coverage as covered
    from albench.analysis import said
    from albench.analysis.against import over_trials, wide

    have = given(suite, results, baseline, model, only, plugin)
    frame, seen = have.measured(covered.measured, checkpoints=have.suite.checkpoints)
    summary, first = over_trials(frame, have.baseline), covered.seen_summary(seen)
    shown = summary if long else wide(summary, covered.SHOWN, covered.WITH_Z)
    if table is CoverageTable.classes:
        shown = first.drop(columns="class")
    if to is not None:
        have.draw(to, coverage=summary, composition=have.measured(covered.composition))
    tell(said.coverage(summary, first, have.baseline), shown, fmt, have.lacking())


def rare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[RareTable, typer.Option("--table", help="Which table.")] = RareTable.discovery,
    long: LongOpt = False,
    to: ToOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Whether the rare class is found, and what the queries for it are spent on."""
    from albench.analysis import rare as scarce
    from albench.analysis import said
    from albench.analysis.against import over_trials, wide
    from albench.tables import metric_columns

    have = given(suite, results, baseline, model, only, plugin)
    frame, first = have.measured(scarce.measured, checkpoints=have.suite.checkpoints)
    summary = over_trials(frame, have.baseline)
    measures = (*scarce.SHOWN, *metric_columns(have.rounds))
    shown = summary if long else wide(summary, measures)
    if table is RareTable.labels:
        shown = scarce.labels_summary(first)
    if to is not None:
        have.draw(to, discovery=have.measured(scarce.curve))
    notes = [*have.lacking(), *scarce.prevalences(frame)]
    tell(said.rare(summary, have.baseline), shown, fmt, notes)


def noise(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[
        NoiseTable, typer.Option("--table", help="Which table.")
    ] = NoiseTable.affinity,
    long: LongOpt = False,
    to: ToOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """How many bought labels were wrong, whether strategies seek them, what labels cost."""
    from albench.analysis import noise as mistakes
    from albench.analysis import said
    from albench.analysis.against import over_trials, wide
    from albench.tables import metric_columns

    have = given(suite, results, baseline, model, only, plugin)
    frame = have.measured(mistakes.measured, checkpoints=have.suite.checkpoints)
    summary, drawn = over_trials(frame, have.baseline), mistakes.affinity(frame)
    costs = ("cost", "relabel_wrong", "relabel_all", "abstained", *metric_columns(have.rounds))
    shown = drawn if table is NoiseTable.affinity else wide(summary, costs)
    if table is NoiseTable.affinity:
        shown = mistakes.with_model(drawn, summary)
    have.draw(to, affinity=drawn)
    oracles = {label: value.oracle.name for label, value in have.suite.protocols}
    lines = said.noise(drawn, summary, have.baseline, oracles)
    tell(lines, summary if long else shown, fmt, have.lacking())


def audit(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[AuditTable, typer.Option("--table", help="Which table.")] = AuditTable.errors,
    score: Annotated[
        str, typer.Option("--score", help="accuracy or balanced_accuracy.")
    ] = "accuracy",
    long: LongOpt = False,
    to: ToOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """What one would believe without a test set, against the passive test score."""
    from albench.analysis import audit as estimates
    from albench.analysis import misled, said

    have = given(suite, results, baseline, model, only, plugin)
    frame = have.measured(estimates.measured, metric=score)
    errors, ranking = misled.errors(frame), misled.ranking(frame)
    shown = errors if table is AuditTable.errors else ranking
    if not long:
        shown = misled.at_end(shown)
    have.draw(to, audit=misled.at_end(errors))
    notes = [*have.lacking(), *misled.left_out(frame)]
    tell(said.audit(errors, ranking, have.baseline), shown, fmt, notes)
