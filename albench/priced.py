"""What an oracle and a cost say of every train row, and the oracle of the loop made of both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from albench.learner import Floats, Ints
from albench.registry import register

F = TypeVar("F", bound=Callable[..., Any])


def oracle_entry(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register an oracle: `(Task, Generator) -> Answers`. about: cite, resolve."""
    return register("oracle", name, version, about)


def cost_entry(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register what labels cost: `(Task, Answers, Generator) -> Prices`. about: cite, resolve."""
    return register("cost", name, version, about)


@dataclass(frozen=True, eq=False)
class Answers:
    """What an oracle would answer to each train row of one cut.

    labels   (n_train,) class indices, -1 where it abstains
    votes    (n_train,) how many annotators are asked for a row; each is paid
    seconds  (n_train,) recorded working time, or None where none is recorded
    """

    labels: Ints
    votes: Ints
    seconds: Floats | None = None

    @classmethod
    def of(cls, labels: Ints) -> "Answers":
        """One annotator a row."""
        return cls(labels, np.ones(len(labels), dtype=np.intp))


@dataclass(frozen=True, eq=False)
class Prices:
    """What each train row's label costs, (n_train,), and what every batch costs besides."""

    labels: Floats
    batch: float = 0.0


@dataclass(frozen=True, eq=False)
class Priced:
    """The oracle that the loop asks: answers looked up, at their price."""

    answers: Answers
    costs: Prices

    @property
    def overhead(self) -> float:
        """See `Oracle.overhead`."""
        return self.costs.batch

    def answer(self, positions: Ints) -> Ints:
        """See `Oracle.answer`."""
        return self.answers.labels[positions]

    def prices(self, positions: Ints) -> Floats:
        """See `Oracle.prices`."""
        return self.costs.labels[positions]
