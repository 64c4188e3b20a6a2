"""scikit-learn classifiers with the small adjustments that labelled sets of any size need."""

import warnings
from typing import Any, Self

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

AT_ONCE = 1 << 22  # distances held at a time


class NearestNeighbours(KNeighborsClassifier):  # type: ignore[misc]
    """k nearest neighbours by Euclidean distance, majority vote.

    All labelled rows while there are fewer than k of them. Among equal distances the row
    that comes first is nearer (scikit-learn leaves it to the search tree), and among
    classes with most votes the first is predicted.
    """

    n_neighbors: int
    classes_: Any

    def fit(self, X: Any, y: Any) -> Self:
        """Fit, with as many neighbours as there are rows at most."""
        self.n_neighbors = min(self.n_neighbors, len(X))
        self.rows_, self.labels_ = np.asarray(X, dtype=np.float64), np.asarray(y)
        return super().fit(X, y)  # type: ignore[no-any-return]

    def predict_proba(self, X: Any) -> Any:
        """(n, k) share of each class among the neighbours."""
        X = np.asarray(X, dtype=np.float64)
        votes = np.searchsorted(self.classes_, self.labels_)
        counts = np.zeros((len(X), len(self.classes_)))
        step = max(1, AT_ONCE // len(self.rows_))
        for at in range(0, len(X), step):
            near = nearest(X[at : at + step], self.rows_, self.n_neighbors)
            for column in votes[near].T:
                counts[np.arange(at, at + len(near)), column] += 1.0
        return counts / self.n_neighbors

    def predict(self, X: Any) -> Any:
        """(n,) the first class among those with most votes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def nearest(X: Any, rows: Any, k: int) -> Any:
    """(n, k) indices of the rows nearest to each of X, the first among equals nearer."""
    return np.argsort(cdist(X, rows, "sqeuclidean"), axis=1, kind="stable")[:, :k]


class ConvergedLogisticRegression(LogisticRegression):  # type: ignore[misc]
    """Logistic regression solved until rounding alone stops the line search."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit without the warning of a line search that ends at the optimum."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The line search|Rounding errors|Line Search")
            return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


class BoundedSVC(SVC):  # type: ignore[misc]
    """A support vector classifier that ends even where its tolerance is out of reach.

    libsvm holds kernel values in single precision. With a linear kernel and rows that
    repeat with other labels it may step for ever without reaching a tight tolerance.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit without a warning where `max_iter` ends it."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


class FixedEpochsMLP(MLPClassifier):  # type: ignore[misc]
    """A multilayer perceptron whose number of epochs is part of its definition."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fit without a warning when the last epoch is reached: that is the definition."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y)  # type: ignore[no-any-return]
