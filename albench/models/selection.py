"""Models that choose their parameters: on the labelled rows or, as a bound, on the test set."""

import warnings
from collections.abc import Iterator
from itertools import product
from typing import Any, NoReturn, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

from albench.core.arrays import Floats, Ints
from albench.core.errors import RunError
from albench.models.estimators import BoundedSVC, ConvergedLogisticRegression

CLIP = 1e-15
HESSIAN = 300  # coefficients up to which Newton's method is the faster one
DIGITS = 9  # sums that differ by rounding are equal, and the value nearest to 1 is taken


def dealt(y: Ints, folds: int, seed: int) -> Iterator[tuple[Ints, Ints]]:
    """(training rows, held-out rows) of each fold; each training part has all classes of y.

    The rows of each class are shuffled and dealt to the folds in turn, so that each fold has
    its share of them. A class with one row is never held out; where all classes are so, there
    are no folds.
    """
    rng = np.random.default_rng(seed)
    classes, counts = np.unique(y, return_counts=True)
    deck = [rng.permutation(np.flatnonzero(y == c)) for c in classes[counts > 1]]
    if not deck:
        return
    order = np.concatenate(deck)
    at = np.arange(len(order)) % min(folds, len(order))
    for fold in range(int(at.max()) + 1):
        held = np.sort(order[at == fold])
        yield np.setdiff1d(np.arange(len(y)), held), held


def by_distance(*grids: tuple[float, ...]) -> list[tuple[float, ...]]:
    """All combinations, those nearest to 1 in all parts first (in powers of ten)."""
    return sorted(product(*grids), key=lambda values: (np.abs(np.log10(values)).sum(), values))


class TunedLogisticRegression(ConvergedLogisticRegression):
    """Logistic regression with C by cross-validated log loss. See `logreg-cv`."""

    GRID = by_distance((1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3))

    def __init__(self, folds: int = 5, class_weight: str | None = None, seed: int = 0) -> None:
        super().__init__(
            class_weight=class_weight, solver="newton-cholesky", tol=1e-12, max_iter=200
        )
        self.folds, self.seed = folds, seed

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose C, then fit on all rows to convergence."""
        losses, weight = np.zeros(len(self.GRID)), compute_sample_weight(self.class_weight, y)
        for train, held in dealt(y, self.folds, self.seed):
            for i, (C,) in enumerate(self.GRID):
                losses[i] += weight[held] @ self.loss(C, X[train], y[train], X[held], y[held])
        self.C = self.C_ = self.GRID[int(np.round(losses, DIGITS).argmin())][0]
        return super().fit(X, y, sample_weight)

    def loss(self, C: float, X: Any, y: Any, X_held: Any, y_held: Any) -> Floats:
        """Log loss of each row held out, of a fit that is good enough to choose by."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The line search|Rounding errors|Line Search")
            small = X.shape[1] * len(np.unique(y)) <= HESSIAN
            fitted = LogisticRegression(
                C=C,
                class_weight=self.class_weight,
                solver="newton-cholesky" if small else "lbfgs",
                tol=1e-6,
                max_iter=1000,
            ).fit(X, y)
        proba = fitted.predict_proba(X_held)
        true = proba[np.arange(len(y_held)), np.searchsorted(fitted.classes_, y_held)]
        return np.asarray(-np.log(np.clip(true, CLIP, 1.0)))


class TunedSVC(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A support vector classifier with C and gamma by accuracy. See `svc-rbf-cv`."""

    GRID = by_distance((1e-1, 1.0, 1e1, 1e2, 1e3), (1e-2, 1e-1, 1.0, 1e1))

    def __init__(self, folds: int = 5, class_weight: str | None = None, seed: int = 0) -> None:
        self.folds, self.class_weight, self.seed = folds, class_weight, seed

    def fit(self, X: Any, y: Any) -> Self:
        """Choose C and gamma, then fit on all rows to convergence."""
        right, weight = np.zeros(len(self.GRID)), compute_sample_weight(self.class_weight, y)
        for train, held in dealt(y, self.folds, self.seed):
            for i, (C, width) in enumerate(self.GRID):
                one = SVC(C=C, gamma=width / X.shape[1], class_weight=self.class_weight)
                right[i] += weight[held] @ (one.fit(X[train], y[train]).predict(X[held]) == y[held])
        self.C_, width = self.GRID[int(np.round(right, DIGITS).argmax())]
        self.gamma_ = width / X.shape[1]
        self.best_ = BoundedSVC(
            C=self.C_,
            gamma=self.gamma_,
            tol=1e-10,
            class_weight=self.class_weight,
            max_iter=10_000_000,
            cache_size=100,
        ).fit(X, y)
        self.classes_ = self.best_.classes_
        return self

    def decision_function(self, X: Any) -> Any:
        """Decision values of the chosen classifier."""
        return self.best_.decision_function(X)

    def predict(self, X: Any) -> Any:
        """(n,) classes by the chosen classifier."""
        return self.best_.predict(X)


class ChosenOnTest(ConvergedLogisticRegression):
    """The unfitted classifier of `logreg-best`; `models.engines.best` fits it in a run."""

    def __init__(self, class_weight: str | None = None) -> None:
        super().__init__(class_weight=class_weight)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> NoReturn:
        """Refuse: rows alone do not tell what is best on a test set."""
        raise RunError(
            "logreg-best chooses C on the test set, so it is the model of a run and nothing "
            "else: no strategy, and no other model, can fit it"
        )
