"""How well the labelled set covers pool, test set, clusters and classes."""

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from typing import Any

import numpy as np
import pandas as pd

from albench.analysis.bought import CHECKPOINTS, Bought, Cut, Group, groups
from albench.analysis.bought.bias import nearest, with_null
from albench.analysis.bought.space import Space, rbf, shares, total_variation
from albench.analysis.comparison.targets import kaplan_meier
from albench.core.arrays import Floats, Ints
from albench.core.tables import KEY

WITH_Z = ("nearest_mean", "cluster_tv")
MEASURES = {
    "nearest_mean": "mean distance of pool rows to the nearest labelled one",
    "nearest_p95": "95th percentile of it",
    "nearest_max": "largest of it (k-center radius; one outlier fixes it)",
    "test_mean": "mean distance of test rows to the nearest labelled one",
    "test_p95": "95th percentile of it",
    "test_max": "largest of it",
    "cluster_tv": "cluster shares: total variation to the pool",
    "cluster_hit": "share of clusters with a label",
    "kernel": "mean over the pool of the largest kernel value to a label",
    "spacing": "mean distance of a queried row to the nearest other queried one",
    "classes_seen": "share of classes with a label",
    "classes_five": "share of classes with five labels",
}
SHOWN = (
    "nearest_mean",
    "nearest_p95",
    "test_mean",
    "cluster_tv",
    "cluster_hit",
    "kernel",
    "spacing",
    "classes_seen",
    "classes_five",
)
UNDEFINED = {"spacing": "fewer than two rows were queried"}
"""When a measure is NaN."""
ENOUGH = 5


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Coverage by run, checkpoint and measure, and when each class was first seen.

    The first frame is as `bias.measured` returns it. The second has one row per run and
    class, and one for all classes (class = -1): dataset, protocol, model, strategy, trial,
    class (index), class_name, labels and round of the first label, infinite where there was
    none (then the run is censored at `budget` labels), n (labels of that class at the end).
    """
    rows: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    for group in groups(runs, rounds, cuts):
        rows += of_group(group, checkpoints)
        seen += [row for run in group.runs for row in first_seen(run)]
    return pd.DataFrame(rows), pd.DataFrame(seen)


def of_group(group: Group, checkpoints: Sequence[float]) -> list[dict[str, Any]]:
    """Rows of the runs on one cut."""
    space, found = Space.of(group.task), []
    for run in group.runs:
        found += list(of_run(space, run, run.checkpoints(checkpoints)))
    return with_null(found, space, group.runs[0], WITH_Z)


def of_run(
    space: Space, run: Bought, checkpoints: Sequence[tuple[float, int]]
) -> Iterator[dict[str, Any]]:
    """Rows of one run; nearest distances grow with the labels, not from scratch."""
    sets = [run.in_hand(number) for _, number in checkpoints]
    grid = np.array([len(at) for at in sets], dtype=np.intp)
    order = run.rows[run.answered]
    pool, test = nearest(space, order, grid), nearest(space, order, grid, test=True)
    for (share, _), at, near, near_test in zip(checkpoints, sets, pool, test, strict=True):
        labeled = run.rows[at]
        values = of_distances(near, "nearest") | of_distances(near_test, "test")
        values |= {
            "kernel": float(rbf(near, space.gamma).mean()),
            "spacing": spacing(space, run.rows[at[run.round[at] > 0]]),
        }
        values |= of_clusters(space, labeled) | of_classes(space, labeled)
        base = {**dict(zip(KEY, run.key, strict=True)), "checkpoint": share, "n_labeled": len(at)}
        for name, value in values.items():
            yield {**base, "measure": name, "value": value}


def of_distances(near: Floats, name: str) -> dict[str, float]:
    """Mean, 95th percentile and largest of nearest distances."""
    return {
        f"{name}_mean": float(near.mean()),
        f"{name}_p95": float(np.quantile(near, 0.95)),
        f"{name}_max": float(near.max()),
    }


def of_clusters(space: Space, labeled: Ints) -> dict[str, float]:
    """Shares of the clusters."""
    p = space.cluster_shares
    ours = shares(space.clusters[labeled], len(p))
    return {
        "cluster_tv": float(total_variation(ours, p)),
        "cluster_hit": float(np.mean(ours[p > 0] > 0)),
    }


def of_classes(space: Space, labeled: Ints) -> dict[str, float]:
    """Shares of the pool's classes that were seen, and seen five times."""
    counts = np.bincount(space.task.y[labeled], minlength=space.task.n_classes)
    present = space.class_shares > 0
    return {
        "classes_seen": float(np.mean(counts[present] > 0)),
        "classes_five": float(np.mean(counts[present] >= ENOUGH)),
    }


