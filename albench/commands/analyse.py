"""`compare`, `curves`, `figures`: what the stored tables say."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.commands import papers
from albench.commands.comparing import Table, show_comparison, told, write_stats
from albench.commands.heads import Explained
from albench.commands.options import (
    BaselineOpt,
    FormatOpt,
    MetricOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    metric_of,
    stored,
    suite_of,
)
from albench.show import Format, emit, note, show, show_frame

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.suite import Suite


class Missing(StrEnum):
    """What happens to trials and datasets that a strategy lacks."""

    refuse = "refuse"
    complete = "complete"
    impute = "impute"


class Summary(StrEnum):
    """The number per run that strategies are compared by."""

    aubc = "aubc"
    alc = "alc"
    end = "end"


class Axis(StrEnum):
    """What the curves are drawn over."""

    labels = "labels"
    cost = "cost"


class CurveTable(StrEnum):
    """The tables of the learning curves."""

    summary = "summary"
    labels = "labels"


MissingOpt = Annotated[
    Missing, typer.Option("--missing", help="Trials and datasets that some strategy lacks.")
]
SummaryOpt = Annotated[Summary, typer.Option("--summary", help="What is compared, per run.")]
AxisOpt = Annotated[Axis, typer.Option("--axis", help="Curves over labels or over their cost.")]
TableOpt = Annotated[
    Table | None,
    typer.Option("--table", help="Default: against; with a single dataset, within."),
]
CurveTableOpt = Annotated[CurveTable, typer.Option("--table", help="Which table is printed.")]
ToOpt = Annotated[
    Path | None, typer.Option("--to", metavar="DIR", help="Folder (default: figures).")
]
BoughtOpt = Annotated[
    int,
    typer.Option(
        "--bought", metavar="RUNS", min=0,
        help="Runs (whole trials, the first) that figures of what was bought rest on; 0: none.",
    ),
]  # fmt: skip
AsOpt = Annotated[str, typer.Option("--as", metavar="A,B", help="Of pdf, svg, png.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("compare", cls=Explained)(compare)
    app.command("curves", cls=Explained)(curves)
    app.command("figures")(figures)


def compare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    summary: SummaryOpt = Summary.aubc,
    axis: AxisOpt = Axis.labels,
    missing: MissingOpt = Missing.complete,
    table: TableOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Compare all strategies with the baseline: how much better, and how sure that is."""
    loaded = suite_of(suite, plugin, only)
    from albench.runner import open_store

    runs, rounds = stored(loaded, results, model)
    how = judged(loaded, metric_of(loaded, metric), baseline)
    how |= {"summary": summary.value, "missing": missing.value, "axis": AXES[axis]}
    found = compared(runs, rounds, how)
    folder = open_store(loaded, results).folder
    show_comparison(found, table, fmt, loaded, folder)
    asked = {"metric": how["metric"], "baseline": how["baseline"], "summary": summary.value,
             "axis": axis.value, "missing": missing.value, "model": model}  # fmt: skip
    own = {"metric": loaded.primary, "baseline": loaded.baseline, "summary": "aubc",
           "axis": "labels", "missing": "complete", "model": None}  # fmt: skip
    other = [str(v) for k, v in asked.items() if v != own[k]] + sorted(only or ())
    file = write_stats(found, folder, other)
    if other:
        note(f"statistics of this question: {file}; stats.json keeps those of the suite's own")


AXES = {Axis.labels: "n_labeled", Axis.cost: "cost"}


def compare_suite(
    suite: "Suite",
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    folder: Path,
) -> "Comparison":
    """Print the comparison of a suite by its primary metric and write `stats.json`."""
    found = compared(runs, rounds, judged(suite, suite.primary))
    show_comparison(found, None, Format.table, suite, folder)
    write_stats(found, folder)
    return found


def compared(runs: "pd.DataFrame", rounds: "pd.DataFrame", how: dict[str, Any]) -> "Comparison":
    """The comparison of the stored tables."""
    from albench.analysis.comparison import compare as compare_tables

    return compare_tables(runs, rounds, **how)


def judged(suite: "Suite", metric: str, baseline: str | None = None) -> dict[str, Any]:
    """How the suite is judged, as the analyses take it."""
    from albench import registry

    return {
        "metric": metric,
        "better": registry.entry("metric", metric).about["better"],
        "baseline": baseline or suite.baseline,
        "alpha": suite.alpha,
        "rope": suite.rope,
        "unranked": tuple(sorted(suite.bounds)),
        "base": suite.bases,
    }


def curves(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    axis: AxisOpt = Axis.labels,
    missing: MissingOpt = Missing.complete,
    table: CurveTableOpt = CurveTable.summary,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Summaries of the learning curves, one row per dataset and strategy."""
    loaded = suite_of(suite, plugin, only)
    runs, rounds = stored(loaded, results, model)
    how = judged(loaded, metric_of(loaded, metric), baseline)
    how |= {"missing": missing.value, "axis": AXES[axis]}
    from albench.analysis import curve_tables
    from albench.analysis.selection import Options

    options = Options(**how)
    found = curve_tables.curve_tables(
        runs, rounds, options, targets=loaded.targets, checkpoints=loaded.checkpoints
    )
    frame = found.summary if table is CurveTable.summary else found.labels
    if fmt not in (Format.json, Format.csv):
        frame = curve_tables.for_people(found, table.value)
    if fmt is Format.latex:
        caption = curve_tables.caption(options, table.value)
        emit(papers.in_print(frame, caption, f"curves-{table.value}"))
        return told(found.notes)
    labels_to = [c for c in frame.columns if str(c).startswith("labels to")]
    kept, notes = ["dataset", "strategy", "gain", *labels_to], list(found.notes)
    if table is CurveTable.summary and fmt in (Format.json, Format.csv):
        notes.append("labels to each target and the utilisation: --table labels")
    return show_frame(frame, fmt=fmt, notes=notes, kept=kept)


def figures(
    suite: SuiteArg,
    results: ResultsOpt = None,
    to: ToOpt = None,
    formats: AsOpt = "pdf,svg,png",
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    axis: AxisOpt = Axis.labels,
    missing: MissingOpt = Missing.complete,
    bought: BoughtOpt = 600,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Draw the figures of a suite, with captions; the same tables give the same bytes."""
    loaded = suite_of(suite, plugin)
    order = [s.label for s in loaded.strategies]
    loaded = suite_of(suite, plugin, only) if only else loaded
    from albench.drawing import draw, draw_bought
    from albench.plots.style import check_formats
    from albench.runner import open_store
    from albench.topics import Source

    kinds = [kind.strip() for kind in formats.split(",") if kind.strip()]
    check_formats(kinds)
    runs, rounds = stored(loaded, results, model)
    how = judged(loaded, metric_of(loaded, metric), baseline)
    how |= {"missing": missing.value, "axis": AXES[axis]}
    folder = to or open_store(loaded, results).folder / "figures"
    target = loaded.targets[0] if loaded.targets else "random"
    found = compared(runs, rounds, how)
    drawn = draw(found, folder, kinds, order, target)
    captions = [(name, picture.caption) for name, picture in drawn]
    notes = [*found.notes]
    if bought:
        source = Source(loaded, runs, rounds, baseline=baseline, most=bought)
        note(f"now what was bought in {source.trials} trials (--bought 0 leaves it out)")
        more, left_out = draw_bought(source, folder, kinds, order)
        captions, notes = captions + more, notes + left_out
    rows = [{"figure": name, "files": ", ".join(kinds), "caption": text} for name, text in captions]
    show(rows, ["figure", "files", "caption"], fmt=fmt, notes=[*notes, f"in {folder}"])
