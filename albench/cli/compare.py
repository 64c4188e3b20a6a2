"""`compare` and `curves`: what the stored tables say."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from albench.cli.effort import told_effort, told_hours
from albench.cli.options import (
    BaselineOpt,
    FormatOpt,
    MetricOpt,
    ModelOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    retyped,
    stored,
    suite_of,
)
from albench.cli.output import Explained, Format, emit, note, say, show_frame
from albench.core.errors import BadValue
from albench.core.rounding import without_noise

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.reporting.source import View
    from albench.suite import Suite


PRINTED: Mapping[str, Sequence[str]] = {
    "pairs": ("a", "b", "n", "mean_difference", "low", "high", "wins", "ties", "losses", "holm_p"),
    "within": (
        "dataset",
        "strategy",
        "on this dataset",
        "difference",
        "95 % interval",
        "trials W/T/L",
        "Holm p",
    ),
    "aggregates": ("strategy", "iqm", "iqm_low", "iqm_high", "better", "better_low", "better_high"),
    "omnibus": ("n", "k", "F_ties", "df1", "df2", "p_ties"),
}
"""The columns in print of the tables of `compare` that have more."""
NAMES = {
    "mean_difference": "difference",
    "holm_p": "Holm p",
    "wins": "won",
    "ties": "tied",
    "losses": "lost",
    "F_ties": "F",
    "p_ties": "p",
    "better": "P(improvement)",
    "better_low": "from",
    "better_high": "to",
    "iqm": "IQM",
    "iqm_low": "low",
    "iqm_high": "high",
}
CAPTIONS = {
    "pairs": "All pairs of strategies over datasets: mean of a minus b in {measure}, its 95 % t "
    "interval (low, high), datasets won, tied and lost by a, two-sided Wilcoxon p after Holm.",
    "within": "Each strategy against {baseline} on each dataset: mean paired difference in "
    "{measure} over trials with its 95 % t interval; trials won/tied/lost; two-sided Wilcoxon p "
    "after Holm.",
    "ranks": "Mean rank of each strategy over datasets, by {measure}; 1: best.",
    "omnibus": "Whether any strategy differs from any other in {measure}: Iman-Davenport's F over "
    "n datasets and k strategies, ties corrected.",
    "aggregates": "Normalised {measure} over datasets: interquartile mean, and probability of "
    "being better than {baseline}, with 95 % intervals over trials.",
    "ratings": "Bradley-Terry strengths on the Elo scale, {baseline} at 1000, and improvability "
    "(by how many percent the best strategy's error is lower), by {measure}, with 95 % intervals "
    "over datasets.",
    "hierarchical": "Sensitivity check: mean difference to {baseline} in {measure} with its t "
    "interval, and the estimate of a random-effects model with each dataset's own trial noise.",
    "penalties": "Pairwise penalties by {measure}: how often the strategy of a row beats that of "
    "a column by a significant difference.",
}


def of_comparison(found: "Comparison", table: str, frame: "pd.DataFrame", against: str) -> str:
    """A table of `compare` in LaTeX.

    against  the caption of the table against the baseline
    """
    caption, label = against, f"{table}-{found.options.baseline}"
    if table in CAPTIONS:
        measure = found.design[0]["measure"]
        caption = CAPTIONS[table].format(measure=measure, baseline=found.options.baseline)
        label = table
    kept = [c for c in ("protocol", "model") if c in frame and frame[c].nunique() > 1]
    columns = PRINTED.get(table, [c for c in frame if c not in ("protocol", "model")])
    alone = [
        str(frame[c].iloc[0])
        for c in ("model", "protocol")
        if table in CAPTIONS and c in frame and c not in kept and len(frame)
    ]
    shown = frame[list(dict.fromkeys([*kept, *(c for c in columns if c in frame)]))]
    where = f" {', '.join(alone)}." if alone else ""
    return in_print(shown.rename(columns=NAMES), caption + where, f"compare-{label}")


def of_view(view: "View", frame: "pd.DataFrame", protocols: Mapping[str, str]) -> str:
    """A table of what was bought in LaTeX.

    protocols  their labels, with what their oracles do
    """
    kept = [c for c in frame.columns if c not in ("protocol", "model") or frame[c].nunique() > 1]
    alone = [str(frame[c].iloc[0]) for c in ("model", "protocol") if c not in kept and len(frame)]
    told = [protocols.get(name, name) for name in alone]
    if "protocol" in kept:
        told += [protocols[p] for p in frame["protocol"].unique() if protocols.get(p, p) != p]
    where = f" {', '.join(told)}." if told else ""
    caption = f"{view.title}.{where}"
    shown = frame[kept].copy()
    for column in shown.select_dtypes("float"):
        shown[column] = shown[column].map(without_noise)
    return in_print(shown, caption, f"{view.topic}-{view.name}")


def in_print(frame: "pd.DataFrame", caption: str, label: str) -> str:
    """A frame as a LaTeX table with a caption and a label."""
    from albench.analysis.comparison import typeset

    text = typeset.latex(frame, caption)
    return labelled(text, label)


def labelled(text: str, label: str) -> str:
    """A LaTeX table with a label, which has to follow its caption."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")
    return text.replace(r"\begin{tabular}", f"\\label{{tab:{slug}}}\n\\begin{{tabular}}", 1)


