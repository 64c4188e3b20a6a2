"""What scikit-activeml is given as a model: ours, already fitted, columns aligned."""

from functools import cache
from typing import Any

import numpy as np

from albench.learner import Constant, spread
from albench.query import Query

MEMBERS = 5


@cache
def handed_class() -> Any:
    """The class of handed models; the library is imported here, not before."""
    from skactiveml.base import SkactivemlClassifier

    class Handed(SkactivemlClassifier):  # type: ignore[misc]
        """A scikit-learn classifier for the library, with a column for every class.

        Unlike the library's own wrapper it lets an error of the model's fit through.
        """

        def __init__(
            self,
            make: Any = None,
            classes: Any = None,
            missing_label: Any = np.nan,
            cost_matrix: Any = None,
            random_state: Any = None,
        ) -> None:
            super().__init__(classes, missing_label, cost_matrix, random_state)
            self.make = make

        def holding(self, estimator: Any) -> Any:
            """Itself, with a fitted estimator."""
            self._validate_data(np.empty((0, 1)), np.empty(0))
            self.estimator_ = estimator
            return self

        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            """Fit a new estimator on the rows that have a label."""
            X, y, _ = self._validate_data(X, y, sample_weight)
            known = y >= 0
            labels = y[known].astype(np.intp)
            if labels.min() == labels.max():
                self.estimator_ = Constant(int(labels[0]))
            else:
                self.estimator_ = self.make().fit(X[known], labels)
            return self

        def predict_proba(self, X: Any) -> Any:
            """(n, n_classes) probabilities, unseen classes 0."""
            given = self.estimator_.predict_proba(np.asarray(X, dtype=np.float64))
            classes = np.asarray(self.estimator_.classes_, dtype=np.intp)
            return spread(given, classes, len(self.classes_), 0.0)

        def predict(self, X: Any) -> Any:
            """(n,) the most probable classes."""
            return self.classes_[self.predict_proba(X).argmax(axis=1)]

    return Handed


def handed(query: Query, estimator: Any, seed: int) -> Any:
    """A fitted model of ours, which the library may clone and refit."""
    classes = np.arange(query.n_classes)
    return handed_class()(lambda: query.make_model(seed), classes).holding(estimator)


def argument(role: str | None, query: Query, seed: int) -> dict[str, Any]:
    """The keyword arguments by which `query` is given its model."""
    if role in ("clf", "estimator", "refit", "ensemble") and not query.has_proba:
        query.proba  # noqa: B018  raises Skip with the reason
    if role in ("clf", "estimator"):
        return {role: handed(query, query.model, seed), f"fit_{role}": False}
    if role == "refit":
        classes = np.arange(query.n_classes)
        return {"clf": handed_class()(lambda: query.make_model(seed), classes)}
    if role == "ensemble":
        return {"ensemble": members(query, seed), "fit_ensemble": False}
    if role == "discriminator":
        from sklearn.linear_model import LogisticRegression

        return {"discriminator": handed_class()(LogisticRegression, [0, 1])}
    return {} if role is None else {"clf": own_model(role, query, seed)}


def own_model(role: str, query: Query, seed: int) -> Any:
    """The library's own model, which some of its strategies cannot do without."""
    from skactiveml.classifier import MixtureModelClassifier, ParzenWindowClassifier

    classes = np.arange(query.n_classes)
    if role == "parzen":
        return ParzenWindowClassifier(classes=classes, random_state=seed)
    from sklearn.mixture import BayesianGaussianMixture

    rows = len(query.labeled) + len(query.pool)
    mixture = BayesianGaussianMixture(n_components=min(5, rows), random_state=seed)
    return MixtureModelClassifier(mixture, classes=classes, random_state=seed)


def members(query: Query, seed: int) -> list[Any]:
    """Fitted bootstrap copies of the query model, drawn until all labelled classes occur."""
    made = []
    for i in range(MEMBERS):
        rows, y = bootstrap(query)
        fitted = query.member(lambda s=seed + i: query.make_model(s), rows, y)  # type: ignore[misc]
        made.append(handed(query, fitted.estimator, seed + i))
    return made


def bootstrap(query: Query) -> Any:
    """A resample of the labelled rows that holds each of their classes."""
    classes = len(np.unique(query.y_labeled))
    for _ in range(1000):
        at = query.rng.integers(len(query.labeled), size=len(query.labeled))
        if len(np.unique(query.y_labeled[at])) == classes:
            return query.labeled[at], query.y_labeled[at]
    return query.labeled, query.y_labeled
