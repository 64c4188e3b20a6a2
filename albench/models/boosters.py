"""Gradient boosting of other libraries, each on one thread and with all its randomness seeded."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.utils.class_weight import compute_sample_weight

SEEDS = 2**31  # LightGBM and CatBoost take whole numbers below


class Boosted(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A boosted classifier with classes of any numbers and probabilities in double precision.

    Where all rows are equal there is nothing to split, which CatBoost takes for an error: the
    shares of the classes are predicted.

    make          () -> unfitted classifier, fitted on classes 0, 1, ..., k - 1
    class_weight  `balanced`: each class weighs the same, however many labels it has
    """

    def __init__(self, make: Callable[[], Any], class_weight: str | None = None) -> None:
        self.make, self.class_weight = make, class_weight

    def fit(self, X: Any, y: Any) -> Self:
        """Fit on rows (n, d) and their classes (n,)."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weight = None
        if self.class_weight is not None:
            weight = compute_sample_weight(self.class_weight, codes)
        flat = bool((X[:1] == X).all())
        estimator = DummyClassifier(strategy="prior") if flat else self.make()
        self.fitted_ = estimator.fit(X, codes, sample_weight=weight)
        return self

    def predict_proba(self, X: Any) -> Any:
        """(n, k) probabilities."""
        given = self.fitted_.predict_proba(np.ascontiguousarray(X, dtype=np.float64))
        return np.asarray(given, dtype=np.float64)

    def predict(self, X: Any) -> Any:
        """(n,) the first of the most probable classes."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def light(seed: int, trees: int, rate: float, leaves: int, least: int) -> Any:
    """LightGBM's classifier; `least` rows in a leaf."""
    from lightgbm import LGBMClassifier

    return LGBMClassifier(
        n_estimators=trees,
        learning_rate=rate,
        num_leaves=leaves,
        min_child_samples=least,
        random_state=seed % SEEDS,
        n_jobs=1,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
    )


def extreme(seed: int, trees: int, rate: float, depth: int) -> Any:
    """XGBoost's classifier."""
    from xgboost import XGBClassifier

    return XGBClassifier(
        n_estimators=trees,
        learning_rate=rate,
        max_depth=depth,
        tree_method="hist",
        device="cpu",
        random_state=seed % SEEDS,
        n_jobs=1,
        verbosity=0,
    )


def ordered(seed: int, trees: int, rate: float | None, depth: int) -> Any:
    """CatBoost's classifier; it chooses its rate itself where none is given."""
    from catboost import CatBoostClassifier

    return CatBoostClassifier(
        iterations=trees,
        learning_rate=rate,
        depth=depth,
        random_seed=seed % SEEDS,
        thread_count=1,
        allow_writing_files=False,
        verbose=False,
    )
