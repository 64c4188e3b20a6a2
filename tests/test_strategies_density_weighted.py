"""Density-weighted uncertainty sampling, by its formulas through scipy."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies._geometry import fitted_kmeans
from albench.strategies.density_weighted import cluster_probabilities, mixture
from albench.testing import make_query


def real(load: Any, n: int) -> tuple[Any, Any]:
    """Two classes of a standardised table, two features."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(np.flatnonzero(y < 2))[:n]
    return StandardScaler().fit_transform(X[order])[:, :2], y[order]


def density(X: Any, centres: Any, share: Any, variance: float) -> Any:
    """(n, K) p(cluster) p(row | cluster)."""
    return np.stack(
        [
            s * multivariate_normal(c, variance * np.eye(X.shape[1])).pdf(X)
            for s, c in zip(share, centres, strict=True)
        ],
        axis=1,
    )


def test_shares_maximise_the_likelihood() -> None:
    X, _ = real(load_breast_cancer, 80)
    found = mixture(X, 4, 0, 0.3)
    np.testing.assert_allclose(
        np.exp(found.log_p), density(X, found.centres, found.share, 0.3).sum(axis=1), rtol=1e-9
    )

    def loss(logits: Any) -> float:
        share = np.exp(logits) / np.exp(logits).sum()
        return -float(np.log(density(X, found.centres, share, 0.3).sum(axis=1)).mean())

    best = minimize(loss, np.zeros(4), method="BFGS")
    assert -found.log_p.mean() == pytest.approx(best.fun, abs=1e-7)
    np.testing.assert_allclose(found.share, np.exp(best.x) / np.exp(best.x).sum(), atol=1e-3)


def test_the_default_variance_is_that_of_the_clusters() -> None:
    X, _ = real(load_iris, 60)
    found, clusters = mixture(X, 3, 1, None), fitted_kmeans(X, 3, 1)
    by_hand = ((X - clusters.centres[clusters.labels]) ** 2).mean()
    assert found.variance == pytest.approx(by_hand, rel=1e-9)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
def test_picks_follow_the_formulas(load: Any) -> None:
    X, y = real(load, 70)
    query = make_query(X, np.arange(12), y[:12], 4, 2, seed=5)
    seed = int(np.random.default_rng(5).integers(2**31))
    centres = fitted_kmeans(X, 4, seed).centres
    share = np.full(4, 0.25)
    parts = density(X, centres, np.ones(4), 0.4)
    for _ in range(3000):
        joint = share * parts
        given = joint / joint.sum(axis=1, keepdims=True)
        share = given.mean(axis=0)
    p, signs = density(X, centres, share, 0.4).sum(axis=1), 2.0 * y[:12] - 1.0

    def loss(w: Any) -> float:
        each = 1 / (1 + np.exp(-signs[:, None] * (centres @ w[:-1] + w[-1])))
        return float(0.35 * w[:-1] @ w[:-1] - np.log((given[:12] * each).sum(axis=1)).sum())

    w = minimize(loss, np.zeros(3), method="CG", options={"gtol": 1e-7}).x
    each = 1 / (1 + np.exp(-(centres @ w[:-1] + w[-1])))
    ours = cluster_probabilities(centres, np.log(given[:12]), signs, 0.7)
    np.testing.assert_allclose(ours, each, atol=1e-5)
    second = given[12:] @ each
    expected = 12 + np.argsort(-np.minimum(second, 1 - second) * p[12:])[:4]
    strategy = make_strategy("dwus", clusters=4, variance=0.4, regularisation=0.7)
    assert strategy(query).tolist() == expected.tolist()


def test_one_class_buys_the_densest_row() -> None:
    X, _ = real(load_iris, 60)
    query = make_query(X, [0, 1], [1, 1], 3, 2)
    strategy: Any = make_strategy("dwus")
    picks = strategy(query)
    assert picks.tolist() == (2 + np.argsort(-strategy.mixture.log_p[2:])[:3]).tolist()
