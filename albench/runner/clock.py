"""Time and threads in a worker: what time is spent on, limits to both, and being stopped."""

import contextlib
import importlib.util
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from albench.core.arrays import Floats, Ints
from albench.core.errors import RunTimeout
from albench.models.engines.compiled import OWN, working_time
from albench.simulation.learner import Fitted, Learner, Part, Trainer

GRACE = 5.0
SCORED = {"train": "pool", "test": "test"}


def one_thread() -> Any:
    """A context in which BLAS and OpenMP have one thread: every process gives the same bits.

    A library that is loaded inside would escape the limit, so SciPy and scikit-learn, which
    bring their own, are loaded before.
    """
    import scipy.linalg  # noqa: F401
    import sklearn.utils  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1)


class Parts:
    """Seconds by part of a run; time in a nested part counts for that part alone.

    Compiling is no part: the clock stands still meanwhile.

    borrowed  seconds that another run of the trial spent on what this one used
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.borrowed: dict[str, float] = {}
        self.stack: list[str] = []
        self.since = working_time()

    @contextlib.contextmanager
    def running(self, part: str) -> Iterator[None]:
        """Count the time spent in the block for a part."""
        self.turn()
        self.stack.append(part)
        try:
            yield
        finally:
            self.turn()
            self.stack.pop()

    def turn(self) -> None:
        """Book the time since the last turn on the innermost part."""
        now = working_time()
        if self.stack:
            part = self.stack[-1]
            self.seconds[part] = self.seconds.get(part, 0.0) + now - self.since
        self.since = now

    def lend(self, part: str, seconds: float) -> None:
        """Take note of what another run of the trial has paid for."""
        self.borrowed[part] = self.borrowed.get(part, 0.0) + seconds

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time booked on a part."""

        def call(*args: Any, **kwargs: Any) -> Any:
            with self.running(part):
                return function(*args, **kwargs)

        return call


class Laps:
    """Seconds of some parts since the last lap, as if nothing had been borrowed."""

    def __init__(self, parts: Parts, names: tuple[str, ...]) -> None:
        self.parts, self.names, self.before = parts, names, 0.0

    def lap(self) -> float:
        """The seconds since the last lap, to 10 microseconds: more digits only fill tables."""
        spent, borrowed = self.parts.seconds, self.parts.borrowed
        total = sum(spent.get(name, 0.0) + borrowed.get(name, 0.0) for name in self.names)
        seconds, self.before = total - self.before, total
        return round(seconds, 5)


