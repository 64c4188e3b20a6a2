"""The one simulation loop: fit, evaluate, query, check the answer, buy.

It holds no file, clock, logger, cache or global generator. Randomness, the oracle and
the learners are passed in.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import NoLabels, RunError, Skip, StrategyError
from albench.simulation.annotators import Annotators, Books, checked_pairs
from albench.simulation.learner import Fitted, Learner
from albench.simulation.query import FileQuery, OracleQuery, Picks, Query
from albench.simulation.seal import ABSENT, Fit, Tell, Train
from albench.simulation.stopping import Evidence, Watch
from albench.simulation.task import Oracle, Outcome, Round, Task

if TYPE_CHECKING:
    from albench.simulation.task import Task


Strategy = Callable[[Any], Any]


@dataclass(eq=False, slots=True)
class Bought:
    """The answer of one query: picks in the order bought, and how they came about."""

    picks: Ints
    probability: Floats | None = None
    n_tied: int | None = None
    margin_rank: Floats | None = None
    who: Ints | None = None

    def first(self, n: int) -> "Bought":
        """The first n picks."""
        return self if n == len(self.picks) else self.kept(slice(n))

    def kept(self, which: slice | Ints) -> "Bought":
        """Some of the picks, in their order."""
        return replace(
            self,
            picks=self.picks[which],
            probability=None if self.probability is None else self.probability[which],
            margin_rank=None if self.margin_rank is None else self.margin_rank[which],
            who=None if self.who is None else self.who[which],
        )

    def one_of_each(self, groups: Ints | None) -> "Bought":
        """The first pick of each group; all of them where there are no groups."""
        if groups is None:
            return self
        first = np.unique(groups[self.picks], return_index=True)[1]
        return self if len(first) == len(self.picks) else self.kept(np.sort(first))


NOTHING = Bought(np.empty(0, dtype=np.intp))
NOTHING.picks.setflags(write=False)


def answered(
    strategy: Strategy, query: Query, number: int, trace: bool, asked: Collection[int] = ()
) -> Bought:
    """Call a strategy and check what it returns.

    asked  the rows of which it asks the label meanwhile
    """
    pool, n = query.pool, query.n  # what it does to its query changes nothing that is due
    try:
        answer = strategy(query)
    except StrategyError as error:
        raise StrategyError(f"round {number}: {error}") from error
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise StrategyError(
            f"round {number}: it wrote to an array of its query; they are read-only, copy first"
        ) from error
    rows, probability, who = answer if isinstance(answer, Picks) else (answer, None, None)
    try:
        if who is not None and query.annotators is not None:
            picks, who = checked_pairs(rows, who, query.annotators, n)
        elif who is not None:
            raise StrategyError("it chose annotators; the oracle has none to choose of")
        else:
            picks = checked_rows(rows, pool, n, asked)
        probability = checked_probability(probability, len(picks))
    except StrategyError as error:
        raise StrategyError(f"round {number}: {error}") from error
    rank = None
    if trace and np.isin(picks, pool).all():
        at = np.searchsorted(pool, picks)
        rank = np.array([(query.margins < query.margins[i]).mean() for i in at])
    return Bought(picks, probability, query.log.get("n_tied"), rank, who)


def checked_rows(rows: Any, pool: Ints, n: int, asked: Collection[int]) -> Ints:
    """The rows as positions; raises StrategyError unless they are n distinct pool rows, those
    asked for among them."""
    picks = np.asarray(rows)
    if picks.ndim != 1 or picks.dtype.kind not in "iu":
        raise StrategyError(
            f"it returned an array of shape {picks.shape} and type {picks.dtype}; "
            f"a flat array of {n} whole numbers is due"
        )
    if len(picks) != n:
        raise StrategyError(f"it returned {len(picks)} rows; {n} are due")
    picks = picks.astype(np.intp)
    wrong = pool.take(pool.searchsorted(picks), mode="clip") != picks
    if np.count_nonzero(wrong):
        raise StrategyError(f"position {picks[wrong][0]} is not in the pool")
    if len(picks) > 1 and len(np.unique(picks)) != len(picks):
        raise StrategyError("it returned a row twice")
    missing = set(asked) - set(picks.tolist()) if asked else None
    if missing:
        raise StrategyError(f"it asked for the label of position {min(missing)} and did not buy it")
    return picks


def checked_probability(probability: Any, n: int) -> Floats | None:
    """The probabilities as floats; raises StrategyError unless n of them lie in (0, 1]."""
    if probability is None:
        return None
    given = np.asarray(probability, dtype=np.float64)
    if given.shape != (n,) or not ((given > 0) & (given <= 1 + 1e-12)).all():
        raise StrategyError(f"its probabilities are not {n} numbers in (0, 1]")
    return given


Sight = Literal["pool", "file", "panel", "panel-file", "train", "all"]
QUERIES: dict[Sight, type[Query]] = {
    "pool": Query,
    "panel": Query,
    "panel-file": FileQuery,
    "file": FileQuery,
    "train": OracleQuery,
    "all": OracleQuery,
}
"""`pool`, and with annotators to choose of `panel`: a `Query`; `file`: with row numbers; `train`,
`all`: with the hidden labels, without and with the test set."""


@dataclass(frozen=True, eq=False)
class Cold:
    """Who chooses while no label is in hand, where the run's own strategy cannot.

    rng  its own generator: it does not depend on the run's strategy, so that all of a trial
         that fall back on it begin with the same rows
    """

    strategy: Strategy
    rng: np.random.Generator
    label: str = "cold"


def chosen(strategy: Strategy, cold: Cold | None) -> Strategy:
    """The strategy, with the rule for a cold start behind it.

    One that raises where there is no label cannot choose there: it may have met `ABSENT`, or
    handed no rows to a library that wants some.
    """

    def choose(query: Query) -> Any:
        try:
            return strategy(query)
        except (Skip, RunError) as error:  # a timeout among them
            if cold is None or not isinstance(error, NoLabels):
                raise
        except Exception:
            if cold is None:
                raise
        vars(query).update(rng=cold.rng, log={})
        try:
            return cold.strategy(query)
        except NoLabels:
            raise Skip(
                f"cannot choose where no label is in hand, and nor can the protocol's rule, "
                f"cold = {cold.label}"
            ) from None

    return choose


@dataclass(frozen=True, eq=False)
class Asking:
    """Makes the queries of one run."""

    task: "Task"
    ledger: "Ledger"
    learner: Learner
    query_learner: Learner
    rng: np.random.Generator
    sight: Sight
    asked: dict[int, int] = field(default_factory=dict)

    def query(self, labeled: Ints, y_labeled: Ints, fitted: Fitted | None) -> Query:
        """The query after an evaluation; `fitted` is None while there is no label."""
        task, pool = self.task, self.ledger.open.nonzero()[0]
        for array in (labeled, y_labeled, pool):
            array.setflags(write=False)
        self.asked.clear()

        def fit() -> Fitted:
            if fitted is None:
                raise NoLabels("needs a model; no label is in hand at a start from nothing")
            same = self.query_learner is self.learner
            return fitted if same else self.query_learner.fit(labeled, y_labeled)

        query: Query = object.__new__(QUERIES[self.sight])
        # a frozen dataclass sets field after field, which takes longer than many a fit
        vars(query).update(
            self.lasting,
            labeled=labeled,
            y_labeled=y_labeled,
            pool=pool,
            fit=Fit(fit),
            log={},
            n=self.ledger.affordable(),
            remaining=task.budget - self.ledger.n_bought,
            priority=self.priority(),
            waiting=self.ledger.waiting(),
            annotators=self.ledger.seen(),
        )
        if fitted is None:
            vars(query).update(y_labeled=ABSENT, make_model=ABSENT)
        return query

    @cached_property
    def lasting(self) -> dict[str, Any]:
        """The fields of a query that stay the same over the run."""
        task, asked = self.task, self.query_learner
        hidden: dict[str, Any] = {"rows": task.rows} if "file" in self.sight else {}
        if self.sight in ("train", "all"):
            hidden["y"] = task.y
            seen = (task.X_test, task.y_test) if self.sight == "all" else (None, None)
            hidden |= dict(zip(("X_test", "y_test"), seen, strict=True))
        return hidden | {
            "X": task.X,
            "n_classes": task.n_classes,
            "positive": task.positive,
            "rng": self.rng,
            "make_model": asked.make,
            "memo": task.memo.setdefault("once", {}),  # engines keep test rows beside it
            "select": None,
            "engine": None if asked.member is None else Train(asked.member),
            "batch": task.batch,
            "tell": None if task.delay else Tell(self.tell),
            "tie_window": task.tolerance,
        }

    def tell(self, position: int) -> int:
        """The label of one row inside a batch; not where labels arrive with a delay.

        However it is reached, what it told is kept: those rows must be bought, so it tells
        no more labels than rows are due, and of pool rows only.
        """
        if position in self.asked:
            return self.asked[position]
        if not 0 <= position < len(self.ledger.open) or not self.ledger.open[position]:
            raise StrategyError(f"asked for position {position}, which is not in the pool")
        if len(self.asked) >= self.ledger.affordable():
            raise StrategyError(f"asked for more labels than the {len(self.asked)} rows due")
        self.asked[position] = int(self.ledger.oracle.answer(np.array([position]))[0])
        return self.asked[position]

    def priority(self) -> Ints | None:
        """The order in which ties are broken; None is the pool order itself."""
        if self.task.ties == "pool-order":
            return None
        return self.task.rows if self.task.ties == "row" else self.rng.permutation(len(self.task.y))


CENT = 1e-9  # prices are sums of floats: what differs by less is equal


class Ledger:
    """Which rows are labelled, outstanding, or can still be bought."""

    def __init__(self, task: Task, oracle: Oracle) -> None:
        self.task, self.oracle = task, oracle
        self.given = np.full(len(task.y), -1, dtype=np.intp)
        self.known = np.zeros(len(task.y), dtype=bool)
        self.open = np.ones(len(task.y), dtype=bool)
        self.open[task.withheld] = False
        self.n_open = int(np.count_nonzero(self.open))
        self.cost, self.n_bought, self.in_session, self.spent = 0.0, 0, 0.0, False
        self.outstanding: list[tuple[Ints, Ints, Ints | None]] = []
        panel = getattr(oracle, "panel", None)  # an oracle of one's own need not have one
        self.books = None if panel is None else Books(panel, task.withheld)
        self.chooses = False

    def seen(self) -> Annotators | None:
        """What a strategy that chooses its annotators is told of them."""
        return self.books.seen() if self.books is not None and self.chooses else None

    def asked(self, picks: Ints, who: Ints | None) -> Ints | None:
        """Who is asked for these rows; None where there is no choice."""
        if self.books is None:
            return None
        return self.books.panel.first[picks] if who is None else who

    def prices(self, picks: Ints, who: Ints | None) -> Floats:
        """(n,) what these answers cost."""
        if self.books is None or who is None:
            return self.oracle.prices(picks)
        return np.asarray(self.books.panel.prices[picks, who])

    def buy(self, picks: Ints, delay: int, who: Ints | None = None) -> Ints:
        """Label `picks`; the labels arrive `delay` rounds later. Returns the answers.

        who  the annotators asked; default: those who are asked where nobody is chosen
        Raises Skip where the start alone costs more than the cost budget.
        """
        who = self.asked(picks, who)
        answers = self.oracle.answer(picks)
        if self.books is not None and who is not None:
            answers = self.books.panel.labels[picks, who]
            self.books.bought(picks, who)
        if len(picks):
            prices = self.prices(picks, who)
            total = prices[0] if len(picks) == 1 else np.add.reduce(prices)
            self.cost += self.oracle.overhead + float(total)
        limit = self.task.cost_budget
        if limit is not None and self.cost > limit + CENT:
            raise Skip(f"the start costs {self.cost:g}, above the cost budget of {limit:g}")
        self.open[picks] = False
        # of an annotator's further answer the row is not in the pool any more
        self.n_open = self.n_open - len(picks) if self.books is None else int(self.open.sum())
        self.n_bought += len(picks)
        self.outstanding.append((picks, answers, who))
        if len(self.outstanding) > delay:
            rows, labels, asked = self.outstanding.pop(0)
            if self.books is not None and asked is not None:
                labels = self.books.arrived(rows, asked)
            self.given[rows], self.known[rows] = labels, labels >= 0
        return answers

    def admitted(self, bought: Bought) -> Bought:
        """The picks of a batch that are of one group each, and the cost budget and the session
        pay for.

        The batch that meets the cost budget is the last one. A row dearer than a whole
        session is labelled in one of its own.
        """
        bought = bought.one_of_each(self.task.groups)
        picks, budget, session = bought.picks, self.task.cost_budget, self.task.session
        if budget is None and session is None:
            return bought
        each = self.prices(picks, self.asked(picks, bought.who))
        prices = self.oracle.overhead + np.cumsum(each)
        n = len(picks)
        if session is not None:
            if prices[0] > session - self.in_session + CENT:
                self.in_session = 0.0
            n = max(1, int(np.sum(prices <= session - self.in_session + CENT)))
        if budget is not None:
            paid = int(np.sum(prices <= budget - self.cost + CENT))
            self.spent = paid < n
            n = min(n, paid)
        self.in_session += float(prices[n - 1]) if n else 0.0
        return bought.first(n)

    def hold(self, positions: Ints) -> None:
        """Pay for rows that are held out for a stopping rule: no model and no strategy has them."""
        if not len(positions):
            return
        self.cost += self.oracle.overhead + float(np.add.reduce(self.oracle.prices(positions)))
        self.open[positions] = False
        self.n_open -= len(positions)
        self.n_bought += len(positions)
        if self.books is not None:
            self.books.withhold(positions)

    def evidence(self, number: int, picks: Ints, answers: Ints) -> Evidence:
        """Where a run stands after an evaluation, for stopping rules."""
        labeled, y_labeled = self.labeled()
        return Evidence(
            number,
            labeled,
            y_labeled,
            self.open.nonzero()[0],
            picks,
            answers,
            self.n_bought,
            self.task.budget - self.n_bought,
        )

    def labeled(self) -> tuple[Ints, Ints]:
        """Positions with a label, ascending, and their labels; none only at a start from nothing.

        Raises RunError where the oracle abstained on everything else.
        """
        positions = self.known.nonzero()[0]
        if not len(positions) and len(self.task.start):
            raise RunError(f"no label in hand: the oracle abstained on all {self.n_bought} rows")
        return positions, self.given[positions]

    def waiting(self) -> Ints:
        """Positions bought whose labels are outstanding, ascending."""
        if not self.outstanding:
            return NOTHING.picks
        return np.sort(np.concatenate([picks for picks, _, _ in self.outstanding]))

    def affordable(self) -> int:
        """How many labels the next query may buy."""
        if self.spent:
            return 0
        left = self.n_open
        if self.books is not None and self.chooses:
            left = int(self.books.askable.sum())
        return min(self.task.batch, self.task.budget - self.n_bought, left)


def scored(
    task: Task,
    labeled: Ints,
    y_labeled: Ints,
    fitted: Fitted | None,
    metrics: Mapping[str, Callable[[Outcome], float]],
) -> dict[str, float]:
    """The scores of an evaluation; NaN without a model."""
    if fitted is None:
        return dict.fromkeys(metrics, float("nan"))
    outcome = Outcome(task, labeled, y_labeled, fitted)
    return {name: metric(outcome) for name, metric in metrics.items()}


def simulate(  # noqa: PLR0913 - nine things make a trial, and a parcel of some would say less
    task: Task,
    strategy: Strategy,
    learner: Learner,
    query_learner: Learner,
    oracle: Oracle,
    *,
    metrics: Mapping[str, Callable[[Outcome], float]],
    rng: np.random.Generator,
    sight: Sight = "pool",
    trace: bool = False,
    watch: Watch | None = None,
    cold: Cold | None = None,
) -> Iterator[Round]:
    """Run one trial and yield its rounds, the start (round 0) first.

    learner, query_learner  the task model and what the strategy sees; one object where
                            they are the same
    sight                   what the strategy is given, see `QUERIES`
    trace                   record `margin_rank`
    watch                   asks a stopping rule, which ends the run
    cold                    who chooses while there is no label; None: the run is skipped then
    A round without a label in hand has no model: its scores are NaN.
    Raises StrategyError when the strategy's answer breaks the contract.
    """
    ledger, bought, number = Ledger(task, oracle), Bought(task.start), 0
    ledger.chooses = sight.startswith("panel")
    asking = Asking(task, ledger, learner, query_learner, rng, sight)
    if watch is not None:
        watch.begins(ledger)
    first = chosen(strategy, cold)
    while True:
        who = ledger.asked(bought.picks, bought.who)
        answers = ledger.buy(bought.picks, task.delay if number else 0, who)
        labeled, y_labeled = ledger.labeled()
        fitted = learner.fit(labeled, y_labeled) if len(labeled) else None
        yield Round(
            round=number,
            n_labeled=len(labeled),
            cost=ledger.cost,
            scores=scored(task, labeled, y_labeled, fitted, metrics),
            picks=bought.picks,
            labels=answers,
            probability=bought.probability,
            n_tied=bought.n_tied,
            margin_rank=bought.margin_rank,
            stopped=None if watch is None else watch.ends(ledger, number, bought, answers, fitted),
            annotators=who,
        )
        if watch is not None and watch.stopped:
            return
        number += 1
        bought = NOTHING
        if ledger.affordable():
            query = asking.query(labeled, y_labeled, fitted)
            asked = first if fitted is None else strategy
            traced = trace and fitted is not None
            bought = ledger.admitted(answered(asked, query, number, traced, asking.asked))
        if not len(bought.picks) and not len(ledger.waiting()):
            return
