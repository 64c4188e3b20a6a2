"""What a query costs beyond the model fit, for every strategy, next to scikit-activeml.

    python tests/benchmarks/strategies_cost.py [--pools 500 5000] [--only margin badge]

One single-threaded process a measurement, medians of CPU time. Where the library has the
strategy too, ours and theirs are measured in turn, twice each, and the smaller median counts.
A query that takes longer than the limit is cut off; the library is given three times as long.
`first` is the first query of a run, with what is computed once per run; `next` the queries
after it. The clock starts when the query model is fitted:

alone   the strategy itself: what the query model spends on scores, and a committee on the
        fits of its members, is left out on both sides; the refits of expected error and of
        ActiveLab's folds are not
scored  the same with the scores of the query model, as each library makes them: ours by the
        engine that the loop hands over, theirs by scikit-learn's `predict_proba`

scikit-activeml is timed inside its own `query`, with the fitted model handed over.
"""

import argparse
import json
import multiprocessing
import os
import resource
import signal
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import cost_page
import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from albench.core.errors import Skip
from albench.core.registry import build, entry, make_strategy, names, resolve
from albench.core.spec import Ref
from albench.models.engines import learner
from albench.models.engines.logreg import Solved
from albench.simulation.annotators import Books, Panel
from albench.simulation.query import Query
from albench.simulation.task import Task
from albench.strategies import skactiveml as adapter
from albench.testing import make_query

THEIRS = {
    "random": "random",
    "margin": "margin",
    "entropy": "entropy",
    "least_confident": "least_confident",
    "qbc": "qbc",
    "qbc_kl": "qbc_kl",
    "variation_ratio": "variation_ratio",
    "batch_bald": "batch_bald",
    "kcenter": "core_set",
    "typiclust": "typi_clust",
    "probcover": "prob_cover",
    "badge": "badge",
    "clue": "clue",
    "falcun": "falcun",
    "quire": "quire",
    "eer_01": "eer",
}
EQUAL_TERMS: dict[str, dict[str, Any]] = {
    "eer_01": {"candidates": 20, "evaluation": None},
    "eer_log": {"candidates": 20},
    "qbc": {"committee": 5},
    "qbc_kl": {"committee": 5},
    "variation_ratio": {"committee": 5},
}
LABELED, FEATURES, CLASSES = 100, 50, 10
ANNOTATORS = ((0.3, 1.0), (0.2, 2.0), (0.05, 5.0))  # how often each errs, and what an answer costs
MEMBER_FITS = 20  # CPU seconds that the fits of a committee may take on top of a query's limit
ENOUGH = 0.2  # seconds of measured queries after which no further run is begun
PATIENCE = 0.6  # CPU seconds, with all that is not measured, after which none is begun either
MEMORY = 8 * 2**30  # of address space


def data(pool: int) -> tuple[Any, Any]:
    """Features and labels of overlapping classes, the first rows of every class."""
    rng = np.random.default_rng(pool)
    y = np.append(np.arange(CLASSES), rng.integers(CLASSES, size=pool + LABELED - CLASSES))
    X = rng.normal(size=(len(y), FEATURES)) + 0.7 * rng.normal(size=(CLASSES, FEATURES))[y]
    return X, y


