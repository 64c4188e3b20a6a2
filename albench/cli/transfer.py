"""`transfer`: stored picks scored with other task models."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.options import (
    BaselineOpt,
    FormatOpt,
    MetricOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    stored,
    suite_of,
)
from albench.cli.output import Format, emit, note, show_frame
from albench.core.errors import BadValue

if TYPE_CHECKING:
    import pandas as pd

    from albench.core.spec import Ref
    from albench.suite import Suite

ModelsOpt = Annotated[
    str,
    typer.Option(
        "--models", metavar="A,B", help="Models that score, such as forest,logreg(C=0.1)."
    ),
]
PointsOpt = Annotated[
    int, typer.Option("--points", metavar="N", help="Evaluations of each run that are scored.")
]
PartsOpt = Annotated[
    bool,
    typer.Option(
        "--parts", help="What the gain is made of: class weights, tuned C, querying (of logreg)."
    ),
]
FigureOpt = Annotated[
    Path | None, typer.Option("--figure", metavar="FILE", help="With --parts: draw them, stacked.")
]
JobsOpt = Annotated[int, typer.Option("--jobs", help="Processes (-1: all cores).")]
CALL = re.compile(r"([\w:.-]+)(?:\((.*)\))?")
STACK = {
    "plain": {"use": "logreg"},
    "weighted": {"use": "logreg", "class_weight": "balanced"},
    "both": {"use": "logreg-cv", "class_weight": "balanced"},
}


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("transfer")(transfer)


def transfer(
    suite: SuiteArg,
    models: ModelsOpt = "",
    parts: PartsOpt = False,
    points: PointsOpt = 10,
    figure: FigureOpt = None,
    results: ResultsOpt = None,
    metric: MetricOpt = None,
    baseline: BaselineOpt = None,
    only: OnlyOpt = None,
    jobs: JobsOpt = 1,
    fmt: FormatOpt = Format.table,
    plugin: PluginOpt = None,
) -> None:
    """Score stored picks with other task models; nothing is queried again.

    A row for each strategy, query model and task model: gain over the baseline's rows, scored
    alike, with its 95 % interval; own: what picks of the task model itself gain; lost: the
    difference, paired; kept: the share of the gain that picks keep with another model than the
    one they were bought for. The unit is the dataset, or the trial where there is one dataset.
    """
    from albench.analysis import transfer as analysis

    loaded = suite_of(suite, plugin, only)
    if not models and not parts:
        raise BadValue("--models A,B: which models score? (or --parts: what the gain is made of)")
    if points < 2:
        raise BadValue(f"--points {points}: at least 2 evaluations make an area")
    if figure is not None and not parts:
        raise BadValue("--figure draws what the gain is made of: it needs --parts")
    asked = loaded.question(metric, baseline)
    chosen = stack() if parts else models_of(models, loaded)
    table = rescored(loaded, results, chosen, asked.metric, points, jobs)
    if not parts:
        found = analysis.matrix(table, asked.baseline, asked.better)
        unit = "dataset" if table["dataset"].nunique() > 1 else "trial"
        notes = [f"gain in {asked.metric} (area) over {asked.baseline}; the unit is the {unit}"]
        show_frame(found.round(5), fmt=fmt, notes=[*notes, *analysis.sentences(found)])
        return
    names = {key: label for key, (label, _) in zip(STACK, chosen, strict=True)}
    made = analysis.made_of(table, asked.baseline, asked.better, names)
    show_frame(made.round(5), fmt=fmt, notes=[MADE.format(asked.baseline)])
    if figure is not None:
        from albench.plots.transfer import saved

        emit(f"{saved(made, figure)}: what the gain is made of")


MADE = (
    "each step adds to the one before: class weights and then a tuned C, both on the rows of {0}; "
    "then the strategy's rows instead of those. The first batch is the same for all here; what it "
    "is worth shows in a suite with start = 0 and several `cold`"
)


def stack() -> "list[tuple[str, Ref]]":
    """The models of the steps, with their labels."""
    from albench.core import registry

    refs = [registry.resolve("model", table) for table in STACK.values()]
    return [(ref.label, ref) for ref in refs]


def models_of(text: str, suite: "Suite") -> "list[tuple[str, Ref]]":
    """The models named by `--models`: those of the suite by label, others by name.

    Raises BadValue for what is no name with parameters.
    """
    from albench.core import registry

    known = {m.label: m.ref for m in suite.models}
    found: dict[str, Ref] = {}
    for word in re.split(r",(?![^(]*\))", text):
        label = word.strip()
        if label in known:
            found[label] = known[label]
            continue
        match = CALL.fullmatch(label)
        if match is None:
            raise BadValue(f"--models {label}: a name is due, such as forest or logreg(C=0.1)")
        table: dict[str, Any] = {"use": match[1]}
        for part in filter(None, (match[2] or "").split(",")):
            key, equals, value = part.partition("=")
            if not equals:
                raise BadValue(f"--models {label}: {part.strip()!r}: key=value is due")
            table[key.strip()] = value_of(value.strip())
        found[label] = registry.resolve("model", table, "--models")
    return list(found.items())


def value_of(text: str) -> Any:
    """A number, true, false or null as such, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def rescored(
    suite: "Suite",
    results: Path | None,
    models: "Sequence[tuple[str, Ref]]",
    metric: str,
    points: int,
    jobs: int,
) -> "pd.DataFrame":
    """The finished runs of a suite, scored with the given models; bounds and controls are out."""
    from albench.core import registry
    from albench.core.tables import FULL_POOL
    from albench.runner.cuts import over_cuts
    from albench.runner.transfer import rescored as scored

    runs, rounds = stored(suite, results)
    kept = ~runs["strategy"].isin([FULL_POOL, *suite.unranked]) & (runs["status"] == "done")
    runs = runs[kept]
    wanted = set(runs["run"])
    specs = list({c.spec.id: c.spec for c in suite.cells() if c.spec.id in wanted}.values())
    note(f"scoring {len(specs)} runs with {', '.join(label for label, _ in models)}")
    frame: pd.DataFrame = over_cuts(
        scored,
        runs,
        rounds[rounds["run"].isin(wanted)],
        specs,
        jobs,
        suite.plugins,
        models=tuple(models),
        metric=registry.resolve("metric", metric),
        points=points,
    )
    return frame
