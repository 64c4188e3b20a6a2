"""What was bought, seen from each side: tables, sentences, figures; and the recommendation.

source = Source(suite, runs, rounds, most=600)
    views, left_out = figured(source)     # those with figures; why others do not apply
    for view in views:                    # or VIEWS["audit"]["ranking"](source), ...
        view.title, view.lines, view.table, view.notes
        view.frames()                     # for parts.drawn_bought or plots.labels.write

A source works everything out once; `most` bounds the runs that it rests on, and
`source.lacking()` (part of the notes) says so where that leaves trials out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from albench.core.errors import AlbenchError
from albench.reporting import source as kinds
from albench.reporting.source import Source, View, oracles, prevalence, scarce

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.analysis.comparison.advice import Observed


def summary(
    source: Source, analysis: Callable[..., Any], undefined: Mapping[str, str]
) -> "pd.DataFrame":
    """Means over trials of an analysis at the checkpoints, beside the baseline's."""
    from albench.analysis.bought import over_trials

    frame = source.measured(analysis, checkpoints=source.checkpoints)
    frame = frame[0] if isinstance(frame, tuple) else frame
    return over_trials(frame, source.baseline, undefined)


def drift(source: Source) -> View:
    """How far labelled sets differ from the pool."""
    from albench.analysis.bought import bias, wide, words

    found = summary(source, bias.measured, bias.UNDEFINED)
    return View(
        "bias",
        "drift",
        "Labelled sets against the pool; z: against random subsets",
        words.bias(found, source.baseline),
        wide(found, bias.SHOWN, bias.WITH_Z),
        found,
        source.lacking(),
        source,
    )


def features(source: Source) -> View:
    """Which features differ most."""
    from albench.analysis.bought import bias, words

    worst = bias.worst_features(source.measured(bias.measured, checkpoints=source.checkpoints))
    return View(
        "bias",
        "features",
        "Share of the trials in which a feature is among the three that differ "
        "most (Kolmogorov-Smirnov), last checkpoint",
        words.features(worst, source.baseline),
        worst,
        worst,
        source.lacking(),
        source,
    )


def focus(source: Source) -> View:
    """How often picks lie near the boundary of the full-pool model."""
    from albench.analysis.bought import overlap, wide, words

    found = summary(source, overlap.measured, overlap.UNDEFINED)
    return View(
        "bias",
        "focus",
        "Picks near the boundary of the full-pool model; 1: chance",
        words.focus(found, source.baseline),
        wide(found, tuple(overlap.MEASURES)),
        found,
        source.lacking(),
        source,
    )


def overlaps(source: Source) -> View:
    """Who picks the same rows."""
    from albench.analysis.bought import overlap, words

    found = source.pooled(overlap.overlaps)
    return View(
        "bias",
        "overlap",
        "Overlap of the queried rows (Jaccard) against chance",
        words.overlap(found),
        found,
        found,
        source.lacking(),
        source,
    )


def distance(source: Source) -> View:
    """How near the labels are to pool and test rows."""
    from albench.analysis.bought import coverage, wide

    found = summary(source, coverage.measured, coverage.UNDEFINED)
    return View(
        "coverage",
        "distance",
        "Distance to the nearest label, clusters and classes with labels",
        covered(source, found),
        wide(found, coverage.SHOWN, coverage.WITH_Z),
        found,
        source.lacking(),
        source,
    )


def first_labels(source: Source) -> View:
    """When each class was first seen."""
    from albench.analysis.bought import coverage

    found = summary(source, coverage.measured, coverage.UNDEFINED)
    _, seen = source.measured(coverage.measured, checkpoints=source.checkpoints)
    first = coverage.seen_summary(seen).drop(columns="class")
    return View(
        "coverage",
        "classes",
        "Labels until each class was first seen (Kaplan-Meier)",
        covered(source, found),
        first,
        first,
        source.lacking(),
        source,
    )


def covered(source: Source, found: "pd.DataFrame") -> list[str]:
    """The sentences on coverage."""
    from albench.analysis.bought import coverage, words

    _, seen = source.measured(coverage.measured, checkpoints=source.checkpoints)
    return words.coverage(found, coverage.seen_summary(seen), source.baseline)


