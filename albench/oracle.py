"""Who answers a query, and what a label costs."""

from dataclasses import dataclass

import numpy as np

from albench.errors import BadValue
from albench.learner import Ints
from albench.loop import Oracle, Task
from albench.spec import Protocol


@dataclass(frozen=True, eq=False)
class Exact:
    """Answers with the true label, at one unit each."""

    y: Ints

    def answer(self, positions: Ints) -> Ints:
        """(n,) the true labels."""
        return self.y[positions]

    def price(self, positions: Ints) -> float:
        """One unit a label."""
        return float(len(positions))


def oracle(protocol: Protocol, task: Task, rng: np.random.Generator) -> Oracle:
    """The oracle of a protocol on one cut; its mistakes depend on the row and the trial."""
    if protocol.oracle.name != "exact":
        raise BadValue(f"protocol: oracle = {protocol.oracle.name!r}; it is one of exact")
    return Exact(task.y)
