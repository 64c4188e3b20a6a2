"""One page about one suite: sections made from an analysis and its plot, cut short where large.

Twenty curves in a panel hide each other and a thousand rows are read by nobody, so a page
draws the strategies of best mean rank and averages long tables over datasets. The commands
that draw and print everything are named where something is left out.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from albench.reporting import page
from albench.reporting.board import run_columns
from albench.reporting.figures import about
from albench.reporting.page import (
    Part,
    drawn,
    drawn_bought,
    protocol_facts,
    references,
    safely,
    sheet,
    stamp,
    where_from,
)
from albench.reporting.source import Source, View
from albench.reporting.views import figured, recommendation
from albench.results.store import Store
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.analysis.question import Options


CROWDED, DRAWN = 10, 8
"""With more strategies than the first, panels show the baseline and so many others."""
PLACES = 12
"""So many datasets have a panel in figures of what was bought."""
PANELS = 60
"""More panels than this (a strategy on a dataset, a strip on a dataset) are not drawn."""
ROWS = 300
"""Longer tables by dataset become means over datasets."""


def drawn_strategies(comparison: "Comparison", suite: "Suite") -> tuple[str, ...]:
    """The strategies whose curves a page draws, in the suite's order: all where they are few.

    Of many: the baseline, the bounds and those with the best mean rank over all comparisons.
    """
    names = [s.label for s in suite.strategies]
    ranks = comparison.tables.get("ranks")
    asked = comparison.options
    if len(names) - len(asked.unranked) <= CROWDED or ranks is None:
        return tuple(names)
    mean = ranks.groupby("strategy")["rank"].mean().sort_values(kind="stable")
    best = [str(name) for name in mean.index if name != asked.baseline][:DRAWN]
    return tuple(n for n in names if n in {asked.baseline, *asked.unranked, *best})


def drawn_datasets(comparison: "Comparison", suite: "Suite") -> tuple[str, ...]:
    """The datasets that have a panel in figures of what was bought: all where they are few.

    Of many: those on which the strategies' areas lie farthest apart, in any comparison.
    """
    from albench.analysis.comparison.summaries import areas

    if len(suite.datasets) <= PLACES:
        return tuple(d.label for d in suite.datasets)
    span: dict[str, float] = {}
    for block in (b for stack in comparison.stacks for b in stack.blocks):
        mean = areas(block, comparison.options.summary).mean(axis=1)
        span[block.dataset] = max(span.get(block.dataset, 0.0), float(mean.max() - mean.min()))
    far = sorted(span, key=lambda name: -span[name])[:PLACES]
    return tuple(name for name in span if name in far)


def part(frame: "pd.DataFrame", shown: Collection[str], places: Collection[str]) -> "pd.DataFrame":
    """The rows of a frame of what was bought that a page draws."""
    kept = frame["strategy"].isin(list(shown))
    return frame[kept & frame["dataset"].isin(list(places))]


def fewer(
    frames: "Mapping[str, pd.DataFrame]", shown: Collection[str]
) -> "dict[str, pd.DataFrame]":
    """The frames of a comparison with the shown strategies only where curves would crowd."""
    from albench.plots.figures import FIGURES

    return {
        name: frame[frame["strategy"].isin(list(shown))] if FIGURES[name].curves else frame
        for name, frame in frames.items()
    }


def left_out(suite: "Suite", shown: Collection[str], places: Collection[str] = ()) -> str:
    """What a caption says of the strategies and datasets that are not drawn, or nothing."""
    asked = suite.question()
    ranked = [s.label for s in suite.strategies if s.label not in asked.unranked]
    kept = [name for name in ranked if name in shown and name != asked.baseline]
    said = []
    if len(kept) + 1 < len(ranked):
        said.append(
            f"{asked.baseline} and the {len(kept)} strategies of best mean rank, of "
            f"{len(ranked) - 1}"
        )
    if PLACES <= len(places) < len(suite.datasets):
        said.append(
            f"the {len(places)} datasets on which the strategies differ most, of "
            f"{len(suite.datasets)}"
        )
    return f" Drawn: {'; '.join(said)}. `albench figures {suite.name}` draws all." if said else ""


def too_many(suite: "Suite") -> tuple[str, ...]:
    """Figures that a page leaves out, since they have a panel for every cell of a large suite."""
    from albench.plots.bought import FIGURES

    large = len(suite.datasets) * len(suite.strategies) > PANELS
    return tuple(name for name, drawing in FIGURES.items() if large and drawing.each)


def shorter(table: "pd.DataFrame") -> "pd.DataFrame":
    """A long table by dataset as means over its datasets, by what else tells rows apart."""
    import pandas as pd

    if len(table) <= ROWS or "dataset" not in table:
        return table
    keys = [c for c in ("protocol", "model", "strategy", "estimator") if c in table]
    numbers = [c for c in table if c not in keys and pd.api.types.is_numeric_dtype(table[c])]
    by = table.groupby(keys, sort=False)
    out = by[numbers].mean()
    out.insert(0, "datasets", by["dataset"].nunique())
    return out.reset_index()


FOOT = "Made by albench from stored tables; equal tables give equal pages."
TOPICS = {
    "bias": "Bias",
    "coverage": "Coverage",
    "rare": "Rare classes",
    "noise": "Wrong labels",
    "audit": "Evaluation audit",
}
MOST, MOST_AUDITED = 600, 60
"""Runs that the sections on bought rows, and the audit with its many fits, rest on."""
END = (1.0,)


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
    suite: Suite,
    store: Store,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    tell: Callable[[str], None] = lambda sentence: None,
) -> str:
    """The report of a suite as the text of one HTML file; `tell` hears what is being made."""
    from albench.analysis.comparison import compare

    tell("comparing")
    asked = replace(suite.question(), missing="impute")
    comparison = compare(runs, rounds, asked)
    source = Source(suite, runs, rounds, most=MOST)
    given = Given(
        suite=suite,
        store=store,
        runs=runs,
        rounds=rounds,
        comparison=comparison,
        source=source,
        tell=tell,
        figures={},
        shown=drawn_strategies(comparison, suite),
        places=drawn_datasets(comparison, suite),
    )
    parts = [part for section in SECTIONS for part in section(given)]
    named = [replace(part, id=f"part-{i}") for i, part in enumerate(parts) if part is not None]
    done = int((runs["status"] == "done").sum())
    return page.page(
        "report.html",
        title=suite.title,
        parts=named,
        foot=FOOT,
        question=question(suite, asked),
        links=[(f"#{part.id}", part.title) for part in named],
        about=f"{suite.name}: {done} of {len(runs)} runs finished; primary metric {asked.metric}",
        answers=[*recommendation(source, comparison), *comparison.lines],
    )


def question(suite: Suite, asked: "Options") -> str:
    """What the suite asks, in one sentence."""
    others = len(suite.strategies) - len(asked.unranked) - 1
    which = "any" if others > 1 else "the one"
    alike = "at the same cost" if asked.axis == "cost" else "with the same labels"
    return (
        f"Does {which} of {others} strategies reach a better {asked.metric} than "
        f"{asked.baseline} {alike}, for {of(suite.models, 'model')}, on "
        f"{of(suite.datasets, 'dataset')}, under {' and '.join(p for p, _ in suite.protocols)}?"
    )


def of(entries: Sequence[object], word: str) -> str:
    """`logreg`, or `4 datasets`: names where they are few."""
    names = [str(getattr(entry, "label", entry)) for entry in entries]
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} {word}s"


def against(given: Given) -> Iterator[Part | None]:
    """The comparison with the baseline."""
    from albench.analysis.comparison import shares
    from albench.analysis.comparison.typeset import headline_table
    from albench.analysis.comparison.words import units

    table = given.comparison.tables.get("against")
    if table is None or table.empty:
        return
    counted = {units(design): None for design in given.comparison.design}
    caption = f"Each strategy against {given.comparison.options.baseline} over {'; '.join(counted)}"
    shown = sheet(headline_table(table), "against", caption)
    spread = given.comparison.tables.get("shares")
    lines = [f"Note: {line}" for line in given.comparison.notes]
    lines += [] if spread is None else [f"Note: {line}" for line in shares.where(spread)]
    lines += [f"Note: {line}" for line in on_classes(given)]
    yield Part("Comparison", lines=lines, tables=[vars(shown)])


def on_classes(given: Given) -> list[str]:
    """What class weights leave of the gains, and how many starts hold one class only."""
    from albench.analysis.comparison import weighted

    models = {m.label: (m.ref.name, dict(m.ref.params)) for m in given.suite.models}
    return weighted.told(given.comparison, models, given.runs, given.rounds)


def efforts(given: Given) -> Iterator[Part | None]:
    """What a target takes in labels, money and hours, where the suite names a price of either."""
    from albench.analysis.comparison import effort

    asked, seconds = given.comparison.options, given.suite.seconds_per_label
    table = effort.efforts(given.runs, given.rounds, asked, seconds)
    if table.empty:
        return
    caption = "Labels, cost and hours to each target: medians over trials, bounds where censored"
    shown = sheet(effort.for_people(table), "effort", caption)
    yield Part("What a target takes", lines=effort.sentences(table, asked), tables=[vars(shown)])


def section_of(title: str) -> Callable[[Given], Iterator[Part | None]]:
    """The section with the figures of one title."""

    def figures(given: Given) -> Iterator[Part | None]:
        from albench.plots.figures import FIGURES

        for where, made in everything(given).items():
            found = [figure for figure in made if FIGURES[figure["name"]].section == title]
            if found:
                yield Part(f"{title}: {where}", figures=found)

    return figures


def everything(given: Given) -> "dict[str, list[dict[str, str]]]":
    """The figures of every protocol and model, drawn once."""
    from albench.plots.figures import FIGURES, frames

    if given.figures:
        return given.figures
    order = [s.label for s in given.suite.strategies]
    for place, stack in enumerate(given.comparison.stacks):
        where = ", ".join(x for x in (stack.model, stack.protocol) if x)
        given.tell(f"drawing {where}")
        kept = fewer(frames(given.comparison, place), given.shown)
        told = about(given.comparison, place, order)
        given.figures[where] = [
            figure | {"caption": figure["caption"] + left_out(given.suite, given.shown)}
            if FIGURES[figure["name"]].curves
            else figure
            for figure in drawn(kept, told, f"p{place}")
        ]
    return given.figures


def summaries(given: Given) -> Iterator[Part | None]:
    """What the curves amount to, by dataset."""
    import pandas as pd

    from albench.analysis.comparison.summaries import summarise

    keep = [
        "model",
        "dataset",
        "strategy",
        "trials",
        "aubc",
        "aubc_low",
        "aubc_high",
        "gain",
        "gain_low",
        "gain_high",
        "normalised_gain",
        "end",
        "full",
        "harm_rate",
        "worst_loss",
        "flag",
    ]
    stacks, asked = given.comparison.stacks, given.comparison.options
    frame = pd.concat([summarise(s, asked.baseline) for s in stacks])[keep]
    caption = f"Area under {asked.metric}, gain over {asked.baseline}, by dataset"
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


def stopped(given: Given) -> Iterator[Part | None]:
    """When one would have stopped."""
    from albench.reporting.stopping import section

    yield from section(given.suite, given.runs, given.rounds, given.comparison, given.tell)


def audited(given: Given) -> Iterator[Part | None]:
    """What one would believe without a test set."""
    from albench.reporting.views import VIEWS

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
    gone = [n for n in too_many(given.suite) if n in view.figures]
    frames = view.frames(page=True, leave=gone)
    few = {n: part(f, given.shown, given.places) for n, f in frames.items()}
    more = left_out(given.suite, given.shown, given.places)
    figures = [
        figure | {"caption": figure["caption"] + more}
        for figure in drawn_bought(few, order, given.source.baseline, key)
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
    told = given.store.manifest
    facts = [*protocol_facts(suite), *stamp(suite, told), *where_from(told)]
    frame = pd.DataFrame(facts, columns=["what", "value"])
    yield Part(
        "Protocol and versions",
        tables=[vars(sheet(frame, "protocol", "Exact protocol"))],
        code=suite.text,
    )
    table = sheet(pd.DataFrame(references(suite)), "references", "What was used")
    yield Part("References", tables=[vars(table)])
    plugins = "".join(f" --plugin {Path(p).name}" for p in suite.plugins)
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
        against,
        efforts,
        section_of("Comparison"),
        section_of("Matrix"),
        section_of("Curves"),
        section_of("Gain"),
        summaries,
        bought,
        audited,
        stopped,
        section_of("Runtime"),
        ended,
        exact,
    )
)
"""The report: one line to add, move or leave out a section."""
