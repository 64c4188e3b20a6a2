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
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip, StrategyError
from albench.core.spec import Ref
from albench.runner import wire
from albench.runner.clock import one_thread
from albench.runner.wire import LENGTH, Asked, Broken, Order
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


class Template:
    """Forks a child for each run, and sees to its end."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.woken, wake = socket.socketpair()
        self.wake = wake
        for end in (self.woken, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self.warm: set[tuple[Ref, str]] = set()

    def serve(self) -> None:
        """One run after the other; returns where the other side has ended."""
        while True:
            header, ends, _, _ = socket.recv_fds(self.control, LENGTH.size, 3)
            if len(header) != LENGTH.size:
                return
            try:
                order: Order = wire.received(self.control)
                self.run(order, *ends)
            finally:
                for end in ends:
                    with contextlib.suppress(OSError):
                        os.close(end)

    def run(self, order: Order, line: int, features: int, output: int) -> None:
        """Fork the child of a run, and wait until it is told to end it, or it has ended."""
        if (order.model, order.engine) not in self.warm:
            self.warm.add((order.model, order.engine))
            warmed(order)
            gc.collect()
            gc.freeze()  # the children then copy fewer pages
        child = os.fork()
        if not child:
            self.become(order, line, features, output)
        for end in (line, features, output):
            os.close(end)
        status = self.waited(child)
        wire.reply(self.control, {"status": os.waitstatus_to_exitcode(status)})

    def become(self, order: Order, line: int, features: int, output: int) -> None:
        """In the child: let go of what is the template's, and answer queries; never returns."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self.control, self.woken, self.wake):
                end.close()
            prctl(PARENT_DEATH, signal.SIGKILL)
            os.setsid()
            for number in (1, 2):
                os.dup2(output, number)
            os.close(output)
            X = mapped(features, order.shape)
            os.close(features)
            limit(order.most)
            serve(socket.socket(fileno=line), order, X)
            code = 0
        except Broken:
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            flush()
            os._exit(code)

    def waited(self, child: int) -> int:
        """The status of a child that has ended, or is ended since the other side is done."""
        status: int | None = None
        while True:
            found = select.select([self.control, self.woken], [], [])[0]
            if self.woken in found:
                with contextlib.suppress(BlockingIOError):
                    self.woken.recv(4096)
                if status is None:
                    status = ended(child)
            if self.control in found:
                told = self.control.recv(1)
                if status is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                    status = os.waitpid(child, 0)[1]
                swept(child)
                if not told:
                    os._exit(0)
                return status


def ended(child: int) -> int | None:
    """The status of a child, None while it runs; what else has ended is let go."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while True:
            number, found = os.waitpid(-1, os.WNOHANG)
            if not number:
                break
            status = found if number == child else status
    return status


def swept(child: int) -> None:
    """End what is left of a run: its group, and on Linux whatever descends from it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    for _ in range(1000):
        left = children()
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while left and os.waitpid(-1, 0)[0] not in left:
                pass
        if not left:
            return


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


def warmed(order: Order) -> None:
    """Fit the query model on numbers drawn here, so that children need not load its code."""
    from albench.models import engines

    rng = np.random.default_rng(0)
    for n_classes in (2, 3):
        y = np.arange(60) % n_classes
        X = rng.normal(size=(60, 3)) + y[:, None]
        task = standing_in(X, len(X), n_classes, budget=30)
        with warnings.catch_warnings(), contextlib.suppress(Exception):
            warnings.simplefilter("ignore")
            learner = engines.learner(
                order.model, task, lambda n: n, engine=order.engine, memory=order.memory
            )
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
    ranks = np.arange(len(X)) if order.ranks is None else order.ranks
    kept = ("start", "withheld", "batch", "rounds", "budget", "ties", "delay", "positive")
    task = standing_in(
        X,
        order.n_test,
        order.n_classes,
        rows=ranks,
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
        query = asking.query(asked.labeled, asked.y_labeled, Unfitted(learner, asked))
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
    rows, probability = answer if isinstance(answer, Picks) else (answer, None)
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
        kind = "skip"
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
