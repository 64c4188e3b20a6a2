"""MaxHerding and UHerding, against scikit-activeml and by brute force."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies.herding import (
    adapted,
    at_temperature,
    calibrated,
    calibration_error,
    unsure,
)
from albench.testing import make_query

TABLES = [load_iris, load_breast_cancer, load_wine]


def real(load: Any, n: int) -> tuple[Any, Any]:
    """The first n rows of a shuffled, standardised table, equal rows once."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.sort(np.unique(X[order], axis=0, return_index=True)[1])][:n]
    return StandardScaler().fit_transform(X[order]), y[order]


@pytest.mark.parametrize("load", TABLES)
def test_maxherding_equals_scikit_activeml(load: Any) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    X, y = real(load, 120)
    labels = np.where(np.arange(120) < 8, y.astype(float), np.nan)
    theirs, utilities = pool.MaxHerding(
        normalize_samples=False, metric_dict={"gamma": 0.2}, random_state=0
    ).query(X, labels, batch_size=15, return_utilities=True)
    query = make_query(X, np.arange(8), y[:8], 15, len(np.unique(y)))
    ours = make_strategy("maxherding", gamma=0.2)(query)
    best = utilities[np.arange(15), theirs]
    assert ours.tolist() == theirs.tolist() or np.allclose(
        utilities[np.arange(15), ours], best, rtol=1e-9
    )


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("measure", ["margin", "entropy", "least_confident"])
def test_uherding_by_brute_force(load: Any, measure: str) -> None:
    X, y = real(load, 90)
    k = len(np.unique(y))
    model = LogisticRegression(tol=1e-10, max_iter=2000)
    query = make_query(X, np.arange(12), y[:12], 10, k, model=model)
    best = np.sort(query.proba, axis=1)
    weights = {
        "margin": 1 - best[:, -1] + best[:, -2],
        "least_confident": 1 - best[:, -1],
        "entropy": -(query.proba * np.log(query.proba)).sum(axis=1),
    }[measure]
    K = rbf_kernel(X, gamma=1 / pdist(X[:12]).min() ** 2)
    held, picks = list(range(12)), []
    for _ in range(10):
        covered = K[held][:, 12:].max(axis=0)
        gains = np.maximum(K[12:, 12:] - covered, 0.0) @ weights
        gains[np.array(held[12:], dtype=int) - 12] = -1.0
        picks.append(12 + int(gains.argmax()))
        held.append(picks[-1])
    found = make_strategy("uherding", calibrate=False, measure=measure)(query)
    assert found.tolist() == picks


def test_temperatures() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (truth.cumsum(axis=1) < rng.random(4000)[:, None]).sum(axis=1)
    sharp = at_temperature(truth, 0.25)
    np.testing.assert_allclose(at_temperature(sharp, 4.0), truth, rtol=1e-10)
    assert calibration_error(sharp, y) > 5 * calibration_error(truth, y)
    np.testing.assert_array_equal(at_temperature(np.array([[0.0, 0.2, 0.8]]), 1e9)[0, 0], 0.0)
    two = np.array([[0.9, 0.1], [0.2, 0.8], [0.62, 0.38]])
    error = (abs(0.9 - 1) + abs(0.8 - 0) + abs(0.62 - 1)) / 3
    assert calibration_error(two, np.array([0, 0, 0])) == pytest.approx(error)
    np.testing.assert_allclose(unsure(two, "margin"), [0.2, 0.4, 0.76])


def test_a_model_that_is_too_sure_is_softened() -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 20))
    y = (X[:, 0] + 2.0 * rng.normal(size=400) > 0).astype(int)
    sure = LogisticRegression(C=1e4, max_iter=5000)
    assert calibrated(make_query(X, np.arange(80), y[:80], 1, 2, model=sure)) > 2.0
    assert calibrated(make_query(X, np.arange(9), y[:9], 1, 2, model=sure)) == 1.0


def test_the_radius_is_the_least_distance_of_labelled_rows() -> None:
    X = np.array([[0.0], [3.0], [3.0], [3.5], [9.0]])
    assert adapted(make_query(X, [0, 1, 2, 3], [0, 1, 1, 0], 1, 2)) == pytest.approx(4.0)
    assert adapted(make_query(X, [1, 2], [0, 1], 1, 2)) == 1.0
    X = 1000.0 + np.random.default_rng(0).normal(size=(30, 3))
    query = make_query(np.vstack([X, X[:4]]), np.arange(34), [0, 1] * 17, 1, 2)
    assert adapted(query) == pytest.approx(1 / pdist(X).min() ** 2, rel=1e-6)
