"""What one trial is: the task, who answers, what is evaluated, and a round's record."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.simulation.annotators import Panel
from albench.simulation.learner import Fitted


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
    ties, delay, cost_budget, session, tolerance   as in the protocol
    classes         names of the classes
    groups          number of each train row's group, where a batch holds one row of each
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
    groups: Ints | None = None
    tolerance: float | None = None

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

    @property
    def panel(self) -> Panel | None:
        """The annotators of whom a strategy may choose; None where there is no choice."""

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


class Stop(NamedTuple):
    """Why a stopping rule ended a run, and the labels spent by then, held-out ones too."""

    why: str
    labels: int


@dataclass(eq=False, slots=True)  # frozen, it would take four times as long to make
class Round:
    """One evaluation and what was bought since the one before.

    picks   positions in the order bought (round 0: the start)
    labels  what the oracle answered, -1 for an abstention
    cost    cumulative
    stopped why a stopping rule ended the run here; None where none did
    annotators  numbers of those who were asked, beside the picks; None without a choice
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
    stopped: Stop | None = None
    annotators: Ints | None = None
