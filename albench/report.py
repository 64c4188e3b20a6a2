"""One page about one suite: a list of sections, each made from an analysis and its plot."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from albench import pages, registry
from albench.abridged import (
    CURVES,
    drawn_datasets,
    drawn_strategies,
    fewer,
    left_out,
    part,
    shorter,
    too_many,
)
from albench.board import run_columns
from albench.drawing import about
from albench.parts import (
    Part,
    drawn,
    drawn_bought,
    protocol_facts,
    references,
    safely,
    sheet,
    where_from,
)
from albench.recommend import recommendation
from albench.store import Store
from albench.suite import Suite
from albench.topics import Source, View
from albench.views import figured

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison

FOOT = "Made by albench from stored tables; equal tables give equal pages."
FIGURES = {
    "Comparison": ("improvement", "posterior", "ranks", "profile"),
    "Matrix": ("pairs", "heat"),
    "Curves": ("learning", "survival"),
    "Gain": ("gain", "gain_overall"),
    "Runtime": ("runtime",),
}
"""Which figures a section shows, for each protocol and model."""
TOPICS = {
    "bias": "Bias", "coverage": "Coverage", "rare": "Rare classes", "noise": "Wrong labels",
    "audit": "Evaluation audit",
}  # fmt: skip
MOST, MOST_AUDITED = 600, 60
"""Runs that the sections on bought rows, and the audit with its many fits, rest on."""
END = (1.0,)
LEFT_OUT = ("plane",)
"""Frames with a mark for every row: `albench bias --to` draws them, a page would swell."""


@dataclass(frozen=True)
class Given:
    """What every section may use.

    figures: by protocol and model (as words), in their order; shown: the strategies whose
    curves are drawn; places: the datasets with panels in figures of what was bought
    """

    suite: Suite
    store: Store
    runs: "pd.DataFrame"
    rounds: "pd.DataFrame"
    comparison: "Comparison"
    source: Source
    tell: Callable[[str], None]
    figures: "dict[str, list[dict[str, str]]]"
    shown: tuple[str, ...]
    places: tuple[str, ...]


def page_of(
    suite: Suite, store: Store, runs: "pd.DataFrame", rounds: "pd.DataFrame",
    tell: Callable[[str], None] = lambda sentence: None,
) -> str:  # fmt: skip
    """The report of a suite as the text of one HTML file; `tell` hears what is being made."""
    from albench.analysis.comparison import compare

    tell("comparing")
    comparison = compare(
        runs, rounds, metric=suite.primary,
        better=registry.entry("metric", suite.primary).about["better"], baseline=suite.baseline,
        alpha=suite.alpha, rope=suite.rope, unranked=tuple(sorted(suite.bounds)),
        base=suite.bases, missing="impute",
    )  # fmt: skip
    source = Source(suite, runs, rounds, most=MOST)
    few = drawn_strategies(comparison, suite), drawn_datasets(comparison, suite)
    given = Given(suite, store, runs, rounds, comparison, source, tell, {}, *few)
    parts = [part for section in SECTIONS for part in section(given)]
    named = [replace(part, id=f"part-{i}") for i, part in enumerate(parts) if part is not None]
    done = int((runs["status"] == "done").sum())
    return pages.page(
        "report.html", title=suite.title, parts=named, foot=FOOT, question=question(suite),
        links=[(f"#{part.id}", part.title) for part in named],
        about=f"{suite.name}: {done} of {len(runs)} runs finished; primary metric {suite.primary}",
        answers=[*recommendation(source, comparison), *comparison.lines],
    )  # fmt: skip


def question(suite: Suite) -> str:
    """What the suite asks, in one sentence."""
    others = len(suite.strategies) - len(suite.bounds) - 1
    which = "any" if others > 1 else "the one"
    return (
        f"Does {which} of {others} strategies reach a better {suite.primary} than "
        f"{suite.baseline} with the same labels, for {of(suite.models, 'model')}, on "
        f"{of(suite.datasets, 'dataset')}, under {' and '.join(p for p, _ in suite.protocols)}?"
    )


def of(entries: Sequence[object], word: str) -> str:
    """`logreg`, or `4 datasets`: names where they are few."""
    names = [str(getattr(entry, "label", entry)) for entry in entries]
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} {word}s"


def against(given: Given) -> Iterator[Part | None]:
    """The comparison with the baseline."""
    from albench.analysis.typeset import headline_table
    from albench.analysis.words import units

    table = given.comparison.tables.get("against")
    if table is None or table.empty:
        return
    counted = {units(design): None for design in given.comparison.design}
    caption = f"Each strategy against {given.suite.baseline} over {'; '.join(counted)}"
    shown = sheet(headline_table(table), "against", caption)
    lines = [f"Note: {line}" for line in given.comparison.notes]
    yield Part("Comparison", lines=lines, tables=[vars(shown)])


def section_of(title: str) -> Callable[[Given], Iterator[Part | None]]:
    """The section with the figures of one title."""

    def figures(given: Given) -> Iterator[Part | None]:
        for where, made in everything(given).items():
            found = [figure for figure in made if figure["name"] in FIGURES[title]]
            if found:
                yield Part(f"{title}: {where}", figures=found)

    return figures


def everything(given: Given) -> "dict[str, list[dict[str, str]]]":
    """The figures of every protocol and model, drawn once."""
    from albench.analysis.panels import panels

    if given.figures:
        return given.figures
    order = [s.label for s in given.suite.strategies]
    target = given.suite.targets[0] if given.suite.targets else "random"
    for place, stack in enumerate(given.comparison.stacks):
        where = ", ".join(x for x in (stack.model, stack.protocol) if x)
        given.tell(f"drawing {where}")
        frames = fewer(panels(given.comparison, place, target), given.shown)
        told = about(given.comparison, place, order, target)
        given.figures[where] = [
            figure | {"caption": figure["caption"] + left_out(given.suite, given.shown)}
            if figure["name"] in CURVES else figure
            for figure in drawn(frames, told, f"p{place}")
        ]  # fmt: skip
    return given.figures


def summaries(given: Given) -> Iterator[Part | None]:
    """What the curves amount to, by dataset."""
    import pandas as pd

    from albench.analysis.summaries import summarise

    keep = ["model", "dataset", "strategy", "trials", "aubc", "aubc_low", "aubc_high", "gain",
            "gain_low", "gain_high", "normalised_gain", "end", "full", "harm_rate", "worst_loss",
            "flag"]  # fmt: skip
    stacks = given.comparison.stacks
    frame = pd.concat([summarise(s, given.suite.baseline) for s in stacks])[keep]
    caption = f"Area under {given.suite.primary}, gain over {given.suite.baseline}, by dataset"
    forms = dict.fromkeys(("gain", "gain_low", "gain_high", "worst_loss"), "+.3f")
    forms |= dict.fromkeys(("aubc", "aubc_low", "aubc_high", "end", "full"), ".3f")
    forms |= {"trials": ".0f", "harm_rate": ".0%", "normalised_gain": ".2f"}
    yield Part("By dataset", tables=[vars(sheet(frame, "by-dataset", caption, forms))])


def bought(given: Given) -> Iterator[Part | None]:
    """What was bought: drift, coverage, rare classes, wrong labels, evaluation bias."""
    given.tell("measuring drift, coverage, rare classes and wrong labels")
    seen, why = figured(given.source, leave=("audit",))
    titles: set[str] = set()
    for view in seen:
        yield as_part(given, view, titles)
    if why:
        yield Part("Not drawn", lines=[line[:1].upper() + line[1:] + "." for line in why])


def audited(given: Given) -> Iterator[Part | None]:
    """What one would believe without a test set."""
    from albench.views import VIEWS

    source = Source(given.suite, given.runs, given.rounds, most=MOST_AUDITED, checkpoints=END)
    given.tell(f"auditing estimates of the first {source.trials} trials")
    yield as_part(given, VIEWS["audit"]["errors"](source), set())


def as_part(given: Given, view: View, titles: set[str]) -> Part:
    """A view as a section; the first of a topic has the topic's title."""
    title = TOPICS[view.topic] if view.topic not in titles else f"{TOPICS[view.topic]}: {view.name}"
    titles.add(view.topic)
    key, order = f"{view.topic}-{view.name}", [s.label for s in given.suite.strategies]
    shown, name = shorter(view.table), given.suite.name
    same = [c for c in ("protocol", "model", "checkpoint") if c in shown and shown[c].nunique() < 2]
    means = "" if len(shown) == len(view.table) else ", means over datasets"
    caption = f"{view.title}, last checkpoint{means}"
    table = sheet(shown.drop(columns=same), key, caption)
    gone = [n for n in too_many(given.suite) if n in view.makers]
    frames = view.frames(leave=(*LEFT_OUT, *gone))
    few = {n: part(f, given.shown, given.places) for n, f in frames.items()}
    more = left_out(given.suite, given.shown, given.places)
    figures = [
        figure | {"caption": figure["caption"] + more}
        for figure in drawn_bought(few, order, given.suite.baseline, key)
    ]
    lines = [line[:1].upper() + line[1:] for line in view.lines]
    lines += [f"Note: {note}." for note in view.notes]
    if means:
        lines += [f"By dataset: `albench {view.topic} {name} --table {view.name} --format csv`."]
    lines += [f"Too many panels for a page: `albench figures {name}` draws {n}." for n in gone]
    return Part(title, lines=lines, figures=figures, tables=[vars(table)])


