"""Small tasks on which a strategy is tried: data drawn afresh from a seed, never seen before."""

import contextlib
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import Skip
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models import engines
from albench.runner import isolation
from albench.simulation.loop import Sight, simulate
from albench.simulation.oracles import oracle
from albench.simulation.task import Task

Batches = list[list[int]]


@dataclass(frozen=True)
class Scene:
    """A kind of task; with a seed it is data.

    kind  `blobs`, `imbalanced` (5 % positive), `duplicated`, `constant`,
          `grouped` (rows in twelve groups), `sorted` (rows in the order of their classes)
    """

    name: str
    n: int = 60
    d: int = 3
    classes: int = 2
    kind: str = "blobs"
    model: Ref = Ref("gnb")  # noqa: RUF009
    protocol: Protocol = Protocol(start=8, batch=5, budget=23)  # noqa: RUF009


def of(**fields: Any) -> Protocol:
    """The protocol of most scenes, with other fields."""
    return replace(Protocol(start=8, batch=5, budget=23), **fields)


PANEL = {
    "use": "panel",
    "names": ["crowd", "expert"],
    "rates": [0.3, 0.05],
    "prices": [1.0, 5.0],
    "count": [2, 1],
}
"""The annotators that strategies are tried with that choose theirs."""
GROUPED = of(split="group", start=4, batch=5, budget=19, groups="one")
SCENES = (
    Scene("two classes", model=Ref("logreg")),
    Scene("three classes", classes=3, model=Ref("logreg")),
    Scene("batches of one", protocol=of(batch=1, budget=13)),
    Scene("one label, so one class", protocol=of(start=1, budget=11)),
    Scene("ten classes, some unseen", n=120, d=5, classes=10),
    Scene("batches of 25, the last partial", n=120, classes=3, protocol=of(batch=25, budget=48)),
    Scene("the whole pool at once", protocol=of(batch=200, budget="pool")),
    Scene("one feature", d=1),
    Scene("every row twice", kind="duplicated", classes=3),
    Scene("constant features", kind="constant", model=Ref("logreg")),
    Scene("5 % positive", n=120, kind="imbalanced", model=Ref("logreg")),
    Scene("unscaled features", protocol=of(scale="none")),
    Scene("a model without probabilities", classes=3, model=Ref("svc-rbf")),
    Scene("a seeded model", classes=3, model=Ref("forest", params=(("trees", 7),))),
    Scene("labels that arrive a batch late", protocol=of(delay=1)),
    Scene("an oracle that errs", classes=3, protocol=of(oracle=Ref("uniform"))),
    Scene("groups, one row of each a batch", kind="grouped", protocol=GROUPED),
    Scene("twelve features", d=12, model=Ref("logreg")),
    Scene("130 rows in the order of their classes", n=130, d=4, classes=3, kind="sorted"),
)


def drawn(scene: Scene, seed: int) -> Dataset:
    """Data of a scene: every column scaled and shifted, rows, columns and classes shuffled."""
    rng = np.random.default_rng([seed, zlib.crc32(scene.name.encode())])
    y = rng.permutation(labels(scene, rng))
    if scene.kind == "sorted":
        y.sort()
    centres = rng.normal(size=(scene.classes, scene.d)) * 2
    X: Floats = rng.normal(size=(scene.n, scene.d)) + centres[y]
    if scene.kind == "constant":
        X[:] = X[0]
    if scene.kind == "duplicated":
        half = scene.n // 2
        X[half:], y[half:] = X[:half], y[:half]
    X = X * 10.0 ** rng.uniform(-2, 2, scene.d) + rng.normal(size=scene.d) * 10
    names = tuple(f"c{number}" for number in rng.integers(10**6, size=scene.classes))
    groups = rng.permutation(np.arange(scene.n) % 12) if scene.kind == "grouped" else None
    positive = 1 if scene.classes == 2 else None
    return Dataset(np.ascontiguousarray(X), y, names, positive, groups=groups)


