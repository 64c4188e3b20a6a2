"""`stop`: when stopping rules would have stopped the stored runs, and at what loss."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.bought import JobsOpt, ToOpt
from albench.cli.options import (
    FormatOpt,
    MetricOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    retyped,
    suite_of,
)
from albench.cli.output import Explained, Format, emit, note, show_frame
from albench.core.errors import BadValue

if TYPE_CHECKING:
    from albench.analysis.stopping.words import Judged


class Which(StrEnum):
    """Which table."""

    rules = "rules"
    datasets = "datasets"
    runs = "runs"
    flat = "flat"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("stop", cls=Explained)(stop)


def stop(
    suite: SuiteArg,
    results: ResultsOpt = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="R", help="Only this rule (again for each)."),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            "--price",
            metavar="LABELS",
            help="What a mistake costs in labels, over all predictions (default: the suite's, "
            "or 1000: one point of accuracy is worth ten labels).",
        ),
    ] = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    trials: Annotated[
        int | None, typer.Option("--trials", min=1, metavar="N", help="Only the first N trials.")
    ] = None,
    table: Annotated[Which, typer.Option("--table", help="Which table.")] = Which.rules,
    to: ToOpt = None,
    jobs: JobsOpt = -1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """When stopping rules would have stopped, what that saves, and what score is lost.

    Judged on stored runs: models are fitted again on what was bought, nothing is queried. A rule
    sees what a user has, no test score. What is found is kept in stopping.parquet beside the
    results.
    """
    from albench.api.stopping import judged
    from albench.api.tables import opened
    from albench.reporting.stopping import Asked

    loaded = suite_of(suite, plugin, only)
    if model is not None:
        known = [entry.label for entry in loaded.models]
        if model not in known:
            raise BadValue(f"--model {model}: the suite has {', '.join(known)}")
        loaded = loaded.only({"model": [model]})
    loaded, store = opened(loaded, results, say=note)
    asked = Asked(tuple(rule or ()), price, metric, trials, jobs)
    found = judged(loaded, store, asked, say=note, how=retyped("run", loaded, results))
    tell(found, table, fmt)
    if to is not None:
        draw(found, to)


def tell(found: "Judged", table: Which, fmt: Format) -> None:
    """The table, and what it says (in the notes of JSON and CSV)."""
    apart = fmt in (Format.json, Format.csv)
    frame = getattr(found, table.value)
    if table is Which.rules and fmt is Format.table:
        frame = found.sheet().frame
    kept = ("rule", "saved_share", "lost", "regret")
    show_frame(frame, fmt=fmt, notes=[*found.notes, *(found.lines if apart else ())], kept=kept)
    if not apart:
        emit("\n".join(found.lines))


def draw(found: "Judged", to: Path) -> None:
    """Write the figures."""
    from albench.plots.stopping import write

    if not len(found.rules):
        note("no figure: no dataset's curve is shown to flatten within the budget")
        return
    for name in write(found.rules, found.rope, found.question.metric, to):
        note(f"wrote {to / name}")
