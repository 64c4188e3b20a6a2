"""What a query costs beyond the model fit, for every strategy, next to scikit-activeml.

    python tests/benchmarks/strategies_cost.py [--pools 500 5000] [--only margin badge]

One single-threaded process a measurement; the fastest of several runs, CPU time where it is
above half a second, else elapsed time. `first` is the first query of a run, with what is
computed once per run; `next` the fastest of the queries after it. What the model spends on
predictions, and a committee on its fits, is left out on both sides; the refits of expected
error are not. scikit-activeml is timed inside its own `query`, with the fitted model handed
over.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

import albench.strategies.skactiveml as adapter
from albench.errors import Skip
from albench.query import Query
from albench.registry import build, entry, make_strategy, names, resolve
from albench.testing import make_query

THEIRS = {
    "random": "random", "margin": "margin", "entropy": "entropy",
    "least_confident": "least_confident", "qbc": "qbc", "qbc_kl": "qbc_kl",
    "variation_ratio": "variation_ratio", "batch_bald": "batch_bald", "kcenter": "core_set",
    "typiclust": "typi_clust", "probcover": "prob_cover", "badge": "badge", "clue": "clue",
    "falcun": "falcun", "quire": "quire", "eer_01": "eer",
}  # fmt: skip
EQUAL_TERMS: dict[str, dict[str, Any]] = {
    "eer_01": {"candidates": 20, "evaluation": None},
    "qbc": {"committee": 5}, "qbc_kl": {"committee": 5}, "variation_ratio": {"committee": 5},
}  # fmt: skip
LABELED, FEATURES, CLASSES = 100, 50, 10


def data(pool: int) -> tuple[Any, Any, Any]:
    """Overlapping classes, and a logistic regression fitted on the first rows."""
    rng = np.random.default_rng(pool)
    y = np.append(np.arange(CLASSES), rng.integers(CLASSES, size=pool + LABELED - CLASSES))
    X = rng.normal(size=(len(y), FEATURES)) + 0.7 * rng.normal(size=(CLASSES, FEATURES))[y]
    model = build("model", resolve("model", "logreg"))(0)
    return X, y, model.fit(X[:LABELED], y[:LABELED])


def asked(name: str, cut: tuple[Any, Any, Any], labeled: Any, batch: int, memo: Any) -> Query:
    """A query of one round; two classes for a strategy that can do no more."""
    X, y, model = cut
    about = entry("strategy", name).about
    more: dict[str, Any] = {"y": y, "positive": 0, "remaining": 10 * batch, "batch": batch}
    if about.get("bound") or about.get("sampling"):
        more["hidden"] = True
    if about.get("bound"):
        more["test"] = (X[:200], y[:200])
    if "binary" in about.get("needs", ()):
        y = (y < CLASSES // 2).astype(int)
        model = build("model", resolve("model", "logreg"))(0).fit(X[:LABELED], y[:LABELED])
    query = make_query(X, labeled, y[labeled], batch, int(y.max()) + 1, model=model, **more)
    _ = query.fitted
    return replace(query, memo=memo, rng=np.random.default_rng(len(labeled)))


class Clock:
    """Seconds spent in some functions: CPU time if it is long, else elapsed time."""

    def __init__(self) -> None:
        self.cpu = self.elapsed = 0.0
        self.running = False

    def reset(self) -> None:
        """Start again from nothing."""
        self.cpu = self.elapsed = 0.0

    def less(self, other: "Clock") -> float:
        """Seconds without those of another clock that ran inside this one.

        The CPU clock of some kernels ticks every few milliseconds, so it serves long times.
        """
        if self.cpu > 0.5:
            return self.cpu - other.cpu
        return self.elapsed - other.elapsed

    def timed(self, function: Any) -> Any:
        """The function, its time added up; a call inside a call counts once."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self.running:
                return function(*args, **kwargs)
            self.running = True
            cpu, elapsed = time.process_time(), time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.running = False
                self.cpu += time.process_time() - cpu
                self.elapsed += time.perf_counter() - elapsed

        return call


def one_run(
    name: str, cut: tuple[Any, Any, Any], batch: int, library: Clock, modelled: Clock
) -> list[float]:
    """Seconds of each query of a run of at most six."""
    strategy, memo = make_strategy(name, **EQUAL_TERMS.get(name, {})), {}
    labeled, times, whole = np.arange(LABELED), [], Clock()
    while not times or (len(times) < 6 and sum(times) < 1.0):
        query = asked(name, cut, labeled, batch, memo)
        for clock in (library, modelled, whole):
            clock.reset()
        answer = whole.timed(strategy)(query)
        times.append((library if name.startswith("ska:") else whole).less(modelled))
        rows = answer.rows if hasattr(answer, "rows") else answer
        labeled = np.append(labeled, np.asarray(rows))
        if len(query.pool) <= 2 * batch:
            break
    return times


def measured(name: str, cut: tuple[Any, Any, Any], batch: int) -> dict[str, Any]:
    """Milliseconds of the first and the following queries, and the memory they added."""
    before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    part, modelled = Clock(), Clock()
    if name.startswith("ska:"):
        import skactiveml.pool as pool

        adapter.DEFECTS.clear()  # what is wrong with their picks is no matter of time
        cls = getattr(pool, adapter.ADAPTED[name.removeprefix("ska:")].cls)
        cls.query = part.timed(cls.query)
    elif entry("strategy", name).about["family"] == "committee":
        Query.member = modelled.timed(Query.member)  # type: ignore[method-assign]
    for method in ("predict_proba", "predict", "decision_function"):
        setattr(LogisticRegression, method, modelled.timed(getattr(LogisticRegression, method)))
    runs: list[list[float]] = []
    while len(runs) < 5 and sum(map(sum, runs)) < 0.5:
        runs.append(one_run(name, cut, batch, part, modelled))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    later = [seconds for run in runs for seconds in run[1:] or run]
    return {"first": 1e3 * min(run[0] for run in runs), "next": 1e3 * min(later),
            "mb": max(0.0, peak - before) / 2**20}  # fmt: skip


