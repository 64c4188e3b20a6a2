"""What an analysis of bought labels may know of a run besides the stored tables.

The runner remakes it from the spec. Runs on the same cut (dataset, protocol's split and
start, trial) come one after the other and share one `task` object, so that what depends
on the cut alone (distances, null subsets, the full-pool model) is worked out once.
"""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class Cut(Protocol):
    """One run and its cut; `answers`, `full` and `fit` are worked out when asked for."""

    @property
    def run(self) -> str:
        """The run, as in the tables."""

    @property
    def task(self) -> Any:
        """The `Task`: features, true labels, start, withheld rows, row numbers."""

    @property
    def start_is_random(self) -> bool:
        """Whether the start was drawn uniformly (start_rule = random)."""

    @property
    def answers(self) -> Ints:
        """(n_train,) what the oracle answers to each train row, -1 where it abstains."""

    @property
    def full(self) -> Floats:
        """(n_train,) margins of the task model fitted on all train rows with true labels."""

    def fit(self, labeled: Ints, y: Ints) -> Any:
        """The task model fitted on train rows (ascending positions): a `Fitted`."""
