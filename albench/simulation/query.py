"""What a strategy is given, what it may return, and the one rule that breaks ties.

Among scores within `tolerance` of the best, the first in the given order wins; a batch
repeats the rule. No result depends on an unstable sort.

`Query` has no name for a test row, an unbought label or a row's number in its dataset.
Positions index `Query.X`, the train rows in the trial's pool order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip, StrategyError
from albench.simulation.annotators import Annotators
from albench.simulation.learner import Fitted, TrainOnly, fit_aligned

TOLERANCE = 1e-6


def first_best(
    scores: Floats,
    n: int,
    tolerance: float = TOLERANCE,
    order: Ints | None = None,
    best: float | None = None,
) -> tuple[Ints, int]:
    """Indices of the n best scores in the order picked, and the size of the tie window.

    scores     (m,) larger is better; no NaN
    n          how many, at most m
    tolerance  absolute width of the tie window below the best score
    order      (m,) distinct priorities, smallest first; None: the order of the array
    best       the largest score, where it is known
    Returns the (n,) indices, and how many scores lay in the window of the first pick.
    """
    tied = (scores >= (scores.max() if best is None else best) - tolerance).nonzero()[0]
    if n == 1:
        return tied[:1] if order is None else tied[[order[tied].argmin()]], len(tied)
    floor = np.partition(scores, len(scores) - n)[len(scores) - n]
    candidates = np.flatnonzero(scores >= floor - tolerance)
    if order is not None:
        candidates = candidates[np.argsort(order[candidates], kind="stable")]
    return repeat_first(scores[candidates], candidates, n, tolerance), len(tied)


def repeat_first(scores: Floats, candidates: Ints, n: int, tolerance: float) -> Ints:
    """Apply the rule n times to candidates that stand in priority order."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    if (ranked[1 : n + 1] < ranked[:n][: len(ranked) - 1] - tolerance).all():
        return candidates[order[:n]]
    if ranked[-1] >= ranked[0] - tolerance:
        return candidates[:n]
    # the window only moves down, so what has entered it stays in until it is picked
    window: list[int] = []
    picked: dict[int, None] = {}
    best = entered = 0
    for _ in range(n):
        while int(order[best]) in picked:
            best += 1
        while entered < len(ranked) and ranked[entered] >= ranked[best] - tolerance:
            heappush(window, int(order[entered]))
            entered += 1
        picked[heappop(window)] = None
    return candidates[list(picked)]


Made = TypeVar("Made")


class lazy(Generic[Made]):  # noqa: N801  (it reads like `property`)
    """A property computed when first asked for; unlike `cached_property` before Python 3.12 it
    takes no lock, which would be a share of a short round."""

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self.make, self.name, self.__doc__ = make, make.__name__, make.__doc__

    def __get__(self, owner: Any, kind: Any = None) -> Made:
        if owner is None:
            return self  # type: ignore[return-value]
        made: Made = self.make(owner)
        vars(owner)[self.name] = made
        return made


class Picks(NamedTuple):
    """Rows to label, with the probability with which each was drawn (see `Query.top`).

    rows         (n,) distinct positions of the pool, in the order picked
    probability  (n,) probability of each draw given the draws before it, or None
    annotators   (n,) numbers of those to ask, or None where nobody is chosen. Where they are
                 given, rows may be labelled ones, and there may be fewer than are due
    """

    rows: Ints
    probability: Floats | None = None
    annotators: Ints | None = None


