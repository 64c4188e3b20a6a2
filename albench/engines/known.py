"""What an engine knew at its last fit, and what has been added since."""

import numpy as np

from albench.learner import Ints


class Known:
    """The labelled set of the last fit.

    label  (n_train,) its labels, -1 elsewhere
    """

    def __init__(self, n_train: int) -> None:
        self.label = np.full(n_train, -1, dtype=np.intp)
        self.n = 0

    def added(self, labeled: Ints, y: Ints) -> tuple[Ints, Ints] | None:
        """The rows added since the last call and their labels.

        None when the set changed in any other way (or at the first call): the engine then
        starts from nothing. Either way the set is remembered.
        """
        before = self.label[labeled]
        at = (before != y).nonzero()[0]
        grew = 0 < self.n == len(labeled) - len(at) and not np.count_nonzero(before[at] >= 0)
        if not grew:
            self.label.fill(-1)
        self.label[labeled] = y
        self.n = len(labeled)
        return (labeled[at], y[at]) if grew else None
