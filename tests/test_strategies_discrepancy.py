"""BMDR and SPAL: the discrepancy by its definition, each step against another solver."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies.discrepancy import (
    Kernel,
    machine,
    ridge_regression,
    weight_rows,
    worst_loss,
)
from albench.testing import make_query

pytest.importorskip("clarabel")
TABLES = [load_iris, load_breast_cancer, load_wine]


def asked(load: Any, n: int, n_labeled: int, batch: int) -> Any:
    """A query on two classes of a standardised table, four features."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(np.flatnonzero(y < 2))[:n]
    X, y = StandardScaler().fit_transform(X[order])[:, :4], y[order]
    return make_query(X, np.arange(n_labeled), y[:n_labeled], batch, 2)


def discrepancy_of(K: Any, held: Any, rest: Any) -> float:
    """Squared distance of the kernel means of two sets of rows, by their definition."""
    same = K[np.ix_(held, held)].mean() + K[np.ix_(rest, rest)].mean()
    return float(same - 2.0 * K[np.ix_(held, rest)].mean())


def test_least_discrepancy_by_brute_force() -> None:
    """Without a loss the objective ranks batches as the distance of the kernel means of
    labelled rows and batch to the rest of the pool, over all batches of two."""
    query = asked(load_iris, 16, 4, 2)
    kernel, K = Kernel(query, 0.3), rbf_kernel(query.X, gamma=0.3)
    ours, theirs = [], []
    for a in range(12):
        for b in range(a):
            weights = np.zeros(12)
            weights[[a, b]] = 1.0
            ours.append(weights @ kernel.UU @ weights / 2 + kernel.linear @ weights)
            held = [0, 1, 2, 3, 4 + a, 4 + b]
            rest = [row for row in range(16) if row not in held]
            theirs.append(discrepancy_of(K, held, rest))
    theirs_scaled = np.array(theirs) * 6 * 6 * 10 * 10 / 16**2 / 2
    np.testing.assert_allclose(
        np.array(ours) - ours[0], theirs_scaled - theirs_scaled[0], atol=1e-9
    )


def test_the_loss_is_that_of_the_worse_label() -> None:
    f = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(worst_loss(f), np.maximum((1 - f) ** 2, (1 + f) ** 2) - 1)


@pytest.mark.parametrize("load", TABLES)
def test_weights_equal_those_of_scipy(load: Any) -> None:
    query = asked(load, 30, 8, 3)
    kernel = Kernel(query, 0.3)
    rng = np.random.default_rng(1)
    f, easy = 0.2 * rng.normal(size=22), rng.random(22)
    P, q = 10.0 * kernel.UU, 10.0 * kernel.linear + easy * worst_loss(f)
    best = minimize(
        lambda x: x @ P @ x / 2 + q @ x,
        np.full(22, 3 / easy.sum()),
        jac=lambda x: P @ x + q,
        bounds=[(0, 1)] * 22,
        constraints={"type": "eq", "fun": lambda x: easy @ x - 3},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    ours = weight_rows(kernel, f, easy, 3, 10.0)
    assert ours @ P @ ours / 2 + q @ ours == pytest.approx(best.fun, abs=1e-6)
    np.testing.assert_allclose(ours, best.x, atol=2e-3)
    np.testing.assert_allclose(weight_rows(kernel, f, easy / 10, 3, 10.0), 1.0, atol=1e-6)


@pytest.mark.parametrize("load", TABLES)
def test_machines_equal_other_solvers(load: Any) -> None:
    query = asked(load, 30, 8, 3)
    kernel, y = Kernel(query, 0.3), 2.0 * query.y_labeled - 1.0
    theirs = KernelRidge(alpha=0.1, kernel="rbf", gamma=0.3).fit(query.X[:8], y)
    np.testing.assert_allclose(ridge_regression(kernel, y, 0.1), theirs.dual_coef_, atol=1e-8)
    rows, weights = np.array([2, 5, 11]), np.array([1.0, 0.4, 0.7])

    def loss(theta: Any) -> float:
        f = theta @ kernel.LU[:, rows]
        fit = y - kernel.LL @ theta
        return float(fit @ fit + weights @ worst_loss(f) + 0.1 * theta @ kernel.LL @ theta)

    ours = machine(kernel, y, rows, weights, 0.1)
    starts = [ours, theirs.dual_coef_, np.zeros(8)]
    best = min(
        minimize(
            loss,
            s,
            method="Nelder-Mead",
            options={"maxiter": 20_000, "xatol": 1e-9, "fatol": 1e-12},
        ).fun
        for s in starts
    )
    assert loss(ours) <= best + 1e-7


@pytest.mark.parametrize("load", TABLES)
def test_a_batch_is_unsure_or_representative_by_its_weight(load: Any) -> None:
    query = asked(load, 60, 10, 5)
    K, f = rbf_kernel(query.X, gamma=0.25), None
    picks = {w: make_strategy("bmdr", discrepancy=w)(query) for w in (1e-4, 1e4)}
    apart = {}
    for weight, batch in picks.items():
        held = np.append(np.arange(10), batch)
        apart[weight] = discrepancy_of(K, held, np.setdiff1d(np.arange(60), held))
    kernel, y = Kernel(query, 0.25), 2.0 * query.y_labeled - 1.0
    f = np.abs(ridge_regression(kernel, y, 0.1) @ kernel.LU)
    assert apart[1e4] < apart[1e-4]
    assert f[picks[1e-4] - 10].mean() < f[picks[1e4] - 10].mean()


def test_the_pace_grows_and_hard_rows_are_out_of_the_first_batch() -> None:
    query = asked(load_breast_cancer, 60, 10, 4)
    strategy: Any = make_strategy("spal", pace=0.2, step=0.5)
    first = strategy(query)
    kernel, y = Kernel(query, None), 2.0 * query.y_labeled - 1.0
    hard = worst_loss(ridge_regression(kernel, y, 0.1) @ kernel.LU)
    assert hard[first - 10].max() < np.quantile(hard, 0.6)
    assert strategy.pace == pytest.approx(0.7)
