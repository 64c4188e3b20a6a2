"""`compare`, `curves`, `figures`: what the stored tables say."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from albench.commands.options import (
    BaselineOpt,
    FormatOpt,
    MetricOpt,
    ModelOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    metric_of,
    stored,
    suite_of,
)
from albench.show import Format, emit, note, show_frame

if TYPE_CHECKING:
    import pandas as pd

    from albench.suite import Suite


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("compare")(compare)
    app.command("curves")(curves)


def compare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Compare all strategies with the baseline: how much better, and how sure that is."""
    loaded = suite_of(suite, plugin)
    from albench.runner import open_store

    runs, rounds = stored(loaded, results, model)
    folder = open_store(loaded, results).folder
    compare_suite(loaded, runs, rounds, folder, baseline, metric_of(loaded, metric), fmt)


def compare_suite(
    suite: "Suite",
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    folder: Path,
    baseline: str | None = None,
    metric: str | None = None,
    fmt: Format = Format.table,
) -> None:
    """Print the comparison of a suite and write `stats.json`."""
    from albench.analysis.comparison import compare as compared
    from albench.files import write_atomic

    found = compared(runs, rounds, **judged(suite, metric_of(suite, metric), baseline))
    if fmt is Format.table:
        for line in found.lines:
            emit(line)
    for name, table in found.tables.items():
        if name == "against" or fmt is not Format.table:
            show_frame(table, fmt=fmt)
    for line in found.notes:
        note(line)
    write_atomic(folder / "stats.json", found.json().encode())


def judged(suite: "Suite", metric: str, baseline: str | None = None) -> dict[str, Any]:
    """How the suite is judged, as the analyses take it."""
    from albench import registry

    return {
        "metric": metric,
        "better": registry.entry("metric", metric).about["better"],
        "baseline": baseline or suite.baseline,
        "alpha": suite.alpha,
        "rope": suite.rope,
        "unranked": suite.bounds,
    }


def curves(
    suite: SuiteArg,
    results: ResultsOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Summaries of the learning curves, one row per dataset and strategy."""
    from albench.analysis.cells import stacks
    from albench.analysis.selection import Options, curves_frame
    from albench.analysis.summaries import summarise

    loaded = suite_of(suite, plugin)
    runs, rounds = stored(loaded, results, model)
    options = judged(loaded, metric_of(loaded, metric))
    frame, notes = curves_frame(runs, rounds, Options(**options))
    for stack in stacks(frame, loaded.baseline, unranked=loaded.bounds):
        show_frame(summarise(stack, loaded.baseline), fmt=fmt)
    for line in notes:
        note(line)
