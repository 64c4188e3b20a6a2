"""The experiments: each changes what must not matter and looks whether the picks moved.

An experiment is a function of a strategy, a scene and a seed; it returns what went wrong,
None if nothing did, and raises Skip where it does not apply.
"""

import contextlib
import hashlib
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.errors import Skip
from albench.core.spec import Ref
from albench.runner import forking, isolation
from albench.simulation.task import Task
from albench.testing.scenes import Batches, Play, Scene, global_seeds
from albench.testing.watch import Watch, trapped

TURNS = 2
HARMLESS = "harmless: "


@cache
def usual(strategy: Ref, scene: Scene, seed: int) -> Batches:
    """What the strategy picks when nothing is changed."""
    return Play(strategy, scene, seed).picks()


def answers(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """Right number of rows, from the pool, none twice."""
    usual(strategy, scene, seed)  # the loop itself refuses what breaks the contract
    return None


def moved(before: Batches, after: Batches, why: str) -> str | None:
    """Where two runs part, in words."""
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return f"round {number + 1}: {short(one)} became {short(other)} {why}"
    if len(before) != len(after):
        return f"{len(before)} rounds became {len(after)} {why}"
    return None


def short(rows: list[int]) -> str:
    """The first few of a batch."""
    return "[" + ", ".join(map(str, rows[:5])) + (", ...]" if len(rows) > 5 else "]")


def again(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """The same spec gives the same picks."""
    first = usual(strategy, scene, seed)
    with global_seeds(1):
        second = Play(strategy, scene, seed).picks()
    return moved(first, second, "when it was run again")


def between_runs(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """A run in between, on the same rows and on others, changes nothing."""
    shared = Play(strategy, scene, seed).task()
    first = usual(strategy, scene, seed)
    others = Play(strategy, scene, seed, between=lambda q: replace(q, rng=np.random.default_rng(9)))
    others.picks(shared)
    Play(strategy, scene, seed + 1).picks()
    fresh = Play(strategy, scene, seed).picks()
    said = moved(first, fresh, "after other runs: it keeps something between runs")
    return said or moved(
        first,
        Play(strategy, scene, seed).picks(shared),
        "when runs share a cut: what it keeps by `query.once` depends on more than X",
    )


def global_state(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """The global generators of numpy and Python are left alone."""
    found: list[str] = []

    @contextlib.contextmanager
    def compared() -> Iterator[None]:
        before = state()
        yield
        after = state()
        found.extend(name for name in before if before[name] != after[name])

    with global_seeds(1):
        first = Play(strategy, scene, seed, watched=compared).picks()
    if not found:
        return None
    said = f"it draws from the global generator of {found[0]}"
    with global_seeds(2):
        after = Play(strategy, scene, seed).picks()
    # scikit-learn's SVC draws a seed there that it never uses: then no pick follows from it
    return said if first != after else f"{HARMLESS}{said}; no pick depends on it"


def state() -> dict[str, str]:
    """The state of each global generator."""
    numpy_state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return {"numpy": str(digest(numpy_state)), "Python": str(hash(random.getstate()))}


def digest(value: Any) -> str:
    """A digest of a nest of tables and arrays."""
    if isinstance(value, dict):
        return str({key: digest(item) for key, item in value.items()})
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
    return repr(value)


def inputs(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """Nothing that it was given is written to."""
    held: list[tuple[Any, str]] = []

    def kept(query: Any) -> Any:
        held.append((query, digest(given(query))))
        return query

    Play(strategy, scene, seed, between=kept).picks()
    for query, before in held:
        now = given(query)
        if digest(now) != before:
            return "it changed an array of its query"
        if any(array.flags.writeable for array in now.values()):
            return "it made an array of its query writeable"
    return None


def given(query: Any) -> dict[str, Any]:
    """The arrays of a query."""
    return {name: getattr(query, name) for name in ("X", "labeled", "y_labeled", "pool")}


def seeing(strategy: Ref, what: str) -> None:
    """Raise Skip for a strategy that is declared to see hidden labels or the test set."""
    traits = registry.entry("strategy", strategy.name).traits
    if traits.bound or (traits.sampling and what == "labels"):
        raise Skip(f"declared to see hidden {what}")


def test_set(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """Another test set, other test labels: the same picks."""
    seeing(strategy, "test rows")
    play = Play(strategy, scene, seed)
    first, rng = usual(strategy, scene, seed), np.random.default_rng([seed, 11])
    for _ in range(TURNS):
        task = play.task()
        other = replace(
            task,
            memo={},
            y_test=rng.permutation(task.y_test),
            X_test=rng.normal(size=task.X_test.shape),
            rows_test=rng.permutation(task.rows_test),
        )
        said = moved(first, play.picks(other), "when the test set was replaced")
        if said:
            return said
    return None


def hidden_labels(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """Other labels of rows that were not bought (yet): the same picks."""
    seeing(strategy, "labels")
    play = Play(strategy, scene, seed)
    first, rng = usual(strategy, scene, seed), np.random.default_rng([seed, 13])
    task = play.task()
    bought = np.concatenate([task.start, *(np.array(b, dtype=np.intp) for b in first)])
    early = task.start
    if registry.entry("strategy", strategy.name).traits.sequential and first:
        early = np.concatenate([early, np.array(first[0], dtype=np.intp)])
    for _ in range(TURNS):
        for keep, rounds, when in (
            (bought, len(first), "the labels of rows it never buys"),
            (early, 1, "labels that it had not bought yet"),
        ):
            other = relabelled(play.task(), keep, rng)
            said = moved(first[:rounds], play.picks(other)[:rounds], f"when {when} were changed")
            if said:
                return said
    return None


def relabelled(task: Task, keep: Any, rng: np.random.Generator) -> Task:
    """The task with new labels everywhere but at `keep`."""
    y = rng.integers(task.n_classes, size=len(task.y))
    y[keep] = task.y[keep]
    return replace(task, y=y.astype(np.intp), memo={})


def layout(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """Features stored by column, or with gaps: the same picks."""
    first = usual(strategy, scene, seed)
    for name, lay in (("by column", by_column), ("with gaps", with_gaps)):

        def relaid(query: Any, lay: Any = lay) -> Any:
            return replace(query, X=lay(query.X))

        said = moved(
            first,
            Play(strategy, scene, seed, between=relaid).picks(),
            f"when the features were stored {name}",
        )
        if said:
            return said
    return None


def by_column(X: Any) -> Any:
    """The same features, columns contiguous."""
    turned = np.asfortranarray(X)
    turned.flags.writeable = False
    return turned


def with_gaps(X: Any) -> Any:
    """The same features, neither rows nor columns contiguous."""
    wide = np.zeros((2 * len(X), 2 * X.shape[1]))
    wide[::2, ::2] = X
    view = wide[::2, ::2]
    view.flags.writeable = False
    return view


def apart(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """In a process that holds no task, and can open no file but code: the same picks."""
    first = usual(strategy, scene, seed)
    said = "in a process that holds no hidden label, test row or file"
    try:
        return moved(first, Play(strategy, scene, seed).apart(), said)
    except (isolation.Raised, forking.ProcessDied) as error:
        return f"it fails {said}: {str(error).strip().splitlines()[-1]}"


def reach(strategy: Ref, scene: Scene, seed: int) -> str | None:
    """It opens no file or dataset and does not look around in the process."""
    watch = Watch()
    with trapped(watch):
        Play(strategy, scene, seed, watched=watch).picks()
    return "it " + " and ".join(watch.seen) if watch.seen else None