def discovery(source: Source) -> View:
    """Whether the rare class is found."""
    from albench.analysis.bought import rare, wide
    from albench.analysis.bought import rare as said_rare
    from albench.core.tables import metric_columns

    found = summary(source, rare.measured, rare.UNDEFINED)
    frame, _ = source.measured(rare.measured, checkpoints=source.checkpoints)
    measures = (*rare.SHOWN, *metric_columns(source.rounds))
    return View(
        "rare",
        "discovery",
        "Search for the rare class",
        said_rare.rare(found, source.baseline),
        wide(found, measures),
        found,
        [*source.lacking(), *rare.prevalences(frame)],
        source,
    )


def to_positives(source: Source) -> View:
    """Labels until positives were found."""
    from albench.analysis.bought import rare

    shown = discovery(source)
    _, first = source.measured(rare.measured, checkpoints=source.checkpoints)
    table = rare.labels_summary(first)
    return View(
        "rare",
        "labels",
        "Labels until the first and the tenth positive (Kaplan-Meier)",
        shown.lines,
        table,
        table,
        shown.notes,
        source,
    )


def affinity(source: Source) -> View:
    """Whether strategies seek wrong labels."""
    from albench.analysis.bought import noise

    found, drawn, lines = mistakes(source)
    return View(
        "noise",
        "affinity",
        "Wrong labels bought over those of the pool; 1: chance",
        lines,
        noise.with_model(drawn, found),
        found,
        source.lacking(),
        source,
    )


def cost(source: Source) -> View:
    """What labels cost."""
    from albench.analysis.bought import wide
    from albench.core.tables import metric_columns

    found, _, lines = mistakes(source)
    names = ("cost", "relabel_wrong", "relabel_all", "abstained", *metric_columns(source.rounds))
    return View(
        "noise",
        "cost",
        "What the labels cost, and what asking again would",
        lines,
        wide(found, names),
        found,
        source.lacking(),
        source,
    )


def mistakes(source: Source) -> "tuple[pd.DataFrame, pd.DataFrame, list[str]]":
    """Means over trials, affinity and sentences on wrong labels."""
    from albench.analysis.bought import noise, words

    found = summary(source, noise.measured, noise.UNDEFINED)
    drawn = noise.affinity(source.measured(noise.measured, checkpoints=source.checkpoints))
    return found, drawn, words.noise(drawn, oracles(source))


def annotators(source: Source) -> View:
    """Who was asked, how right the aggregated labels are, and what a point of score costs."""
    from albench.analysis.bought import annotators as asked

    question = source.question
    each = source.measured(asked.measured, metric=question.metric, better=question.better)
    found = asked.summary(each, source.baseline)
    return View(
        "noise",
        "annotators",
        f"Answers, aggregated labels, money and hours at the end, beside {source.baseline}",
        asked.words(found, source.baseline, question.metric),
        found,
        found,
        source.lacking(),
        source,
    )


def estimators(source: Source, score: str | None = None) -> View:
    """What one would believe without a test set."""
    from albench.analysis.bought import errors as misled

    score = scored(source, score)
    errors, _, lines, notes = audited(source, score)
    last = misled.at_end(errors)
    return View(
        "audit",
        "errors",
        f"Estimates of the {score} minus that on the passive test set",
        lines,
        last.dropna(subset=["bias"]).drop(columns="reason"),
        errors,
        notes,
        source,
    )


def ranking(source: Source, score: str | None = None) -> View:
    """Whether estimators rank the strategies as the passive test does."""
    from albench.analysis.bought import errors as misled

    score = scored(source, score)
    _, ranks, lines, notes = audited(source, score)
    return View(
        "audit",
        "ranking",
        f"Rankings by each estimator of {score} against the passive test's",
        lines,
        misled.at_end(ranks),
        ranks,
        notes,
        source,
    )


def scored(source: Source, score: str | None) -> str:
    """What the audit estimates: what is asked for, else the primary metric where it can be."""
    from albench.analysis.bought.audit import SCORES

    if score is not None:
        return score
    return source.suite.primary if source.suite.primary in SCORES else "accuracy"


