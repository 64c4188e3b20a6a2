"""The process from which those of strategies are forked, and what such a process does.

The template has imported albench, the model libraries and the plugin files of one strategy.
It never holds data: features come to its children alone, by shared memory, with bought
labels and numbers. It has one thread, forks one child for each run, and ends whatever is
left of a run's children when the run is over.
"""

import contextlib
import gc
import mmap
import os
import random
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import NoLabels, Skip, StrategyError
from albench.core.spec import Ref
from albench.runner import fence, wire
from albench.runner.clock import one_thread
from albench.runner.wire import END, RUN, WARM, Asked, Broken, Order
from albench.simulation.learner import Fitted, Learner, Trainer
from albench.simulation.loop import Asking
from albench.simulation.query import Picks
from albench.simulation.task import Task

PARENT_DEATH, SUBREAPER = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER of <sys/prctl.h>
CHILDREN = f"/proc/self/task/{os.getpid()}/children"
LONGEST = 20_000


def main() -> None:
    """The template: say what is ready, then serve runs until the other side ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(PARENT_DEATH, signal.SIGKILL)
    prctl(SUBREAPER, 1)  # what a run's child leaves behind becomes a child of this process
    try:
        plugins = wire.received(control)
        with one_thread():
            registry.load()
            for plugin in plugins:
                registry.load_plugin(plugin)
            wire.reply(control, {"threads": threading.active_count()})
            Template(control).serve()
    except Broken:
        return
    except Exception as error:
        with contextlib.suppress(Broken):
            wire.reply(control, {"error": f"{type(error).__name__}: {error}"})


def prctl(option: int, value: int) -> None:
    """Set what Linux knows of a process; elsewhere nothing."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Spare(NamedTuple):
    """A child that has not been told yet what to do, and the line on which it is told."""

    number: int
    line: socket.socket


class Template:
    """Has a child ready for the next run, and sees to the end of what the last one left."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.woken, self.wake = socket.socketpair()
        for end in (self.woken, self.wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.wake.fileno(), warn_on_full_buffer=False)
        self.fence = fence.build()
        self.spare: Spare | None = None
        self.running = 0
        self.status: int | None = None

    def serve(self) -> None:
        """One run after the other, until the other side ends; then all children have ended."""
        while True:
            found = select.select([self.control, self.woken], [], [])[0]
            if self.woken in found:
                with contextlib.suppress(BlockingIOError):
                    self.woken.recv(4096)
                self.reap()
            if self.control in found:
                told, ends, _, _ = socket.recv_fds(self.control, 1, 3)
                if told == RUN:
                    self.begin(ends)
                elif told == WARM:
                    self.warm(*wire.received(self.control))
                else:
                    self.end()
                if told == END:
                    assert self.status is not None
                    wire.reply(self.control, {"status": os.waitstatus_to_exitcode(self.status)})
                elif not told:
                    self.running, self.spare = self.spare.number if self.spare else 0, None
                    return self.end()

    def warm(self, model: Ref, engine: str, memory: int) -> None:
        """Load the code of a model before children are forked."""
        if self.spare is not None:
            self.spare.line.close()
            end(self.spare.number)
        warmed(model, engine, memory)
        gc.collect()
        gc.freeze()  # the children then copy fewer pages
        self.spare = self.fork()
        wire.reply(self.control, {})

    def begin(self, ends: list[int]) -> None:
        """Hand a run to the spare child, and make another one while it is under way."""
        order = wire.message(self.control)
        spare = self.spare or self.fork(ends)
        self.running, self.status = spare.number, None
        with contextlib.suppress(OSError, Broken):  # a child that has died is found out below
            socket.send_fds(spare.line, [RUN], ends)
            wire.put(spare.line, order)
        spare.line.close()
        for end in ends:
            os.close(end)
        self.spare = self.fork()

    def fork(self, ends: Sequence[int] = ()) -> Spare:
        """A new child; the files of a run come to it by its line alone."""
        line, theirs = socket.socketpair()
        number = os.fork()
        if not number:
            line.close()
            for one in ends:
                os.close(one)
            self.become(theirs)
        theirs.close()
        return Spare(number, line)

    def become(self, line: socket.socket) -> None:
        """In the child: let go of what is the template's, and do as told; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for one in (self.control, self.woken, self.wake):
                one.close()
            prctl(PARENT_DEATH, signal.SIGKILL)
            os.setsid()
            told, ends, _, _ = socket.recv_fds(line, 1, 3)
            if told:
                order: Order = wire.received(line)
                line.close()
                limit(order.most)
                if self.fence is not None:
                    keep_behind(self.fence)
                obey(order, *ends)
            code = 0
        except Broken:
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            flush()
            os._exit(code)

    def reap(self) -> None:
        """Take note of the children that have ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                number, status = os.waitpid(-1, os.WNOHANG)
                if not number:
                    return
                if number == self.running:
                    self.status = status
                elif self.spare is not None and number == self.spare.number:
                    self.spare.line.close()
                    self.spare = None

    def end(self) -> None:
        """End the run's child, and what it left: its group, on Linux whatever descends from it."""
        if self.status is None:
            self.status = end(self.running)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.running:
                os.killpg(self.running, signal.SIGKILL)
        self.running = 0
        for _ in range(1000):
            left = [n for n in children() if self.spare is None or n != self.spare.number]
            for number in left:
                end(number)
            if not left:
                return


def end(child: int) -> int:
    """End a child; its status, 0 where there is none."""
    if not child:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    try:
        return os.waitpid(child, 0)[1]
    except ChildProcessError:
        return 0


def keep_behind(held: int) -> None:
    """In the child: read and write no more than the fence allows, compiled code included."""
    if not fence.enter(held):
        raise OSError("the fence does not hold")
    os.close(held)
    caching: Any = sys.modules.get("numba.core.caching")
    if caching is not None:  # machine code is made here, but not stored for others
        caching.Cache.save_overload = lambda *given: None


def obey(order: Order, line: int, features: int, output: int) -> None:
    """In the child: answer the queries of a run."""
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    X = mapped(features, order.shape)
    os.close(features)
    serve(socket.socket(fileno=line), order, X)


def children() -> list[int]:
    """The processes whose parent this is, where the system tells."""
    try:
        with open(CHILDREN, encoding="ascii") as file:
            return [int(number) for number in file.read().split()]
    except OSError:
        return []


def mapped(file: int, shape: tuple[int, int]) -> Floats:
    """Features in shared memory, which nobody can write to."""
    size = 8 * shape[0] * shape[1]
    if not size:
        return np.empty(shape)
    held = mmap.mmap(file, size, access=mmap.ACCESS_READ)
    return np.frombuffer(held, dtype=np.float64).reshape(shape)


def limit(most: int) -> None:
    """Let this process have so many bytes more than it has, and be the first to go."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[0])
        most += pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("1000")


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
        if self.follows:
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
        fitted = None
        if len(asked.labeled):
            learner.note(asked.labeled, asked.y_labeled)
            fitted = Unfitted(learner, asked)
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
        header, body = {}, b""
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
    if isinstance(error, Skip):
        kind = "labels" if isinstance(error, NoLabels) else "skip"
    elif isinstance(error, StrategyError):
        kind = "contract"
    elif isinstance(error, ValueError) and "read-only" in said:
        kind = "value"
    else:
        with contextlib.suppress(BaseException):
            said = "".join(traceback.format_exception(error, limit=-8))
    return {"raised": kind, "said": said[-LONGEST:]}


if __name__ == "__main__":
    main()
