"""What a run tells the process of its strategy, and what it takes from there.

To the process go objects, as to any worker of this program. From it come numbers and texts
alone, as JSON and plain bytes of bounded length: a strategy has had its hands on whatever it
sends, so nothing of it is executed here.
"""

import json
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from albench.core.arrays import Ints
from albench.core.spec import Ref

LENGTH = struct.Struct("<Q")
WARM, RUN, END = b"w", b"r", b"k"  # what a template is told
TURN = 0.25  # seconds after which a thread that waits looks whether it is told to stop


@dataclass(frozen=True)
class Order:
    """What the process of one run is told before the first query: numbers of the task, and no
    name of what they belong to.

    ranks   (n_train,) order of the rows in their file, where ties are broken by it
    rng     state of the strategy's generator
    shared  whether the query model is the task model, which is fitted in every round
    most    bytes of memory that the process may take beyond those it begins with
    pin     seed of the global generators, where they are to be in a known state
    """

    strategy: Ref
    model: Ref
    shape: tuple[int, int]
    n_test: int
    n_classes: int
    positive: int | None
    start: Ints
    withheld: Ints
    batch: int
    rounds: int
    budget: int
    ties: str
    tolerance: float | None
    delay: int
    ranks: Ints | None
    rng: dict[str, Any]
    shared: bool
    engine: str
    memory: int
    most: int
    pin: int | None = None


class Asked(NamedTuple):
    """One query, as it is sent; see `albench.simulation.query.Query`.

    open  positions of the pool, a bit each
    seed  of the query model on these labels
    """

    labeled: Ints
    y_labeled: Ints
    open: bytes
    waiting: Ints
    n: int
    remaining: int
    seed: int


class Broken(Exception):
    """The other side is gone, or says what cannot be."""


def send(to: socket.socket, thing: Any) -> None:
    """Send an object to a process that is trusted with less than this one."""
    put(to, ForkingPickler.dumps(thing))


def put(to: socket.socket, *parts: bytes | memoryview) -> None:
    """Send bytes with their length before them."""
    length = sum(len(part) for part in parts)
    try:
        to.sendall(b"".join((LENGTH.pack(length), *parts)))
    except OSError as error:
        raise Broken(str(error)) from None


def taken(of: socket.socket, count: int) -> bytes:
    """So many bytes; raises Broken where the other side ends before."""
    parts: list[bytes] = []
    while count:
        try:
            part = of.recv(min(count, 1 << 20))
        except OSError as error:
            raise Broken(str(error)) from None
        if not part:
            raise Broken("it has ended")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def received(of: socket.socket) -> Any:
    """An object from the process that is trusted with more than this one."""
    return ForkingPickler.loads(message(of))


def message(of: socket.socket) -> bytes:
    """What `put` has sent."""
    return taken(of, LENGTH.unpack(taken(of, LENGTH.size))[0])


def reply(to: socket.socket, header: dict[str, Any], body: bytes = b"") -> None:
    """Answer with a table of plain values, and bytes."""
    head = json.dumps(header).encode()
    put(to, LENGTH.pack(len(head)), head, body)


def heard(of: socket.socket, most: int) -> tuple[dict[str, Any], bytes]:
    """A `reply`; raises Broken where it is none, or longer than `most` bytes."""
    length = LENGTH.unpack(taken(of, LENGTH.size))[0]
    if not LENGTH.size <= length <= most:
        raise Broken(f"it sent {length} bytes at once")
    data = taken(of, length)
    head = LENGTH.unpack(data[: LENGTH.size])[0]
    try:
        header = json.loads(data[LENGTH.size : LENGTH.size + head])
    except (ValueError, RecursionError):
        raise Broken("it sent something else than an answer") from None
    if not isinstance(header, dict):
        raise Broken("it sent something else than an answer")
    return header, data[LENGTH.size + head :]


@dataclass
class Chatter:
    """What a process writes to its output: taken, so that it does not wait; the end is kept.

    most  how many bytes are kept
    """

    pipe: socket.socket
    most: int = 4000
    kept: bytes = b""
    open: bool = field(default=True)

    def drain(self) -> None:
        """Take what is there."""
        for _ in range(64):  # another loop's turn before a process that never stops has stopped
            try:
                part = self.pipe.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                part = b""
            if not part:
                self.open = False
                return
            self.kept = (self.kept + part)[-self.most :]

    @property
    def said(self) -> str:
        """The end of it, as text."""
        return self.kept.decode(errors="replace").strip()


def ready(of: socket.socket, beside: Chatter | None, tick: Callable[[], None]) -> None:
    """Wait until something is to be read, and take what is said beside."""
    while True:
        watched: list[socket.socket] = [of]
        if beside is not None and beside.open:
            watched.append(beside.pipe)
        found = select.poll()
        for one in watched:
            found.register(one, select.POLLIN)
        events = {number for number, _ in found.poll(TURN * 1000)}
        if beside is not None and beside.pipe.fileno() in events:
            beside.drain()
        if of.fileno() in events:
            return
        tick()
