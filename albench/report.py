"""One page about one suite: a list of sections, each made from an analysis and its plot."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from albench import pages, registry
from albench.board import run_columns
from albench.evidence import Evidence, stored_evidence
from albench.parts import (
    Part,
    drawn,
    protocol_facts,
    references,
    safely,
    sheet,
    where_from,
)
from albench.store import Store
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison

FOOT = "Made by albench from stored tables; equal tables give equal pages."
COMPARED = ("improvement", "posterior", "pairs", "ranks", "heat", "profile")
CURVES = ("learning", "gain", "gain_overall", "survival")


@dataclass(frozen=True)
class Given:
    """What every section may use."""

    suite: Suite
    store: Store
    runs: "pd.DataFrame"
    rounds: "pd.DataFrame"
    comparison: "Comparison"
    evidence: Evidence


def page_of(suite: Suite, store: Store, runs: "pd.DataFrame", rounds: "pd.DataFrame") -> str:
    """The report of a suite as the text of one HTML file."""
    from albench.analysis.advice import advice
    from albench.analysis.comparison import compare

    comparison = compare(
        runs, rounds, metric=suite.primary,
        better=registry.entry("metric", suite.primary).about["better"], baseline=suite.baseline,
        alpha=suite.alpha, rope=suite.rope, unranked=tuple(sorted(suite.bounds)),
        base=suite.bases, missing="impute",
    )  # fmt: skip
    given = Given(
        suite, store, runs, rounds, comparison, stored_evidence(suite, store, runs, rounds)
    )
    parts = [part for section in SECTIONS for part in section(given)]
    named = [replace(part, id=f"part-{i}") for i, part in enumerate(parts) if part is not None]
    done = int((runs["status"] == "done").sum())
    return pages.page(
        "report.html", title=suite.title, parts=named, foot=FOOT,
        about=f"{suite.name}: {done} of {len(runs)} runs finished; primary metric {suite.primary}",
        answers=[*advice(comparison), *comparison.lines],
    )  # fmt: skip


def against(given: Given) -> Iterator[Part | None]:
    """The comparison with the baseline."""
    from albench.analysis.typeset import headline_table

    table = given.comparison.tables.get("against")
    if table is None or table.empty:
        return
    caption = f"Each strategy against {given.suite.baseline} over datasets"
    shown = sheet(headline_table(table), "against", caption)
    lines = [f"Note: {line}" for line in given.comparison.notes]
    yield Part("Comparison", lines=lines, tables=[vars(shown)])


def figures(given: Given, title: str, names: tuple[str, ...]) -> Iterator[Part | None]:
    """Figures of every protocol and model."""
    from albench.analysis.panels import panels
    from albench.drawing import about

    order = [s.label for s in given.suite.strategies]
    target = given.suite.targets[0] if given.suite.targets else "random"
    for place, stack in enumerate(given.comparison.stacks):
        frames = panels(given.comparison, place, target)
        told = about(given.comparison, place, order, target)
        found = list(drawn(frames, told, f"p{place}", names))
        where = ", ".join(x for x in (stack.model, stack.protocol) if x)
        yield Part(f"{title}: {where}", figures=found)


def compared(given: Given) -> Iterator[Part | None]:
    """Figures of the comparison."""
    if len(given.comparison.stacks[0].strategies) > 1:
        yield from figures(given, "Comparison", COMPARED)


def learning(given: Given) -> Iterator[Part | None]:
    """Learning curves and gains."""
    yield from figures(given, "Curves", CURVES)


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
    forms = {"gain": "+.3f", "trials": ".0f", "harm_rate": ".0%"}
    yield Part("By dataset", tables=[vars(sheet(frame, "by-dataset", caption, forms))])


def bought(given: Given) -> Iterator[Part | None]:
    """What was bought: drift, coverage of classes, evaluation bias, rare classes."""
    table = given.evidence.table.reset_index()
    names = {
        "drift_classes": "drift of classes (z)", "drift_features": "drift of features (z)",
        "evaluation": "evaluation bias", "rare": "rare found",
    }  # fmt: skip
    if table.empty:
        return
    lines = [
        "Drift: mean z of the labelled set's classes (total variation) and features (energy "
        "distance) against random subsets of the pool; beyond 2 it is more than chance. "
        "Evaluation bias: cross-validated accuracy on the labels bought minus that on the test "
        "set. Rare found: positives among the queried rows over their share in the pool, on "
        "datasets where the rare class has at most 15 %. At the end of the budget, first "
        f"{given.evidence.trials} of the trials.",
    ]
    shown = sheet(table.rename(columns=names), "bought", "What was bought, mean over datasets")
    yield Part("Bias and audit", lines=lines, tables=[vars(shown)])


def ended(given: Given) -> Iterator[Part | None]:
    """Runtime, failures and what did not run."""
    suite, tables = given.suite, []
    for place, model in enumerate(m.label for m in suite.models):
        frame = run_columns(suite, given.runs, given.rounds, model, given.evidence)
        frame = frame[["due", "failed", "not_run", "seconds"]].reset_index()
        caption = f"Runs due, failed (or timed out), not run, and seconds per query; {model}"
        tables.append(vars(sheet(frame, f"runs-{place}", caption, {"due": ".0f"})))
    bad = given.runs[~given.runs["status"].isin(["done", "missing"])]
    reasons = [str(r).strip().splitlines()[-1] if r else "" for r in bad["reason"]]
    counts = bad.assign(reason=reasons).groupby(["strategy", "model", "status", "reason"]).size()
    if len(counts):
        why = counts.rename("runs").reset_index()
        tables.append(vars(sheet(why, "reasons", "Why runs failed or were skipped")))
    yield Part("Runtime and failures", tables=tables)


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


SECTIONS = tuple(guarded(s) for s in (against, compared, learning, summaries, bought, ended, exact))
"""The report: one line to add, move or leave out a section."""
