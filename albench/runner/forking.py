"""The templates from which the processes of strategies are forked, as this process has them.

What a template does stands in `albench.runner.template`. There is one for each set of plugin
files; it gets the variables of the environment, and the files, that Python needs.
"""

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats
from albench.core.errors import RunError
from albench.core.spec import Ref
from albench.runner import wire
from albench.runner.wire import END, RUN, WARM, Broken, Order

KEPT = ("HOME", "PATH", "LANG", "LANGUAGE", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
BEGIN = ("LC_", "PYTHON", "NUMBA_", "CONDA_", "DYLD_")
THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMBA", "NUMEXPR")
PATIENCE = 120.0  # seconds for the imports of a template
MOST = 3  # templates of a thread: one for each file of strategies, 200 MB each
ENDING = 20.0  # seconds for the end of a child that is killed


class ProcessDied(RunError):
    """The process of a strategy ended in the middle of its run."""


def possible() -> bool:
    """Whether this system can fork a process and hand it files."""
    return hasattr(os, "fork") and hasattr(socket, "send_fds") and sys.platform != "win32"


def environment(of: Mapping[str, str]) -> dict[str, str]:
    """The variables that a strategy's process gets: those that Python and libraries need."""
    kept = {name: value for name, value in of.items() if name in KEPT or name.startswith(BEGIN)}
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    absolute = [str(Path(path).resolve()) for path in paths]
    threads = {f"{name}_NUM_THREADS": "1" for name in THREADS}
    return kept | threads | {"PYTHONPATH": os.pathsep.join(dict.fromkeys(absolute))}


class Template:
    """A process that forks those of strategies; see `albench.runner.template`.

    Raises ProcessDied where it does not begin, with the reason.
    """

    def __init__(self, plugins: tuple[str, ...]) -> None:
        self.owner, self.free, self.ending = os.getpid(), False, False
        self.known: set[tuple[Any, ...]] = set()
        self.control, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "albench.runner.template", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=environment(os.environ),
            cwd=tempfile.gettempdir(),
            start_new_session=True,
        )
        theirs.close()
        try:
            wire.send(self.control, (plugins, [str(Path(path).resolve()) for path in sys.path]))
            self.control.settimeout(PATIENCE)
            said, _ = wire.heard(self.control, 1 << 20)
        except Broken as error:
            self.close()
            raise ProcessDied(f"the process for its runs does not begin: {error}") from None
        if "error" in said:
            self.close()
            raise ProcessDied(f"its file does not import in a fresh process: {said['error']}")
        self.threads = int(said.get("threads", 0))
        self.free = True

    def serves(self) -> bool:
        """Whether it is this process's own, and done with its last run."""
        return self.free and self.owner == os.getpid()

    def warm(self, *how: Any) -> None:
        """Have it load the code of a model: the `Ref`, the engine and the memory of a learner."""
        if how in self.known:
            return
        self.settled()
        self.free = False
        try:
            self.control.sendall(WARM)
        except OSError as error:
            raise Broken(str(error)) from None
        wire.send(self.control, how)
        self.control.settimeout(PATIENCE)
        wire.heard(self.control, 1 << 16)
        self.free = True
        self.known.add(how)

    def begin(self, order: Order, ends: list[int]) -> None:
        """Have a child do a run; it gets these files: line, features, output."""
        self.settled()
        self.free = False
        try:
            socket.send_fds(self.control, [RUN], ends)
        except OSError as error:
            raise Broken(str(error)) from None
        wire.send(self.control, order)

    def end(self) -> None:
        """End the run's child and what it left; it does so while this process goes on."""
        try:
            self.control.sendall(END)
        except OSError as error:
            raise Broken(str(error)) from None
        self.free = self.ending = True

    def settled(self) -> int | None:
        """The exit code of the last run's child, negative for a signal; waits for its end."""
        if not self.ending:
            return None
        self.free, self.ending = False, False
        self.control.settimeout(ENDING)
        said, _ = wire.heard(self.control, 1 << 16)
        self.free = True
        return int(said.get("status", 0))

    def close(self) -> None:
        """End the process; it ends its child."""
        self.control.close()
        if self.owner != os.getpid():
            return
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Kept(threading.local):
    """The templates of each thread of this process, the one used last at the end."""

    def __init__(self) -> None:
        self.held: dict[tuple[tuple[str, str | None], ...], Template] = {}

    def get(self, plugins: tuple[str, ...]) -> Template:
        """The template with these files; the one used longest ago ends where there are many."""
        key = tuple((file, registry.LOADED.get(file)) for file in plugins)  # as it is now
        found = self.held.pop(key, None)
        if found is not None and not found.serves():
            found.close()
            found = None
        while len(self.held) >= MOST:
            self.held.pop(next(iter(self.held))).close()
        found = Template(plugins) if found is None else found
        self.held[key] = found
        return found

    def drop(self) -> None:
        """End all templates."""
        while self.held:
            self.held.popitem()[1].close()


kept = Kept()


def warmed(files: tuple[str, ...], model: Ref, engine: str, memory: int) -> Template:
    """The template with these files, which has loaded the code of a model.

    Raises ProcessDied where there can be none, with the reason.
    """
    template = kept.get(files)
    try:
        template.warm(model, engine, memory)
    except Broken as error:
        raise ProcessDied(f"the process for its runs has ended: {error}") from None
    return template


def shared(X: Floats) -> int:
    """A file in memory with the features, which nobody who gets it can write to."""
    data = np.ascontiguousarray(X, dtype=np.float64).tobytes()
    if hasattr(os, "memfd_create"):
        import fcntl

        held = os.memfd_create("features", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        write(held, data)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(held, fcntl.F_ADD_SEALS, seals)
        return held
    with tempfile.NamedTemporaryFile(buffering=0) as passing:  # gone as soon as it is open
        write(passing.fileno(), data)
        return os.open(passing.name, os.O_RDONLY)


def write(file: int, data: bytes) -> None:
    """Write all of it."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]
