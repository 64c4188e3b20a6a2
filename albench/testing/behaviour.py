"""What a strategy amounts to: its time, its disguises, its picks in another process.

A warning, not a failure: some strategies are meant to be one of these, and on data as small
as the scenes' two different strategies may agree. It is given only where all scenes agree.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from albench.core import registry
from albench.core.errors import AlbenchError, Skip
from albench.core.spec import Ref
from albench.simulation.task import Task
from albench.testing.experiments import moved, usual
from albench.testing.scenes import SCENES, Batches, Play, Scene, of, pins
from albench.testing.watch import Libraries, Watch

POOLS = (250, 500, 1000, 2000)
ENOUGH = 5.0
STEEP = 1.7


class Growth(NamedTuple):
    """CPU seconds per query by pool size, and the exponent of their growth."""

    seconds: dict[int, float]
    exponent: float

    @property
    def words(self) -> str:
        """For the table."""
        last = max(self.seconds)
        shown = f"{self.seconds[last]:.2g} s per query of 10 in a pool of {last}"
        if not np.isfinite(self.exponent):
            return shown
        return f"{shown}, growing as the pool to the power {self.exponent:.1f}"


def growth(strategy: Ref, seed: int) -> Growth:
    """Time of a query on ever larger pools; stops when one takes long.

    CPU time, so that other work on the machine does not count; the exponent is fitted over
    all pools, which one unlucky lap moves less than the last two would.

    Raises Skip where the strategy does not apply.
    """
    binary = "binary" in registry.entry("strategy", strategy.name).traits.needs
    found: dict[int, float] = {}
    for n in POOLS:
        protocol = of(start=20, batch=10, budget=40, test=0.1)
        scene = Scene("time", int(n / 0.9) + 20, 10, 2 if binary else 3, protocol=protocol)
        found[n] = seconds(strategy, scene, seed)
        if found[n] > ENOUGH:
            break
    if len(found) < 2:
        return Growth(found, np.nan)
    sizes, laps = np.log(list(found)), np.log(list(found.values()))
    return Growth(found, float(np.polyfit(sizes, laps, 1)[0]))


def seconds(strategy: Ref, scene: Scene, seed: int) -> float:
    """The quickest of four queries, the fit of the query model left out."""
    laps: list[float] = []

    class Lap:
        def __enter__(self) -> None:
            self.begin = time.process_time()

        def __exit__(self, *error: Any) -> None:
            laps.append(time.process_time() - self.begin)

    def fitted(query: Any) -> Any:
        _ = query.fitted
        return query

    for _ in range(2):
        Play(strategy, scene, seed, between=fitted, watched=Lap).picks()
        if min(laps) > ENOUGH:
            break
    return max(min(laps), 1e-6)


LARGE = (
    Scene(
        "three hundred rows, six classes",
        n=300,
        d=4,
        classes=6,
        model=Ref("logreg"),
        protocol=of(start=20, batch=10, budget=60),
    ),
    Scene("three hundred rows, two classes", n=300, protocol=of(start=20, batch=10, budget=60)),
)
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
        sets(play.picks(another_cut(task, np.random.default_rng([seed, 17, turn])))) == start
        for turn in range(2)
    )


def another_cut(task: Task, rng: np.random.Generator) -> Task:
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
        if ours and entry.traits.family not in APART and entry.name != "same_as":
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


PATIENCE = 120


def elsewhere(strategy: Ref, scenes: Sequence[Scene], seed: int) -> str | None:
    """Where a new process picks other rows, or what the plugin reads when it is imported.

    Raises Skip for a strategy that is known in this process only.
    """
    plugin = registry.entry("strategy", strategy.name).plugin
    if plugin is not None and not Path(plugin).is_file():
        raise Skip("defined in this process only")
    scenes = [scene for scene in scenes if works(strategy, scene, seed)]
    order = {
        "strategy": strategy.table(),
        "plugin": plugin,
        "seed": seed,
        "pins": pins,
        "scenes": [SCENES.index(scene) for scene in scenes],
    }
    given = answered(order)
    if isinstance(given, str):
        return given
    if given["seen"]:
        return "its file, when imported, " + " and ".join(given["seen"])
    for scene, after in zip(scenes, given["picks"], strict=True):
        if after is None:
            continue
        said = moved(usual(strategy, scene, seed), after, "in another process")
        if said:
            return f"{scene.name}: {said}"
    if not scenes:
        raise Skip("it runs on none of these scenes")
    return None


def works(strategy: Ref, scene: Scene, seed: int) -> bool:
    """Whether the strategy answers on a scene here; where it fails, another check says so."""
    try:
        usual(strategy, scene, seed)
    except Exception:
        return False
    return True


def answered(order: dict[str, Any]) -> Any:
    """What the other process answers; a text where it fails."""
    root = str(Path(__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONHASHSEED": "4242", "PYTHONPATH": os.pathsep.join(paths)}
    try:
        done = subprocess.run(
            [sys.executable, "-c", "from albench.testing.behaviour import main; main()"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no answer from another process after {PATIENCE} s"
    last = done.stdout.strip().splitlines()[-1:]
    if done.returncode or not last:
        return "fails in another process: " + " ".join(done.stderr.strip().splitlines()[-1:])
    return json.loads(last[0])


def main() -> None:
    """The other process: read the order, load the plugin under watch, run, answer."""
    order, watch = json.load(sys.stdin), Watch(counts=False)
    registry.load()
    libraries = Libraries()
    if order["plugin"]:
        with watch():
            registry.load_plugin(order["plugin"])
    changes = libraries.changed()
    if changes:
        watch.note(changes.removeprefix("it "))
    strategy = Ref.from_table(order["strategy"])
    pins.extend(order["pins"])
    picks: list[Batches | None] = []
    for index in order["scenes"]:
        try:
            picks.append(Play(strategy, SCENES[index], order["seed"]).picks())
        except Skip:
            picks.append(None)
    own = [f"opens the file {order['plugin']}"]
    seen = [sentence for sentence in watch.seen if sentence not in own]
    sys.stdout.write("\n" + json.dumps({"picks": picks, "seen": seen}) + "\n")
