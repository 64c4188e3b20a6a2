"""What a strategy reaches for while it answers: files, datasets, frames, other processes.

Python's audit events tell of it, whichever library it goes through. What albench, the
standard library and installed libraries do on their own account is left aside, as are files
that a library opens while it is imported.
"""

import contextlib
import functools
import importlib
import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from albench.core import registry
from albench.runner import worker

CODE = (".py", ".pyc", ".so", ".pyd", ".pth", ".zip", ".nbi", ".nbc", ".lock")
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/zoneinfo/")


def slashed(file: str, separator: str = os.sep) -> str:
    """A path with forward slashes, as the guards below spell them."""
    return file.replace(separator, "/")


def import_code() -> CodeType | None:
    """The code of Python's own import, which no other code can imitate; None if it moved."""
    found = getattr(getattr(importlib, "_bootstrap", None), "_find_and_load", None)
    return getattr(found, "__code__", None)


IMPORT = import_code()
FROZEN_IMPORT = "<frozen importlib._bootstrap>"


def importing(code: CodeType) -> bool:
    """Whether a frame's code is Python's own import.

    Where that cannot be asked of its code it is told by its file, which generated code could
    pretend to: an honest strategy still passes, and fewer dishonest ones are caught.
    """
    return code.co_filename == FROZEN_IMPORT if IMPORT is None else code is IMPORT


HERE = slashed(str(Path(worker.__file__).parents[1]))
CORE = tuple(
    f"{HERE}/{name}"
    for name in ("testing/", "simulation/loop.py", "simulation/query.py", "runner/worker.py")
)
WORDS = {
    "sys._getframe": "looks at the frames of its callers",
    "sys._current_frames": "looks at the frames of its callers",
    "gc.get_objects": "searches the memory of the process",
    "gc.get_referrers": "searches the memory of the process",
    "gc.get_referents": "searches the memory of the process",
    "ctypes.dlopen": "reaches for compiled code through ctypes",
    "ctypes.dlsym": "reaches for compiled code through ctypes",
    "mmap.__new__": "maps memory or a file",
    "socket.connect": "opens a network connection",
    "subprocess.Popen": "starts a process",
    "os.system": "starts a process",
    "os.posix_spawn": "starts a process",
}
WORDS |= dict.fromkeys(("os.listdir", "os.scandir", "glob.glob"), "lists the files of a folder")
ASKED_BY_OTHERS = (
    "/inspect.py",
    "/traceback.py",
    "/ctypes/__init__.py",
    "/ctypes/util.py",
    "/concurrent/futures/thread.py",
    "/multiprocessing/pool.py",
    "/threading.py",
    "/os.py",
    "/pathlib.py",
    "/glob.py",
)
ATTRIBUTES = ("tb_frame", "gi_frame", "cr_frame", "ag_frame")


@dataclass
class Watch:
    """Notes what happens inside its context, each thing once, in the order it happened.

    counts  whether the bytes that the process reads are counted, too; not while a file is
            imported, when most are those of libraries
    code    the most bytes that may have been read of files that no note is made of
    """

    seen: dict[str, None] = field(default_factory=dict)
    counts: bool = True
    code: int = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Watch this thread's block."""
        install()
        watching.append(self)
        before, self.code = bytes_read(), 0
        try:
            yield
        finally:
            more = bytes_read() - before - self.code
            watching.remove(self)
            if self.counts and more >= MUCH and not self.seen:
                self.note(f"reads {more:,} bytes by compiled code, of which Python tells nothing")

    def note(self, sentence: str) -> None:
        """Keep a sentence."""
        self.seen.setdefault(sentence)


MUCH = 2048  # compiled code asks the system for the number of its cores, which is less


def bytes_read() -> int:
    """How many bytes this process has read from files and pipes, where the system counts them."""
    try:
        held = os.open("/proc/self/io", os.O_RDONLY)
    except OSError:
        return 0
    try:
        text = os.read(held, 4096)
    finally:
        os.close(held)
    return int(text.split()[1])


watching: list[Watch] = []
installed: list[bool] = []
busy: list[bool] = []


def install() -> None:
    """Hear audit events from now on; a hook cannot be taken away, so it is set once."""
    if not installed:
        installed.append(True)
        sys.addaudithook(heard)


def heard(event: str, args: tuple[Any, ...]) -> None:
    """One audit event."""
    if not watching or busy:
        return
    busy.append(True)  # looking at frames below is itself an event
    try:
        sentence = told(event, args)
        if sentence:
            watching[-1].note(sentence)
        elif event == "open":
            watching[-1].code += size_of(args[0])
    finally:
        busy.pop()


def size_of(path: Any) -> int:
    """The bytes of a file, and what is read to find it; 0 where it is none."""
    try:
        return os.stat(path).st_size + MUCH
    except (OSError, TypeError, ValueError):
        return 0


def told(event: str, args: tuple[Any, ...]) -> str | None:
    """What an audit event means, None for one that means nothing."""
    if event == "open":
        said = opened(args[0])
        return None if said is None or library_imported() else said
    if event == "object.__getattr__" and args[1] in ATTRIBUTES:
        event = "sys._getframe"
    return WORDS[event] if event in WORDS and not by_library() else None


