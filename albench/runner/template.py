"""The process from which those of strategies are forked.

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
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats
from albench.core.spec import Ref
from albench.runner import fence, wire
from albench.runner.answering import flush, serve, warmed
from albench.runner.clock import one_thread
from albench.runner.wire import END, RUN, WARM, Broken, Order

PARENT_DEATH, SUBREAPER = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER of <sys/prctl.h>
CHILDREN = f"/proc/self/task/{os.getpid()}/children"


def main() -> None:
    """The template: say what is ready, then serve runs until the other side ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prctl(PARENT_DEATH, signal.SIGKILL)
    prctl(SUBREAPER, 1)  # what a run's child leaves behind becomes a child of this process
    try:
        plugins, sys.path[:] = wire.received(control)
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


if __name__ == "__main__":
    main()
