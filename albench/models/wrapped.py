"""Models around another model: self-training, calibration, bagging."""

import warnings
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.semi_supervised import SelfTrainingClassifier

from albench.models.selection import dealt
from albench.simulation.learner import Maker

REDRAWS = 1000
UNKNOWN = -1


class SelfTraining(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model that takes its own sure predictions for labels. See `self-training`.

    base  seed -> unfitted classifier with probabilities
    """

    def __init__(
        self, base: Maker, threshold: float = 0.75, max_iter: int = 10, seed: int = 0
    ) -> None:
        self.base, self.threshold, self.max_iter, self.seed = base, threshold, max_iter, seed

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on labelled rows alone, which is the base's own fit."""
        self.fitted_ = self.base(self.seed).fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def fit_among(self, X: Any, labeled: Any, y: Any, n_classes: int) -> Self:
        """Fit on all train rows; see `albench.simulation.learner.Looking`."""
        rest = np.setdiff1d(np.arange(len(X)), labeled)
        if not len(rest):
            return self.fit(X[labeled], y)
        rows = np.concatenate([labeled, rest])  # rows of a resample that repeat stay repeated
        known = np.concatenate([y, np.full(len(rest), UNKNOWN, dtype=np.asarray(y).dtype)])
        around = SelfTrainingClassifier(
            self.base(self.seed), threshold=self.threshold, max_iter=self.max_iter
        )
        self.fitted_ = around.fit(X[rows], known)
        self.classes_ = around.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        """(n, k) probabilities of the last fit."""
        return self.fitted_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        """(n,) classes by the last fit."""
        return self.fitted_.predict(X)


class Calibrated(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A model with calibrated probabilities. See `calibrated`.

    base  seed -> unfitted classifier
    """

    def __init__(self, base: Maker, method: str = "sigmoid", folds: int = 5, seed: int = 0) -> None:
        self.base, self.method, self.folds, self.seed = base, method, folds, seed

    def fit(self, X: Any, y: Any) -> Self:
        """Fit one copy of the base and its map for each fold."""
        X, y = np.asarray(X), np.asarray(y)
        everything = np.arange(len(y))
        folds = list(dealt(y, self.folds, self.seed)) or [(everything, everything)]
        self.fitted_ = CalibratedClassifierCV(
            self.base(self.seed), method=self.method, cv=folds, ensemble=True
        )
        with warnings.catch_warnings():
            # a fold without a row of some class: its map says so by a small constant
            warnings.simplefilter("ignore", UserWarning)
            self.fitted_.fit(X, y)
        self.classes_ = self.fitted_.classes_
        return self

    def predict_proba(self, X: Any) -> Any:
        """(n, k) mean of the calibrated probabilities."""
        return self.fitted_.predict_proba(X)

    def predict(self, X: Any) -> Any:
        """(n,) the most probable classes."""
        return self.fitted_.predict(X)


class Bagged(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The mean of a model over bootstrap resamples. See `bagged`.

    base  seed -> unfitted classifier
    """

    def __init__(self, base: Maker, members: int = 10, seed: int = 0) -> None:
        self.base, self.members, self.seed = base, members, seed

    def fit(self, X: Any, y: Any) -> Self:
        """Fit the members, each with a seed and a resample of its own."""
        X, y = np.asarray(X), np.asarray(y)
        rng = np.random.default_rng(self.seed)
        self.classes_ = np.unique(y)
        self.members_ = []
        for _ in range(self.members):
            rows = resampled(y, rng)
            self.members_.append(self.base(int(rng.integers(2**32))).fit(X[rows], y[rows]))
        return self

    def predict_proba(self, X: Any) -> Any:
        """(n, k) mean probabilities of the members, or shares of their votes."""
        total = np.zeros((len(X), len(self.classes_)))
        for one in self.members_:
            at = np.searchsorted(self.classes_, one.classes_)
            if hasattr(one, "predict_proba"):
                total[:, at] += one.predict_proba(X)
            else:
                total[np.arange(len(X)), np.searchsorted(self.classes_, one.predict(X))] += 1.0
        return total / len(self.members_)

    def predict(self, X: Any) -> Any:
        """(n,) the first of the most probable classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def resampled(y: Any, rng: np.random.Generator) -> Any:
    """As many rows as there are, with repeats, of two classes at least."""
    for _ in range(REDRAWS):
        rows = rng.integers(len(y), size=len(y))
        if y[rows].min() != y[rows].max():
            return rows
    return np.arange(len(y))
