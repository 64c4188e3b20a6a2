"""Whether to stop: what a stopping rule is asked, what it may answer, and who asks it.

After each evaluation a rule is asked with what a user has by then: the features, the labels
bought, the fitted model on train rows. Like a `Query`, a `StopQuery` has no name for a test row,
a test score or a label that was not bought.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import AlbenchError, Skip, StrategyError
from albench.simulation.learner import Fitted, Learner, TrainOnly, fit_aligned
from albench.simulation.seal import Fit, Train
from albench.simulation.task import Oracle, Stop, Task

Rule = Callable[["StopQuery"], Any]
NONE = np.empty(0, dtype=np.intp)
NONE.setflags(write=False)


class Evidence(NamedTuple):
    """Where a run stands after an evaluation.

    round       number of the evaluation, 0 after the start
    labeled     (l,) positions with a label, ascending; y_labeled: their labels
    pool        (m,) positions that can be picked, ascending
    picks       (k,) positions bought since the evaluation before, in the order bought; the start
                in round 0
    y_picks     (k,) what was answered to them, -1 for an abstention
    n_bought    labels bought
    remaining   labels that the budget still allows
    """

    round: int
    labeled: Ints
    y_labeled: Ints
    pool: Ints
    picks: Ints
    y_picks: Ints
    n_bought: int
    remaining: int


@dataclass(frozen=True, eq=False)
class StopQuery:
    """One question whether to stop, after an evaluation.

    X           (n_train, d) features of all train rows, read-only
    labeled     (l,) positions with a label, ascending
    y_labeled   (l,) their labels, class indices
    pool        (m,) positions that could be picked next, ascending
    picks       (k,) positions bought since the question before, in the order bought; the start
                in round 0
    y_picks     (k,) what was answered to them, -1 for an abstention
    n_classes   classes of the task, also those not yet seen
    positive    index of the positive class, or None
    round       0 after the start, then 1, 2, ...
    n_bought    labels bought so far, the start included
    remaining   labels that the budget still allows
    rng         the rule's own generator; it persists over the run
    before      (n_train, n_classes) what the model of the question before said of all train
                rows; None in round 0
    held        (h,) positions of the held-out sample that was bought at the start for this rule
                and never trained on; empty unless the rule has an attribute `held`, their number
    y_held      (h,) their labels
    """

    X: Floats
    labeled: Ints
    y_labeled: Ints
    pool: Ints
    picks: Ints
    y_picks: Ints
    n_classes: int
    positive: int | None
    round: int
    n_bought: int
    remaining: int
    rng: np.random.Generator
    fit: Callable[[], Fitted] = field(repr=False)
    make_model: Callable[[int], Any] = field(repr=False)
    engine: Callable[..., Fitted | None] | None = field(default=None, repr=False)
    before: Floats | None = field(default=None, repr=False)
    held: Ints = field(default_factory=lambda: NONE)
    y_held: Ints = field(default_factory=lambda: NONE)

    @cached_property
    def fitted(self) -> Fitted:
        """The task model, fitted on the labelled rows; it answers for train rows only."""
        return self.fit()

    @cached_property
    def every(self) -> Floats:
        """(n_train, n_classes) probabilities of all train rows, unseen classes 0.

        A model without probabilities has Platt's (`probabilities`).
        """
        every = probabilities(self.fitted, self.labeled, self.y_labeled, self.n_classes)
        every.setflags(write=False)
        return every

    @property
    def proba(self) -> Floats:
        """(m, n_classes) probabilities of the pool rows."""
        return self.every[self.pool]

    @property
    def selected(self) -> Floats | None:
        """(k, n_classes) what the model said of the rows bought last, before it learnt them.

        None in round 0, where there was no model, and where nothing was bought.
        """
        if self.before is None or not len(self.picks):
            return None
        return self.before[self.picks]

    def predicted(self, rows: Ints | None = None) -> Ints:
        """(n,) classes predicted for train rows, by default all."""
        every = np.arange(len(self.X)) if rows is None else rows
        return self.fitted.predicted("train", every)

    def trained(self, seed: int, rows: Ints, y: Ints) -> Fitted:
        """The task model fitted anew on train rows (repeats allowed), for committees."""
        made = None if self.engine is None else self.engine(self.make_model, seed, rows, y)
        if made is not None:
            return made
        views = TrainOnly(self.X, self.n_classes)
        return fit_aligned(lambda: self.make_model(seed), views, rows, y)


def entropy(proba: Floats) -> Floats:
    """(n,) Shannon entropy of each row in nats, 0 log 0 = 0."""
    logs = np.log(np.where(proba > 0, proba, 1.0))
    return np.asarray(-(proba * logs).sum(axis=1) + 0.0)


def probabilities(fitted: Fitted, labeled: Ints, y: Ints, n_classes: int) -> Floats:
    """(n_train, n_classes) probabilities of all train rows, unseen classes 0.

    Of a model that has only decision values by Platt's sigmoid (`sigmoid`) fitted on those of the
    labelled rows, one class against the others, then scaled to sum 1. They are fitted on rows
    that the model was trained on, so they are surer than it deserves. Raises Skip for a model
    with neither.
    """
    known = fitted.proba("train") if fitted.has_proba else None
    if known is not None:
        return np.array(known)  # a copy: engines write over what they handed out
    decision = fitted.decision("train")
    if decision is None:
        raise Skip("needs probabilities or decision values; the model has neither")
    if decision.ndim == 1:
        positive = platt(decision, decision[labeled], y == 1)
        return np.stack([1 - positive, positive], axis=1)
    out = np.zeros((len(decision), n_classes))
    for label in np.unique(y):
        out[:, label] = platt(decision[:, label], decision[labeled, label], y == label)
    return np.asarray(out / out.sum(axis=1, keepdims=True))


def platt(decision: Floats, known: Floats, hits: Any) -> Floats:
    """(n,) probabilities of decision values by the sigmoid fitted on the known ones."""
    from scipy.special import expit

    a, b = sigmoid(known, np.asarray(hits, dtype=bool))
    return np.asarray(np.clip(expit(-(a * decision + b)), 1e-12, 1 - 1e-12))


def sigmoid(decision: Floats, hits: Any) -> tuple[float, float]:
    """A and B of P = 1 / (1 + exp(A f + B)) (Platt 1999), by Newton steps (Lin et al. 2007).

    decision  (l,) decision values; hits: (l,) whether each row is of the class
    The targets are Platt's smoothed ones, so that A and B stay finite.
    """
    n_hits = int(hits.sum())
    high, low = (n_hits + 1.0) / (n_hits + 2.0), 1.0 / (len(hits) - n_hits + 2.0)
    target = np.where(hits, high, low)
    a, b = 0.0, float(np.log((len(hits) - n_hits + 1.0) / (n_hits + 1.0)))

    def loss(a: float, b: float) -> float:
        z = a * decision + b
        return float((np.logaddexp(0.0, z) - (1 - target) * z).sum())

    value = loss(a, b)
    for _ in range(100):
        p = 1 / (1 + np.exp(np.clip(a * decision + b, -700, 700)))
        slope, weight = target - p, p * (1 - p)
        gradient = np.array([(decision * slope).sum(), slope.sum()])
        if np.abs(gradient).max() < 1e-8:
            break
        mixed = (decision * weight).sum()
        curve = np.array([[(decision**2 * weight).sum(), mixed], [mixed, weight.sum()]])
        step = -np.linalg.solve(curve + 1e-12 * np.eye(2), gradient)
        size = 1.0
        while size >= 1e-10:
            found = loss(a + size * step[0], b + size * step[1])
            if found < value + 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            break
        a, b, value = a + size * float(step[0]), b + size * float(step[1]), found
    return a, b


def held_out(rule: Rule, task: Task, rng: np.random.Generator) -> Ints:
    """(h,) positions of the rows that a rule holds out, ascending; nested for smaller numbers.

    They are drawn from the train rows beside the start. Raises Skip where budget or pool do not
    allow them.
    """
    n = int(getattr(rule, "held", 0))
    if not n:
        return NONE
    others = np.setdiff1d(np.arange(len(task.y)), np.append(task.start, task.withheld))
    if n >= len(others):
        raise Skip(f"a held-out sample of {n} leaves no pool of {len(others)} rows")
    if len(task.start) + n > task.budget:
        raise Skip(f"start and held-out sample ({len(task.start)} + {n}) exceed the budget")
    return np.sort(rng.permutation(others)[:n])


def checked(answer: Any) -> str | None:
    """Why to stop, or None to go on; raises StrategyError for anything else than is due."""
    if isinstance(answer, str) and answer:
        return answer
    if answer is None or isinstance(answer, bool | np.bool_):
        return "the rule said stop" if answer else None
    raise StrategyError(
        f"the stopping rule returned {answer!r}; True, False, or a sentence on why is due"
    )


def raised(error: BaseException) -> str:
    """What a rule raised and where, in a sentence."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return f"the stopping rule raised {type(error).__name__}: {error} ({where})"


