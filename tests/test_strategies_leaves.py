"""Incremental k-means, leaves of trees and DIRECT, by brute force and other libraries."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from albench.core.errors import Skip
from albench.core.registry import make_strategy
from albench.strategies.direct import agreement, orders, unsure_run
from albench.strategies.incremental import incremental_kmeans, nearest_fixed, seeded
from albench.strategies.leaves import allocated, disagreement
from albench.testing import make_query

TABLES = [load_iris, load_breast_cancer, load_wine]


def real(load: Any, n: int) -> tuple[Any, Any]:
    """The first n rows of a shuffled, standardised table."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return StandardScaler().fit_transform(X[order]), y[order]


@pytest.mark.parametrize("load", TABLES)
def test_without_fixed_centres_it_is_scikit_learns_kmeans(load: Any) -> None:
    X, _ = real(load, 80)
    weights = np.random.default_rng(1).random(80)
    theirs = KMeans(5, init=X[:5], n_init=1, tol=0.0).fit(X, sample_weight=weights)
    ours = incremental_kmeans(X, weights, X[:0], X[:5])
    np.testing.assert_allclose(ours, theirs.cluster_centers_, atol=1e-8)


@pytest.mark.parametrize("load", TABLES)
def test_centres_are_means_of_what_no_label_is_nearer_to(load: Any) -> None:
    X, _ = real(load, 80)
    rng = np.random.default_rng(2)
    weights, fixed, rows = rng.random(60), X[:20], X[20:]
    start = seeded(rows, nearest_fixed(rows, fixed), 4, rng)
    centres = incremental_kmeans(rows, weights, fixed, start)
    nearest = cdist(rows, np.vstack([fixed, centres])).argmin(axis=1)
    for c in range(4):
        mine = nearest == 20 + c
        assert mine.any()
        mean = np.average(rows[mine], axis=0, weights=weights[mine])
        np.testing.assert_allclose(centres[c], mean, atol=1e-9)

    def inertia(free: Any) -> float:
        return float(weights @ cdist(rows, np.vstack([fixed, free]), "sqeuclidean").min(axis=1))

    assert inertia(centres) < inertia(start) < inertia(fixed[:1])


def test_incremental_kmeans_keeps_off_what_is_labelled() -> None:
    rng = np.random.default_rng(3)
    X = np.vstack([rng.normal(c, 0.1, size=(30, 2)) for c in (0.0, 5.0, 10.0)])
    proba = np.full((90, 2), 0.5)
    labeled = np.r_[0:5, 30:35]  # two of the three clusters
    query = make_query(X, labeled, [0, 1] * 5, 1, 2, proba=proba)
    assert make_strategy("iwkmeans", beta=100)(query)[0] >= 60
    assert make_strategy("iwkmeans")(replace(query, n=3)).size == 3


@pytest.mark.filterwarnings("ignore:There are leaves with less than two labeled samples")
@pytest.mark.parametrize("load", TABLES)
def test_shares_of_leaves_equal_scikit_activeml(load: Any) -> None:
    """On two classes its regression tree on 0 and 1 is the same tree, with the same shares."""
    module = pytest.importorskip("skactiveml.pool._regression_tree_based_al")
    from skactiveml.regressor import SklearnRegressor
    from sklearn.tree import DecisionTreeClassifier

    X, y = real(load, 200)
    X, y = X[y < 2], y[y < 2]
    labels = np.where(np.arange(len(y)) < 60, y.astype(float), np.nan)
    flipped = np.random.default_rng(1).random(60) < 0.25  # else all leaves are pure
    labels[:60] = np.where(flipped, 1 - labels[:60], labels[:60])
    own = labels[:60].astype(int)
    tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=3).fit(X[:60], own)
    reg = SklearnRegressor(DecisionTreeRegressor(min_samples_leaf=5, random_state=3))
    reg.fit(X, labels)
    assert (tree.apply(X) == reg.apply(X)).all()
    theirs = module._calc_acquisitions_per_leaf(X, labels, reg, np.nan, batch_size=8)
    leaves = tree.tree_.node_count
    left = np.bincount(tree.apply(X[60:]), minlength=leaves)
    weight = np.sqrt(left / (len(X) - 60) * disagreement(tree.apply(X[:60]), own, leaves, 2))
    np.testing.assert_allclose(8 * weight / weight.sum(), theirs, atol=1e-10)
    rng = np.random.default_rng(0)
    mean = np.mean([allocated(weight, np.full(leaves, 99), 8, rng) for _ in range(400)], axis=0)
    np.testing.assert_allclose(mean, theirs, atol=0.2)


