"""Refits of logistic regression after one more row, against scikit-learn's optimum."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from albench.models.engines import newton
from albench.models.engines.logreg import pull, refit


@pytest.mark.parametrize("C", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("surprise", [0.1, 3.0, 30.0])
def test_a_refit_is_the_optimum_however_surprising_the_label(C: float, surprise: float) -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(26, 4)), np.ones(26)])
    target = (X[:, 0] + 0.5 * rng.normal(size=26) > 0).astype(float)
    v = np.full(26, C)
    X[-1, 0], target[-1] = surprise, 0.0  # far on the side of class 1
    w, M = np.zeros(5), np.full((5, 5), np.nan)
    assert newton.binary(X[:-1], target[:-1], v[:-1], w, M, 1e-13, 0)
    assert refit(X, target, v, w, M, 1e-12 * v.sum())
    gradient, curvature = np.empty(5), np.empty(26)
    size = newton.binary_gradient(X, target, v, w, gradient, curvature)
    assert size == np.abs(gradient).max() <= 1e-12 * v.sum()
    p = expit(X @ w)
    np.testing.assert_allclose(gradient, X.T @ (v * (p - target)) + [*w[:-1], 0], atol=1e-9 * C)
    np.testing.assert_allclose(curvature, v * p * (1 - p), rtol=1e-9, atol=1e-300)
    model = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    model.fit(X[:, :-1], target)
    np.testing.assert_allclose(w, [*model.coef_[0], model.intercept_[0]], rtol=1e-5, atol=1e-7)


def test_the_pull_of_a_row_is_a_root() -> None:
    for z in (-800.0, -3.0, 0.0, 40.0, 800.0):
        for q in (1e-6, 1.0, 1e5):
            for v in (1e-3, 1.0, 1e4):
                for target in (0.0, 1.0):
                    a = pull(z, q, v, target)
                    assert abs(a - v * (expit(z - a * q) - target)) <= 1e-6 * v * max(1.0, v * q)


def test_a_refit_that_cannot_be_says_so() -> None:
    X, target, v = np.full((3, 2), np.nan), np.array([0.0, 1.0, 1.0]), np.ones(3)
    assert not refit(X, target, v, np.zeros(2), np.eye(2), 1e-12)
