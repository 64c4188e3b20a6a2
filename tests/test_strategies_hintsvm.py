"""The hinted support vector machine, against scikit-learn's machines and by its objective."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from albench.core.errors import Skip, StrategyError
from albench.core.registry import make_strategy
from albench.strategies import _quadratic
from albench.strategies._quadratic import solved, solved_in_box
from albench.strategies.hintsvm import hinted, kernel_features
from albench.testing import make_query

pytest.importorskip("clarabel")


def real(load: Any, n: int) -> tuple[Any, Any]:
    """Two classes of a standardised table, four features."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(np.flatnonzero(y < 2))[:n]
    return StandardScaler().fit_transform(X[order])[:, :4], y[order]


def test_a_box_programme_equals_scipys_minimum() -> None:
    rng = np.random.default_rng(0)
    half, q, a = rng.normal(size=(6, 6)), rng.normal(size=6), rng.random(6) + 0.5
    P = half @ half.T
    x = solved_in_box(P, q, a, 2.0)
    assert a @ x == pytest.approx(2.0, abs=1e-8)
    best = minimize(
        lambda v: v @ P @ v / 2 + q @ v,
        np.full(6, 2 / a.sum()),
        jac=lambda v: P @ v + q,
        bounds=[(0, 1)] * 6,
        constraints={"type": "eq", "fun": lambda v: a @ v - 2.0},
        method="SLSQP",
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(x, best.x, atol=1e-5)


def test_without_a_solution_or_a_solver_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StrategyError, match="no solution"):
        solved_in_box(np.eye(2), np.zeros(2), np.ones(2), 3.0)
    monkeypatch.setattr(_quadratic, "find_spec", lambda name: None)
    with pytest.raises(Skip, match=r"albench\[qp\]"):
        solved(np.eye(1), np.zeros(1), np.ones((1, 1)), np.ones(1), 0)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_without_hints_it_is_a_support_vector_machine(load: Any) -> None:
    X, y = real(load, 40)
    w, b = hinted(X, 2.0 * y - 1.0, 0.7, 1.0, 0.1)
    svc = SVC(kernel="linear", C=0.7, tol=1e-8).fit(X, y)
    np.testing.assert_allclose(X @ w + b, svc.decision_function(X), atol=1e-5)


def test_hints_alone_are_support_vector_regression_to_zero() -> None:
    """One labelled row far outside of its margin: what is left is a regression."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 3))
    svr = SVR(kernel="linear", C=0.5, epsilon=0.1, tol=1e-8).fit(X, np.zeros(30))
    w, b = hinted(np.vstack([np.zeros((1, 3)), X]), np.ones(1), 1e-9, 0.5, 0.1)
    assert np.abs(X @ w + b - svr.predict(X)).max() < 0.2 + 1e-6  # both inside epsilon
    assert np.abs(w).max() < 1e-5


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_picks_by_the_dual_of_the_publication(load: Any, kernel: str) -> None:
    """The dual over labelled rows and both signs of each hint, by SLSQP."""
    X, y = real(load, 34)
    query = make_query(X, np.arange(10), y[:10], 3, 2, seed=2)
    hints = query.pool[np.sort(np.random.default_rng(2).permutation(24)[:12])]
    rows = np.concatenate([np.arange(10), hints])
    K = X @ X.T if kernel == "linear" else rbf_kernel(X, gamma=0.25)
    y0 = 2.0 * y[:10] - 1.0
    S = np.zeros((22, 34))
    S[np.arange(10), np.arange(10)] = y0
    S[np.arange(10, 22), np.arange(10, 22)] = 1.0
    S[np.arange(10, 22), np.arange(22, 34)] = -1.0
    Q = S.T @ K[np.ix_(rows, rows)] @ S
    p = np.r_[-np.ones(10), np.full(24, 0.1)]
    best = minimize(
        lambda a: a @ Q @ a / 2 + p @ a,
        np.zeros(34),
        jac=lambda a: Q @ a + p,
        bounds=[(0, 0.4)] * 10 + [(0, 0.2)] * 24,
        method="SLSQP",
        constraints={"type": "eq", "fun": lambda a: S.sum(axis=0) @ a},
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    values = K[:, rows] @ (S @ best.x)
    Z = X if kernel == "linear" else kernel_features(X, rows, 0.25)
    w, b = hinted(Z[rows], y0, 0.4, 0.2, 0.1)
    np.testing.assert_allclose(Z @ w, values, atol=2e-4)
    found = make_strategy("hintsvm", labeled_cost=0.4, hint_cost=0.2, kernel=kernel)(query)
    away = np.abs(values + b)  # hints that are held at epsilon tie
    np.testing.assert_allclose(away[found], np.sort(away[10:])[:3], atol=1e-3)

    def objective(b: float) -> float:
        f = values + b
        slack = 0.4 * np.maximum(0, 1 - y0 * f[:10]).sum()
        return float(slack + 0.2 * np.maximum(0, np.abs(f[hints]) - 0.1).sum())

    assert objective(b) <= min(objective(other) for other in np.linspace(-2, 2, 4001)) + 1e-4


def test_hints_draw_the_boundary_into_the_pool() -> None:
    """Labels 1 apart at the left of a long pool: the machine alone would cut at 0.5."""
    X = np.r_[0.0, 1.0, np.linspace(1.2, 6.0, 25)][:, None]
    query = make_query(X, [0, 1], [0, 1], 1, 2)
    alone = X[make_strategy("hintsvm", labeled_cost=9.0, hint_cost=1e-6, share=1.0)(query)[0], 0]
    drawn = X[make_strategy("hintsvm", labeled_cost=9.0, hint_cost=5.0, share=1.0)(query)[0], 0]
    assert alone < 2.0 < drawn
