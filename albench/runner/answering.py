"""What the process of a strategy does: it makes queries of what it is told, and answers them.

It stands in for the run: a task without labels and test rows, a ledger that knows what is
told, and the query model, fitted on bought labels.
"""

import contextlib
import random
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import AlbenchError, NoLabels, Skip, StrategyError
from albench.core.spec import Ref
from albench.runner import wire
from albench.runner.wire import Asked, Broken, Order
from albench.simulation.learner import Fitted, Learner, Trainer
from albench.simulation.loop import Asking
from albench.simulation.query import Picks
from albench.simulation.task import Task

LONGEST = 20_000  # characters of what a strategy raised


def flush() -> None:
    """Hand on what was printed."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def warmed(model: Ref, engine: str, memory: int) -> None:
    """Fit the query model on numbers drawn here, so that children need not load its code."""
    from albench.models import engines

    rng = np.random.default_rng(0)
    for n_classes in (2, 3):
        y = np.arange(60) % n_classes
        X = rng.normal(size=(60, 3)) + y[:, None]
        task = standing_in(X, len(X), n_classes, budget=30)
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            learner = engines.learner(model, task, lambda n: n, engine=engine, memory=memory)
            for n in (n_classes, 12, 13):
                rows = np.arange(n)
                fitted = learner.fit(rows, y[:n])
                pool = np.arange(n, len(X))
                for scores in (fitted.proba, fitted.decision, fitted.predicted):
                    scores("train", pool)
                fitted.proba("train", None)


def standing_in(X: Floats, n_test: int, n_classes: int, **known: Any) -> Task:
    """A task of features alone: no label, no test row, no row number.

    The last bits of a matrix product depend on its shape, so zeros stand for the test rows.
    """
    nothing = np.empty(0, dtype=np.intp)
    given: dict[str, Any] = {
        "start": nothing,
        "batch": 1,
        "rounds": 1,
        "budget": 1,
        "rows": np.arange(len(X)),
    }
    return Task(
        X=X,
        y=np.full(len(X), -1),
        X_test=np.zeros((n_test, X.shape[1])),
        y_test=np.full(n_test, -1),
        n_classes=n_classes,
        rows_test=np.arange(n_test),
        **(given | known),
    )


class Mirror:
    """What the ledger of the run lets the strategy know; see `albench.simulation.loop.Ledger`."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.open = np.empty(0, dtype=bool)
        self.outstanding = np.empty(0, dtype=np.intp)
        self.due = self.n_bought = 0
        self.oracle = self

    def affordable(self) -> int:
        """How many rows are due."""
        return self.due

    def waiting(self) -> Ints:
        """Positions bought whose labels are outstanding."""
        return self.outstanding

    def seen(self) -> None:
        """Nobody to choose of: a strategy that chooses annotators runs beside the data."""

    def answer(self, positions: Ints) -> Ints:
        """The label of a row, which the run tells if it may; raises StrategyError if not."""
        wire.reply(self.line, {"tell": int(positions[0])})
        told = wire.received(self.line)
        if isinstance(told, str):
            raise StrategyError(told)
        return np.array([told])

    def update(self, asked: Asked, task: Task) -> None:
        """What is so in this round."""
        n = len(task.X)
        self.open = np.unpackbits(np.frombuffer(asked.open, dtype=np.uint8), count=n).astype(bool)
        self.outstanding, self.due = asked.waiting, asked.n
        self.n_bought = task.budget - asked.remaining


class InTurn(Trainer):
    """The query model, fitted when asked for, in the same order as in the run.

    A fit may depend, in its last bits, on what was fitted before; where the query model is
    the task model, it was fitted in every round.
    """

    def __init__(self, learner: Learner, shared: bool) -> None:
        self.learner, self.make, self.member = learner, learner.make, learner.member
        self.follows = shared and not learner.repeatable
        self.before: list[tuple[Ints, Ints]] = []
        self.seconds = 0.0

    @property
    def name(self) -> str:
        """See `Learner.name`."""
        return self.learner.name

    def note(self, labeled: Ints, y: Ints) -> None:
        """Take note of a round."""
        if self.follows and len(labeled):
            self.before.append((labeled, y))

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        begin = time.perf_counter()
        for earlier in self.before[:-1]:
            self.learner.fit(*earlier)
        self.before.clear()
        fitted = self.learner.fit(labeled, y)
        self.seconds += time.perf_counter() - begin
        return fitted


