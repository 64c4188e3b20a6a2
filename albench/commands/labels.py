"""`bias`, `coverage`, `rare`, `noise`, `audit`: what the strategies did to the labelled data."""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.commands.options import (
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
from albench.errors import BadValue
from albench.show import Format, emit, show_frame

if TYPE_CHECKING:
    import pandas as pd

    from albench.cuts import Cut
    from albench.suite import Suite

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


class Given:
    """What every command here reads: the suite, its tables, and the cuts of its runs."""

    def __init__(
        self, suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame", baseline: str | None
    ) -> None:
        self.suite, self.baseline = suite, baseline or suite.baseline
        # bounds see hidden labels: what they buy says nothing of what a strategy would
        self.runs = runs[~runs["strategy"].isin(suite.bounds)].reset_index(drop=True)
        self.rounds = rounds
        known = set(self.runs["strategy"])
        if self.baseline not in known:
            raise BadValue(f"--baseline {self.baseline}: the suite has {', '.join(sorted(known))}")

    def cuts(self) -> "Iterator[Cut]":
        """The cuts of the finished runs."""
        from albench.cuts import cuts
        from albench.tables import FULL_POOL

        done = (self.runs["status"] == "done") & (self.runs["strategy"] != FULL_POOL)
        wanted = set(self.runs.loc[done, "run"])
        return cuts([spec for spec in self.suite.specs if spec.id in wanted])

    def measured(self, function: Callable[..., Any], **more: Any) -> Any:
        """What an analysis returns on these tables and cuts."""
        return function(self.runs, self.rounds, self.cuts(), **more)

    def lacking(self) -> list[str]:
        """How many runs of the grid are not in the tables."""
        open_runs = self.runs[self.runs["status"] != "done"]
        if open_runs.empty:
            return []
        counts = open_runs["status"].value_counts()
        told = ", ".join(f"{n} {status}" for status, n in counts.items())
        return [f"not in these tables: {told} of {len(self.runs)} runs"]


def given(
    suite: str, results: Any, baseline: str | None, model: str | None, only: Any, plugin: Any
) -> Given:
    """The suite of a command and its tables."""
    loaded = suite_of(suite, plugin, only)
    return Given(loaded, *stored(loaded, results, model), baseline)


def tell(lines: Sequence[str], frame: "pd.DataFrame", fmt: Format, notes: Sequence[str]) -> None:
    """The table, then what was found in words (in the notes of JSON and CSV)."""
    apart = fmt in (Format.json, Format.csv)
    show_frame(frame, fmt=fmt, notes=[*notes, *(lines if apart else ())])
    if not apart:
        lead = "% " if fmt is Format.latex else ""
        emit("\n".join(lead + line[:1].upper() + line[1:] for line in lines))


def bias(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[BiasTable, typer.Option("--table", help="Which table.")] = BiasTable.drift,
    long: LongOpt = False,
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
        return tell(said.focus(summary, have.baseline), shown, fmt, have.lacking())
    frame = have.measured(drift.measured, **share)
    summary = over_trials(frame, have.baseline)
    shown = summary if long else wide(summary, drift.SHOWN, drift.WITH_Z)
    if table is BiasTable.features:
        shown = drift.worst_features(frame)
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
    tell(said.coverage(summary, first, have.baseline), shown, fmt, have.lacking())


def rare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    table: Annotated[RareTable, typer.Option("--table", help="Which table.")] = RareTable.discovery,
    long: LongOpt = False,
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
    notes = [*have.lacking(), *misled.left_out(frame)]
    tell(said.audit(errors, ranking, have.baseline), shown, fmt, notes)
