"""One page about one suite: a reader's questions in order, and the sections that answer them."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.reporting import page
from albench.reporting.abridge import (
    drawn_datasets,
    drawn_strategies,
    fewer,
    left_out,
    part,
    shorter,
    too_many,
)
from albench.reporting.board import run_columns
from albench.reporting.charts import of_figure
from albench.reporting.figures import about
from albench.reporting.gaps import lacking
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
    from albench.plots.style import About


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
    figures: "dict[str, list[dict[str, Any]]]"
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
    parts = [part for title, made in ORDER for part in chapter(given, title, made)]
    named = [replace(part, id=f"part-{i}") for i, part in enumerate(parts)]
    done = int((runs["status"] == "done").sum())
    return page.page(
        "report.html",
        bundled=True,
        title=suite.title,
        parts=named,
        foot=FOOT,
        question=question(suite, asked),
        links=[(f"#{part.id}", part.title) for part in named if part.level == 2],
        about=f"{suite.name}: {done} of {len(runs)} runs finished; primary metric {asked.metric}",
        answers=[*recommendation(source, comparison), *lacking(suite, runs)],
    )


def chapter(
    given: Given, title: str, sections: "Sequence[Callable[[Given], list[Part | None]]]"
) -> "list[Part]":
    """A question of a reader with the sections that answer it; none where nothing does."""
    parts = [part for section in sections for part in section(given) if part is not None]
    if not parts:
        return []
    return [Part(title), *(replace(part, level=3) for part in parts)]


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
    lines = [*given.comparison.lines, *(f"Note: {line}" for line in given.comparison.notes)]
    lines += [] if spread is None else [f"Note: {line}" for line in shares.where(spread)]
    lines += [f"Note: {line}" for line in on_classes(given)]
    yield Part("Tests", lines=lines, tables=[vars(shown)])


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
                yield Part(
                    f"{title}: {where}",
                    figures=[f for f in found if "json" not in f],
                    charts=[f for f in found if "json" in f],
                )

    return figures


def everything(given: Given) -> "dict[str, list[dict[str, Any]]]":
    """The figures of every protocol and model, drawn once."""
    from albench.plots.figures import frames

    if given.figures:
        return given.figures
    order = [s.label for s in given.suite.strategies]
    for place, stack in enumerate(given.comparison.stacks):
        where = ", ".join(x for x in (stack.model, stack.protocol) if x)
        given.tell(f"drawing {where}")
        whole = frames(given.comparison, place)
        told = about(given.comparison, place, order)
        given.figures[where] = [
            as_chart(given, figure, whole[figure["name"]], told, f"p{place}")
            for figure in drawn(fewer(whole, given.shown), told, f"p{place}")
        ]
    return given.figures


def as_chart(
    given: Given, figure: dict[str, str], whole: "pd.DataFrame", told: "About", key: str
) -> dict[str, Any]:
    """The chart of a figure where there is one, else the figure with what it leaves out."""
    from albench.plots.figures import FIGURES

    made = of_figure(figure["name"], whole, told, figure["svg"], key)
    if made is not None:
        return made | {"name": figure["name"]}
    if not FIGURES[figure["name"]].curves:
        return figure
    return figure | {"caption": figure["caption"] + left_out(given.suite, given.shown)}


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


def priced(given: Given) -> Iterator[Part | None]:
    """Seconds of a query, and costs where a protocol declares them."""
    suite, tables = given.suite, []
    for place, model in enumerate(m.label for m in suite.models):
        frame = run_columns(suite, given.runs, given.rounds, model)["seconds"].dropna()
        if len(frame):
            rows = frame.reset_index().rename(columns={"seconds": "seconds a query"})
            caption = f"Mean seconds a query, {model}"
            forms = {"seconds a query": ".4f"}
            tables.append(vars(sheet(rows, f"seconds-{place}", caption, forms)))
    told = [
        f"{label}: {', '.join(f'{k} {v}' for k, v in protocol.shown().items() if 'cost' in k)}"
        for label, protocol in suite.protocols
        if protocol.cost is not None
    ]
    lines = [f"Costs of labels as declared: {line}." for line in told]
    lines += [] if told else ["No cost of a label is declared: each counts one."]
    yield Part("Seconds and costs", lines=lines, tables=tables)


def ended(given: Given) -> Iterator[Part | None]:
    """Seconds, failures and what did not run."""
    suite, tables = given.suite, []
    for place, model in enumerate(m.label for m in suite.models):
        frame = run_columns(suite, given.runs, given.rounds, model).reset_index()
        frame = frame.drop(columns="seconds")
        caption = f"Runs due, failed (or timed out) and not run; {model}"
        tables.append(vars(sheet(frame, f"runs-{place}", caption, {"due": ".0f"})))
    bad = given.runs[~given.runs["status"].isin(["done", "missing"])]
    reasons = [str(r).strip().splitlines()[-1] if r else "" for r in bad["reason"]]
    counts = bad.assign(reason=reasons).groupby(["strategy", "model", "status", "reason"]).size()
    lines = [] if len(counts) else ["No run failed, timed out or was skipped."]
    if len(counts):
        why = counts.rename("runs").reset_index()
        tables.append(vars(sheet(why, "reasons", "Why runs failed or were skipped")))
    yield Part("Runs", lines=lines, tables=tables)


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
    yield Part("Commands", code=repeated(suite))


def repeated(suite: Suite) -> str:
    """The commands that make these runs, check them and write this page.

    Folders are left out, so that equal tables give equal pages wherever they lie.
    """
    from albench.suite.toml import shipped

    ours = suite.path is None or suite.path in shipped().values()
    what = suite.name if ours or suite.path is None else suite.path.name
    plugins = [w for p in suite.plugins for w in ("--plugin", Path(p).name)]
    added = [w for name in suite.added for w in ("--add", name)]
    return "\n".join(
        shlex.join(["albench", verb, what, *plugins, *(added if verb == "run" else [])])
        for verb in ("run", "verify", "report")
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


def stopping(given: Given) -> Iterator[Part | None]:
    """Whether the curves still rise where the budget ends."""
    import pandas as pd

    from albench.analysis.comparison.summaries import summarise

    base = given.comparison.options.baseline
    lines = []
    for stack in given.comparison.stacks:
        rows = summarise(stack, base)
        known = rows[rows["stability"].notna()]
        if known.empty:
            continue
        rising = known[known["stability"] > RISING].groupby("strategy")["dataset"].nunique()
        of = int(known["dataset"].nunique())
        names = pd.Index(dict.fromkeys(known["strategy"]))
        told = [f"{name} {rising.get(name, 0)}" for name in names if name in given.shown]
        where = ", ".join(x for x in (stack.model, stack.protocol) if x)
        lines.append(
            f"{where}: of {of} dataset{'s' if of != 1 else ''}, the curve still rises at the end "
            f"on: {', '.join(told)}. There the budget ends before it can be said where to stop."
        )
    if lines:
        lines.append(
            "A curve rises at the end where the slope of its last fifth is more than "
            f"{RISING:.0%} of its mean slope (Trittenbach et al. 2020)."
        )
        yield Part("Where the curves flatten", lines=lines)


RISING = 0.3
ORDER = tuple(
    (title, tuple(guarded(s) for s in sections))
    for title, sections in (
        ("How sure is that?", (against, section_of("Comparison"), section_of("Matrix"))),
        ("How many labels?", (efforts, section_of("Curves"), section_of("Gain"), summaries)),
        ("At what price?", (section_of("Runtime"), priced)),
        ("What does it do to the data?", (bought, audited)),
        ("When to stop?", (stopping, stopped)),
        ("What failed?", (ended,)),
        ("How to repeat it", (exact,)),
    )
)
"""The report: the questions of a reader, in order, and what answers each; one line to add,
move or leave out a section."""