def ended(given: Given) -> Iterator[Part | None]:
    """Seconds, failures and what did not run."""
    suite, tables = given.suite, []
    for place, model in enumerate(m.label for m in suite.models):
        frame = run_columns(suite, given.runs, given.rounds, model).reset_index()
        caption = f"Runs due, failed (or timed out), not run, and seconds per query; {model}"
        tables.append(vars(sheet(frame, f"runs-{place}", caption, {"due": ".0f"})))
    bad = given.runs[~given.runs["status"].isin(["done", "missing"])]
    reasons = [str(r).strip().splitlines()[-1] if r else "" for r in bad["reason"]]
    counts = bad.assign(reason=reasons).groupby(["strategy", "model", "status", "reason"]).size()
    lines = [] if len(counts) else ["No run failed, timed out or was skipped."]
    if len(counts):
        why = counts.rename("runs").reset_index()
        tables.append(vars(sheet(why, "reasons", "Why runs failed or were skipped")))
    yield Part("Failures", lines=lines, tables=tables)


def exact(given: Given) -> Iterator[Part | None]:
    """The exact protocol and versions."""
    import pandas as pd

    suite = given.suite
    facts = [*protocol_facts(suite), *where_from(given.store.manifest)]
    frame = pd.DataFrame(facts, columns=["what", "value"])
    yield Part(
        "Protocol and versions", tables=[vars(sheet(frame, "protocol", "Exact protocol"))],
        code=suite.text,
    )  # fmt: skip
    table = sheet(pd.DataFrame(references(suite)), "references", "What was used")
    yield Part("References", tables=[vars(table)])
    plugins = "".join(f" --plugin {p.rsplit('/', 1)[-1]}" for p in suite.plugins)
    added = "".join(f" --add {name}" for name in suite.added)
    yield Part(
        "To repeat it",
        code=f"albench run {suite.name}{plugins}{added}\nalbench verify {suite.name}{plugins}\n"
        f"albench report {suite.name}{plugins}",
    )


def guarded(
    section: Callable[[Given], Iterator[Part | None]],
) -> Callable[[Given], list[Part | None]]:
    """A section that says so where it cannot be had."""

    def parts(given: Given) -> list[Part | None]:
        found: list[Part | None] = []
        failed = safely(lambda: found.extend(section(given)))
        return [*found, failed] if failed is not None else found

    return parts


SECTIONS = tuple(
    guarded(s)
    for s in (
        against, section_of("Comparison"), section_of("Matrix"), section_of("Curves"),
        section_of("Gain"), summaries, bought, audited, section_of("Runtime"), ended, exact,
    )
)  # fmt: skip
"""The report: one line to add, move or leave out a section."""
