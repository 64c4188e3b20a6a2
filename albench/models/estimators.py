"""scikit-learn classifiers with the small adjustments that labelled sets of any size need."""

import warnings
from typing import Any, Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.spatial.distance import cdist
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight

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

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit without a warning when the last epoch is reached: that is the definition."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y, sample_weight)  # type: ignore[no-any-return]


class BalancedMLP(FixedEpochsMLP):
    """The same with each class weighing the same, however many labels it has."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit with weights n / (classes * labels of the row's class)."""
        return super().fit(X, y, compute_sample_weight("balanced", y))


class SmoothedNB(GaussianNB):  # type: ignore[misc]
    """Gaussian naive Bayes that can be asked where all rows are equal, too.

    Variances are raised by a share of the largest one; where that is 0, by the share itself.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit, with variances above 0."""
        super().fit(X, y, sample_weight)
        if not self.epsilon_:  # type: ignore[has-type]
            self.epsilon_ = self.var_smoothing
            self.var_ = self.var_ + self.epsilon_  # type: ignore[has-type]
        return self


class BalancedNB(SmoothedNB):
    """The same with each class weighing the same: with equal priors."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit with weights n / (classes * labels of the row's class)."""
        return super().fit(X, y, compute_sample_weight("balanced", y))


class AnyLDA(LinearDiscriminantAnalysis):  # type: ignore[misc]
    """Linear discriminant analysis that can be fitted where classes have no spread, too.

    scikit-learn's refuses as many classes as rows, and fails where all rows are equal. There
    nothing is known of the covariance within classes, and it is taken for the identity: a row
    belongs to the class with the nearest mean.
    """

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on rows (n, d) and their classes (n,)."""
        X = np.asarray(X, dtype=np.float64)
        self.classes_, at, counts = np.unique(y, return_inverse=True, return_counts=True)
        means = np.stack([X[at == c].mean(axis=0) for c in range(len(counts))])
        if (means[at] != X).any():
            return super().fit(X, y)  # type: ignore[no-any-return]
        self.means_, self.priors_ = means, counts / len(X)
        coef = means
        intercept = np.log(self.priors_) - 0.5 * (means * means).sum(axis=1)
        if len(counts) == 2:  # as scikit-learn has it: one line for the second class
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        self.coef_, self.intercept_ = coef, intercept
        self.n_features_in_ = X.shape[1]
        return self


class QuietSGD(SGDClassifier):  # type: ignore[misc]
    """Stochastic gradient descent whose largest number of epochs is part of its definition."""

    def fit(self, X: Any, y: Any) -> Self:
        """Fit without a warning when the last epoch is reached."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().fit(X, y)  # type: ignore[no-any-return]


class ShrunkQDA(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Quadratic discriminant analysis with covariances (1 - shrinkage) S + shrinkage I.

    S is the covariance of a class by maximum likelihood, 0 where it has one row; scikit-learn
    refuses such a class.
    """

    def __init__(self, shrinkage: float = 0.1) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on rows (n, d) and their classes (n,)."""
        X = np.asarray(X, dtype=np.float64)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.priors_ = counts / len(X)
        self.means_ = np.stack([X[y == c].mean(axis=0) for c in self.classes_])
        identity = np.eye(X.shape[1])
        self.factors_ = []
        for c, mean in zip(self.classes_, self.means_, strict=True):
            apart = X[y == c] - mean
            spread = apart.T @ apart / len(apart)
            shrunk = (1.0 - self.shrinkage) * spread + self.shrinkage * identity
            self.factors_.append(np.linalg.cholesky(shrunk))
        return self

    def joint(self, X: Any) -> Any:
        """(n, k) log density of each class plus log prior, up to a constant."""
        X = np.asarray(X, dtype=np.float64)
        out = np.empty((len(X), len(self.classes_)))
        for i, factor in enumerate(self.factors_):
            z = solve_triangular(factor, (X - self.means_[i]).T, lower=True)
            out[:, i] = -0.5 * (z * z).sum(axis=0) - np.log(np.diag(factor)).sum()
        return out + np.log(self.priors_)

    def decision_function(self, X: Any) -> Any:
        """(n, k) of `joint`; of two classes (n,) the difference, positive for the second."""
        values = self.joint(X)
        return values[:, 1] - values[:, 0] if values.shape[1] == 2 else values

    def predict_proba(self, X: Any) -> Any:
        """(n, k) posterior probabilities."""
        return softmax(self.joint(X), axis=1)

    def predict(self, X: Any) -> Any:
        """(n,) the first of the most probable classes."""
        return self.classes_[self.joint(X).argmax(axis=1)]


class ParzenWindow(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Class frequencies weighted by an RBF kernel around the row that is asked about.

    Probabilities equal those of `ParzenWindowClassifier` of scikit-activeml that is told all
    classes and has its defaults (but for `gamma`). Where no labelled row has any weight all
    classes of the task are equally probable. Among equally probable classes the first is
    predicted, where the library draws one.

    gamma         width exp(-gamma |a - b|^2); None: one over the number of features
    class_weight  `balanced`: each class weighs the same, however many labels it has
    """

    def __init__(self, gamma: float | None = None, class_weight: str | None = None) -> None:
        self.gamma = gamma
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the rows (n, d) and their classes (n,); classes not among them are unknown."""
        return self.kept(np.asarray(X, dtype=np.float64), np.asarray(y), np.unique(y))

    def fit_among(self, X: Any, labeled: Any, y: Any, n_classes: int) -> Self:
        """The same with all classes of the task known; see `albench.simulation.learner.Looking`."""
        return self.kept(X[labeled], np.asarray(y), np.arange(n_classes))

    def kept(self, X: Any, y: Any, classes: Any) -> Self:
        """Keep what predictions are made of."""
        self.classes_, self.rows_ = classes, X
        self.votes_ = np.zeros((len(X), len(classes)))
        weight = 1.0 if self.class_weight is None else compute_sample_weight(self.class_weight, y)
        self.votes_[np.arange(len(X)), np.searchsorted(classes, y)] = weight
        return self

    def predict_proba(self, X: Any) -> Any:
        """(n, k) share of each class in the weights of the labelled rows."""
        X = np.asarray(X, dtype=np.float64)
        shares = np.empty((len(X), len(self.classes_)))
        step = max(1, AT_ONCE // len(self.rows_))
        for at in range(0, len(X), step):
            near = rbf_kernel(X[at : at + step], self.rows_, gamma=self.gamma)
            shares[at : at + step] = near @ self.votes_
        total = shares.sum(axis=1, keepdims=True)
        even = np.full_like(shares, 1.0 / len(self.classes_))
        return np.divide(shares, total, out=even, where=total > 0)

    def predict(self, X: Any) -> Any:
        """(n,) the first of the most probable classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
