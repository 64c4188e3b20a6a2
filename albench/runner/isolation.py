"""A strategy in a process of its own, which has never held what it must not know.

It is sent features, bought labels, positions and its generator's state, and fits the query
model itself. Task, hidden labels, test rows, and the names of dataset and file stay here, as
does the judgement of what it answers. Every run gets a process of its own, forked from a
template (`albench.runner.forking`); on Linux a fence keeps it from all files but code
(`albench.runner.fence`).
"""

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats
from albench.core.errors import NoLabels, RunError, Skip, StrategyError
from albench.core.spec import Ref, RunSpec
from albench.core.tables import FULL_POOL
from albench.runner import wire
from albench.runner.clock import Parts
from albench.runner.forking import ProcessDied, possible, shared, warmed
from albench.runner.wire import Asked, Broken, Chatter, Order
from albench.simulation.query import Picks, Query
from albench.simulation.task import Task

NONE = np.empty(0, dtype=np.intp)


class Raised(RunError):
    """A strategy raised something in its process; the text is the traceback."""


@cache
def memory_of_machine() -> int:
    """Bytes of memory that this machine has."""
    return int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))


def outside(strategy: Ref) -> bool:
    """Whether a strategy, or one that its parameters name, is not albench's own."""
    if strategy.name == FULL_POOL:
        return False
    used = registry.within("strategy", strategy)
    return any(k == "strategy" and not ours(registry.entry(k, r.name)) for k, r in used)


def ours(entry: registry.Entry) -> bool:
    """Whether an entry comes with albench."""
    return entry.plugin is None


def why_here(spec: RunSpec) -> str:
    """Why a strategy cannot be run in a process of its own; empty where it can."""
    if not possible():
        return "this system cannot fork a process"
    if privileged(registry.entry("strategy", spec.strategy.name)):
        return "it declares that it sees what others do not"
    if spec.protocol.labels == "visible":
        return "the protocol gives it all labels"
    if registry.entry("strategy", spec.strategy.name).traits.annotators:
        return "it chooses among annotators, whose answers are not sent to another process"
    if registry.entry("model", spec.query_model.name).traits.bound:
        return "its model looks at the test set"
    for kind, ref in used_by(spec):
        entry = registry.entry(kind, ref.name)
        if not ours(entry) and entry.plugin not in registry.LOADED:
            return f"{kind} {ref.name!r} is defined in no file that another process could load"
    return ""


def privileged(entry: registry.Entry) -> bool:
    """Whether a strategy is declared to be given more than a plain query."""
    return entry.traits.bound or entry.traits.rows or entry.traits.sampling


def used_by(spec: RunSpec) -> Iterator[tuple[registry.Kind, Ref]]:
    """The entries that the process of a strategy needs."""
    yield from registry.within("strategy", spec.strategy)
    yield from registry.within("model", spec.query_model)


def isolates(spec: RunSpec, in_process: bool) -> bool:
    """Whether the strategy of a run gets a process of its own.

    in_process  asked for by the user; else all strategies from files get one
    """
    return not in_process and outside(spec.strategy) and not why_here(spec)


def beside_data(specs: Sequence[RunSpec], in_process: bool) -> dict[str, str]:
    """The strategies from outside that are run in the process that holds the data, and why."""
    found: dict[str, str] = {}
    for spec in specs:
        label = spec.strategy.label
        if label not in found and outside(spec.strategy):
            why = "asked for by --in-process" if in_process else why_here(spec)
            found |= {label: why} if why else {}
    return found


def files_of(spec: RunSpec) -> tuple[str, ...]:
    """The plugin files from which the entries come that the process of a strategy needs."""
    entries = [registry.entry(kind, ref.name) for kind, ref in used_by(spec)]
    files = (e.plugin for e in entries if e.plugin is not None and Path(e.plugin).is_file())
    return tuple(dict.fromkeys(files))


