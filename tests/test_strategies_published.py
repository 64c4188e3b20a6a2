"""Strategies as publications ran them, against what they state, row by row."""

from typing import Any

import numpy as np
import pytest
from sklearn.svm import SVC

from albench.core.errors import Skip
from albench.core.registry import build, resolve
from albench.simulation.query import Query
from albench.testing import make_query


def picked(name: str, query: Query, **params: object) -> list[int]:
    rows = build("strategy", resolve("strategy", {"use": name, **params}))(query)
    return [int(row) for row in rows]


def data(n: int = 60, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    return rng.normal(size=(n, 3)) + y[:, None], y


def query(n: int = 1, *, labeled: int = 10, seed: int = 0, batch: int = 1) -> Query:
    X, y = data(n=60, seed=seed)
    rows = np.arange(labeled)
    return make_query(X, rows, y[rows], n, 2, model=SVC(gamma="auto"), seed=seed, batch=batch)


def test_pool_order_takes_the_next_rows() -> None:
    assert picked("pool_order", query(4)) == [10, 11, 12, 13]


@pytest.mark.parametrize("seed", range(5))
def test_greedy_quotas_are_margin_at_batch_1(seed: int) -> None:
    asked = query(seed=seed)
    assert picked("greedy_quota_margin", asked) == picked("margin", asked)


def test_greedy_quotas_hold_in_a_batch() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 0.1, (40, 2)), rng.normal(9, 0.1, (10, 2))])
    proba = np.full((50, 2), 0.5)
    proba[40:] = (0.9, 0.1)
    asked = make_query(X, [0, 49], [0, 1], 10, 2, proba=proba)
    rows = picked("greedy_quota_margin", asked, clusters=2)
    assert sum(row >= 40 for row in rows) == 2
    assert len(set(rows)) == 10


def test_mcm_takes_the_row_nearest_to_the_mean_inside_the_labelled_margin() -> None:
    seen = set()
    for seed in range(12):
        asked = query(seed=seed, labeled=6)
        X, model = np.asarray(asked.X), asked.model
        gaps = np.abs(model.decision_function(X))
        inside = [r for r in asked.pool if gaps[r] < gaps[asked.labeled].min()]
        if inside:
            mean = X[inside].mean(axis=0)
            due = min(inside, key=lambda r: float(((X[r] - mean) ** 2).sum()))
        else:
            due = picked("margin", asked)[0]
        seen.add(bool(inside))
        assert picked("mcm_labeled_margin", asked) == [due]
    assert True in seen


def test_mcm_needs_decision_values_of_two_classes() -> None:
    X, _ = data()
    asked = make_query(X, [0, 1, 2], [0, 1, 2], 1, 3, model=SVC(gamma="auto"))
    with pytest.raises(Skip):
        picked("mcm_labeled_margin", asked)


def by_hand(X: np.ndarray[Any, Any], pool: list[int], n: int, k: int) -> list[int]:
    """Graph density with dense matrices; labelled rows lower nobody."""
    apart = np.abs(X[:, None] - X[None]).sum(axis=2)
    edge = np.zeros_like(apart, dtype=bool)
    for i in range(len(X)):
        near = [j for j in np.argsort(apart[i], kind="stable") if j != i][:k]
        edge[i, near] = edge[near, i] = True
    weight = np.where(edge, np.exp(-apart / X.shape[1]), 0)
    density, picks = weight.sum(axis=1) / edge.sum(axis=1), []
    for _ in range(n):
        best = max((r for r in pool if r not in picks), key=lambda r: density[r])
        picks.append(best)
        density[edge[best]] -= density[best]
    return picks


def test_graph_density_is_lowered_by_own_picks_alone() -> None:
    asked = query(12)
    due = by_hand(np.asarray(asked.X), asked.pool.tolist(), 12, 10)
    assert picked("graph_density_unlabeled", asked) == due
    assert picked("graph_density", asked) != due
