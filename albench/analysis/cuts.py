"""What an analysis of bought labels may know of a run besides the stored tables.

`albench.cuts` remakes it from the spec. Runs on the same cut come one after the other and
share one `task` object, so that what depends on the cut alone (distances, null subsets, the
full-pool model) is worked out once.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


class Cut(Protocol):
    """One run and its cut; everything but `run` and `task` is worked out when asked for."""

    @property
    def run(self) -> str:
        """The run, as in the tables."""

    @property
    def task(self) -> Any:
        """The `Task`: features, true labels, start, withheld rows, row numbers."""

    @property
    def features(self) -> Sequence[str]:
        """(d,) names of the task's columns, their numbers where none are known."""

    @property
    def random_start(self) -> bool:
        """Whether the start was drawn uniformly."""

    @property
    def uniform(self) -> bool:
        """Whether the strategy draws its picks uniformly from the pool."""

    @property
    def answers(self) -> Ints:
        """(n_train,) what the oracle answers to each train row, -1 where it abstains."""

    @property
    def prices(self) -> Floats:
        """(n_train,) what the label of each train row costs."""

    @property
    def full_margins(self) -> Floats:
        """(n_train,) gap between the two best classes of the full-pool model."""

    def fit(self, labeled: Ints, y: Ints) -> Any:
        """The task model fitted on train rows (ascending positions): a `Fitted`."""

    def positions(self, picks: Ints) -> Ints:
        """Train positions of dataset rows, as the stored `picks` are."""