class Table(StrEnum):
    """The tables of a comparison."""

    against = "against"
    datasets = "datasets"
    pairs = "pairs"
    ranks = "ranks"
    omnibus = "omnibus"
    aggregates = "aggregates"
    within = "within"
    penalties = "penalties"
    everywhere = "everywhere"
    room = "room"
    shares = "shares"
    ratings = "ratings"
    hierarchical = "hierarchical"
    undecided = "undecided"
    scopes = "scopes"


def show_comparison(
    found: "Comparison", table: Table | None, fmt: Format, suite: "Suite", folder: Path
) -> None:
    """The answer in words, then a table of the comparison, and what to type next.

    folder: where the results lie; table: by default the one against the baseline over
    datasets; of a single dataset, which has no test over datasets, the one over its trials.
    """
    from albench.analysis import comparison
    from albench.analysis.comparison import shares, typeset

    alone = found.main == Table.within.value
    table = table or Table(found.main)

    if fmt is Format.table or fmt is Format.markdown:
        say("\n".join(found.lines) + "\n")
    elif fmt is Format.latex:
        emit("\n".join(f"% {line}" for line in found.lines))
    notes = [*(found.lines if fmt in (Format.json, Format.csv) else ()), *found.notes]
    for_people = fmt not in (Format.json, Format.csv)
    notes += shares.where(found.tables["shares"]) if "shares" in found.tables else []
    notes += [next_step(suite, folder)] if alone and for_people else []
    if table is Table.datasets and fmt is Format.latex:
        for text, stack in zip(comparison.dataset_tables(found), found.stacks, strict=True):
            emit(labelled(text, f"datasets-{stack.model}-{stack.protocol}"))
        return told(notes)
    frame = comparison.table_of(found, table.value)
    if table is Table.hierarchical:
        notes += [said] if (said := comparison.hierarchical.told(frame)) else []
    if table in (Table.against, Table.everywhere) and for_people and "verdict" in frame.columns:
        frame = typeset.headline_table(frame)
    if table is Table.within and for_people and "note" in frame.columns:
        frame = typeset.within_table(frame, found.options.alpha)
    if fmt is Format.latex:
        caption = comparison.headline_caption(found) if table is Table.against else ""
        emit(of_comparison(found, table.value, frame, caption))
        return told(notes)
    return show_frame(frame, fmt=fmt, notes=notes)


def on_classes(
    found: "Comparison", suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame"
) -> list[str]:
    """What class weights leave of the gains, and how many starts hold one class only."""
    from albench.analysis.comparison import weighted

    models = {m.label: (m.ref.name, dict(m.ref.params)) for m in suite.models}
    return weighted.told(found, models, runs, rounds)


def told(notes: Sequence[str]) -> None:
    """Remarks on standard error."""
    for line in notes:
        note(line)


def write_stats(
    found: "Comparison", suite: "Suite", folder: Path, other: Sequence[str] = ()
) -> Path:
    """Write `stats.json` into the results folder; its path.

    other: in what the question differs from the suite's own; it ends the file's name, and is
    itself a question asked after the first run.
    """
    from albench.core.files import write_atomic
    from albench.results.provenance import changed_since
    from albench.runner import open_store

    ending = "".join(f"-{re.sub(r'[^A-Za-z0-9.]+', '_', text).strip('_')}" for text in other)
    path = folder / f"stats{ending[:150]}.json"
    changed = changed_since(suite, open_store(suite, folder).manifest)
    asked = [*changed, *other] if changed is not None else list(other) or None
    write_atomic(path, found.json(asked).encode())
    return path


def next_step(suite: "Suite", folder: Path) -> str:
    """What to type after the comparison on a single dataset."""
    labels, page = (
        retyped("curves", suite, folder, "--table", "labels"),
        retyped("report", suite, folder),
    )
    return (
        f"next: `{labels}` says how many labels are saved, `{page}` makes one page of it all; only "
        "more datasets tell of other tables"
    )


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
    effort = "effort"


