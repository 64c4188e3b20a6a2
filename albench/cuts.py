"""Cuts remade from the specs, for analyses of what was bought."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from albench import engines
from albench.errors import BadData
from albench.execute import cut_once
from albench.learner import Fitted, Floats, Ints
from albench.loop import Task
from albench.query import gap
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

    @cached_property
    def full(self) -> Fitted:
        """The task model trained on all train rows with true labels (the full-pool model).

        Fitted once for the runs of one cut and model.
        """
        key = ("full-pool model", self.spec.model)
        if key not in self.task.memo:
            rows = np.setdiff1d(np.arange(len(self.task.y)), self.task.withheld)
            learner = engines.learner(
                self.spec.model, self.task, lambda n: self.spec.seed("model", n) % 2**32,
                rescale=self.spec.protocol.scale == "labeled",
            )  # fmt: skip
            self.task.memo[key] = learner.fit(rows, self.task.y[rows])
        fitted: Fitted = self.task.memo[key]
        return fitted

    @property
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


def cuts(specs: Iterable[RunSpec]) -> Iterator[Cut]:
    """The cuts of runs, those that share one together; few datasets stay in memory."""
    groups: dict[Any, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.dataset, spec.protocol, spec.trial), []).append(spec)
    for group in groups.values():
        shared: dict[Any, Any] = {}
        for spec in group:
            yield Cut(spec.id, spec, cut_once(spec, shared))
