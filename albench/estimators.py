"""scikit-learn classifiers with the small adjustments that labelled sets of any size need."""

import warnings
from typing import Any, Self

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC


class NearestNeighbours(KNeighborsClassifier):  # type: ignore[misc]
    """k nearest neighbours; all labelled rows while there are fewer than k of them."""

    n_neighbors: int

    def fit(self, X: Any, y: Any) -> Self:
        """Fit, with as many neighbours as there are rows at most."""
        self.n_neighbors = min(self.n_neighbors, len(X))
        return super().fit(X, y)  # type: ignore[no-any-return]


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
