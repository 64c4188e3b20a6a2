"""Kernels compiled by numba where it is installed, and their machine code kept on disk.

The machine code lies beside the sources, or, where those may not be written to, in the cache
folder of albench under a name that changes with any source. Time spent on compiling, or on
reading what was compiled before, is counted apart (`Waiting`), since it is no run's own.
"""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from albench.core.files import cache_folder

F = TypeVar("F", bound=Callable[..., Any])
NUMBA = find_spec("numba") is not None
HERE = Path(__file__).parent
REORDERED = {"nsz", "contract", "reassoc"}


def compiled(function: F) -> F:
    """The function, compiled by numba at its first call where numba is installed.

    Without numba it stays what it is; what would be a slow loop then comes by `instead_of`.
    """
    return jit(function, False)


def relaxed(function: F) -> F:
    """As `compiled`, for loops without NaN whose sums may be fused and reordered."""
    return jit(function, REORDERED | {"nnan"})


def instead_of(arrays: F, reordered: bool = False) -> Callable[[F], F]:
    """A loop that is compiled, or without numba the same by arrays.

    reordered  sums may be fused and reordered
    """

    def chosen(function: F) -> F:
        return jit(function, REORDERED if reordered else False) if NUMBA else arrays

    return chosen


def jit(function: F, fastmath: Any) -> F:
    """Compile by numba, machine code cached on disk where there is a place for it."""
    if not NUMBA:
        return function
    OWN.waiting.more()  # numba takes its time to be imported
    try:
        import numba

        listen()
        kept = place()
        with located(kept):
            made: F = numba.njit(cache=kept is not None, nogil=True, fastmath=fastmath)(function)
    finally:
        OWN.waiting.less()
    return made


@cache
def place() -> Path | None:
    """The folder of the machine code; None where none may be written to."""
    for folder in (HERE / "__pycache__", elsewhere()):
        if may_write(folder):
            return folder
    return None


@cache
def elsewhere() -> Path:
    """The folder for these sources where that beside them may not be written to."""
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    return cache_folder() / "compiled" / digest.hexdigest()[:16]


def may_write(folder: Path) -> bool:
    """Whether a file can be made in a folder, which is made where it is missing."""
    probe = folder / f".{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


@contextlib.contextmanager
def located(folder: Path | None) -> Iterator[None]:
    """Have numba keep in `folder` what is decorated in the block; beside the source it would."""
    from numba.core import config

    before = config.CACHE_DIR
    if folder == elsewhere() and not before:
        config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def forget_stale(folder: Path) -> None:
    """Delete cached machine code that is older than any source beside it.

    numba looks at the file of a kernel only, not at those of the kernels that it calls.
    """
    newest = max(source.stat().st_mtime for source in folder.glob("*.py"))
    for kept in (folder / "__pycache__").glob("*.nb[ic]"):
        with contextlib.suppress(OSError):  # another process was faster, or may write here
            if kept.stat().st_mtime < newest:
                kept.unlink()


class Waiting:
    """Seconds that a thread spent on compiling, or on reading compiled code."""

    def __init__(self) -> None:
        self.depth, self.began, self.ended = 0, 0.0, 0.0

    @property
    def seconds(self) -> float:
        """Seconds so far, what is under way included."""
        return self.ended + (time.perf_counter() - self.began if self.depth else 0.0)

    def more(self) -> None:
        """Begin to wait, also where that was begun before."""
        if self.depth == 0:
            self.began = time.perf_counter()
        self.depth += 1

    def less(self) -> None:
        """End what was begun last."""
        self.depth -= 1
        if self.depth == 0:
            self.ended += time.perf_counter() - self.began


class OfThread(threading.local):
    """What this thread waited."""

    def __init__(self) -> None:
        self.waiting = Waiting()


OWN = OfThread()


@cache
def listen() -> None:
    """Have numba tell when it compiles, or reads what it compiled before."""
    from numba.core import event

    class Told(event.Listener):  # type: ignore[misc]  # untyped
        def on_start(self, event: Any) -> None:
            OWN.waiting.more()

        def on_end(self, event: Any) -> None:
            OWN.waiting.less()

    event.register("numba:compiler_lock", Told())


def working_time() -> float:
    """Seconds on a clock that stands still while this thread compiles."""
    return time.perf_counter() - OWN.waiting.seconds


def notices() -> list[str]:
    """What a user should know of compiling before runs begin."""
    if not NUMBA:
        return [
            "numba is not installed: engines run without compiled code, which is slower; "
            "picks are the same"
        ]
    kept = place()
    if kept is None:
        return [
            f"machine code can be kept neither in {HERE / '__pycache__'} nor in {elsewhere()}: "
            "each process compiles its engines anew, which is not counted as a run's time"
        ]
    if not any(kept.rglob("*.nbi")):
        return ["engines are compiled once now, some seconds each; that is no run's time"]
    return []


if NUMBA:
    forget_stale(HERE)
