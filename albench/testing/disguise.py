"""Published data in disguise: an honest strategy buys the same rows, one that knows them does not.

The features are rotated, or their columns permuted and rescaled; the rows stand in another
order; the classes have other numbers and names, the dataset has none. Not every strategy is
blind to each of these, so new data of the same shape, which nobody can know, tell first which
of them it does not mind. Only those are tried on the published data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.spec import Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.simulation.task import Task
from albench.testing.scenes import Batches, Play, Scene, of

PUBLISHED = ("iris", "wine", "wdbc")
TWINS = 2


@dataclass(frozen=True, eq=False)
class Disguised:
    """A task in disguise, and which of its rows is which of the original's.

    origin  (n_train,) position in the original
    """

    task: Task
    origin: Ints

    def back(self, batches: Batches) -> Batches:
        """Batches as positions of the original."""
        return [self.origin[np.array(batch, dtype=np.intp)].tolist() for batch in batches]


def changed(task: Task, **fields: Any) -> Task:
    """The task with other fields, and nothing remembered of it."""
    return replace(task, memo={}, **fields)


def as_it_is(task: Task) -> Ints:
    """Each position at its place."""
    return np.arange(len(task.X))


def rotated(task: Task, rng: np.random.Generator) -> Disguised:
    """All distances as they were, and no value of a feature."""
    d = task.X.shape[1]
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return Disguised(changed(task, X=task.X @ turn, X_test=task.X_test @ turn), as_it_is(task))


def rescaled(task: Task, rng: np.random.Generator) -> Disguised:
    """Columns in another order, each times a power of two."""
    order = rng.permutation(task.X.shape[1])
    by = 2.0 ** rng.integers(-3, 4, size=len(order))
    X, X_test = (part[:, order] * by for part in (task.X, task.X_test))
    return Disguised(changed(task, X=X, X_test=X_test), as_it_is(task))


def shuffled(task: Task, rng: np.random.Generator) -> Disguised:
    """Rows in another order, in the file and in the pool."""
    order = rng.permutation(len(task.X))
    at = np.argsort(order)
    moved = changed(
        task,
        X=task.X[order],
        y=task.y[order],
        rows=rng.permutation(task.rows),
        start=at[task.start],
        withheld=np.sort(at[task.withheld]),
    )
    return Disguised(moved, order)


def renamed(task: Task, rng: np.random.Generator) -> Disguised:
    """Classes with other numbers; the rare or positive one stays what it is."""
    order = np.arange(task.n_classes)
    free = np.setdiff1d(order, [] if task.positive is None else [task.positive])
    order[free] = np.roll(free, 1)
    names = tuple(f"c{number}" for number in rng.integers(10**6, size=task.n_classes))
    other = changed(task, y=order[task.y], y_test=order[task.y_test], classes=names)
    return Disguised(other, as_it_is(task))


Disguise = Callable[[Task, np.random.Generator], Disguised]
DISGUISES: dict[str, tuple[Disguise, Ref]] = {
    "its features are rotated": (rotated, Ref("logreg")),
    "its features are permuted and rescaled": (rescaled, Ref("gnb")),
    "its rows stand in another order": (shuffled, Ref("logreg")),
    "its classes have other numbers": (renamed, Ref("gnb")),
}


@cache
def published(name: str) -> Dataset:
    """A dataset that everybody knows."""
    found: Dataset = registry.build("dataset", registry.resolve("dataset", name))
    return found


def twin(name: str, seed: int) -> Dataset:
    """New data of a dataset's shape: as many rows of each class, normal, as coarse as its own."""
    of_it, rng = published(name), np.random.default_rng([seed, 19])
    X, y = np.asarray(of_it.X, dtype=np.float64), of_it.y
    new = np.empty_like(X)
    for label in np.unique(y):
        mine = X[y == label]
        spread = np.cov(mine, rowvar=False) + 1e-9 * np.eye(X.shape[1])
        new[y == label] = rng.multivariate_normal(mine.mean(axis=0), spread, len(mine))
    return Dataset(coarse(new, X), y, of_it.classes, of_it.positive)


def coarse(new: Floats, like: Floats) -> Floats:
    """Each value as the next of those that its column had."""
    out = np.empty_like(new)
    for column, (values, known) in enumerate(zip(new.T, like.T, strict=True)):
        there = np.unique(known)
        middle = (there[1:] + there[:-1]) / 2
        out[:, column] = there[np.searchsorted(middle, values)]
    return out


def scene_of(name: str, model: Ref) -> Scene:
    """How a dataset is played."""
    return Scene(name, model=model, protocol=of(start=8, batch=5, budget=23))


def task_of(strategy: Ref, scene: Scene, data: Dataset, trial: int) -> Task:
    """A cut of data for a scene."""
    model = Play(strategy, scene, 0).spec.model
    return cut(data, RunSpec(Ref(scene.name), strategy, model, model, scene.protocol, trial))


def sets(batches: Batches) -> list[list[int]]:
    """The batches whatever the order within each."""
    return [sorted(batch) for batch in batches]


def heeds(
    strategy: Ref, scene: Scene, data: Dataset, disguise: Disguise, seed: int
) -> Iterator[int]:
    """The rounds in which a strategy buys other rows of data in disguise."""
    play, trial = Play(strategy, scene, seed), seed % 1000
    task = task_of(strategy, scene, data, trial)
    other = disguise(task, np.random.default_rng([seed, 23]))
    before, after = sets(play.picks(task)), sets(other.back(play.picks(other.task)))
    yield from (n for n, (a, b) in enumerate(zip(before, after, strict=False), 1) if a != b)
    if len(before) != len(after):
        yield min(len(before), len(after)) + 1


def recognises(strategy: Ref, seed: int) -> str | None:
    """The disguise in which a strategy does not know published data again; None if in none.

    Raises Skip where it does not apply, or minds every disguise on data that nobody knows.
    """
    blind, reason = 0, ""
    for name in PUBLISHED:
        for said, (disguise, model) in DISGUISES.items():
            scene = scene_of(name, registry.resolve("model", model.name))
            try:
                found = next(heeds(strategy, scene, published(name), disguise, seed), 0)
                minds = found and any(
                    any(heeds(strategy, scene, twin(name, seed + turn), disguise, seed + turn))
                    for turn in range(TWINS)
                )
            except Exception as error:  # where it fails, another check says so
                reason = reason or str(error)
                continue
            if found and not minds:
                return (
                    f"{name}: it buys other rows in round {found} where {said}, though of new "
                    "data of the same shape it buys the same: it knows these data"
                )
            blind += not minds
    if not blind:
        raise Skip(reason or "it minds every disguise, on new data as well")
    return None