def prepare(spec: RunSpec, engine: str, memory: int) -> None:
    """Have what a run needs ready before its time is taken."""
    warmed(files_of(spec), spec.query_model, engine, memory)


def sketch(spec: RunSpec, task: Task, rng: np.random.Generator, engine: str, memory: int) -> Order:
    """What the process of a run is told before the first query.

    rng  the strategy's generator, as it is before the first query
    """
    ranks = None
    if task.ties == "row":
        ranks = np.empty(len(task.rows), dtype=np.intp)
        ranks[np.argsort(task.rows, kind="stable")] = np.arange(len(task.rows))
    state: Any = rng.bit_generator.state
    return Order(
        strategy=spec.strategy,
        model=spec.query_model,
        shape=(task.X.shape[0], task.X.shape[1]),
        n_test=len(task.y_test),
        n_classes=task.n_classes,
        positive=task.positive,
        start=task.start,
        withheld=task.withheld,
        batch=task.batch,
        rounds=task.rounds,
        budget=task.budget,
        ties=task.ties,
        tolerance=task.tolerance,
        delay=task.delay,
        ranks=ranks,
        rng=state,
        shared=spec.query_model == spec.model and spec.protocol.scale != "labeled",
        engine=engine,
        memory=memory,
        most=memory_of_machine(),
    )