def child(pipe: Any, name: str, cut: Any, batch: int, limit: int) -> None:
    """Measure in this process, which ends when its CPU time is used up."""
    spent = int(time.process_time())
    threadpool_limits(1)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + limit, spent + limit + 5))
    resource.setrlimit(resource.RLIMIT_AS, (8 * 2**30, 8 * 2**30))
    warnings.simplefilter("ignore")
    try:
        found = measured(name, cut, batch)
    except (Skip, MemoryError) as error:
        found = {"refused": str(error) or "more than 8 GB"}
    except Exception as error:
        found = {"refused": f"{type(error).__name__}: {error}"[:100]}
    pipe.send(found)


def cost(name: str, cut: Any, batch: int, limit: int) -> dict[str, Any]:
    """One measurement in a process of its own."""
    near, far = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=child, args=(far, name, cut, batch, limit)
    )
    process.start()
    far.close()
    try:
        found: dict[str, Any] = near.recv()
    except EOFError:
        found = {"refused": f"> {limit} s"}
    process.join()
    return found


def results(
    pools: list[int], batches: list[int], only: list[str], limit: int, known: dict[Any, Any]
) -> Iterator[Any]:
    """One record for each strategy, pool and batch; none after one that took too long."""
    ours = [n for n in names("strategy") if not n.startswith("ska:")]
    wanted = [n for n in ours if not only or n in only]
    wanted += [f"ska:{THEIRS[n]}" for n in wanted if n in THEIRS]
    slow: set[str] = set()
    for pool in pools:
        cut = data(pool)
        for name in wanted:
            for batch in batches:
                too_slow = {"refused": f"> {limit} s"}
                found = known.get((name, pool, batch))
                if found is None:
                    found = too_slow if name in slow else cost(name, cut, batch, limit)
                if found.get("refused", "").startswith(">"):
                    slow.add(name)
                yield {"name": name, "pool": pool, "batch": batch, **found}


def shown(found: dict[str, Any] | None) -> str:
    """One cell: the next query, and the first where it takes much longer."""
    if found is None:
        return ""
    if "refused" in found:
        return found["refused"] if found["refused"].startswith(">") else "refused"
    first = f" (first {found['first']:.3g})" if found["first"] > 3 * found["next"] + 1 else ""
    return f"{found['next']:.3g}{first}"


def table(records: list[dict[str, Any]], limit: int) -> str:
    """The markdown page."""
    cells = {(r["name"], r["pool"], r["batch"]): r for r in records}
    columns = sorted({(r["pool"], r["batch"]) for r in records})
    head = [f"pool {pool}, batch {batch}" for pool, batch in columns]
    lines = [
        "# What a query costs beyond the fit", "",
        f"Milliseconds on one core ({platform.machine()}, Python "
        f"{platform.python_version()}, numpy {np.__version__}), d = {FEATURES}, k = {CLASSES}, "
        f"{LABELED} labels at the first query. A later query of a run; in brackets the first one, "
        f"where what is computed once per run makes it much longer. Limit {limit} s. Lines in "
        f"italics: scikit-activeml {adapter.INSTALLED} in the same run. The last column is the "
        "memory added at the largest pool that ran. Written by `strategies_cost.py`, whose "
        "head says what is counted.", "",
        "| strategy | " + " | ".join(head) + " | MB |",
        "|---" * (len(columns) + 2) + "|",
    ]  # fmt: skip
    for name in [n for n in dict.fromkeys(r["name"] for r in records) if not n.startswith("ska:")]:
        for line in (name, f"ska:{THEIRS.get(name)}"):
            row = [cells.get((line, *column)) for column in columns]
            if any(row):
                ran = [r["mb"] for r in row if r and "mb" in r]
                label = f"*{line}*" if line.startswith("ska:") else f"`{line}`"
                memory = f"{ran[-1]:.0f}" if ran else ""
                lines.append(f"| {label} | {' | '.join(map(shown, row))} | {memory} |")
    refused = {(r["name"], r["refused"]) for r in records if r.get("refused", ">")[0] != ">"}
    lines += ["", "Refused:", ""] if refused else []
    lines += [f"- `{name}`: {why}" for name, why in sorted(refused)]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pools", type=int, nargs="+", default=[500, 5000, 50_000])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--limit", type=int, default=60, help="CPU seconds a measurement")
    parser.add_argument("--to", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument(
        "--log",
        type=Path,
        help="JSON lines, written as they come; what it holds is not measured again",
    )
    given = parser.parse_args()
    import skactiveml.pool  # noqa: F401

    threadpool_limits(1)
    import sklearn.neighbors  # noqa: F401  (imported before the fork, so that no child pays)

    lines = given.log.read_text().splitlines() if given.log and given.log.exists() else []
    known = {(r["name"], r["pool"], r["batch"]): r for r in map(json.loads, lines)}
    records = []
    for record in results(given.pools, given.batches, given.only, given.limit, known):
        records.append(record)
        if given.log and (record["name"], record["pool"], record["batch"]) not in known:
            with given.log.open("a") as log:
                log.write(json.dumps(record) + "\n")
        given.to.write_text(table(records, given.limit))


if __name__ == "__main__":
    main()
