"""The one simulation loop: fit, evaluate, query, label.

It holds no file, clock, logger, cache or global generator. Randomness, the oracle and
the learners are passed in.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from albench.answers import NOTHING, Bought, Strategy, answered
from albench.asking import Asking, Sight
from albench.errors import RunError, Skip
from albench.learner import Fitted, Floats, Ints, Learner
from albench.query import OracleQuery, Picks, Query

__all__ = [
    "Oracle", "OracleQuery", "Outcome", "Picks", "Query", "Round", "Sight", "Task", "simulate",
]  # fmt: skip

CENT = 1e-9  # prices are sums of floats: what differs by less is equal


@dataclass(frozen=True, eq=False)
class Task:
    """One cut of a dataset for one trial; all arrays are read-only.

    X, y            (n_train, d) and (n_train,): train rows in the trial's pool order
    X_test, y_test  the passive test set
    start           positions labelled at round 0, in the order bought
    n_classes       classes of the dataset
    batch, rounds   labels per round; how many rounds the budget allows
    budget          labels in all
    rows, rows_test row numbers of the dataset
    positive        index of the positive class, or None
    withheld        positions kept out of the pool (random audit sample)
    ties, delay, cost_budget, session   as in the protocol
    classes         names of the classes
    """

    X: Floats
    y: Ints
    X_test: Floats
    y_test: Ints
    start: Ints
    n_classes: int
    batch: int
    rounds: int
    budget: int
    rows: Ints
    rows_test: Ints
    positive: int | None = None
    withheld: Ints = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    ties: str = "pool-order"
    delay: int = 0
    cost_budget: float | None = None
    session: float | None = None
    classes: tuple[str, ...] = ()
    memo: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for name in ("X", "X_test"):  # rounding, and so near ties, would depend on the layout
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name)))
        for value in vars(self).values():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False


class Oracle(Protocol):
    """Who answers a query, and what it costs."""

    @property
    def overhead(self) -> float:
        """What every batch costs besides its labels."""

    def answer(self, positions: Ints) -> Ints:
        """(n,) class indices, -1 for an abstention; the same for the same rows."""

    def prices(self, positions: Ints) -> Floats:
        """(n,) what each of these labels costs."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a metric sees: the fitted task model and everything there is to know."""

    task: Task
    labeled: Ints
    y_labeled: Ints
    fitted: Fitted
    kept: dict[str, Any] = field(default_factory=dict)

    def test(self, what: Literal["proba", "decision", "predicted"]) -> Any:
        """Scores of all test rows, asked of the model once."""
        if what not in self.kept:
            self.kept[what] = getattr(self.fitted, what)("test")
        return self.kept[what]

    @property
    def predicted(self) -> Ints:
        """(n_test,) predicted classes."""
        predicted: Ints = self.test("predicted")
        return predicted

    @property
    def proba(self) -> Floats | None:
        """(n_test, n_classes) probabilities, or None."""
        proba: Floats | None = self.test("proba")
        return proba

    @property
    def decision(self) -> Floats | None:
        """Decision values of the test rows (see `Fitted.decision`), or None."""
        decision: Floats | None = self.test("decision")
        return decision


@dataclass(eq=False, slots=True)  # frozen, it would take four times as long to make
class Round:
    """One evaluation and what was bought since the one before.

    picks   positions in the order bought (round 0: the start)
    labels  what the oracle answered, -1 for an abstention
    cost    cumulative
    """

    round: int
    n_labeled: int
    cost: float
    scores: dict[str, float]
    picks: Ints
    labels: Ints
    probability: Floats | None
    n_tied: int | None
    margin_rank: Floats | None


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
        self.outstanding: list[tuple[Ints, Ints]] = []

    def buy(self, picks: Ints, delay: int) -> Ints:
        """Label `picks`; the labels arrive `delay` rounds later. Returns the answers.

        Raises Skip where the start alone costs more than the cost budget.
        """
        answers = self.oracle.answer(picks)
        if len(picks):
            prices = self.oracle.prices(picks)
            total = prices[0] if len(picks) == 1 else np.add.reduce(prices)
            self.cost += self.oracle.overhead + float(total)
        limit = self.task.cost_budget
        if limit is not None and self.cost > limit + CENT:
            raise Skip(f"the start costs {self.cost:g}, above the cost budget of {limit:g}")
        self.open[picks] = False
        self.n_open -= len(picks)
        self.n_bought += len(picks)
        self.outstanding.append((picks, answers))
        if len(self.outstanding) > delay:
            rows, labels = self.outstanding.pop(0)
            self.given[rows], self.known[rows] = labels, labels >= 0
        return answers

    def admitted(self, bought: Bought) -> Bought:
        """The first picks of a batch that the cost budget and the session pay for.

        The batch that meets the cost budget is the last one. A row dearer than a whole
        session is labelled in one of its own.
        """
        picks, budget, session = bought.picks, self.task.cost_budget, self.task.session
        if budget is None and session is None:
            return bought
        prices = self.oracle.overhead + np.cumsum(self.oracle.prices(picks))
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

    def labeled(self) -> tuple[Ints, Ints]:
        """Positions with a label, ascending, and their labels."""
        positions = self.known.nonzero()[0]
        if not len(positions):
            raise RunError(f"no label in hand: the oracle abstained on all {self.n_bought} rows")
        return positions, self.given[positions]

    def waiting(self) -> Ints:
        """Positions bought whose labels are outstanding, ascending."""
        if not self.outstanding:
            return NOTHING.picks
        return np.sort(np.concatenate([picks for picks, _ in self.outstanding]))

    def affordable(self) -> int:
        """How many labels the next query may buy."""
        if self.spent:
            return 0
        return min(self.task.batch, self.task.budget - self.n_bought, self.n_open)


def simulate(
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
) -> Iterator[Round]:
    """Run one trial and yield its rounds, the start (round 0) first.

    learner, query_learner  the task model and what the strategy sees; one object where
                            they are the same
    sight                   `pool`: the strategy gets a `Query`; `train`, `all`: an
                            `OracleQuery` without and with the test set
    trace                   record `margin_rank`
    Raises StrategyError when the strategy's answer breaks the contract.
    """
    ledger, bought, number = Ledger(task, oracle), Bought(task.start), 0
    asking = Asking(task, ledger, learner, query_learner, rng, sight)
    while True:
        answers = ledger.buy(bought.picks, task.delay if number else 0)
        labeled, y_labeled = ledger.labeled()
        fitted = learner.fit(labeled, y_labeled)
        outcome = Outcome(task, labeled, y_labeled, fitted)
        yield Round(
            number, len(labeled), ledger.cost,
            {name: metric(outcome) for name, metric in metrics.items()},
            bought.picks, answers, bought.probability, bought.n_tied, bought.margin_rank,
        )  # fmt: skip
        number += 1
        bought = NOTHING
        if ledger.affordable():
            query = asking.query(labeled, y_labeled, fitted)
            bought = ledger.admitted(answered(strategy, query, number, trace))
        if not len(bought.picks) and not len(ledger.waiting()):
            return
