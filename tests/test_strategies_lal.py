"""LAL: states and gains against scikit-learn's forests, and what the regressor has learnt."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from albench.core.errors import StrategyError
from albench.core.registry import make_strategy
from albench.strategies import lal
from albench.strategies.lal import Forest, Handed, gaussians, regressor, simulated, state, streams
from albench.testing import make_query

FEW: dict[str, Any] = {"tasks": 1, "trees": 20}
SIZES = range(2, 50, 12)


@pytest.fixture(autouse=True)
def few_sizes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A short simulation, forgotten afterwards."""
    monkeypatch.setattr(lal, "SIZES", SIZES)
    regressor.cache_clear()
    yield
    regressor.cache_clear()


def drawn_by(forest: Any, n: int) -> tuple[Any, Any]:
    """Bootstrap counts and splitter seeds of scikit-learn's forest."""
    counts, seeds = [], []
    for tree in forest.estimators_:
        rows = np.random.RandomState(tree.random_state).randint(0, n, n, dtype=np.int32)
        counts.append(np.bincount(rows, minlength=n).astype(float))
        seeds.append(np.random.RandomState(tree.random_state).randint(0, 2**31 - 1))
    return np.array(counts), np.array(seeds)


def two_classes(load: Any) -> tuple[Any, Any]:
    """The first two classes of a table, shuffled."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(np.flatnonzero(y < 2))
    return X[order].astype(np.float32), y[order]


@pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores")
@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_wine])
@pytest.mark.parametrize("compiled", [True, False])
def test_states_are_those_of_scikit_learns_forest(
    load: Any, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        monkeypatch.setattr(lal, "works", lambda: False)
    X, y = two_classes(load)
    for l in (5, 40):  # noqa: E741
        theirs = RandomForestClassifier(50, oob_score=True, random_state=7).fit(X[:l], y[:l])
        each = np.array([tree.predict_proba(X[l:])[:, 0] for tree in theirs.estimators_])
        n = len(X) - l
        expected = np.column_stack(
            [
                theirs.predict_proba(X[l:])[:, 0],
                each.std(axis=0),
                *np.tile(
                    [
                        (y[:l] > 0).mean(),
                        theirs.oob_score_,
                        np.std(theirs.feature_importances_ / X.shape[1]),
                        each.std(axis=0).mean(),
                        np.mean([tree.tree_.max_depth for tree in theirs.estimators_]),
                        l,
                    ],
                    (n, 1),
                ).T,
            ]
        )
        ours = Forest(X[:l], y[:l], drawn_by(theirs, l))
        np.testing.assert_allclose(state(ours, X[l:]), expected, rtol=1e-12, atol=1e-12)
        assert ours.error(X[l:], y[l:]) == pytest.approx(1 - theirs.score(X[l:], y[l:]))


def test_the_simulation_by_the_letter() -> None:
    """One size, one task, again with scikit-learn's own trees."""
    known = simulated(3, 1, range(6, 7))
    rng = np.random.default_rng(3)
    X, y, X_test, y_test = gaussians(rng)
    order = rng.permutation(400)
    both = [order[y[order] == 0][0], order[y[order] == 1][0]]
    order = np.array(both + [row for row in order if row not in both])

    def error(held: Any) -> float:
        counts, seeds = streams(int(rng.integers(2**31)), len(held))
        share = np.zeros(4000)
        for weights, seed in zip(counts, seeds, strict=True):
            tree = DecisionTreeClassifier(max_features="sqrt", random_state=Handed(seed))
            tree.fit(X[held], y[held], sample_weight=weights)
            share += tree.predict_proba(X_test)[:, 1] if len(tree.classes_) == 2 else 0
        return float(np.mean((share > 25) != y_test))

    before = error(order[:6])
    gains = [before - error(np.append(order[:6], row)) for row in order[6:16]]
    np.testing.assert_allclose(known.gains, gains, atol=1e-12)
    assert known.features.shape == (10, 8)
    assert (known.features[:, 7] == 6).all()


def test_tasks_are_as_published() -> None:
    shares, means = [], []
    for seed in range(200):
        X, y, X_test, y_test = gaussians(np.random.default_rng(seed))
        assert X.shape == (400, 2)
        assert X_test.shape == (4000, 2)
        assert y_test.sum() == 10 * y.sum()
        shares.append(y.mean())
        means.append(X_test[y_test == 1].mean(axis=0))
    assert 0.1 <= min(shares) < 0.15
    assert 0.85 < max(shares) <= 0.9
    np.testing.assert_allclose(np.mean(means, axis=0), 0.5, atol=0.08)
    np.testing.assert_allclose(np.std(means), 12**-0.5, atol=0.03)


def test_the_training_set_is_known_by_its_digest() -> None:
    first = simulated(1, 1, range(2, 4)).digest
    assert simulated(1, 1, range(2, 4)).digest == first
    assert simulated(2, 1, range(2, 4)).digest != first
    X, y = two_classes(load_iris)
    query = make_query(X, np.arange(10), y[:10], 3, 2)
    picks = make_strategy("lal", **FEW)(query)
    found = query.log["training_set"]
    assert found == simulated(805, 1, SIZES).digest
    query = make_query(X, np.arange(10), y[:10], 3, 2)
    assert make_strategy("lal", digest=found, **FEW)(query).tolist() == picks.tolist()
    with pytest.raises(StrategyError, match=found):
        make_strategy("lal", digest="0" * 64, **FEW)(query)


def test_picks_have_the_largest_foreseen_gain() -> None:
    X, y = two_classes(load_breast_cancer)
    query = make_query(X, np.arange(20), y[:20], 4, 2, seed=9)
    forest = Forest(X[:20], y[:20], streams(int(np.random.default_rng(9).integers(2**31)), 20))
    gains = regressor(805, 1, 20)[0].predict(state(forest, X[20:]))
    picks = make_strategy("lal", **FEW)(query) - 20
    np.testing.assert_allclose(gains[picks], np.sort(gains)[::-1][:4], atol=1e-6)


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_described_alike_by_both_ways(
    label: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, _ = two_classes(load_iris)
    y = np.full(6, label)
    found = state(Forest(X[:6], y, streams(3, 6)), X[6:])
    monkeypatch.setattr(lal, "works", lambda: False)
    slow = Forest(X[:6], y, streams(3, 6))
    np.testing.assert_array_equal(state(slow, X[6:]), found)
    assert slow.error(X, np.full(len(X), label)) == 0.0
    assert (found[:, 0] == 1 - label).all()
