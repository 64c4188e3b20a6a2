"""What a run would cost, before it is run; and where the time went, after."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from albench import engines
from albench.data import cut
from albench.errors import Skip
from albench.execute import resident
from albench.grid import missing
from albench.runner import Progress, part, preflight, with_skipped
from albench.spec import RunSpec
from albench.store import Store
from albench.suite import Suite
from albench.tables import FULL_POOL

if TYPE_CHECKING:
    pass

BYTES_A_ROUND, BYTES_A_PICK = 60, 6
STRATEGY_SHARE = 1.5
PARTS = ("load", "split", "fit", "pool", "test", "strategy", "metrics", "other")


def plan(
    suite: Suite,
    store: Store,
    shard: tuple[int, int] | None,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Runs to do, with hours on one core and megabytes: estimates from one fit per cell.

    A fit is timed at half the budget for each dataset and model; a strategy is taken to
    cost half of that again. Slow strategies cost more, engines less.
    """
    suite = with_skipped(suite)
    todo = missing(suite, store)
    todo = todo if shard is None else part(todo, shard)
    preflight(suite, todo, report)
    labels = {cell.spec.id: cell.dataset for cell in suite.cells()}
    groups: dict[tuple[str, str], list[RunSpec]] = {}
    for spec in todo:
        groups.setdefault((labels.get(spec.id, spec.dataset.label), spec.model.label), []).append(
            spec
        )
    rows = [estimated(name, group) for name, group in groups.items()]
    return {
        "rows": rows,
        "runs": len(todo),
        "stored": len(suite.specs) - len(todo),
        "hours": sum(row["hours"] for row in rows),
        "MB": sum(row["MB"] for row in rows),
    }


def estimated(name: tuple[str, str], specs: Sequence[RunSpec]) -> dict[str, Any]:
    """The estimate for one dataset and model."""
    rounds, seconds, size = 0, 0.0, 0.0
    fit, task = 0.0, None
    for spec in specs:
        if task is None:
            try:
                task = cut(resident(spec.dataset), spec)
            except Skip:
                continue
            fit = timed_fit(spec, task)
        n = 1 if spec.strategy.name == FULL_POOL else task.rounds + 1
        rounds += n
        seconds += n * fit * STRATEGY_SHARE
        size += n * BYTES_A_ROUND + task.budget * BYTES_A_PICK
    table = {"dataset": name[0], "model": name[1], "runs": len(specs), "rounds": rounds}
    return table | {"hours": seconds / 3600, "MB": size / 1e6}


def timed_fit(spec: RunSpec, task: Any) -> float:
    """Seconds to fit the task model at half the budget and to predict pool and test."""
    learner = engines.learner(spec.model, task, lambda n: spec.seed("model", n) % 2**32)
    n = max(len(task.start), task.budget // 2)
    rows = np.sort(np.concatenate([task.start, np.arange(len(task.y))[: n - len(task.start)]]))
    labeled = np.unique(rows)
    taken = []
    for _ in range(2):
        begin = time.perf_counter()
        fitted = learner.fit(labeled, task.y[labeled])
        fitted.predicted("test")
        fitted.predicted("train")
        taken.append(time.perf_counter() - begin)
    return min(taken)


def profiled(progress: Progress) -> list[dict[str, Any]]:
    """Where the time of a run went, by model and strategy, then by store and idle workers.

    load, split: reading and cutting data; fit; pool, test: scores; strategy; metrics;
    other: the loop itself. The last rows are of the coordinator and of all workers.
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
    for name, value in {"store": progress.storing, "idle": max(0.0, wall - busy)}.items():
        share = value / wall if wall else float("nan")
        out.append({"model": "", "strategy": "", "part": name, "seconds": value, "share": share})
    return out
