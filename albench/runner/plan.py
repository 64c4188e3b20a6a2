"""What a run would cost, before it is run; and where the time went, after."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from albench.core import registry
from albench.core.arrays import Ints
from albench.core.errors import Skip
from albench.core.spec import Ref, RunSpec
from albench.core.tables import FULL_POOL
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.datasets._download import offline
from albench.models import engines
from albench.results import provenance
from albench.results.store import Store
from albench.runner import Progress, part, preflight, with_skipped
from albench.runner.clock import one_thread
from albench.runner.grid import missing
from albench.runner.worker import described, resident
from albench.simulation.learner import Learner
from albench.simulation.task import Task
from albench.suite import Suite

BYTES_A_ROUND, BYTES_A_PICK = 60, 6
A_ROUND, A_RUN, AT_ALL = 5e-4, 5e-3, 4.0
"""Seconds beside the fits, measured on `quickstart`: the loop, metrics and a cheap strategy;
cutting and storing; start-up of the processes, imports and the closing comparison."""
REPEATS = 3
PARTS = (
    "load",
    "split",
    "fit",
    "fit again",
    "pool",
    "test",
    "strategy",
    "metrics",
    "other",
)


def plan(
    suite: Suite,
    store: Store,
    shard: tuple[int, int] | None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Runs to do, with hours on one core and megabytes: estimates from a few fits per cell.

    Runs of which another trial is stored that was made on this machine take as long as that
    did (`measured`: how many). For the others fits are timed at half the budget for each
    dataset and model; strategies are taken to be cheap, those that fit models of their own
    cost more. Nothing is fetched: of a dataset that is not here, noise of its registered size
    is timed; `unknown` names those of which no size is registered.
    """
    with offline():
        suite, gone = with_skipped(suite)
        todo = missing(suite, store)
        todo = todo if shard is None else part(todo, shard)
        gone |= preflight(suite, [spec for spec in todo if spec.dataset not in gone], report)
        labels = {cell.spec.id: cell.dataset for cell in suite.cells()}
        groups: dict[tuple[str, str], list[RunSpec]] = {}
        for spec in todo:
            name = labels.get(spec.id, spec.dataset.label)
            groups.setdefault((name, spec.model.label), []).append(spec)
        told = seconds_stored(store)
        rows = [estimated(name, group, gone, told) for name, group in groups.items()]
    known = [row for row in rows if row["hours"] is not None]
    return {
        "rows": rows,
        "runs": len(todo),
        "measured": sum(cell_of(spec) in told for spec in todo),
        "stored": len(suite.specs) - len(todo),
        "hours": sum(row["hours"] for row in known) + (AT_ALL / 3600 if known else 0.0),
        "MB": sum(row["MB"] for row in known),
        "elsewhere": len({row["dataset"] for row in rows if row["data"] != "here"}),
        "unknown": list(dict.fromkeys(r["dataset"] for r in rows if r["hours"] is None)),
    }


Cell: TypeAlias = tuple[Any, ...]
CELL = ("dataset", "protocol", "model", "query_model", "strategy")


def cell_of(spec: RunSpec) -> Cell:
    """What the trials of a run share, as the columns `CELL` of `runs` have it."""
    row = described(spec)
    return tuple(row[column] for column in CELL)


def seconds_stored(store: Store) -> dict[Cell, float]:
    """Median seconds of the finished runs of each cell, where all were made on this machine."""
    manifest = store.manifest
    machines = [manifest.get("machine"), *manifest.get("also", {}).get("machine", ())]
    if any(machine != provenance.machine() for machine in machines):
        return {}
    runs = store.runs([*CELL, "seconds"])
    done = runs[runs["status"] == "done"]
    found = done.groupby(list(CELL), as_index=False)["seconds"].median()
    cells = zip(*(found[column] for column in CELL), strict=True)
    return dict(zip(cells, found["seconds"].astype(float), strict=True))


