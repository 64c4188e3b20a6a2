"""`plan`: how many datasets and trials find an effect, before a run."""

from dataclasses import replace
from math import isfinite, isinf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.options import FormatOpt, MetricOpt, PluginOpt, SuiteArg, suite_of
from albench.cli.output import Format, emit, note, show
from albench.core.errors import BadResults, BadValue

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison.planned import Pilot, Size
    from albench.analysis.question import Options
    from albench.suite import Suite

EffectOpt = Annotated[
    float, typer.Option("--effect", metavar="E", help="Difference to find, in the metric's units.")
]
PowerOpt = Annotated[
    float, typer.Option("--power", metavar="P", help="How often it is to be found.")
]
PilotOpt = Annotated[
    Path | None,
    typer.Option(
        "--results", metavar="DIR", help="Pilot results (default: the suite's, else the shipped)."
    ),
]
TrialsOpt = Annotated[
    int | None, typer.Option("--trials", metavar="N", help="Trials planned (default: the suite's).")
]
SHIPPED = "leaderboard"
"""Whose shipped results stand in where a suite has none."""


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("plan")(plan)


def plan(
    suite: SuiteArg,
    effect: EffectOpt,
    power: PowerOpt = 0.8,
    results: PilotOpt = None,
    trials: TrialsOpt = None,
    metric: MetricOpt = None,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Say how many datasets and trials find an effect, from a pilot's variances.

    The pilot is what the suite's results folder holds, however little, or else the shipped
    leaderboard. `albench run SUITE --dry-run` says what a run costs.
    """
    from albench.analysis.comparison import planned

    loaded = suite_of(suite, plugin)
    pilot, asked, source = pilot_of(loaded, results, metric)
    question = loaded.question(metric)
    # the pilot of another suite may have another baseline; the level is the planned one's
    asked = replace(asked, alpha=question.alpha)
    units = {loaded.bases[d.label] for d in loaded.datasets}
    others = {s.label for s in loaded.strategies} - {*loaded.unranked, question.baseline}
    taken = loaded.trials.take if trials is None else trials
    if taken < 1:
        raise BadValue(f"--trials {taken}: a whole number of at least 1")
    size = planned.Size(len(units), taken, max(len(others), 1))
    frame = planned.beyond(pilot, asked, effect, power, size)
    each = planned.on_each(pilot, asked, effect, power)
    told = notes_of(frame, size, effect, power, source)
    rows = readable(frame)
    columns = [str(c) for c in frame.columns if c not in ("protocol", "model")]
    columns = [c for c in ("protocol", "model") if frame[c].nunique() > 1] + columns
    show(rows, columns, fmt=fmt, notes=told)
    if fmt is Format.table:
        emit("")
        kept = [c for c in ("protocol", "model") if each[c].nunique() > 1]
        show(readable(each), [*kept, "dataset", "rows", "sd", "these", "like", "floor"])
        note(
            f"trials that find {effect:g} on one dataset: `these` rows by the signed-rank test of "
            "one comparison; rows `like` these by the corrected t test, from 500 rows on, which "
            "never finds less than `floor`, however many trials; none: no number does"
        )


def pilot_of(
    suite: "Suite", results: Path | None, metric: str | None
) -> tuple[list["Pilot"], "Options", str]:
    """The blocks of the pilot, the question they answer, and where it is from.

    Raises BadResults where a folder that was named holds no finished run, or nothing is shipped.
    """
    from albench.analysis.comparison.planned import pilot
    from albench.cli.options import stored
    from albench.suite.toml import load_suite

    try:
        runs, rounds = stored(suite, results)
        asked = suite.question(metric)
        return pilot(runs, rounds, asked), asked, "the suite's own results"
    except BadResults:
        if results is not None:
            raise
    from albench.results.store import Store
    from albench.runner.grid import labelled

    other = load_suite(SHIPPED)
    folder = Path(__file__).parents[2] / "results" / SHIPPED
    if not (folder / "runs.parquet").is_file():
        raise BadResults(
            f"suite {suite.name!r} has no results yet and none are shipped here; run two or three "
            "trials of it first, then ask again"
        )
    wanted = suite.question(metric).metric
    if wanted not in other.metrics:
        raise BadResults(
            f"suite {suite.name!r} has no results yet, and the shipped ones of {SHIPPED} lack "
            f"{wanted}; run two or three trials of it first, or ask for --metric "
            f"{' or '.join(other.metrics)}"
        )
    runs, rounds = labelled(other, Store(folder))
    asked = other.question(wanted)
    return pilot(runs, rounds, asked), asked, f"the shipped results of {SHIPPED}"


def readable(frame: "pd.DataFrame") -> list[dict[str, Any]]:
    """The rows with numbers for people."""
    return [{str(c): shown(v) for c, v in row.items()} for row in frame.to_dict("records")]


def shown(value: Any) -> Any:
    """A number for people: three digits; `none` for what no number reaches."""
    if not isinstance(value, float):
        return value
    if isinf(value):
        return "none"
    if not isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) >= 1 else float(f"{value:.3g}")


def notes_of(
    frame: "pd.DataFrame", size: "Size", effect: float, power: float, source: str
) -> list[str]:
    """What the table rests on, and its answer in words."""
    middle = frame.median(numeric_only=True)
    design = (
        f"{size.datasets} datasets, {size.trials} trials on each, {size.tests} comparisons (Holm)"
    )
    enough = int((frame["power"] >= power).sum())
    return [
        f"planned: {design}; variances: {source}",
        f"an effect of {effect:g} is found with power {power:g} or more for {enough} of "
        f"{len(frame)} strategies; the median strategy has power {middle['power']:.2f} and "
        f"{number(middle['datasets'])} datasets would do at these trials",
        "power: that of the exact signed-rank test at Holm's first step, for normal differences; "
        "trials: needed on these datasets (none: no number is enough, only datasets are)",
    ]


def number(value: float) -> str:
    """A count, or that there is none."""
    return f"{value:.0f}" if isfinite(value) else "no number of"
