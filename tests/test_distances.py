"""Distances against scipy or a brute-force formula; null subsets; LURE by enumeration."""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist, jensenshannon
from scipy.stats import energy_distance as scipy_energy
from scipy.stats import ks_2samp, wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from albench.analysis.bought import space as d
from albench.analysis.bought.audit import lure_weights, with_start
from albench.analysis.bought.bias import CHEAP, NESTED, null, z_score
from albench.analysis.bought.space import Space
from albench.core.errors import BadValue

RNG = np.random.default_rng(7)
X = np.round(RNG.normal(size=(120, 4)), 1)  # rounded: ties
MASK = np.zeros(120, dtype=bool)
MASK[RNG.choice(120, 30, replace=False)] = True


def task(n: int = 200, k: int = 3, columns: int = 4, seed: int = 0) -> SimpleNamespace:
    rng = np.random.default_rng(seed)
    y = rng.choice(k, size=n, p=[0.6, 0.3, 0.1][:k])
    return SimpleNamespace(
        X=rng.normal(size=(n, columns)) + y[:, None],
        y=y,
        X_test=rng.normal(size=(50, columns)),
        y_test=np.zeros(50, dtype=int),
        withheld=np.empty(0, dtype=int),
        rows=rng.permutation(n),
        n_classes=k,
        memo={},
    )


def test_a_column_that_is_constant_in_the_pool_alone_stays_on_scale() -> None:
    made = task()
    made.X[:, 0] = 0.1 + 0.2  # its mean is rounded, so its deviation is not exactly zero
    made.X_test[:, 0] = 5.0
    assert made.X.std(axis=0)[0] > 0
    assert d.spread(made.X)[0] == 1.0
    assert Space(made).to_test(np.arange(3)).max() < 20


# ------------------------------------------------------------------ class shares
def test_class_distances_against_scipy() -> None:
    for _ in range(20):
        p, q = RNG.dirichlet([0.5] * 5), RNG.dirichlet([0.5] * 5)
        p[2] = 0.0
        p /= p.sum()
        assert d.total_variation(p, q) == pytest.approx(0.5 * np.abs(p - q).sum(), abs=1e-15)
        assert d.jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q) ** 2, abs=1e-12)
    assert d.jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(np.log(2))
    assert d.label_entropy(np.full(4, 0.25)) == pytest.approx(1.0)
    assert d.label_entropy(np.array([1.0, 0.0])) == 0.0
    assert np.isnan(d.shares(np.empty(0, dtype=int), 3)).all()


# ------------------------------------------------------------------ features
def test_per_feature_distances_against_scipy_with_ties() -> None:
    features = d.Features(X)
    ks, w1 = features.ks(MASK), features.wasserstein(MASK)
    for column in range(X.shape[1]):
        ours, pool = X[MASK, column], X[:, column]
        assert ks[column] == pytest.approx(ks_2samp(ours, pool).statistic, abs=1e-12)
        expected = wasserstein_distance(ours, pool) / pool.std()
        assert w1[column] == pytest.approx(expected, abs=1e-12)


def test_energy_and_mmd_against_brute_force() -> None:
    ours = X[MASK]
    to_pool, among, pool = cdist(ours, X), cdist(ours, ours), cdist(X, X)
    one = d.energy_distance(to_pool, among, pool.mean())
    brute = 2 * np.mean([np.linalg.norm(a - b) for a in ours for b in X])
    brute -= np.mean([np.linalg.norm(a - b) for a in ours for b in ours])
    brute -= np.mean([np.linalg.norm(a - b) for a in X for b in X])
    assert one == pytest.approx(brute, abs=1e-10)
    gamma = 0.3
    mmd = d.squared_mmd(to_pool, among, np.exp(-gamma * pool**2).mean(), gamma)
    weights = np.concatenate([np.full(len(ours), 1 / len(ours)), np.full(len(X), -1 / len(X))])
    both = np.concatenate([ours, X])
    assert mmd == pytest.approx(weights @ np.exp(-gamma * cdist(both, both) ** 2) @ weights)