class Isolated:
    """A strategy in a process of its own, as a callable of a `Query`.

    files  the plugin files that its process needs
    seed   number of labels -> seed of the query model
    parts  seconds of the run by part: what the process spends on the query model's fit, which
           this one has made too, is no time of the strategy
    """

    def __init__(
        self,
        order: Order,
        X: Floats,
        files: tuple[str, ...],
        seed: Callable[[int], int],
        parts: Parts | None = None,
    ) -> None:
        self.seed, self.parts = seed, parts
        self.most = (1 << 20) + 64 * order.shape[0]
        self.template = warmed(files, order.model, order.engine, order.memory)
        self.line, theirs = socket.socketpair()
        output, chatter = socket.socketpair()
        self.chatter = Chatter(chatter)
        features = shared(X)
        try:
            self.template.begin(order, [theirs.fileno(), features, output.fileno()])
        except Broken:
            self.template.free = False
            raise ProcessDied(
                "the process for its runs has ended; the next run gets another"
            ) from None
        finally:
            os.close(features)
            theirs.close()
            output.close()

    def __call__(self, query: Query) -> Any:
        """See `albench.simulation.loop.Strategy`."""
        n_train = len(query.X)
        open_bits = np.zeros(n_train, dtype=bool)
        open_bits[query.pool] = True
        asked = Asked(
            query.labeled,
            query.y_labeled if len(query.labeled) else NONE,
            np.packbits(open_bits).tobytes(),
            query.waiting,
            query.n,
            query.remaining,
            self.seed(len(query.labeled)),
        )
        try:
            wire.send(self.line, tuple(asked))  # a plain tuple is read faster
            while True:
                wire.ready(self.line, self.chatter, lambda: None)
                header, body = wire.heard(self.line, self.most)
                if "tell" not in header:
                    return self.answer(query, header, body)
                self.tell(query, header["tell"])
        except Broken as broken:
            raise self.died(str(broken)) from None

    def tell(self, query: Query, position: Any) -> None:
        """Tell the label of a row, if that may be; this side keeps the books."""
        told: int | str = "asked for no position"
        try:
            if query.tell is None:
                told = "labels arrive later here, or never"
            elif isinstance(position, int):
                told = query.tell(position)
        except StrategyError as error:
            told = str(error)
        wire.send(self.line, told)

    def answer(self, query: Query, header: dict[str, Any], body: bytes) -> Any:
        """What the strategy returned; raises what it raised."""
        self.booked(header)
        if "raised" in header:
            bare = not len(query.labeled)
            raise self.raised(str(header["raised"]), str(header.get("said", "")), bare)
        if "odd" in header:
            odd = header["odd"] if isinstance(header["odd"], dict) else {}
            raise StrategyError(odd_answer(odd.get("shape"), odd.get("dtype"), query.n))
        if len(body) < 8 * query.n:
            raise Broken("it sent something else than an answer")
        picks = np.frombuffer(body, dtype=np.int64, count=query.n).astype(np.intp)
        tied = header.get("n_tied")
        if isinstance(tied, int) and 0 < tied <= len(query.pool):
            query.log["n_tied"] = tied
        shape = header.get("probability")
        if shape is None:
            return picks
        if shape != [query.n] or len(body) != 16 * query.n:
            raise StrategyError(f"its probabilities are not {query.n} numbers in (0, 1]")
        return Picks(picks, np.frombuffer(body, dtype=np.float64, offset=8 * query.n))

    def booked(self, header: dict[str, Any]) -> None:
        """Take the fit of the query model out of the strategy's time."""
        spent = header.get("fit")
        if self.parts is not None and isinstance(spent, float) and spent > 0:
            self.parts.turn()
            held = self.parts.seconds
            spent = min(spent, held.get("strategy", 0.0))
            held["strategy"] = held.get("strategy", 0.0) - spent
            held["fit again"] = held.get("fit again", 0.0) + spent

    def raised(self, kind: str, said: str, bare: bool) -> BaseException:
        """What the strategy raised, as this process raises it.

        bare  there is no label yet: whatever it raised, it cannot choose there
        """
        if kind == "no labels" or (kind == "exception" and bare):
            return NoLabels(said)
        if kind == "skip":
            return Skip(said)
        if kind == "contract":
            return StrategyError(said)
        if kind == "refused":
            return RunError(said)
        if kind == "value":
            return ValueError(said)
        return Raised(said + self.printed())

    def printed(self) -> str:
        """The end of what it printed, for the reason of a failure."""
        self.chatter.drain()
        return f"\nit printed: {self.chatter.said[-500:]}" if self.chatter.said else ""

    def died(self, why: str) -> ProcessDied:
        """The process is gone, or speaks no longer as it should."""
        self.end()
        try:
            code = self.template.settled()
        except Broken:
            self.template.free = False
            code = None
        how = why
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                how = f"signal {signal.Signals(-code).name}"
        elif code is not None:
            how = f"exit code {code}"
        return ProcessDied(f"its process ended in the middle of the run: {how}{self.printed()}")

    def end(self) -> None:
        """End the process, if it has not ended, and what it started."""
        if self.line.fileno() < 0:
            return
        self.line.close()
        try:
            self.template.end()
        except Broken:
            self.template.free = False

    def close(self) -> None:
        """The run is over."""
        self.end()
        self.chatter.pipe.close()


def odd_answer(shape: Any, dtype: Any, n: int) -> str:
    """What is wrong with an answer that is no flat array of whole numbers, or not of n."""
    sizes = [int(size) for size in shape] if isinstance(shape, list) else []
    kind = str(dtype)[:200]
    if len(sizes) == 1 and kind.lstrip("u").startswith("int"):
        return f"it returned {sizes[0]} rows; {n} are due"
    return (
        f"it returned an array of shape {tuple(sizes)} and type {kind}; "
        f"a flat array of {n} whole numbers is due"
    )


@contextlib.contextmanager
def isolated(
    spec: RunSpec, task: Task, engine: str, memory: int, parts: Parts | None = None
) -> Iterator[Isolated]:
    """The strategy of a run in a process of its own, which ends with the block."""
    order = sketch(spec, task, spec.rng("strategy"), engine, memory)
    role: Any = "model" if order.shared else "query_model"

    def seed(n: int) -> int:
        return spec.seed(role, n) % 2**32

    with closing(Isolated(order, task.X, files_of(spec), seed, parts)) as strategy:
        yield strategy
