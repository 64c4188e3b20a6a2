"""Power sampling, CAL, minimum margin and GSx, each by definition or scikit-activeml."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare, entropy
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from albench.core.registry import make_strategy
from albench.strategies.committee import mean_divergence, members, opinions
from albench.testing import make_query

TABLES = [load_iris, load_breast_cancer, load_wine]


def asked(load: Any, n: int, n_labeled: int, batch: int, seed: int = 0) -> Any:
    """A query on the first rows of a shuffled, standardised table, equal rows once."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    order = order[np.sort(np.unique(X[order], axis=0, return_index=True)[1])][:n]
    X, y = StandardScaler().fit_transform(X[order]), y[order]
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    k = len(np.unique(y))
    labeled = np.arange(n_labeled)
    return make_query(X, labeled, y[:n_labeled], batch, k, model=model, seed=seed)


@pytest.mark.parametrize("power", [1.0, 3.0])
def test_rows_are_drawn_in_proportion_to_a_power_of_entropy(power: float) -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), size=6)
    score = entropy(proba, axis=1) ** power
    counts = np.zeros(6)
    for seed in range(1200):
        query = make_query(np.zeros((7, 1)), [6], [0], 2, 3, proba=proba, seed=seed)
        picks = make_strategy("power_entropy", power=power)(query)
        counts[picks.rows[0]] += 1
        assert picks.probability[0] == pytest.approx(score[picks.rows[0]] / score.sum())
        left = score.sum() - score[picks.rows[0]]
        assert picks.probability[1] == pytest.approx(score[picks.rows[1]] / left)
    assert chisquare(counts, 1200 * score / score.sum()).pvalue > 1e-3


def test_power_bald_draws_by_mutual_information() -> None:
    query = asked(load_iris, 60, 15, 3)
    rng = np.random.default_rng(0)
    said = opinions(replace(query, rng=rng), members(replace(query, rng=rng), 4, None, "classes"))
    score = mean_divergence(said) ** 2.0
    by_hand = entropy(said.mean(axis=0), axis=1) - np.mean([entropy(p, axis=1) for p in said], 0)
    np.testing.assert_allclose(score, by_hand**2.0, atol=1e-12)
    picks = make_strategy("power_bald", committee=4, power=2.0)(query)
    left = score.copy()
    for row, q in zip(picks.rows, picks.probability, strict=True):
        assert q == pytest.approx(left[row - 15] / left.sum(), rel=1e-9)
        left[row - 15] = 0.0


def test_rows_of_no_score_come_last() -> None:
    proba = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.9, 0.1]])
    for seed in range(20):
        query = make_query(np.zeros((5, 1)), [4], [0], 4, 2, proba=proba, seed=seed)
        rows = make_strategy("power_entropy")(query).rows
        assert set(rows[:2].tolist()) == {1, 3}


@pytest.mark.parametrize("load", TABLES)
@pytest.mark.parametrize("neighbours", [5, 10])
def test_contrastive_al_equals_scikit_activeml(load: Any, neighbours: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    from skactiveml.classifier import SklearnClassifier

    query = asked(load, 110, 30, 6)
    labels = np.full(110, np.nan)
    labels[:30] = query.y_labeled
    model = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    wrapped = SklearnClassifier(model, classes=np.arange(query.n_classes))
    theirs, utilities = pool.ContrastiveAL(
        nearest_neighbors_dict={"n_neighbors": neighbours}, random_state=0
    ).query(query.X, labels, wrapped, batch_size=6, return_utilities=True)
    scores: list[Any] = []

    def kept(query: Any, values: Any, n: int, tolerance: float) -> Any:
        scores.append(values)
        return query.pool[np.argsort(-values)[:n]]

    picks = make_strategy("contrastive_al", neighbours=neighbours)(replace(query, select=kept))
    np.testing.assert_allclose(scores[0], utilities[0][30:], atol=1e-8)
    assert picks.tolist() == theirs.tolist()


@pytest.mark.parametrize("load", TABLES)
def test_min_margin_is_the_least_of_all_members(load: Any) -> None:
    query = asked(load, 80, 20, 5)
    rng = np.random.default_rng(0)
    said = opinions(query, members(replace(query, rng=rng), 7, None, "plain"))
    least = [min(np.diff(np.sort(p[i])[-2:])[0] for p in said) for i in range(60)]
    picks = make_strategy("min_margin", committee=7)(query)
    np.testing.assert_allclose(np.array(least)[picks - 20], np.sort(least)[:5], atol=1e-6)


@pytest.mark.parametrize("load", TABLES)
def test_greedy_sampling_equals_scikit_activeml(load: Any) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    query = asked(load, 120, 10, 12)
    labels = np.full(120, np.nan)
    labels[:10] = query.y_labeled
    theirs = pool.GreedySamplingX(random_state=0).query(query.X, labels, batch_size=12)
    assert make_strategy("greedy_sampling_x")(query).tolist() == theirs.tolist()


def test_greedy_sampling_starts_at_the_mean() -> None:
    X = np.array([[0.0], [4.0], [5.0], [5.6], [10.0]])
    for n in (1, 3):
        query = make_query(X, [], [], n, 2)
        assert make_strategy("greedy_sampling_x")(query).tolist() == [2, 0, 4][:n]