MissingOpt = Annotated[
    Missing, typer.Option("--missing", help="Trials and datasets that some strategy lacks.")
]
SummaryOpt = Annotated[Summary, typer.Option("--summary", help="What is compared, per run.")]
AxisOpt = Annotated[
    Axis | None,
    typer.Option(
        "--axis", help="Curves over labels or their cost (default: cost where the suite names one)."
    ),
]
TableOpt = Annotated[
    Table | None,
    typer.Option("--table", help="Default: against; with a single dataset, within."),
]
CurveTableOpt = Annotated[CurveTable, typer.Option("--table", help="Which table is printed.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("compare", cls=Explained)(compare)
    app.command("curves", cls=Explained)(curves)


def compare(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    summary: SummaryOpt = Summary.aubc,
    axis: AxisOpt = None,
    missing: MissingOpt = Missing.complete,
    table: TableOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Compare all strategies with the baseline: how much better, and how sure that is."""
    loaded = suite_of(suite, plugin, only)
    from albench.analysis.comparison import compare as compare_tables
    from albench.runner import open_store

    asked = replace(
        loaded.question(metric, baseline),
        summary=summary.value,
        missing=missing.value,
        axis=over(loaded, axis),
    )
    runs, rounds = stored(loaded, results, model, asked.metric)
    found = compare_tables(runs, rounds, asked)
    folder = open_store(loaded, results).folder
    show_comparison(found, table, fmt, loaded, folder)
    told_effort(loaded, runs, rounds, asked, folder, fmt)
    told(on_classes(found, loaded, runs, rounds))
    # the name of a statistics file says `labels` where the options say `n_labeled`
    how = {**asked.plain(), "axis": WORDS[asked.axis], "model": model}
    own = {**loaded.question().plain(), "axis": WORDS[loaded.axis]}
    named = ("metric", "baseline", "summary", "axis", "missing", "model")
    other = [str(how[key]) for key in named if how[key] != own[key]] + sorted(only or ())
    file = write_stats(found, loaded, folder, other)
    if other:
        note(f"statistics of this question: {file}; stats.json keeps those of the suite's own")


AXES = {Axis.labels: "n_labeled", Axis.cost: "cost"}
WORDS = {value: axis.value for axis, value in AXES.items()}


def over(suite: "Suite", axis: Axis | None) -> str:
    """The axis asked for, else the suite's; where that is the cost, it is said."""
    if axis is None and suite.axis == "cost":
        note("answers are by cost, as the suite names one; by labels: --axis labels")
    told_hours(suite)
    return suite.axis if axis is None else AXES[axis]


def compare_suite(
    suite: "Suite",
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    folder: Path,
) -> "Comparison":
    """Print the comparison of a suite by its primary metric and write `stats.json`."""
    from albench.analysis.comparison import compare as compare_tables

    found = compare_tables(runs, rounds, suite.question())
    show_comparison(found, None, Format.table, suite, folder)
    told_effort(suite, runs, rounds, suite.question(), folder)
    told(on_classes(found, suite, runs, rounds))
    write_stats(found, suite, folder)
    return found


def curves(
    suite: SuiteArg,
    results: ResultsOpt = None,
    baseline: BaselineOpt = None,
    metric: MetricOpt = None,
    model: ModelOpt = None,
    only: OnlyOpt = None,
    axis: AxisOpt = None,
    missing: MissingOpt = Missing.complete,
    table: CurveTableOpt = CurveTable.summary,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Summaries of the learning curves, one row per dataset and strategy."""
    loaded = suite_of(suite, plugin, only)
    from albench.analysis.comparison import typeset

    asked = replace(
        loaded.question(metric, baseline), missing=missing.value, axis=over(loaded, axis)
    )
    runs, rounds = stored(loaded, results, model, asked.metric)
    seconds = loaded.seconds_per_label
    found = typeset.curve_tables(
        runs, rounds, asked, checkpoints=loaded.checkpoints, seconds=seconds
    )
    frame = getattr(found, table.value)
    if table is CurveTable.effort and asked.axis != "cost" and seconds is None:
        raise BadValue("--table effort: the suite names neither a cost nor seconds_per_label")
    if fmt not in (Format.json, Format.csv):
        frame = typeset.for_people(found, table.value)
    if fmt is Format.latex:
        caption = typeset.caption(asked, table.value)
        emit(in_print(frame, caption, f"curves-{table.value}"))
        return told(found.notes)
    labels_to = [c for c in frame.columns if str(c).startswith("labels to")]
    kept, notes = ["dataset", "strategy", "gain", *labels_to], list(found.notes)
    if table is CurveTable.labels:
        kept = ["dataset", "target", "strategy", "median", "saving"]
    if table is CurveTable.summary and fmt in (Format.json, Format.csv):
        notes.append("labels to each target and the utilisation: --table labels")
    return show_frame(frame, fmt=fmt, notes=notes, kept=kept)