def serve(line: socket.socket, order: Order, X: Floats) -> None:
    """Answer the queries of one run, until the other side ends."""
    from albench.models import engines

    warnings.simplefilter("ignore")
    if order.pin is not None:
        random.seed(order.pin)
        np.random.seed(order.pin)  # noqa: NPY002
    ranks = np.arange(len(X)) if order.ranks is None else order.ranks
    kept = ("start", "withheld", "batch", "rounds", "budget", "ties", "tolerance", "delay")
    task = standing_in(
        X,
        order.n_test,
        order.n_classes,
        rows=ranks,
        positive=order.positive,
        **{key: getattr(order, key) for key in kept},
    )
    seeds: dict[int, int] = {}
    learner = InTurn(
        engines.learner(
            order.model, task, seeds.__getitem__, engine=order.engine, memory=order.memory
        ),
        order.shared,
    )
    rng = np.random.Generator(np.random.PCG64())
    rng.bit_generator.state = order.rng
    mirror = Mirror(line)
    asking = Asking(task, mirror, learner, learner, rng, "pool")  # type: ignore[arg-type]
    made = Answering(line, learner, lambda: registry.build("strategy", order.strategy))
    while True:
        asked = Asked(*wire.received(line))
        seeds[len(asked.labeled)] = asked.seed
        mirror.update(asked, task)
        learner.note(asked.labeled, asked.y_labeled)
        fitted = Unfitted(learner, asked) if len(asked.labeled) else None
        query = asking.query(asked.labeled, asked.y_labeled, fitted)
        made.answer(query)


class Unfitted:
    """The task model of this round, fitted when something of it is asked for."""

    def __init__(self, learner: InTurn, asked: Asked) -> None:
        self.learner, self.asked = learner, asked
        self.fitted: Fitted | None = None

    def __getattr__(self, name: str) -> Any:
        if self.fitted is None:
            self.fitted = self.learner.fit(self.asked.labeled, self.asked.y_labeled)
        return getattr(self.fitted, name)


class Answering:
    """The strategy of a run, built when first asked, and what it answers."""

    def __init__(self, line: socket.socket, learner: InTurn, build: Callable[[], Any]) -> None:
        self.line, self.learner, self.build = line, learner, build
        self.strategy: Any = None

    def answer(self, query: Any) -> None:
        """Ask the strategy and send what it says, or why it says nothing."""
        begin = self.learner.seconds
        n = query.n  # what it does to its query changes nothing that is told of it
        header: dict[str, Any] = {}
        body = b""
        try:
            if self.strategy is None:
                self.strategy = self.build()
            header, body = packed(self.strategy(query), query.log, n)
        except Broken:
            raise
        except BaseException as error:
            header = failed(error)
        header["fit"] = self.learner.seconds - begin
        flush()
        wire.reply(self.line, header, body)


def packed(answer: Any, log: dict[str, Any], n: int) -> tuple[dict[str, Any], bytes]:
    """What a strategy returned, as plain values and bytes."""
    rows, probability = answer, None
    if isinstance(answer, Picks):
        rows, probability = answer.rows, answer.probability
    picks = np.asarray(rows)
    tied = log.get("n_tied")
    header: dict[str, Any] = {"n_tied": None if tied is None else int(tied), "probability": None}
    if picks.ndim != 1 or picks.dtype.kind not in "iu" or len(picks) != n:
        shape = [int(size) for size in picks.shape[:8]]
        return header | {"odd": {"shape": shape, "dtype": str(picks.dtype)[:200]}}, b""
    body = np.ascontiguousarray(picks, dtype=np.int64).tobytes()
    if probability is None:
        return header, body
    given = np.asarray(probability, dtype=np.float64)
    header["probability"] = [int(size) for size in given.shape[:8]]
    if given.shape == picks.shape:
        body += np.ascontiguousarray(given).tobytes()
    return header, body


def failed(error: BaseException) -> dict[str, Any]:
    """What a strategy raised."""
    try:
        said = str(error)
    except BaseException:
        said = type(error).__name__
    kind = "exception"
    if isinstance(error, NoLabels):
        kind = "no labels"
    elif isinstance(error, Skip):
        kind = "skip"
    elif isinstance(error, StrategyError):
        kind = "contract"
    elif isinstance(error, AlbenchError):
        kind = "refused"
    elif isinstance(error, ValueError) and "read-only" in said:
        kind = "value"
    else:
        with contextlib.suppress(BaseException):
            said = "".join(traceback.format_exception(error, limit=-8))
    return {"raised": kind, "said": said[-LONGEST:]}