def opened(path: Any) -> str | None:
    """What opening a file means; None for code and for what describes the machine."""
    if not isinstance(path, str | bytes | Path):
        return None
    text = path.decode(errors="replace") if isinstance(path, bytes) else str(path)
    text = slashed(text)
    if text.endswith(CODE) or text.startswith(SYSTEM) or ".dist-info" in text:
        return None
    return f"opens the file {text}"


@functools.cache
def libraries() -> tuple[str, ...]:
    """The folders of the standard library and of installed packages."""
    paths = sysconfig.get_paths()
    found = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {*site.getsitepackages()}
    return (*sorted(slashed(path) for path in found), "<frozen")


def by_library() -> bool:
    """Whether the event was caused by a library on its own account.

    `inspect`, `traceback`, `ctypes` and threads act for who called them; where nobody else is
    to be seen, as in a thread that was handed a function of the interpreter, it is no library.
    """
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        file = slashed(frame.f_code.co_filename)
        if not file.endswith(ASKED_BY_OTHERS):
            return file.startswith((*libraries(), *CORE))
        frame = frame.f_back
    return False


def library_imported() -> bool:
    """Whether the event happened while a library was imported, by code of libraries alone.

    Code without a file (generated, or run by `exec`) is that of who called it.
    """
    frame: FrameType | None = sys._getframe(3)
    while frame is not None and not importing(frame.f_code):
        file = slashed(frame.f_code.co_filename)
        if not file.startswith((*libraries(), "<")):
            return False
        frame = frame.f_back
    return frame is not None


@contextlib.contextmanager
def trapped(watch: Watch) -> Iterator[None]:
    """Note each dataset that is built while the watch is on, by whatever route."""
    before: Mapping[str, Any] = dict(registry.ENTRIES["dataset"])
    kept = worker.datasets
    for name, entry in before.items():
        registry.ENTRIES["dataset"][name] = replace(entry, make=telling(entry, watch))
    worker.datasets = Bait(watch)
    try:
        yield
    finally:
        registry.ENTRIES["dataset"].update(before)
        worker.datasets = kept


class Bait(dict[Any, Any]):
    """The datasets that a worker holds, of which there are none; whoever looks is noted."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def told(self, name: str, *given: Any) -> Any:
        """Do as a table does, and say so."""
        if self.watch in watching:
            self.watch.note("looks for the datasets that a worker holds")
        return getattr(dict, name)(self, *given)

    def __getitem__(self, key: Any) -> Any:
        return self.told("__getitem__", key)

    def __contains__(self, key: Any) -> bool:
        return bool(self.told("__contains__", key))

    def __iter__(self) -> Iterator[Any]:
        found: Iterator[Any] = self.told("__iter__")
        return found

    def __len__(self) -> int:
        return int(self.told("__len__"))

    def get(self, *given: Any) -> Any:
        """See `dict.get`."""
        return self.told("get", *given)

    def keys(self) -> Any:
        """See `dict.keys`."""
        return self.told("keys")

    def values(self) -> Any:
        """See `dict.values`."""
        return self.told("values")

    def items(self) -> Any:
        """See `dict.items`."""
        return self.told("items")


ROOTS = ("albench", "numpy", "scipy", "sklearn")
Held = dict[tuple[str, str, str], Any]


class Libraries:
    """What albench, numpy, scipy and scikit-learn offer, as it was when this was made.

    Compared are functions and classes, of modules and of classes; what a module imports later,
    and values that it keeps for itself, are its own business.
    """

    def __init__(self) -> None:
        self.modules = {name for name in sys.modules if name.partition(".")[0] in ROOTS}
        self.before = self.held()

    def held(self) -> Held:
        """Module, class or nothing, and name of everything that can be called."""
        found: Held = {}
        for name in self.modules & sys.modules.keys():
            offered = dict(getattr(sys.modules[name], "__dict__", {}))
            for key, value in offered.items():
                if callable(value):
                    found[name, "", key] = value
                if isinstance(value, type) and value.__module__ == name:
                    own = {k: v for k, v in vars(value).items() if is_code(v)}
                    found |= {(name, key, k): v for k, v in own.items()}
        return found

    def changed(self) -> str | None:
        """What is another, gone, or new; None where all is as it was."""
        now = self.held()
        for key in self.before.keys() | now.keys():
            if now.get(key) is not self.before.get(key) and not imported(key, now.get(key)):
                return f"it changes {'.'.join(filter(None, key))}"
        return None


def is_code(value: Any) -> bool:
    """Whether an attribute of a class does something."""
    return callable(value) or isinstance(value, property | staticmethod | classmethod)


def imported(key: tuple[str, str, str], value: Any) -> bool:
    """Whether a name of a module is one that it took from another when first asked for it."""
    home = getattr(value, "__module__", None)
    own = str(home).partition(".")[0] == key[0].partition(".")[0]
    known = getattr(sys.modules.get(str(home)), getattr(value, "__name__", ""), None)
    return not key[1] and own and known is value


def telling(entry: registry.Entry, watch: Watch) -> Any:
    """The dataset's function, which tells when it is called."""

    @functools.wraps(entry.make)
    def make(*args: Any, **kwargs: Any) -> Any:
        if watch in watching:
            watch.note(f"reads the dataset {entry.name!r} from the registry")
        return entry.make(*args, **kwargs)

    return make