def labels(scene: Scene, rng: np.random.Generator) -> Ints:
    """(n,) classes, each of them at least twice."""
    if scene.kind == "imbalanced":
        y = np.zeros(scene.n, dtype=np.intp)
        y[: max(2, scene.n // 20)] = 1
        return y
    sure = np.repeat(np.arange(scene.classes), 2)
    rest = rng.integers(scene.classes, size=scene.n - len(sure))
    return np.concatenate([sure, rest]).astype(np.intp)


@contextlib.contextmanager
def global_seeds(seed: int) -> Iterator[None]:
    """Global generators in another state; as they were afterwards."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002


pins: list[int] = []
"""While not empty, the global generators have this seed whenever a run begins."""


@dataclass(frozen=True, eq=False)
class Play:
    """A strategy on one scene: everything that an experiment may change is a field.

    between  called on the query before the strategy sees it
    watched  a context in which the strategy is called
    """

    strategy: Ref
    scene: Scene
    seed: int
    between: Callable[[Any], Any] = lambda query: query
    watched: Callable[[], Any] | None = None

    @property
    def spec(self) -> RunSpec:
        """The run that this would be."""
        asked = self.scene.model
        model = registry.resolve("model", {"use": asked.name, **asked.kwargs})
        protocol = self.scene.protocol
        if self.chooses:  # whatever the scene: there must be somebody to choose of
            protocol = replace(protocol, oracle=registry.resolve("oracle", dict(PANEL)))
        return RunSpec(Ref("drawn", str(self.seed)), self.strategy, model, model, protocol)

    @property
    def chooses(self) -> bool:
        """Whether the strategy chooses its annotators."""
        return registry.entry("strategy", self.strategy.name).traits.annotators

    def task(self) -> Task:
        """A new cut of the scene's data."""
        return cut(drawn(self.scene, self.seed), self.spec)

    def sight(self) -> Sight:
        """What the strategy declares that it sees."""
        traits = registry.entry("strategy", self.strategy.name).traits
        if traits.bound:
            return "all"
        if traits.annotators:
            return "panel"
        if traits.rows:
            return "file"
        return "train" if traits.sampling else "pool"

    def apart(self) -> Batches:
        """The batches bought by the strategy in a process that holds no data.

        Raises Skip where it cannot be run in one.
        """
        spec, task = self.spec, self.task()
        why = isolation.why_here(spec)
        if why:
            raise Skip(why)
        rng = np.random.default_rng([self.seed, 7])
        order = isolation.sketch(spec, task, rng, "auto", engines.MEMORY)
        order = replace(order, pin=pins[-1] if pins else None)
        files = isolation.files_of(spec)
        with closing(isolation.Isolated(order, task.X, files, self.model_seed)) as strategy:
            return self.bought(task, strategy)

    def model_seed(self, n: int) -> int:
        """The seed of the model on n labels."""
        return (self.seed + n) % 2**32

    def picks(self, task: Task | None = None) -> Batches:
        """The batches that a newly built strategy buys, the start left out."""
        with global_seeds(pins[-1]) if pins else contextlib.nullcontext():
            return self.played(task)

    def played(self, task: Task | None) -> Batches:
        """See `picks`; the global generators are as they are."""
        task = self.task() if task is None else task
        chosen = registry.build("strategy", self.strategy)

        def asked(query: Any) -> Any:
            query = self.between(query)
            if self.watched is None:
                return chosen(query)
            with self.watched():
                return chosen(query)

        return self.bought(task, asked)

    def bought(self, task: Task, strategy: Callable[[Any], Any]) -> Batches:
        """The batches that a strategy buys of a task."""
        spec = self.spec
        engine = "plain" if self.chooses else "auto"
        learner = engines.learner(spec.model, task, self.model_seed, engine=engine)
        rounds = simulate(
            task,
            strategy,
            learner,
            learner,
            oracle(spec.protocol, task, spec.rng("oracle")),
            metrics={},
            rng=np.random.default_rng([self.seed, 7]),
            sight=self.sight(),
        )
        return [r.picks.tolist() for r in rounds][1:]
