"""`bias`, `coverage`, `rare`, `noise`, `audit`: what the strategies did to the labelled data."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    retyped,
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
    ("noise", "annotators"): ("right", "money", "money_point", "ahead"),
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
    from albench.api.views import Looked, source_of
    from albench.runner import workers_of

    workers_of(jobs)
    looked: Looked = {"model": model, "baseline": baseline, "jobs": jobs}
    looked["checkpoints"] = shares_of(checkpoints)
    loaded = suite_of(suite, plugin, only)
    return source_of(loaded, results, looked, say=note, how=retyped("run", loaded, results))


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


CheckpointsOpt = Annotated[
    str | None,
    typer.Option(
        "--checkpoints",
        metavar="A,B",
        help="Shares of what was bought, 0 the start, 1 the end (default: the suite's).",
    ),
]
ScoreOpt = Annotated[
    str | None,
    typer.Option(
        "--score",
        help="accuracy or balanced_accuracy (default: the primary metric, where it is one).",
    ),
]
JobsOpt = Annotated[int, typer.Option("--jobs", metavar="N", help="Processes; -1 for all cores.")]


@dataclass(frozen=True)
class Topic:
    """A command on bought labels.

    tables   what `--table` takes, the first one if not given (`albench.reporting.views.VIEWS`)
    summary  what its help says
    scored   whether a score can be chosen
    """

    name: str
    tables: tuple[str, ...]
    summary: str
    scored: bool = False


TOPICS = (
    Topic(
        "bias",
        ("drift", "focus", "overlap", "features"),
        "How far labelled sets drift from the pool, and whether random ones would as much.",
    ),
    Topic(
        "coverage",
        ("distance", "classes"),
        "How well the labels cover pool, test set, clusters and classes.",
    ),
    Topic(
        "rare",
        ("discovery", "labels"),
        "Whether the rare class is found, and what the queries for it are spent on.",
    ),
    Topic(
        "noise",
        ("affinity", "cost", "annotators"),
        "How many bought labels were wrong, whether strategies seek them, what labels cost.",
    ),
    Topic(
        "audit",
        ("errors", "ranking"),
        "What one would believe without a test set, against the passive test score.",
        scored=True,
    ),
)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for topic in TOPICS:
        app.command(topic.name, cls=Explained)(command_of(topic))


def command_of(topic: Topic) -> Callable[..., None]:
    """The command of a topic: one signature for all, with the tables that this one has."""

    def command(
        suite: SuiteArg,
        results: ResultsOpt = None,
        baseline: BaselineOpt = None,
        model: ModelOpt = None,
        only: OnlyOpt = None,
        checkpoints: CheckpointsOpt = None,
        table: str = topic.tables[0],
        score: ScoreOpt = None,
        long: LongOpt = False,
        to: ToOpt = None,
        jobs: JobsOpt = -1,
        fmt: FormatOpt = Format.table,
        plugin: PluginOpt = None,
    ) -> None:
        source = read(suite, plugin, only, results, model, baseline, checkpoints, jobs)
        more = {"score": score} if topic.scored else {}
        tell(source, topic.name, table, long, to, fmt, **more)

    enumeration: Any = StrEnum
    choice = enumeration(f"{topic.name.capitalize()}Table", [(n, n) for n in topic.tables])
    option = Annotated[choice, typer.Option("--table", help="Which table.")]  # type: ignore[valid-type]
    known = inspect.signature(command).parameters
    given = {name: p for name, p in known.items() if name != "score" or topic.scored}
    first = choice(topic.tables[0])
    given["table"] = given["table"].replace(annotation=option, default=first)
    # the parser reads the signature and, of some versions, the annotations
    vars(command)["__signature__"] = inspect.Signature(list(given.values()))
    command.__annotations__ = {name: p.annotation for name, p in given.items()}
    command.__name__, command.__doc__ = topic.name, topic.summary
    return command
