"""What a strategy amounts to: random, an order, equal scores, or another that is there already.

A warning, not a failure: some strategies are meant to be one of these, and on data as small
as the scenes' two different strategies may agree. It is given only where all scenes agree.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from albench import registry
from albench.checks.experiments import usual
from albench.checks.scenes import SCENES, Batches, Play, Scene, of
from albench.errors import AlbenchError, Skip
from albench.loop import Task
from albench.ref import Ref

LARGE = (
    Scene("three hundred rows, six classes", n=300, d=4, classes=6, model=Ref("logreg"),
          protocol=of(start=20, batch=10, budget=60)),
    Scene("three hundred rows, two classes", n=300, protocol=of(start=20, batch=10, budget=60)),
)  # fmt: skip
LOOKED = (*LARGE, *(scene for scene in SCENES if scene.kind == "blobs"))
APART = ("committee", "expected error", "meta", "bound", "active sampling", "wrapper")
"""Families that no strategy is compared with: many fits a query, other rules for labels, or
one of the others inside."""


def likeness(strategy: Ref, seed: int) -> str | None:
    """What a strategy amounts to on every scene on which it runs; None where nothing simpler."""
    scenes = [scene for scene in LOOKED if plays(strategy, scene, seed)]
    if not scenes:
        return None
    found = [what for what, looks in LOOKS.items() if all(looks(strategy, s, seed) for s in scenes)]
    if found:
        return ", ".join(found)
    twins = [name for name in known(strategy) if same(strategy, name, scenes, seed)]
    return f"picks the same rows as {', '.join(f'`{name}`' for name in twins)}" if twins else None


def plays(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether a strategy runs on a scene and buys anything."""
    try:
        return any(usual(strategy, scene, seed))
    except Exception:  # where it fails, another check says so
        return False


def heeds_nothing(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether other features and labels at the same positions leave every pick as it was."""
    play = Play(strategy, scene, seed)
    task = play.task()
    start = sets(play.picks(task))
    return all(
        sets(play.picks(elsewhere(task, np.random.default_rng([seed, 17, turn])))) == start
        for turn in range(2)
    )


def elsewhere(task: Task, rng: np.random.Generator) -> Task:
    """The task with other features and labels; each start keeps the classes it had."""
    y = rng.permutation(task.y)
    y[task.start] = rng.permutation(task.y[task.start])
    X = np.ascontiguousarray(rng.normal(size=task.X.shape))
    for array in (X, y):
        array.flags.writeable = False
    return replace(task, X=X, y=y, X_test=rng.normal(size=task.X_test.shape), memo={})


def draws(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether it heeds nothing but its generator: it draws at random."""
    return heeds_nothing(strategy, scene, seed) and not ordered(strategy, scene, seed)


def ordered(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether the picks are the first rows of the pool."""
    pools: list[Any] = []

    def kept(query: Any) -> Any:
        pools.append(query)
        return query

    picks = Play(strategy, scene, seed, between=kept).picks()
    first = [query.pool[: query.n].tolist() for query in pools]
    # late labels: the last rounds come without a query
    return sets([batch for batch in picks if batch]) == sets(first)


def constant(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether every row has the same score in every query."""
    tied: list[Any] = []

    def kept(query: Any) -> Any:
        tied.append(query)
        return query

    Play(strategy, scene, seed, between=kept).picks()
    return bool(tied) and all(query.log.get("n_tied") == len(query.pool) for query in tied)


LOOKS = {
    "draws at random: its picks heed neither features nor labels": draws,
    "takes the pool in its order": ordered,
    "gives every row the same score": constant,
}


def sets(batches: Batches) -> list[list[int]]:
    """The batches whatever the order within each."""
    return [sorted(batch) for batch in batches if batch]


def known(strategy: Ref) -> Iterator[str]:
    """The strategies of albench that it may be a copy of."""
    for name in registry.names("strategy"):
        entry = registry.entry("strategy", name)
        ours = entry.plugin is None and ":" not in name and name != strategy.name
        if ours and entry.about.get("family") not in APART and entry.name != "same_as":
            yield name


def same(strategy: Ref, other: str, scenes: Sequence[Scene], seed: int) -> bool:
    """Whether another strategy buys the same batches on every scene."""
    twin = registry.resolve("strategy", other)
    try:
        return all(
            sets(usual(twin, scene, seed)) == sets(usual(strategy, scene, seed)) for scene in scenes
        )
    except (Skip, AlbenchError):
        return False