def estimated(
    name: tuple[str, str],
    specs: Sequence[RunSpec],
    gone: Collection[Ref],
    told: Mapping[Cell, float],
) -> dict[str, Any]:
    """The estimate for one dataset and model; nothing but the runs where no size is known."""
    ref = specs[0].dataset
    data = noise(ref) if ref in gone else resident(ref)
    table: dict[str, Any] = {"dataset": name[0], "model": name[1], "runs": len(specs)}
    table |= {"rounds": None, "hours": None, "MB": None}
    table["data"] = "to be fetched" if ref in gone else "here"
    if data is None:
        return table
    rounds, seconds, size = 0, 0.0, 0.0
    fit, whole, task = 0.0, 0.0, None
    for spec in specs:
        if task is None:
            try:
                task = cut(data, spec)
            except Skip:
                continue
            known = all(cell_of(spec) in told for spec in specs)
            fit, whole = (0.0, 0.0) if known else timed_fits(spec, task)
        full = spec.strategy.name == FULL_POOL
        n = 1 if full else task.rounds + 1
        rounds += n
        reckoned = n * A_ROUND + (whole if full else n * fit)
        seconds += A_RUN + told.get(cell_of(spec), reckoned)
        size += n * BYTES_A_ROUND + task.budget * BYTES_A_PICK
    return table | {"rounds": rounds, "hours": seconds / 3600, "MB": size / 1e6}


def noise(ref: Ref) -> Dataset | None:
    """Normal features of a dataset's registered size and overlapping classes; None without."""
    traits = registry.entry("dataset", ref.name).traits
    n, d, k = traits.n, traits.d, traits.classes
    if not (n and d and k):
        return None
    rng = np.random.default_rng(0)
    y = np.arange(n) % k
    return Dataset.of(rng.normal(size=(n, d)) + rng.normal(size=(k, d))[y], y)


def timed_fits(spec: RunSpec, task: Task) -> tuple[float, float]:
    """Seconds of a round of a run at half the budget, and of one fit on the whole pool.

    A round is a refit with a batch more and its scores: engines start from the last fit,
    and a fit on the same rows again would cost them nothing. The whole pool is reckoned
    from a first fit, as many times as it has more rows.
    """
    start = task.start
    rest = np.setdiff1d(np.arange(len(task.y)), start)
    half = max(1, task.budget // 2 - len(start))
    sizes = [half, half + task.batch, half + 2 * task.batch]
    taken = np.full((REPEATS, len(sizes)), np.inf)
    with one_thread():
        for lap in taken:  # the first one may compile and import
            learner = engines.learner(spec.model, task, lambda n: spec.seed("model", n) % 2**32)
            for i, n in enumerate(sizes):
                rows = np.sort(np.concatenate([start, rest[:n]]))
                lap[i] = timed(learner, rows, task.y[rows])
    first, *rounds = taken.min(axis=0)
    return float(np.mean(rounds)), float(first * len(task.y) / (half + len(start)))


def timed(learner: Learner, rows: Ints, y: Ints) -> float:
    """Seconds to fit and to predict pool and test."""
    begin = time.perf_counter()
    fitted = learner.fit(rows, y)
    fitted.predicted("test")
    fitted.predicted("train")
    return time.perf_counter() - begin


def profiled(progress: Progress) -> list[dict[str, Any]]:
    """Where the time of a run went, by model and strategy, then by store and idle workers.

    load, split: reading and cutting data; fit; fit again: in the process of an isolated
    strategy; pool, test: scores; strategy; metrics;
    other: the loop itself; shares are of the runs of that model and strategy. Then, as shares
    of the time of all workers: each model and each strategy as a whole, the store, and idle
    workers, which wait.
    """
    out: list[dict[str, Any]] = []
    for (model, strategy), seconds in progress.parts.items():
        whole = sum(seconds.values())
        row = {"model": model, "strategy": strategy}
        out += [
            row | {"part": name, "seconds": seconds[name], "share": seconds[name] / whole}
            for name in PARTS
            if seconds.get(name)
        ]
    wall = progress.workers * (time.monotonic() - progress.began)
    busy = sum(sum(seconds.values()) for seconds in progress.parts.values())
    totals: dict[tuple[str, str, str], float] = {}
    for (model, strategy), seconds in progress.parts.items():
        for key in ((model, "", "all"), ("", strategy, "all")):
            totals[key] = totals.get(key, 0.0) + sum(seconds.values())
    # models before strategies
    totals = {key: totals[key] for key in sorted(totals, key=lambda key: key[0] == "")}
    totals |= {("", "", "store"): progress.storing, ("", "", "idle"): max(0.0, wall - busy)}
    for (model, strategy, name), value in totals.items():
        share = value / wall if wall else float("nan")
        row = {"model": model, "strategy": strategy, "part": name}
        out.append(row | {"seconds": value, "share": share})
    return out