class Watch:
    """Asks stopping rules about one run, each until it has said stop.

    rules     name -> rule, new for this run
    seeded    -> a generator; each rule has its own, in the same state
    held      name -> positions that it holds out; refused: name -> why it does not apply
    stopped   name -> why it stopped, and after how many labels
    """

    def __init__(
        self,
        rules: Mapping[str, Rule],
        task: Task,
        learner: Learner,
        seeded: Callable[[], np.random.Generator],
    ) -> None:
        self.task, self.learner = task, learner
        self.rules = dict(rules)
        self.stopped: dict[str, Stop] = {}
        self.refused: dict[str, str] = {}
        self.rngs = {name: seeded() for name in rules}
        self.held: dict[str, Ints] = {}
        self.y_held: dict[str, Ints] = {}
        self.shared: Floats | None = None  # what the model of the evaluation before said
        self.before: dict[str, Floats] = {}  # the same of a model that a rule alone has
        for name, rule in rules.items():
            try:
                self.held[name] = held_out(rule, task, self.rngs[name])
            except Skip as error:
                self.refused[name] = str(error)

    @property
    def open(self) -> list[str]:
        """The rules that are still asked; those that hold rows out last, since they refit."""
        left = [n for n in self.rules if n not in self.stopped and n not in self.refused]
        return sorted(left, key=lambda name: len(self.held[name]) > 0)

    def answered(self, oracle: Oracle) -> None:
        """Have the held-out rows labelled; a row without an answer is paid and of no use."""
        for name, rows in self.held.items():
            labels = oracle.answer(rows)
            self.held[name], self.y_held[name] = rows[labels >= 0], labels[labels >= 0]

    def ask(self, at: Evidence, fitted: Fitted) -> None:
        """Ask every rule that is open; what they say is in `stopped` and `refused`."""
        fit = Fit(lambda: fitted)
        try:
            every = probabilities(fitted, at.labeled, at.y_labeled, self.task.n_classes)
            every.setflags(write=False)
        except Skip:
            every = None  # said to the rules that ask for it
        for name in self.open:
            try:
                why = self.told(name, at, fit, every)
            except Skip as error:
                self.refused[name] = str(error)
                continue
            if why is not None:
                self.stopped[name] = Stop(why, at.n_bought)
        self.shared = every

    def begins(self, ledger: Any) -> None:
        """Have the held-out rows paid for and kept from model and strategy."""
        for held in self.held.values():
            ledger.hold(held)
        self.answered(ledger.oracle)

    def ends(
        self, ledger: Any, number: int, bought: Any, answers: Ints, fitted: Fitted | None
    ) -> Stop | None:
        """How the one rule ends the run, or None; raises Skip where it does not apply.

        ledger, bought  of `albench.simulation.loop`; without a model (no label yet) nothing is
                        asked
        """
        if fitted is None:
            return None
        self.ask(ledger.evidence(number, bought.picks, answers), fitted)
        for why in self.refused.values():
            raise Skip(f"stopping rule: {why}")
        return next(iter(self.stopped.values()), None)

    def told(self, name: str, at: Evidence, fit: Fit, every: Floats | None) -> str | None:
        """What one rule says; the model of one that holds rows out knows none of them."""
        kept = ~np.isin(at.labeled, self.held[name])
        own = not kept.all()
        if own:
            at = at._replace(labeled=at.labeled[kept], y_labeled=at.y_labeled[kept])
            fitted = self.learner.fit(at.labeled, at.y_labeled)
            fit, every = Fit(lambda: fitted), None
        query = self.query(name, at, fit)
        if every is not None:
            vars(query)["every"] = every
        try:
            why = checked(self.rules[name](query))
        except ValueError as error:
            if "read-only" not in str(error):
                raise StrategyError(raised(error)) from error
            raise StrategyError("the stopping rule wrote to an array of its query") from error
        except (AlbenchError, MemoryError):
            raise
        except (Exception, SystemExit) as error:
            raise StrategyError(raised(error)) from error
        if own:
            self.before[name] = query.every
        return why

    def query(self, name: str, at: Evidence, fit: Fit) -> StopQuery:
        """The question to one rule."""
        held, member = self.held[name], self.learner.member
        arrays: dict[str, Any] = {
            "X": self.task.X,
            "labeled": at.labeled,
            "y_labeled": at.y_labeled,
            "pool": at.pool[~np.isin(at.pool, held)],
            "picks": at.picks,
            "y_picks": at.y_picks,
            "before": self.before.get(name, self.shared),
            "held": held,
            "y_held": self.y_held.get(name, NONE),
        }
        for array in arrays.values():
            if array is not None:
                array.setflags(write=False)
        return StopQuery(
            **arrays,
            n_classes=self.task.n_classes,
            positive=self.task.positive,
            round=at.round,
            n_bought=at.n_bought,
            remaining=at.remaining,
            rng=self.rngs[name],
            fit=fit,
            make_model=self.learner.make,
            engine=None if member is None else Train(member),
        )
