"""Whom to ask: strategies that choose annotators, and may ask again for a labelled row.

They need an oracle with several annotators (`panel`, `recorded_panel`). The baselines take their
rows from another strategy.
"""

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.parameters import StrategyParam
from albench.core.registry import strategy
from albench.simulation.annotators import Annotators
from albench.simulation.query import Picks, Query
from albench.strategies._crowd import activelab_scores

Base = Callable[[Query], Any]
Agreed = Annotated[int, Ge(1)]
Folds = Annotated[int, Ge(2)]


def panel_of(query: Query) -> Annotators:
    """The annotators of a query; raises Skip where there is no choice."""
    if query.annotators is None:
        raise Skip("it chooses annotators, and the oracle has none to choose of")
    return query.annotators


def rows_of(base: Base, query: Query, allowed: Any, n: int) -> Ints:
    """At most n pool rows by another strategy, of those allowed: (n_train,) or all where None."""
    pool = query.pool if allowed is None else query.pool[allowed[query.pool]]
    n = min(n, len(pool))
    if not n:
        return pool[:0]
    answer = base(query.within(pool, n))
    return np.asarray(answer.rows if isinstance(answer, Picks) else answer, dtype=np.intp)


def given_to(rows: Ints, who: int) -> Picks:
    """The rows, all to one annotator."""
    return Picks(rows, None, np.full(len(rows), who, dtype=np.intp))


def by_one(base: Base, query: Query, who: int) -> Picks:
    """Rows by another strategy that one annotator can be asked for; raises Skip if none is left."""
    seen = panel_of(query)
    rows = rows_of(base, query, seen.askable[:, who], query.n)
    if not len(rows):
        raise Skip(f"annotator {seen.names[who]!r} cannot be asked for any pool row")
    return given_to(rows, who)


@strategy("fixed_annotator", family="annotators", annotators=True)
def fixed_annotator(
    query: Query, *, annotator: str | None = None, base: StrategyParam = "margin"
) -> Picks:
    """Rows by another strategy, all asked of one annotator (default: the first)."""
    seen = panel_of(query)
    return by_one(base, query, 0 if annotator is None else seen.number(annotator))


@strategy("always_expert", family="annotators", annotators=True)
def always_expert(query: Query, *, base: StrategyParam = "margin") -> Picks:
    """Rows by another strategy, all asked of the dearest annotator."""
    return by_one(base, query, int(np.nanargmax(panel_of(query).prices)))


@strategy("random_annotator", family="annotators", annotators=True)
def random_annotator(query: Query, *, base: StrategyParam = "margin") -> Picks:
    """Rows by another strategy, each asked of an annotator drawn from those who can be."""
    seen = panel_of(query)
    rows = rows_of(base, query, seen.askable.any(axis=1), query.n)
    return Picks(rows, None, drawn(seen, rows, query.rng))


def drawn(seen: Annotators, rows: Ints, rng: np.random.Generator) -> Ints:
    """(n,) one annotator per row, each of those who can be asked alike."""
    return np.array(
        [rng.choice(np.flatnonzero(seen.askable[row])) for row in rows.tolist()], dtype=np.intp
    )


@strategy("repeat_until_agreement", family="annotators", annotators=True)
def repeat_until_agreement(
    query: Query, *, agree: Agreed = 2, base: StrategyParam = "margin"
) -> Picks:
    """Ask for each row, the cheapest first, until some annotators agree; then the next rows.

    A labelled row is asked for again while no class has `agree` answers and someone is left to
    ask. What is left of the batch goes to new rows of another strategy.
    """
    seen = panel_of(query)
    cheapest = np.argsort(seen.prices, kind="stable")
    open_rows = [
        row
        for row in query.labeled.tolist()
        if votes(seen, row, query.n_classes).max() < agree and seen.askable[row].any()
    ][: query.n]
    fresh = rows_of(base, query, seen.askable.any(axis=1), query.n - len(open_rows))
    rows = np.concatenate([np.array(open_rows, dtype=np.intp), fresh])
    if not len(rows):
        raise Skip("annotators agree on every row, or nobody is left to ask")
    who = [next(a for a in cheapest if seen.askable[row, a]) for row in rows.tolist()]
    return Picks(rows, None, np.array(who, dtype=np.intp))


def votes(seen: Annotators, row: int, n_classes: int) -> Ints:
    """(n_classes,) how often each class was answered for a row."""
    known = seen.answers[row][seen.answers[row] >= 0]
    return np.bincount(known, minlength=n_classes)


@strategy(
    "activelab",
    family="annotators",
    annotators=True,
    needs=("proba",),
    cite="Goh and Mueller 2023, arXiv 2301.11856",
    cost="k-fold refits",
)
def activelab(query: Query, *, folds: Folds = 5) -> Picks:
    """ActiveLab: the rows, labelled or not, whose consensus one answer more would improve most.

    Scores of labelled rows from the model and all annotators weighted by CROWDLAB, of pool rows
    from the model alone, on one scale; the lowest are asked for. The model's probabilities for
    labelled rows are those of models that were fitted without them, by `folds`; for pool rows
    the query model's. Each row goes to an annotator drawn from those who have not answered it
    (the paper leaves open who is asked).
    """
    seen = panel_of(query)
    answers = seen.answers[query.labeled]
    held = out_of_fold(query, folds)
    labelled, pool = activelab_scores(np.where(answers >= 0, answers, -1), held, query.proba)
    rows = np.concatenate([query.labeled, query.pool])
    scores = np.concatenate([labelled, pool])
    free = seen.askable[rows].any(axis=1)
    rows, scores = rows[free], scores[free]
    order = np.lexsort((rows, np.round(scores, 9)))[: query.n]
    chosen = rows[order]
    return Picks(chosen, None, drawn(seen, chosen, query.rng))


def out_of_fold(query: Query, folds: int) -> Floats:
    """(l, n_classes) probabilities of the labelled rows by models that do not know them.

    A single row has no other to learn from: every class alike.
    """
    n = len(query.labeled)
    folds = min(folds, n)
    if folds < 2:
        return np.full((n, query.n_classes), 1 / query.n_classes)
    part = query.rng.permutation(np.arange(n) % folds)
    out = np.zeros((n, query.n_classes))
    for fold in range(folds):
        inside, away = part == fold, part != fold
        seed = int(query.rng.integers(2**31))
        model = query.trained(query.make_model, seed, query.labeled[away], query.y_labeled[away])
        proba = model.proba("train", query.labeled[inside])
        if proba is None:
            raise Skip("needs probabilities; the query model has none")
        out[inside] = proba
    return out