@dataclass(frozen=True, eq=False)
class Query:
    """One request for `n` rows.

    X          (n_train, d) features of all train rows, read-only
    labeled    (l,) positions with a label, ascending
    y_labeled  (l,) their labels, class indices
    pool       (m,) positions that can be picked, ascending
    n          how many to pick: at most the batch, the budget left and the pool
    n_classes  classes of the task, also those not yet seen
    positive   index of the positive class, or None
    remaining  labels that the budget still allows, this batch included
    rng        the strategy's own generator; it persists over the run
    batch      rows per round by the protocol (n is smaller in a last partial batch)
    waiting    positions bought whose labels are still outstanding, ascending
    annotators whom it can ask, and what they said so far; None where there is no choice
    tie_window width of the tie window by the protocol, None where a strategy declares its own
    """

    X: Floats
    labeled: Ints
    y_labeled: Ints
    pool: Ints
    n: int
    n_classes: int
    positive: int | None
    remaining: int
    rng: np.random.Generator
    fit: Callable[[], Fitted] = field(repr=False)
    make_model: Callable[[int], Any] = field(repr=False)
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)
    log: dict[str, Any] = field(default_factory=dict, repr=False)
    tell: Callable[[int], int] | None = field(default=None, repr=False)
    priority: Ints | None = field(default=None, repr=False)
    select: "Callable[[Query, Floats, int, float], Ints] | None" = field(default=None, repr=False)
    engine: Callable[..., Fitted | None] | None = field(default=None, repr=False)
    batch: int = 0
    waiting: Ints = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    annotators: Annotators | None = None
    tie_window: float | None = None

    @lazy
    def fitted(self) -> Fitted:
        """The query model, fitted on the labelled rows when first asked for."""
        return self.fit()

    @property
    def model(self) -> Any:
        """The fitted query model as a scikit-learn classifier."""
        return self.fitted.estimator

    @lazy
    def proba(self) -> Floats:
        """(m, n_classes) probabilities of the pool rows, unseen classes 0.

        Raises `Skip` where the query model has no probabilities.
        """
        proba = self.fitted.proba("train", self.pool)
        if proba is None:
            raise Skip("needs probabilities; the query model has none")
        proba.setflags(write=False)
        return proba

    @lazy
    def decision(self) -> Floats:
        """Decision values of the pool rows, as `Fitted.decision` gives them.

        Raises `Skip` where the query model has none.
        """
        decision = self.fitted.decision("train", self.pool)
        if decision is None:
            raise Skip("needs decision values; the query model has none")
        decision.setflags(write=False)
        return decision

    @property
    def has_proba(self) -> bool:
        """Whether the query model has probabilities."""
        return self.fitted.has_proba

    @lazy
    def margins(self) -> Floats:
        """(m,) gap between the two best classes: probabilities, else decision values.

        Zero everywhere while one class is labelled (no row is nearer to a boundary).
        """
        first = self.y_labeled[0]
        if first == self.y_labeled[-1] and not np.count_nonzero(self.y_labeled != first):
            return np.zeros(len(self.pool))
        values = self.proba if self.has_proba else self.decision
        return gap(values)

    def top(self, scores: Floats, n: int | None = None, tolerance: float = TOLERANCE) -> Ints:
        """(n,) pool positions with the largest scores, ties broken as the protocol says.

        scores     (m,) one for each row of `pool`, larger = pick first; -inf = never before
                   the others
        tolerance  absolute width of the tie window, unless the protocol fixes one
        Raises StrategyError if scores have another length or hold a NaN.
        """
        scores = np.asarray(scores, dtype=np.float64)
        if scores.shape != self.pool.shape:
            raise StrategyError(
                f"scores have shape {scores.shape}; one for each of the {len(self.pool)} pool rows"
            )
        best = scores[scores.argmax()] if len(scores) else 0.0  # argmax stops where it meets a NaN
        if best != best:
            raise StrategyError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
        n = self.n if n is None else n
        if self.tie_window is not None:
            tolerance = self.tie_window
        if self.select is not None:
            return self.select(self, scores, n, tolerance)
        order = None if self.priority is None else self.priority[self.pool]
        first, n_tied = first_best(scores, n, tolerance, order, best)
        self.log.setdefault("n_tied", n_tied)
        return self.pool[first]

    def once(self, key: Any, make: Callable[[], Made]) -> Made:
        """What `make` returns, computed once per cut and shared by the strategies on it.

        Only for what depends on `X` alone (distances, densities, clusters); the key
        names it and its parameters. Treat the value as read-only.
        """
        if key not in self.memo:
            self.memo[key] = make()
        made: Made = self.memo[key]
        return made

    def ask(self, position: int) -> int:
        """Reveal the label of a pool row inside the batch; the row must then be picked.

        For strategies that work label by label; they are marked sequential. Returns the
        class index, or -1 where the oracle abstains. Raises StrategyError for a row
        outside the pool.
        """
        if self.tell is None:
            raise Skip("needs labels one by one inside a batch; here they arrive later or never")
        at = int(np.searchsorted(self.pool, position))
        if at >= len(self.pool) or self.pool[at] != position:
            raise StrategyError(f"asked for position {position}, which is not in the pool")
        self.log.setdefault("asked", []).append(int(position))
        return self.tell(int(position))

    def member(self, make: Callable[[], Any], rows: Ints, y: Ints) -> Fitted:
        """A classifier of the strategy's own, fitted on train rows (repeats allowed).

        make   () -> unfitted classifier, for example `lambda: query.make_model(seed)`
        rows   positions; y: their classes
        """
        return fit_aligned(make, TrainOnly(self.X, self.n_classes), rows, y)

    def trained(self, make: Callable[[int], Any], seed: int, rows: Ints, y: Ints) -> Fitted:
        """A model of the strategy's own, fitted on train rows (repeats allowed).

        make  seed -> unfitted classifier: `make_model`, or a parameter that names a model;
              trained by an engine where one is proven for it
        """
        made = None if self.engine is None else self.engine(make, seed, rows, y)
        return self.member(lambda: make(seed), rows, y) if made is None else made

    def within(self, candidates: Ints, n: int | None = None) -> "Query":
        """The same query over a part of the pool (ascending positions)."""
        n = self.n if n is None else n
        return replace(self, pool=candidates, n=n, fit=lambda: self.fitted)


