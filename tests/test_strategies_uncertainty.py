"""Uncertainty sampling: scores of scikit-activeml and modAL, decision values, ties."""

from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from albench.core.registry import make_strategy
from albench.simulation.query import gap, scores_of
from albench.testing import make_query

METHODS = {"margin": "margin_sampling", "least_confident": "least_confident", "entropy": "entropy"}

# modAL 0.4.2.1, run once on the rows below: _proba_uncertainty, _proba_margin, _proba_entropy
ROWS = np.array(
    [[0.337, 0.328, 0.335], [0.154, 0.048, 0.798], [0.306, 0.677, 0.017], [0.0, 0.25, 0.75]]
)
MODAL = {
    "least_confident": [0.663, 0.20199999999999996, 0.32299999999999995, 0.25],
    "margin": [0.0020000000000000018, 0.644, 0.37100000000000005, 0.5],
    "entropy": [1.0985451397419947, 0.613924268921912, 0.6957101591741426, 0.5623351446188083],
}


def asked(proba: Any, n: int = 3, **more: Any) -> Any:
    """A query whose pool rows have these probabilities."""
    k = proba.shape[1]
    X = np.zeros((len(proba) + k, 2))
    return make_query(X, np.arange(k), np.arange(k), n, k, proba=proba, **more)


def scores(name: str, proba: Any) -> Any:
    """The scores by which a strategy ranks the pool."""
    return scores_of(make_strategy(name), asked(proba))


@pytest.mark.parametrize("name", METHODS)
def test_scores_equal_modal(name: str) -> None:
    theirs = np.array(MODAL[name])
    ours = scores(name, ROWS) + {"margin": 0.0, "least_confident": 1.0, "entropy": 0.0}[name]
    np.testing.assert_allclose(ours, -theirs if name == "margin" else theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [3, 10])
@pytest.mark.parametrize("name", METHODS)
def test_scores_and_picks_equal_scikit_activeml(name: str, k: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    proba = np.random.default_rng(k).dirichlet(np.ones(k), size=400)
    theirs = pool.uncertainty_scores(proba.copy(), method=METHODS[name])
    ours = scores(name, proba) + (0.0 if name == "entropy" else 1.0)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    best = k + np.argsort(-theirs, kind="stable")[:3]
    assert make_strategy(name)(asked(proba)).tolist() == best.tolist()


@pytest.mark.parametrize("k", [2, 3, 26])
def test_the_gap_is_between_the_two_largest(k: int) -> None:
    values = np.random.default_rng(k).normal(size=(50, k))
    values[:, : k - 2] = np.where(values[:, : k - 2] > 1, -np.inf, values[:, : k - 2])
    ordered = np.sort(values, axis=1)
    assert (gap(values) == ordered[:, -1] - ordered[:, -2]).all()


def test_two_classes_rank_alike() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    proba = np.random.default_rng(0).dirichlet(np.ones(2), size=400)
    for name, method in METHODS.items():
        theirs = pool.uncertainty_scores(proba.copy(), method=method)
        best = 2 + np.argsort(-theirs, kind="stable")[:20]
        assert make_strategy(name)(asked(proba, 20)).tolist() == best.tolist()


@pytest.mark.parametrize("k", [2, 3])
def test_decision_values_stand_in_for_probabilities(k: int) -> None:
    rng = np.random.default_rng(1)
    y = np.arange(60) % k
    X = rng.normal(size=(60, 3)) + rng.normal(size=(k, 3))[y]
    model = SVC(decision_function_shape="ovr").fit(X[:30], y[:30])
    decision = model.decision_function(X[30:])
    query = make_query(X, np.arange(30), y[:30], 5, k, model=model)
    ranked = np.sort(decision, axis=1) if k > 2 else np.abs(decision)[:, None]
    gap = ranked[:, -1] - ranked[:, -2] if k > 2 else ranked[:, 0]
    soft = np.exp(decision) / np.exp(decision).sum(axis=1, keepdims=True) if k > 2 else None
    expected = {
        "margin": gap,
        "least_confident": ranked[:, -1],
        "entropy": gap if soft is None else (soft * np.log(soft)).sum(axis=1),
    }
    for name, smallest in expected.items():
        best = 30 + np.argsort(smallest, kind="stable")[:5]
        assert make_strategy(name)(query).tolist() == best.tolist(), name


@pytest.mark.parametrize("name", METHODS)
def test_ties_go_to_the_first_in_pool_order(name: str) -> None:
    proba = np.tile([0.5, 0.3, 0.2], (30, 1))
    proba[7] = [0.4, 0.4, 0.2]
    picks = make_strategy(name)(asked(proba, 4))
    assert picks.tolist() == [10, 3, 4, 5]
