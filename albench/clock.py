"""Time in a worker: what it is spent on, and a limit to it. None of it reaches a result."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

from albench.errors import RunTimeout
from albench.learner import Fitted, Ints, Learner

GRACE = 5.0


class Stopwatch:
    """Adds up the seconds spent inside what it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Count the time spent in the block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - begin

    def lap(self) -> float:
        """The seconds since the last lap, to 10 microseconds: more digits only fill tables."""
        seconds, self.seconds = self.seconds, 0.0
        return round(seconds, 5)


class TimedLearner:
    """A learner whose fits are timed."""

    def __init__(self, learner: Learner, watch: Stopwatch) -> None:
        self.learner, self.watch, self.name = learner, watch, learner.name
        self.make = getattr(learner, "make", None)

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        with self.watch.running():
            return self.learner.fit(labeled, y)


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """Raise RunTimeout in the block after so many seconds.

    In a process of its own, code that never returns to Python ends the worker a little
    later; the coordinator then counts it as lost. In a thread (dask) an exception is sent
    to it, which takes effect when it returns to Python.
    """
    if seconds is None:
        yield
        return
    message = f"took longer than {seconds:g} s"
    if threading.current_thread() is threading.main_thread():
        with alarm(seconds, message):
            yield
        return
    timer = threading.Timer(seconds, interrupt, (threading.get_ident(), message))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def alarm(seconds: float, message: str) -> Iterator[None]:
    """`limited` for the main thread of a process."""
    import faulthandler

    def ring(number: int, frame: Any) -> None:
        raise RunTimeout(message)

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    faulthandler.dump_traceback_later(seconds + GRACE, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def interrupt(thread: int, message: str) -> None:
    """Raise RunTimeout in another thread."""
    import ctypes

    kind = type("RunTimeout", (RunTimeout,), {"__str__": lambda self: message})
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))