def test_leaves_give_what_they_have() -> None:
    rng = np.random.default_rng(0)
    left = np.array([2, 3, 0, 10])
    for weight in ([5.0, 1.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 9.0, 0.0]):
        for n in (1, 4, 15):
            given = allocated(np.array(weight), left, n, rng)
            assert given.sum() == n
            assert (given <= left).all()
    assert allocated(np.array([3.0, 1.0]), np.array([9, 9]), 4, rng).tolist() == [3, 1]


def test_leaves_that_disagree_give_the_batch() -> None:
    X = np.r_[np.zeros(10), np.ones(10), np.linspace(-0.3, 0.3, 20), np.linspace(0.7, 1.3, 20)]
    y = np.r_[np.zeros(10), [0, 1] * 5].astype(int)
    query = make_query(X[:, None], np.arange(20), y, 6, 2)
    for method in ("random", "diversity"):
        assert (make_strategy("leaf_sampling", method=method)(query) >= 40).all()
    far = make_strategy("leaf_sampling", method="diversity")(query)
    assert set(far[:2].tolist()) == {40, 59}


def test_agreement_by_counting() -> None:
    label = np.array([0, -1, 0, 1, -1, 0, 1, 1])
    for c in (0, 1):
        for i in range(9):
            said = np.arange(8) < i
            right = sum((label[j] == c) == said[j] for j in range(8) if label[j] >= 0)
            assert agreement(label, c)[i] == right - (6 - right)
    assert unsure_run(label, 0) == (2, 6)
    assert unsure_run(np.array([-1, -1]), 0) == (0, 1)
    assert unsure_run(np.array([0, -1, -1, 1]), 0) == (0, 3)


def line(y: Any, n: int, seed: int = 0, **options: Any) -> Any:
    """A query on rows whose probability falls along a line; the ends are labelled."""
    p = np.linspace(0.99, 0.01, len(y))
    proba = np.stack([p, 1 - p], axis=1)
    ends = [0, len(y) - 1]
    return make_query(
        np.zeros((len(y), 1)), ends, [y[0], y[-1]], n, 2, proba=proba, seed=seed, y=y, **options
    )


def test_direct_brackets_a_threshold_without_noise() -> None:
    y = (np.arange(200) >= 137).astype(int)  # far from where the model's own threshold is
    reached = []
    for seed in range(10):
        picks = make_strategy("direct", most=20)(line(y, 40, seed))
        reached.append(np.sort(np.abs(picks - 136.5))[:6].max())
        held = np.sort(np.append(picks, [0, 199]))
        assert held[np.searchsorted(held, 137)] - held[np.searchsorted(held, 137) - 1] <= 20
    assert np.median(reached) <= 4


def test_direct_looks_around_the_threshold_of_fewest_errors() -> None:
    """With a batch too small to narrow anything: alternately above and below, by the code."""
    y = (np.arange(11) >= 5).astype(int)
    query = line(y, 3)
    picks = make_strategy("direct")(query)
    label = np.full(11, -1)
    label[[0, 10]] = [0, 1]
    expected: list[int] = []
    rng = np.random.default_rng(0)
    order = orders(query, np.arange(11))
    for i, c in enumerate(rng.permutation(2)):
        best = int(agreement(label[order[c]], c).argmax())
        turns = [at for t in range(11) for at in (best - 1 - t, best + t) if 0 <= at < 11]
        free = [int(order[c][at]) for at in turns if label[order[c][at]] < 0]
        for row in free[: 3 * (i + 1) // 2 - 3 * i // 2]:
            label[row] = y[row]
            expected.append(row)
    assert picks.tolist() == expected


def test_direct_needs_its_labels_in_the_batch() -> None:
    with pytest.raises(Skip, match="one by one"):
        make_strategy("direct")(replace(line(np.array([0, 0, 1, 1, 1]), 2), tell=None))


@pytest.mark.parametrize("load", TABLES)
def test_direct_on_tables_asks_for_what_it_picks(load: Any) -> None:
    X, y = real(load, 150)
    model = LogisticRegression(max_iter=2000)
    query = make_query(X, np.arange(12), y[:12], 25, len(np.unique(y)), model=model, y=y)
    picks = make_strategy("direct", parallel=2)(query)
    assert len(set(picks.tolist())) == 25
    assert query.log["asked"] == picks.tolist()