class TimedLearner(Trainer):
    """A learner whose fits are timed, and with `scores` what is asked of the fitted model."""

    def __init__(self, learner: Learner, parts: Parts, scores: bool) -> None:
        self.learner, self.parts, self.scores = learner, parts, scores
        self.name, self.make, self.member = learner.name, learner.make, learner.member

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        with self.parts.running("fit"):
            fitted = self.learner.fit(labeled, y)
        return TimedFitted(fitted, self.parts) if self.scores else fitted

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit_repeated`."""
        with self.parts.running("fit"):
            return self.learner.fit_repeated(labeled, y)


class TimedFitted:
    """A fitted model whose scores are timed, pool and test apart."""

    def __init__(self, fitted: Fitted, parts: Parts) -> None:
        self.fitted, self.parts = fitted, parts

    @property
    def estimator(self) -> Any:
        """See `Fitted.estimator`."""
        return self.fitted.estimator

    @property
    def has_proba(self) -> bool:
        """See `Fitted.has_proba`."""
        return self.fitted.has_proba

    def proba(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.proba`."""
        with self.parts.running(SCORED[part]):
            return self.fitted.proba(part, rows)

    def decision(self, part: Part, rows: Ints | None = None) -> Floats | None:
        """See `Fitted.decision`."""
        with self.parts.running(SCORED[part]):
            return self.fitted.decision(part, rows)

    def predicted(self, part: Part, rows: Ints | None = None) -> Ints:
        """See `Fitted.predicted`."""
        with self.parts.running(SCORED[part]):
            return self.fitted.predicted(part, rows)

    def refits(self, rows: Ints, labels: Ints, seen: Ints) -> Floats | None:
        """See `Fitted.refits`; that is the strategy's time."""
        return self.fitted.refits(rows, labels, seen)


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise RunTimeout in the block after so many seconds.

    In a process of its own, code that never returns to Python ends the worker a little
    later; the coordinator then counts it as lost. In a thread (dask), or where the system has
    no alarm signal, an exception is sent to it, which takes effect when it returns to Python.
    """
    if seconds is None:
        yield
        return
    message = f"took longer than {seconds:g} s"
    if threading.current_thread() is threading.main_thread():
        with alarm(seconds, message) if can_ring() else watched(seconds, message):
            yield
        return
    with told_later(seconds, message):
        yield


def can_ring() -> bool:
    """Whether the system has a signal that interrupts what runs; Windows has none."""
    return hasattr(signal, "SIGALRM") and hasattr(signal, "setitimer")


class Extension:
    """How much longer a run may take because it had to wait for the compiler."""

    def __init__(self) -> None:
        self.waiting = OWN.waiting
        self.granted = self.waiting.seconds

    def due(self) -> float:
        """Seconds waited that were not granted yet; from now on they are."""
        due, self.granted = self.waiting.seconds - self.granted, self.waiting.seconds
        return due if due > 1e-3 else 0.0


@contextlib.contextmanager
def told_later(
    seconds: float, message: str, extended: Callable[[float], None] = lambda more: None
) -> Iterator[None]:
    """`limited` for a thread: an exception is sent to it.

    extended  told how many seconds are granted now
    """
    thread, extension = threading.get_ident(), Extension()

    def ring() -> None:
        more = extension.due()
        if more:
            extended(more)
            start(more)
        else:
            interrupt(thread, message)

    def start(after: float) -> None:
        timers.append(threading.Timer(after, ring))
        timers[-1].start()

    timers: list[threading.Timer] = []
    start(seconds)
    try:
        yield
    finally:
        timers[-1].cancel()


def end_process(seconds: float) -> None:
    """End this process so many seconds after a time limit that nothing made it keep."""
    import faulthandler

    faulthandler.dump_traceback_later(seconds + GRACE, exit=True)


@contextlib.contextmanager
def alarm(seconds: float, message: str) -> Iterator[None]:
    """`limited` for the main thread of a process."""
    import faulthandler

    extension = Extension()

    def ring(number: int, frame: Any) -> None:
        more = extension.due()
        if not more:
            raise RunTimeout(message)
        end_process(more)
        signal.setitimer(signal.ITIMER_REAL, more)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    end_process(seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def watched(seconds: float, message: str) -> Iterator[None]:
    """`limited` for the main thread of a process on a system without an alarm signal."""
    import faulthandler

    end_process(seconds)
    try:
        with told_later(seconds, message, end_process):
            yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def peak_memory() -> float | None:
    """The most memory this process has held so far, in megabytes; None where nobody counts.

    The system reports bytes on macOS and kilobytes elsewhere.
    """
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def wanting(timeout: float | None, profile: bool) -> list[str]:
    """What of that which is asked for cannot be had on this system, in words."""
    said = []
    if timeout is not None and not can_ring():
        said.append(
            "this system has no alarm signal: a run beyond its time limit ends when it next "
            f"returns to Python, or its process is ended {GRACE:g} s later"
        )
    if profile and importlib.util.find_spec("resource") is None:
        said.append("this system does not count the peak memory of a process: it stays empty")
    return said


def interrupt(thread: int, message: str) -> None:
    """Raise RunTimeout in another thread."""
    import ctypes

    kind = type("RunTimeout", (RunTimeout,), {"__str__": lambda self: message})
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


@contextlib.contextmanager
def told_to_stop() -> Iterator[None]:
    """Raise KeyboardInterrupt after the block if Ctrl-C or SIGTERM came in it.

    So the interrupt of a user and one that a strategy raises are told apart, and a strategy
    cannot swallow the first. The signals' own handlers are called as before. In a thread,
    which no signal interrupts, this does nothing.
    """
    came: list[int] = []
    before: dict[int, Any] = {}

    def noted(number: int, frame: Any) -> None:
        came.append(number)
        before[number](number, frame)

    if threading.current_thread() is threading.main_thread():
        handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
        before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, noted)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            raise KeyboardInterrupt
