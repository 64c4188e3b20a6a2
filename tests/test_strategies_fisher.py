"""Fisher information: against its definition, statsmodels, and greedy search by brute force."""

from typing import Any

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies.fisher import Design, binary_curvature, curvature, summed
from albench.testing import make_query


def asked(load: Any, n: int, n_labeled: int, batch: int, d: int = 4) -> Any:
    """A query on a part of a real table."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:n]
    X, y = StandardScaler().fit_transform(X[order])[:, :d], y[order]
    model = LogisticRegression(tol=1e-10, max_iter=2000)
    k = len(np.unique(y))
    return make_query(X, np.arange(n_labeled), y[:n_labeled], batch, k, model=model)


def information(p: Any, x: Any) -> Any:
    """The information of a row as the expected square of the gradient, over its labels."""
    total = 0.0
    for label in range(len(p)):
        gradient = np.kron(np.eye(len(p))[label] - p, x)
        total = total + p[label] * np.outer(gradient, gradient)
    return total


def test_information_is_the_hessian_of_the_loss() -> None:
    rng = np.random.default_rng(0)
    x, w, step = rng.normal(size=3), rng.normal(size=(4, 3)), 1e-4
    p = softmax(w @ x)

    def loss(flat: Any) -> float:
        z = flat.reshape(4, 3) @ x
        return float(np.log(np.exp(z).sum()) - z[1])

    flat, eye = w.ravel(), step * np.eye(12)
    hessian = [
        [
            (loss(flat + a + b) - loss(flat + a - b) - loss(flat - a + b) + loss(flat - a - b))
            / (4 * step**2)
            for b in eye
        ]
        for a in eye
    ]
    ours = summed(curvature(p[None]), x[None]).reshape(12, 12)
    np.testing.assert_allclose(ours, hessian, atol=1e-6)
    np.testing.assert_allclose(ours, information(p, x), atol=1e-12)


def test_binary_information_is_that_of_statsmodels() -> None:
    sm = pytest.importorskip("statsmodels.api")
    rng = np.random.default_rng(1)
    X = sm.add_constant(rng.normal(size=(80, 2)))
    y = (rng.random(80) < 1 / (1 + np.exp(-X @ [0.3, 1.0, -0.5]))).astype(int)
    fit = sm.Logit(y, X).fit(disp=0, tol=1e-12)
    p = fit.predict(X)
    ours = summed(binary_curvature(np.stack([1 - p, p], axis=1)), X).reshape(3, 3)
    np.testing.assert_allclose(np.linalg.inv(ours), fit.cov_params(), rtol=1e-8)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_updates_of_low_rank_equal_inverses_from_scratch(k: int) -> None:
    rng = np.random.default_rng(k)
    m, d = 12, 3
    X, proba = rng.normal(size=(m, d)), rng.dirichlet(np.ones(max(k, 2)), size=m)
    W = binary_curvature(proba) if k == 1 else curvature(proba)
    half = rng.normal(size=(k * d, k * d))
    F, M = (half @ half.T).reshape(k, d, k, d), np.eye(k * d)
    each = [summed(W[i : i + 1], X[i : i + 1]).reshape(k * d, k * d) for i in range(m)]
    design = Design(M.reshape(k, d, k, d), F, W, X)

    def trace(held: Any) -> float:
        return float(np.trace(np.linalg.inv(held) @ F.reshape(k * d, k * d)))

    held = M.copy()
    for at, sign in ((3, 1), (5, 1), (0, 1), (5, -1), (7, 1)):
        design.move(at, sign)
        held = held + sign * each[at]
        np.testing.assert_allclose(design.inverse, np.linalg.inv(held), atol=1e-10)
        by_adding = [trace(held) - trace(held + one) for one in each]
        np.testing.assert_allclose(design.gains(), by_adding, rtol=1e-8)
        some = np.array([3, 0])
        by_taking = [trace(held - each[i]) - trace(held) for i in some]
        np.testing.assert_allclose(design.gains(-1.0, some), by_taking, rtol=1e-7)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
@pytest.mark.parametrize("intercept", [False, True])
def test_bait_by_brute_force(load: Any, intercept: bool) -> None:
    query = asked(load, 40, 12, 3, d=3)
    X = np.column_stack([query.X, np.ones(40)]) if intercept else query.X
    P = query.fitted.proba("train", np.arange(40))
    each = np.array([information(p, x) for p, x in zip(P, X, strict=True)])
    F, size = each.mean(axis=0), each.shape[1]
    held = 0.5 * np.eye(size) + each[:12].sum(axis=0) / 15
    weighed = each * 3 / 15

    def left(M: Any) -> float:
        return float(np.trace(np.linalg.solve(M, F)))

    picks: list[int] = []
    for _ in range(6):
        best = min((r for r in query.pool if r not in picks), key=lambda r: left(held + weighed[r]))
        picks.append(int(best))
        held = held + weighed[best]
    while len(picks) > 3:
        least = min(picks, key=lambda r: left(held - weighed[r]))
        picks.remove(least)
        held = held - weighed[least]
    assert make_strategy("bait", regularisation=0.5, intercept=intercept)(query).tolist() == picks


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
def test_variance_reduction_by_its_definition(load: Any) -> None:
    """The summed variance of all probabilities of the pool, by numeric gradients."""
    query = asked(load, 40, 15, 5, d=3)
    X, k = np.column_stack([query.X, np.ones(40)]), query.n_classes
    model = query.model
    W = np.column_stack([model.coef_, model.intercept_])

    def proba(flat: Any, rows: Any) -> Any:
        z = X[rows] @ flat.reshape(W.shape).T
        return softmax(np.hstack([np.zeros_like(z), z]) if k == 2 else z, axis=1)

    flat, step = W.ravel(), 1e-5
    np.testing.assert_allclose(proba(flat, query.pool), query.proba, atol=1e-10)
    gradients = np.stack(
        [
            (proba(flat + step * e, query.pool) - proba(flat - step * e, query.pool)) / (2 * step)
            for e in np.eye(len(flat))
        ],
        axis=-1,
    ).reshape(-1, len(flat))
    P = proba(flat, np.arange(40))
    if k == 2:
        each = [p[0] * p[1] * np.outer(x, x) for p, x in zip(P, X, strict=True)]
    else:
        each = [information(p, x) for p, x in zip(P, X, strict=True)]
    held = np.eye(len(flat)) + np.sum(each[:15], axis=0)
    variance = [
        np.einsum("ij,ij->", gradients @ np.linalg.inv(held + each[r]), gradients)
        for r in query.pool
    ]
    expected = query.pool[np.argsort(variance)[:5]]
    assert make_strategy("variance_reduction")(query).tolist() == expected.tolist()