def test_energy_in_one_dimension_is_the_square_of_scipys() -> None:
    a, b = X[MASK, :1], X[:, :1]
    ours = d.energy_distance(cdist(a, b), cdist(a, a), cdist(b, b).mean())
    assert ours == pytest.approx(scipy_energy(a[:, 0], b[:, 0]) ** 2, abs=1e-12)


def test_two_samples_that_are_apart_are_told_apart() -> None:
    shifted = X + 3.0 * MASK[:, None]
    for Z, low, high in ((X, 0.25, 0.75), (shifted, 0.97, 1.0)):
        chance = d.propensities(Z, MASK)
        auc = d.two_sample_auc(chance, MASK)
        assert auc == pytest.approx(roc_auc_score(MASK, chance), abs=1e-12)
        assert low <= auc <= high
    assert d.propensities(X, np.arange(120) < 3) is None


def test_the_classifier_between_samples_is_scikit_learns() -> None:
    for columns in (2, 40):
        Z = np.random.default_rng(columns).normal(size=(300, columns))
        y = Z[:, 0] + Z[:, 1] > 1
        known = LogisticRegression(tol=1e-10, max_iter=1000).fit(Z, y)
        ours = d.logistic(np.column_stack([Z, np.ones(300)]), y)
        assert ours == pytest.approx(np.append(known.coef_[0], known.intercept_), abs=1e-4)


def test_effective_size_is_kishs() -> None:
    assert d.kish(np.ones(7)) == pytest.approx(7.0)
    assert d.kish(np.array([1.0, 0.0, 0.0])) == pytest.approx(1.0)
    chance = np.array([0.5, 0.25, 0.001, 0.9])
    labeled = np.array([True, True, True, False])
    w = 1 / np.array([0.5, 0.25, 0.01])
    assert d.effective_size(chance, labeled) == pytest.approx(w.sum() ** 2 / (w**2).sum() / 3)


# ------------------------------------------------------------------ nulls
def test_nested_measures_equal_the_plain_formulas() -> None:
    space = Space.of(task())
    order = np.random.default_rng(1).permutation(200)[:60]
    grid = np.array([10, 30, 60])
    found = {name: NESTED[name](space, order, grid) for name in CHEAP}
    Z, t = space.Z, space.task
    for at, n in enumerate(grid):
        rows = order[:n]
        p, q = d.shares(t.y[rows], 3), d.shares(t.y, 3)
        assert found["tv"][at] == pytest.approx(d.total_variation(p, q), abs=1e-12)
        assert found["js"][at] == pytest.approx(d.jensen_shannon(p, q), abs=1e-12)
        energy = d.energy_distance(cdist(Z[rows], Z), cdist(Z[rows], Z[rows]), cdist(Z, Z).mean())
        assert found["energy"][at] == pytest.approx(energy, abs=1e-12)
        assert found["nearest_mean"][at] == pytest.approx(cdist(Z, Z[rows]).min(axis=1).mean())
        k = int(space.clusters.max()) + 1
        apart = d.shares(space.clusters[rows], k) - d.shares(space.clusters, k)
        assert found["cluster_tv"][at] == pytest.approx(np.abs(apart).sum() / 2, abs=1e-12)


def test_random_subsets_have_a_z_within_two_in_nine_of_ten_trials() -> None:
    inside: dict[str, list[bool]] = {name: [] for name in CHEAP}
    for trial in range(40):
        space = Space.of(task(seed=trial))
        rng = np.random.default_rng([9, trial])
        start = np.arange(10)
        found = null(space, start, [10, 40], draws=100).set_index(["measure", "n"])
        for _ in range(5):
            order = np.concatenate([start, 10 + rng.permutation(190)[:30]])
            for name in CHEAP:
                value = NESTED[name](space, order, np.array([40]))
                row = found.loc[(name, 40)]
                z = z_score(value, row["null_mean"], np.array([row["null_sd"]]))
                inside[name].append(bool(abs(z[0]) <= 2))
    for name, hits in inside.items():
        assert len(hits) == 200
        assert np.mean(hits) >= 0.9, name