def audited(
    source: Source, score: str
) -> "tuple[pd.DataFrame, pd.DataFrame, list[str], list[str]]":
    """Errors, ranking, sentences and notes of the audit."""
    from albench.analysis.bought import audit
    from albench.analysis.bought import errors as misled
    from albench.analysis.bought import errors as said_audit

    frame = source.measured(audit.measured, checkpoints=source.checkpoints, metric=score)
    errors, ranks = misled.errors(frame), misled.ranking(frame)
    beside = misled.sides(frame, source.baseline)
    lines = said_audit.audit(errors, beside, source.baseline, score)
    return errors, ranks, lines, [*source.lacking(), *misled.left_out(frame)]


VIEWS: Mapping[str, Mapping[str, Callable[..., View]]] = {
    "bias": {"drift": drift, "focus": focus, "overlap": overlaps, "features": features},
    "coverage": {"distance": distance, "classes": first_labels},
    "rare": {"discovery": discovery, "labels": to_positives},
    "noise": {"affinity": affinity, "cost": cost, "annotators": annotators},
    "audit": {"errors": estimators, "ranking": ranking},
}
"""Topic (the command's name) -> table -> `(source) -> View`."""


def figured(source: Source, leave: Sequence[str] = ()) -> "tuple[list[View], list[str]]":
    """The views with figures that apply to a suite, and why others do not, in words.

    leave: topics that are not wanted
    """
    from albench.plots.bought import FIGURES

    with_figures = {drawing.view for drawing in FIGURES.values()}
    views, left_out = [], []
    for topic, name in ((topic, name) for topic, tables in VIEWS.items() for name in tables):
        if topic in leave or (topic, name) not in with_figures:
            continue
        make = VIEWS[topic][name]
        try:
            why = APPLIES[make](source) if make in APPLIES else ""
            if not why:
                views.append(make(source))
        except AlbenchError as error:  # a model without margins has no boundary
            why = f"no figure of {make.__name__}: {error}"
        left_out += [why] if why else []
    return views, left_out


def no_rare_class(source: Source) -> str:
    """Why there is no search for a rare class, or nothing."""
    if scarce(source):
        return ""
    least = prevalence(source).min()
    return f"no discovery curve: the rarest class of any dataset has {least:.0%} of its pool"


def no_mistakes(source: Source) -> str:
    """Why there are no wrong labels, or nothing."""
    if kinds.mistaken(source):
        return ""
    return "no figure of wrong labels: the oracle is exact where runs are finished"


def no_choice(source: Source) -> str:
    """Why nobody was chosen to ask, or nothing."""
    from albench.core import registry

    named = set(oracles(source).values())
    several = any(registry.entry("oracle", name).traits.annotators for name in named)
    return "" if several else "no figure of annotators: no oracle has several"


APPLIES: Mapping[Callable[..., View], Callable[[Source], str]] = {
    discovery: no_rare_class,
    affinity: no_mistakes,
    annotators: no_choice,
}


def recommendation(source: Source, comparison: "Comparison") -> list[str]:
    """Which strategy, at which budget, against the baseline, how sure; with what to beware of."""
    from albench.analysis.comparison.advice import advice

    return advice(comparison, observed(source))


def observed(source: Source) -> "Observed | None":
    """What the rows bought show of rare classes and wrong labels; None without either."""
    import pandas as pd

    from albench.analysis.bought import noise, rare
    from albench.analysis.bought.words import at_end
    from albench.analysis.comparison.advice import Observed

    found = wrong = pd.DataFrame()
    scarce = kinds.scarce(source)
    wanted = scarce | kinds.mistaken(source)
    if not wanted:
        return None
    source = source.on(wanted, (1.0,))
    if scarce:
        found = at_end(summary(source, rare.measured, rare.UNDEFINED), "found")
        found = found[found["dataset"].isin(scarce)]
    if not no_mistakes(source):
        measured = source.measured(noise.measured, checkpoints=source.checkpoints)
        wrong = noise.affinity(measured)
        wrong = wrong[wrong["base"] > 0]
    if found.empty and wrong.empty:
        return None
    return Observed(found, wrong, kinds.oracles(source), source.trials)
