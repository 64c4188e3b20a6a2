"""Cuts remade from the specs, for analyses of what was bought."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from albench import engines
from albench.encode import column_names
from albench.errors import BadData
from albench.execute import cut_once, resident
from albench.learner import Fitted, Floats, Ints, Learner
from albench.loop import Oracle, Task
from albench.oracle import oracle
from albench.query import gap
from albench.ref import Ref
from albench.spec import RunSpec


@dataclass(frozen=True, eq=False)
class Cut:
    """One run with its cut.

    run, spec  the run
    task       its cut; `task.rows` are the dataset rows of the train positions
    """

    run: str
    spec: RunSpec
    task: Task

    @property
    def random_start(self) -> bool:
        """Whether the start was drawn uniformly from the train rows."""
        p = self.spec.protocol
        drawn = p.split in ("random", "stratified") and p.start_rule == "random"
        return drawn and p.missing == "allow"

    @property
    def uniform(self) -> bool:
        """Whether the strategy draws its picks uniformly from the pool."""
        return self.spec.strategy.name == "random"

    @property
    def features(self) -> tuple[str, ...]:
        """(d,) names of the task's columns; their numbers where the dataset names none.

        An entry over another dataset, such as `imbalanced`, keeps the names of its base.
        """
        if "features" not in self.task.memo:
            self.task.memo["features"] = names_of(self.spec.dataset, self.task)
        names: tuple[str, ...] = self.task.memo["features"]
        return names

    @cached_property
    def oracle(self) -> Oracle:
        """The oracle of the trial, made once for the runs of one cut."""
        if "oracle" not in self.task.memo:
            self.task.memo["oracle"] = oracle(
                self.spec.protocol, self.task, self.spec.rng("oracle")
            )
        made: Oracle = self.task.memo["oracle"]
        return made

    @property
    def answers(self) -> Ints:
        """(n_train,) what the oracle answers to each train row, -1 where it abstains."""
        return self.oracle.answer(np.arange(len(self.task.y)))

    @property
    def prices(self) -> Floats:
        """(n_train,) what the label of each train row costs."""
        return self.oracle.prices(np.arange(len(self.task.y)))

    def new_learner(self) -> Learner:
        """A learner of the task model."""
        return engines.learner(
            self.spec.model, self.task, lambda n: self.spec.seed("model", n) % 2**32,
            rescale=self.spec.protocol.scale == "labeled",
        )  # fmt: skip

    @cached_property
    def learner(self) -> Learner:
        """The learner of the task model, made once for the runs of one cut."""
        key = ("learner", self.spec.model)
        if key not in self.task.memo:
            self.task.memo[key] = self.new_learner()
        made: Learner = self.task.memo[key]
        return made

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """The task model fitted on train rows (ascending positions); valid until the next."""
        return self.learner.fit(labeled, y)

    @cached_property
    def full(self) -> Fitted:
        """The task model trained on all train rows with true labels (the full-pool model).

        Fitted once for the runs of one cut and model.
        """
        key = ("full-pool model", self.spec.model)
        if key not in self.task.memo:
            rows = np.setdiff1d(np.arange(len(self.task.y)), self.task.withheld)
            self.task.memo[key] = self.new_learner().fit(rows, self.task.y[rows])
        fitted: Fitted = self.task.memo[key]
        return fitted

    @cached_property
    def full_margins(self) -> Floats:
        """(n_train,) gap between the two best classes of the full-pool model."""
        proba = self.full.proba("train")
        values = proba if proba is not None else self.full.decision("train")
        if values is None:
            raise BadData("the model has neither probabilities nor decision values")
        return gap(values)

    def positions(self, picks: Ints) -> Ints:
        """Train positions of dataset rows, as the stored `picks` are."""
        order = np.argsort(self.task.rows)
        return np.asarray(order[np.searchsorted(self.task.rows[order], picks)])


def names_of(ref: Ref, task: Task) -> tuple[str, ...]:
    """Names of a task's columns, as `Cut.features` gives them."""
    dataset, d = resident(ref), task.X.shape[1]
    if not isinstance(dataset.X, np.ndarray):
        return column_names(dataset.X, task.rows)
    if dataset.features:
        return dataset.features
    base = next((value for _, value in ref.params if isinstance(value, Ref)), None)
    if base is not None and resident(base).d == d:
        return names_of(base, task)
    return tuple(str(column) for column in range(d))


def cuts(specs: Iterable[RunSpec]) -> Iterator[Cut]:
    """The cuts of runs, those that share one together; few datasets stay in memory."""
    groups: dict[Any, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.dataset, spec.protocol, spec.trial), []).append(spec)
    for group in groups.values():
        shared: dict[Any, Any] = {}
        for spec in group:
            yield Cut(spec.id, spec, cut_once(spec, shared))