def spacing(space: Space, queried: Ints) -> float:
    """Mean distance to the nearest other queried row; small where picks are redundant."""
    if len(queried) < 2:
        return float("nan")
    apart = space.distances(queried, queried).copy()
    np.fill_diagonal(apart, inf)
    return float(apart.min(axis=1).mean())


def first_seen(run: Bought) -> list[dict[str, Any]]:
    """When each class of the pool, and all of them, had a first label (by true class)."""
    task = run.cut.task
    at = run.answered
    y, base = task.y[run.rows[at]], dict(zip(KEY, run.key, strict=True))
    present = np.unique(np.delete(task.y, task.withheld))
    out: list[dict[str, Any]] = []
    for label in present:
        hits = np.flatnonzero(y == label)
        first = int(hits[0]) if len(hits) else None
        out.append(
            {
                **base,
                "class": int(label),
                "class_name": class_name(task, int(label)),
                "labels": inf if first is None else first + 1,
                "round": inf if first is None else float(run.round[at[first]]),
                "n": len(hits),
                "budget": len(at),
            }
        )
    last = max(out, key=lambda row: row["labels"])
    every = {
        "class": -1,
        "class_name": "all classes",
        "labels": last["labels"],
        "round": last["round"],
        "n": len(at),
        "budget": len(at),
    }
    return [*out, {**base, **every}]


def class_name(task: Any, label: int) -> str:
    """The name of a class, or its index."""
    names = getattr(task, "classes", ())
    return str(names[label]) if len(names) > label else str(label)


def seen_summary(seen: pd.DataFrame) -> pd.DataFrame:
    """Kaplan-Meier over trials: labels until each class, and all, were first seen.

    Columns: dataset, protocol, model, strategy, class, class_name, median (infinite: not in
    half of the trials), restricted_mean (labels spent, up to the budget), reached of trials,
    rounds (median round, infinite where fewer than half saw it), n (mean labels at the end).
    """
    rows = []
    cell = ["dataset", "protocol", "model", "strategy", "class", "class_name"]
    for key, part in seen.groupby(cell, sort=False):
        arrived = np.isfinite(part["labels"])
        times = np.where(arrived, part["labels"], part["budget"])
        found = kaplan_meier(times, arrived, float(part["budget"].max()))
        rows.append(
            {
                **dict(zip(cell, key, strict=True)),
                "median": found.median,
                "restricted_mean": found.restricted_mean,
                "reached": found.reached,
                "trials": found.trials,
                "rounds": float(np.median(part["round"])),
                "n": float(part["n"].mean()),
            }
        )
    return pd.DataFrame(rows)


def composition(
    runs: pd.DataFrame, rounds: pd.DataFrame, cuts: Iterable[Cut], parts: int = 20
) -> pd.DataFrame:
    """What was bought: mean class shares of the labelled set along the labels.

    Columns: dataset, protocol, model, strategy, n_labeled, class, class_name, share; rows
    with n_labeled = 0 hold the shares of the pool.
    """
    rows = []
    for group in groups(runs, rounds, cuts):
        task = group.task
        p = Space.of(task).class_shares
        for run in group.runs:
            y = task.y[run.rows[run.answered]]
            for n in np.unique(np.linspace(1, len(y), parts).astype(int)):
                rows += share_rows(run, int(n), shares(y[:n], task.n_classes))
            rows += share_rows(run, 0, p)
    cell = ["dataset", "protocol", "model", "strategy", "n_labeled", "class", "class_name"]
    return pd.DataFrame(rows).groupby(cell, sort=False)["share"].mean().reset_index()


def share_rows(run: Bought, n: int, ours: Floats) -> list[dict[str, Any]]:
    """Rows of one labelled set."""
    base = {**dict(zip(KEY[:4], run.key[:4], strict=True)), "n_labeled": n}
    return [
        {**base, "class": k, "class_name": class_name(run.cut.task, k), "share": share}
        for k, share in enumerate(ours)
    ]