@dataclass(frozen=True)
class Scene:
    """One cut on which a strategy is asked; two classes for one that can do no more."""

    name: str
    X: Any
    y: Any
    fits: Any

    @classmethod
    def of(cls, name: str, X: Any, y: Any) -> "Scene":
        """The scene of a strategy, with the learner that a run would use."""
        if "binary" in entry("strategy", name).traits.needs:
            y = (y < CLASSES // 2).astype(np.intp)
        rows = np.arange(len(X))
        task = Task(
            X, y, X[:200], y[:200], rows[:LABELED], int(y.max()) + 1, 1, 1, len(X), rows, rows[:200]
        )
        return cls(name, X, y, learner(Ref("logreg"), task, lambda n: 0))

    def books(self) -> Books | None:
        """Annotators of a run where the strategy chooses them; two have answered for the start."""
        if not entry("strategy", self.name).traits.annotators:
            return None
        rng, shape = np.random.default_rng(1), (len(self.X), len(ANNOTATORS))
        rates, prices = np.array(ANNOTATORS).T
        classes = int(self.y.max()) + 1
        wrong = (self.y[:, None] + rng.integers(1, classes, shape)) % classes
        labels = np.where(rng.random(shape) < rates, wrong, self.y[:, None])
        prices = np.broadcast_to(prices, shape)
        names = tuple(f"annotator {n}" for n in range(len(ANNOTATORS)))
        panel = Panel(names, labels, np.ones(shape, bool), prices, np.full(shape, np.nan))
        books = Books(panel, np.array([], dtype=np.intp))
        for who in (0, 1):
            told(books, np.arange(LABELED), np.full(LABELED, who))
        return books

    def asked(self, labeled: Any, batch: int, memo: Any, books: Books | None = None) -> Query:
        """A query of one round, its model fitted."""
        traits = entry("strategy", self.name).traits
        more: dict[str, Any] = {"y": self.y, "positive": 0, "remaining": 10 * batch}
        if traits.bound or traits.sampling:
            more["hidden"] = True
        if traits.bound:
            more["test"] = (self.X[:200], self.y[:200])
        model = build("model", resolve("model", "logreg"))(0)
        y = self.y[labeled]
        query = make_query(
            self.X, labeled, y, batch, int(self.y.max()) + 1, model=model, batch=batch, **more
        )
        fitted = self.fits.fit(query.labeled, query.y_labeled)
        query = replace(query, annotators=books.seen() if books else None)
        return replace(query, fit=lambda: fitted, memo=memo, rng=np.random.default_rng(len(y)))


def told(books: Books, rows: Any, who: Any) -> None:
    """Note whom was asked for which row, and the answers."""
    books.bought(rows, who)
    books.arrived(rows, who)


class Clock:
    """Seconds spent in some functions: CPU time, else elapsed time where its clock is coarse."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.running = False

    def timed(self, function: Any) -> Any:
        """The function, its time added up; a call inside a call counts once."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.running:
                return function(*args, **kwargs)
            self.running = True
            start = now()
            try:
                return function(*args, **kwargs)
            finally:
                self.running = False
                self.seconds += now() - start

        return call


def fine() -> bool:
    """Whether the CPU clock ticks at least every 10 microseconds."""
    start = last = time.thread_time()
    ticks = 0
    while last - start < 1e-3:
        latest = time.thread_time()
        ticks += latest > last
        last = latest
    return ticks >= 100


# of the thread: the clock of a process with a CPU limit ticks every few milliseconds
now = time.thread_time if fine() else time.perf_counter


@dataclass
class Clocks:
    """What is timed: queries of adapted strategies, fits of members, scores of models."""

    adapted: Clock = field(default_factory=Clock)
    fits: Clock = field(default_factory=Clock)
    scores: Clock = field(default_factory=Clock)
    whole: Clock = field(default_factory=Clock)

    def install(self, name: str) -> None:
        """Put the clocks around the functions of this process."""
        if name.startswith("ska:"):
            import skactiveml.pool as pool

            adapter.DEFECTS.clear()  # what is wrong with their picks is no matter of time
            cls = getattr(pool, adapter.ADAPTED[name.removeprefix("ska:")].cls)
            cls.query = self.adapted.timed(cls.query)
        elif entry("strategy", name).traits.family == "committee":
            Query.member = self.fits.timed(Query.member)  # type: ignore[method-assign]
        for method in ("predict_proba", "predict", "decision_function"):
            timed = self.scores.timed(getattr(LogisticRegression, method))
            setattr(LogisticRegression, method, timed)
        for method in ("proba", "predicted", "decision"):
            setattr(Solved, method, self.scores.timed(getattr(Solved, method)))

    def query(self, strategy: Any, query: Query, theirs: bool) -> tuple[Any, float, float]:
        """Its answer, and its seconds alone and with scores."""
        for clock in (self.adapted, self.fits, self.scores, self.whole):
            clock.seconds = 0.0
        answer = self.whole.timed(strategy)(query)
        spent = self.adapted.seconds if theirs else self.whole.seconds - self.fits.seconds
        return answer, spent - self.scores.seconds, spent


class TooSlow(Exception):
    """A query took longer than the limit."""


def one_run(scene: Scene, batch: int, clocks: Clocks, limit: int) -> list[tuple[float, float]]:
    """Seconds (alone, with scores) of each query of a run of two to six."""
    name, memo, began = scene.name, {}, time.process_time()
    strategy = make_strategy(name, **EQUAL_TERMS.get(name, {}))
    labeled, times, spent, books = np.arange(LABELED), [], 0.0, scene.books()
    while len(times) < 2 or (
        len(times) < 6 and spent < 1.0 and time.process_time() - began < PATIENCE
    ):
        cut_off(MEMBER_FITS)  # the query model's own fit
        query = scene.asked(labeled, batch, memo, books)
        cut_off(limit + 1 + MEMBER_FITS * (entry("strategy", name).traits.family == "committee"))
        answer, alone, scored = clocks.query(strategy, query, name.startswith("ska:"))
        if scored > limit:
            raise TooSlow
        times.append((alone, scored))
        spent += scored
        rows = np.asarray(answer.rows if hasattr(answer, "rows") else answer)
        if books is not None:
            told(books, rows, answer.annotators)
        labeled = np.append(labeled, rows[~np.isin(rows, labeled)])  # some are asked for again
        if len(query.pool) <= 2 * batch:
            break
    return times


def cut_off(seconds: int) -> None:
    """End this process by SIGXCPU once it has used so much more CPU time."""
    most = int(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def measured(name: str, cut: tuple[Any, Any], batch: int, limit: int) -> dict[str, Any]:
    """Milliseconds of the first and the following queries, and the memory they added."""
    before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    scene, clocks = Scene.of(name, *cut), Clocks()
    clocks.install(name)
    runs: list[list[tuple[float, float]]] = []
    began, timed = time.process_time(), 0.0
    while not runs or (
        len(runs) < 20 and timed < ENOUGH and time.process_time() - began < PATIENCE
    ):
        runs.append(one_run(scene, batch, clocks, limit))
        timed += sum(scored for _, scored in runs[-1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    later = [times for run in runs for times in run[1:] or run]
    return {
        "first": 1e3 * median(run[0][0] for run in runs),
        "next": 1e3 * median(alone for alone, _ in later),
        "scored": 1e3 * median(scored for _, scored in later),
        "mb": max(0.0, peak - before) / 2**20,
    }


def child(pipe: Any, name: str, cut: Any, batch: int, limit: int) -> None:
    """Measure in this process, which ends when a query's CPU time is used up."""
    threadpool_limits(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    try:
        found = measured(name, cut, batch, limit)
    except TooSlow:
        found = {"refused": f"> {limit} s"}
    except (Skip, MemoryError) as error:
        found = {"refused": str(error) or f"needs more than {MEMORY / 2**30:.0f} GB"}
    except Exception as error:
        found = {"refused": f"{type(error).__name__}: {error}"[:100]}
    pipe.send(found)


def cost(name: str, cut: Any, batch: int, limit: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    limit *= 3 if name.startswith("ska:") else 1
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=child, args=(far, name, cut, batch, limit)
    )
    process.start()
    far.close()
    try:
        found: dict[str, Any] = near.recv()
    except EOFError:
        found = {}
    process.join()
    if not found and process.exitcode == -signal.SIGXCPU:
        return {"refused": f"> {limit} s"}
    return found or {"refused": f"the process ended with exit code {process.exitcode}"}


def better(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Of two measurements of one thing the smaller of each number."""
    if "refused" in one or "refused" in other:
        return one if "refused" in one else other
    return {key: min(one[key], other[key]) for key in one}


def pair(names: list[str], cut: Any, batch: int, limit: int) -> list[dict[str, Any]]:
    """One record for ours and, where there is one, one for theirs."""
    found = [cost(name, cut, batch, limit) for name in names]
    quick = all(one.get("scored", limit * 1e3) < 200.0 * limit for one in found)
    if len(found) == 2 and quick:  # what takes seconds needs no second look
        found = [
            better(one, cost(n, cut, batch, limit)) for n, one in zip(names, found, strict=True)
        ]
    return found


def results(
    pools: list[int], batches: list[int], only: list[str], limit: int, known: dict[Any, Any]
) -> Iterator[Any]:
    """One record for each strategy, pool and batch; none after one that took too long."""
    ours = [n for n in names("strategy") if not n.startswith("ska:")]
    # what these queries lack: `file_order` is told the places of rows in a file, and a replay
    # needs the file of the picks that it replays
    traits = {n: entry("strategy", n).traits for n in ours}
    ours = [n for n in ours if not (traits[n].rows or traits[n].replay)]
    wanted = [n for n in ours if not only or n in only]
    slow: dict[tuple[str, int, int], str] = {}
    for pool in pools:
        cut = data(pool)
        for name in wanted:
            both = [name, f"ska:{THEIRS[name]}"] if name in THEIRS else [name]
            for batch in batches:
                found = {n: known[n, pool, batch] for n in both if (n, pool, batch) in known}
                for n in both:
                    for (m, p, b), reason in slow.items():
                        if m == n and p <= pool and b <= batch:
                            found.setdefault(n, {"refused": reason})
                left = [n for n in both if n not in found]
                found |= dict(zip(left, pair(left, cut, batch, limit), strict=True))
                for n in both:
                    if found[n].get("refused", "").startswith(">"):
                        slow.setdefault((n, pool, batch), found[n]["refused"])
                    yield {"name": n, "pool": pool, "batch": batch, **found[n]}


def heading(limit: int) -> dict[str, Any]:
    """What the page says of the measurement."""
    clock = "CPU time" if now is time.thread_time else "elapsed time"
    return {
        "clock": clock,
        "features": FEATURES,
        "classes": CLASSES,
        "labeled": LABELED,
        "limit": limit,
        "library": adapter.INSTALLED,
        "theirs": THEIRS,
    }


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pools", type=int, nargs="+", default=[500, 5000, 50_000])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--limit", type=int, default=5, help="CPU seconds a query")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument(
        "--log",
        type=Path,
        help="JSON lines, written as they come; what it holds is not measured again",
    )
    given = parser.parse_args()
    import scipy.cluster.hierarchy  # noqa: F401  (before the fork, so that no child pays)
    import skactiveml.pool  # noqa: F401
    import sklearn.neighbors  # noqa: F401

    threadpool_limits(1)
    Scene.of("margin", *data(500)).asked(np.arange(LABELED), 1, {}).proba  # noqa: B018  imports

    lines = given.log.read_text().splitlines() if given.log and given.log.exists() else []
    known = {(r["name"], r["pool"], r["batch"]): r for r in map(json.loads, lines)}
    records = []
    for record in results(given.pools, given.batches, given.only, given.limit, known):
        records.append(record)
        if given.log and (record["name"], record["pool"], record["batch"]) not in known:
            with given.log.open("a") as log:
                log.write(json.dumps(record) + "\n")
        given.to.write_text(cost_page.page(records, heading(given.limit)))


if __name__ == "__main__":
    main()
