"""The learner of the bound that chooses C on the test set."""

from collections.abc import Sequence

import numpy as np

from albench.core.arrays import Ints
from albench.simulation.learner import Fitted, Learner, Maker, Trainer
from albench.simulation.task import Task

GRID = tuple(10.0**power for power in range(-4, 5))
CLIP = 1e-15


class Best(Trainer):
    """Fits a model for each of several values and keeps what is most accurate on the test rows.

    learners  one for each value
    make      what makes unfitted classifiers; they refuse to be fitted
    """

    name = "best on the test set"

    def __init__(self, learners: Sequence[Learner], task: Task, make: Maker) -> None:
        self.learners, self.task, self.make = learners, task, make

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit`."""
        return self.best([one.fit(labeled, y) for one in self.learners])

    def fit_repeated(self, labeled: Ints, y: Ints) -> Fitted:
        """See `Learner.fit_repeated`."""
        return self.best([one.fit_repeated(labeled, y) for one in self.learners])

    def best(self, fits: Sequence[Fitted]) -> Fitted:
        """The most accurate on the test rows; of equals the one with the smallest log loss."""
        return min(fits, key=self.badness)

    def badness(self, fitted: Fitted) -> tuple[int, float]:
        """Test rows predicted wrong, and summed log loss."""
        truth, proba = self.task.y_test, fitted.proba("test")
        wrong = int(np.count_nonzero(fitted.predicted("test") != truth))
        if proba is None:
            return wrong, 0.0
        true = proba[np.arange(len(truth)), truth]
        return wrong, float(-np.log(np.clip(true, CLIP, 1.0)).sum())