def gap(values: Floats) -> Floats:
    """(m,) difference between the two largest of each row; of one column the magnitude."""
    if values.ndim == 1:
        return np.abs(values)
    if values.shape[1] == 2:
        return np.abs(values[:, 1] - values[:, 0])
    first, second, *others = values.T.copy()  # whole columns are faster than rows of k
    best, rest = np.maximum(first, second), np.minimum(first, second)
    for column in others:
        np.maximum(rest, np.minimum(best, column), out=rest)
        np.maximum(best, column, out=best)
    return np.asarray(best - rest)


@dataclass(frozen=True, eq=False)
class FileQuery(Query):
    """What a control is given that declares `rows`: the place of each row in its file as well.

    rows  (n_train,) row number in the dataset of each position
    """

    rows: Ints = field(default_factory=lambda: np.empty(0, dtype=np.intp), repr=False)


@dataclass(frozen=True, eq=False)
class OracleQuery(Query):
    """What a bound or an active-sampling strategy is given: hidden labels as well.

    y       (n_train,) true labels of all train rows
    X_test  test features and labels, for bounds only (None in active sampling)
    """

    y: Ints = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    X_test: Floats | None = None
    y_test: Ints | None = None


class Captured(Exception):
    """Raised by the `top` of `scores_of`."""

    def __init__(self, scores: Floats, tolerance: float) -> None:
        super().__init__("scores captured")
        self.scores, self.tolerance = scores, tolerance


def scores_of(base: "Callable[[Query], Any]", query: Query) -> Floats:
    """(m,) the scores by which a strategy ranks the pool, without picking.

    Raises Skip if the strategy does not rank the whole batch by one call of `Query.top`:
    what picks row by row (BADGE, k-center) has no scores that could stand for it.
    """
    n = min(2, len(query.pool))  # two rows tell a ranking from picks made one by one

    def capture(asked: Query, scores: Floats, many: int, tolerance: float) -> Ints:
        if many != n or len(asked.pool) != len(query.pool):
            raise Skip("its base strategy does not rank the pool by one score, as a wrapper needs")
        raise Captured(scores, tolerance)

    try:
        base(replace(query, n=n, select=capture, fit=lambda: query.fitted))
    except Captured as captured:
        return captured.scores
    raise Skip("its base strategy ranks no scores, so it cannot be wrapped")