def test_the_null_at_the_start_is_its_value_without_a_z() -> None:
    space = Space.of(task())
    start = np.arange(12)
    found = null(space, start, [12, 30, 9999], draws=20)
    assert sorted(found["n"].unique()) == [12, 30, 200]
    first = found[found["n"] == 12]
    assert (first["null_sd"] == 0).all()
    value = NESTED["tv"](space, start, np.array([12]))
    assert first.set_index("measure").loc["tv", "null_mean"] == pytest.approx(value[0])
    assert np.isnan(z_score(value, value, np.zeros(1))).all()
    fewer = null(space, start, [12, 30], draws=20)
    pd.testing.assert_frame_equal(fewer, found[found["n"] < 200].reset_index(drop=True))


def test_a_space_leaves_withheld_rows_out_and_projects_many_columns() -> None:
    wide = task(columns=60)
    wide.withheld = np.array([3, 5])
    space = Space.of(wide)
    assert space is Space.of(wide)
    assert len(space.pool) == 198
    assert space.Z.shape == (200, 50)
    flat = task()
    flat.X[:, 1] = 4.0
    assert np.isfinite(Space.of(flat).Z).all()


def test_large_pools_measure_distances_to_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Space.of(task(n=600))
    monkeypatch.setattr("albench.analysis.bought.space.WHOLE", 500)
    monkeypatch.setattr("albench.analysis.bought.space.SAMPLE", 400)
    rough = Space.of(task(n=600))
    assert rough.all_distances is None
    assert len(rough.reference) == 400
    order, grid = np.arange(100), np.array([50, 100])
    for name in ("energy", "nearest_mean"):
        close = NESTED[name](rough, order, grid)
        assert close == pytest.approx(NESTED[name](exact, order, grid), rel=0.25)


# ------------------------------------------------------------------ LURE
@pytest.mark.parametrize(("n_pool", "draws"), [(5, 3), (5, 5), (4, 1), (6, 4)])
def test_lure_is_unbiased_by_exact_enumeration(n_pool: int, draws: int) -> None:
    rng = np.random.default_rng(n_pool)
    loss, weight = rng.random(n_pool), rng.random(n_pool) + 0.05
    means = {"lure": 0.0, "plain": 0.0}
    mean_weight, total = 0.0, 0.0
    for order in permutations(range(n_pool), draws):
        q = np.array(
            [
                weight[i] / (weight.sum() - weight[list(order[:m])].sum())
                for m, i in enumerate(order)
            ]
        )
        chance = q.prod()
        total += chance
        taken = loss[list(order)]
        means["lure"] += chance * (lure_weights(q, n_pool) * taken).mean()
        means["plain"] += chance * taken.mean()
        mean_weight += chance * lure_weights(q, n_pool).mean()
    assert total == pytest.approx(1.0, abs=1e-12)
    assert means["lure"] == pytest.approx(loss.mean(), abs=1e-12)
    assert mean_weight == pytest.approx(1.0, abs=1e-12)
    if draws < n_pool:
        assert abs(means["plain"] - loss.mean()) > 1e-3


def test_uniform_draws_weigh_one() -> None:
    q = 1.0 / (50 - np.arange(20))
    assert lure_weights(q, 50) == pytest.approx(np.ones(20), abs=1e-12)
    assert with_start(5, q[5:], 50) == pytest.approx(q)


@pytest.mark.parametrize("q", [[0.0, 0.5], [0.5, 1.5], [np.nan], [0.1] * 5])
def test_probabilities_that_are_none_are_refused(q: list[float]) -> None:
    with pytest.raises(BadValue, match="probability"):
        lure_weights(np.array(q), 4)
