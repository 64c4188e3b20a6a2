"""Coverage strategies: scikit-activeml, brute force on small tables, and their properties."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.preprocessing import StandardScaler

import albench.strategies._applies
from albench.core.errors import Skip
from albench.core.registry import entry, make_strategy, names
from albench.simulation.query import TOLERANCE
from albench.strategies._geometry import nearest_distinct
from albench.strategies.density import pure_radius, radius_graph
from albench.strategies.hierarchy import estimated, pruned, ward_tree
from albench.testing import make_query

INCREMENTAL = ["kcenter", "facility_location", "graph_density", "probcover"]


def scaled(load: Any, n: int, seed: int = 0) -> tuple[Any, Any]:
    """n rows of a table in random order, standardised."""
    X, y = load(return_X_y=True)
    rows = np.random.default_rng(seed).permutation(len(y))[:n]
    return StandardScaler().fit_transform(X[rows]), y[rows]


def blobs(sizes: list[int], seed: int = 0, d: int = 2) -> tuple[Any, Any]:
    """Far separated clusters, the rows shuffled."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(len(sizes)), sizes)[rng.permutation(sum(sizes))]
    return rng.normal(size=(len(groups), d)) + 50.0 * groups[:, None], groups


def asked(X: Any, n_labeled: int, n: int, seed: int = 0, y: Any = None) -> Any:
    """A query with the first rows labelled."""
    y = np.arange(len(X)) % 3 if y is None else y
    return make_query(X, np.arange(n_labeled), y[:n_labeled], n, int(y.max()) + 1, seed=seed)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_digits])
def test_kcenter_equals_scikit_activeml(load: Any) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    X, y = scaled(load, 150, seed=2)
    X = X + 1e-6 * np.random.default_rng(0).normal(size=X.shape)  # iris holds equal rows
    labels = np.where(np.arange(150) < 10, y.astype(float), np.nan)
    theirs, utilities = pool.CoreSet(random_state=0).query(
        X, labels, batch_size=10, return_utilities=True
    )
    picks = make_strategy("kcenter")(asked(X, 10, 10))
    assert picks.tolist() == theirs.tolist()
    nearest = cdist(X[10:], X[:10]).min(axis=1)
    np.testing.assert_allclose(utilities[0][10:], nearest, rtol=1e-10)


def test_kcenter_equals_brute_force_far_from_the_origin() -> None:
    X, _ = scaled(load_iris, 60)
    X = 1e4 + X + 1e-3 * np.random.default_rng(1).normal(size=X.shape)
    centres = list(range(5))
    for _ in range(12):
        rest = [i for i in range(60) if i not in centres]
        nearest = cdist(X[rest], X[centres]).min(axis=1)
        centres.append(rest[int(nearest.argmax())])
    assert make_strategy("kcenter")(asked(X, 5, 12)).tolist() == centres[5:]


@pytest.mark.parametrize("name", INCREMENTAL)
def test_what_is_kept_between_rounds_changes_no_pick(name: str) -> None:
    X, y = scaled(load_digits, 120)
    given = {"delta": 5.0} if name == "probcover" else {}
    kept = make_strategy(name, **given)
    labeled = np.arange(10)
    for _ in range(4):
        query = make_query(X, labeled, y[labeled], 6, 10)
        picks = kept(query)
        if name != "graph_density":  # its density depends on the order of the picks
            fresh = make_query(X, labeled, y[labeled], 6, 10)
            assert make_strategy(name, **given)(fresh).tolist() == picks.tolist()
        labeled = np.append(labeled, picks)
    assert len(set(labeled.tolist())) == 34


@pytest.mark.parametrize("name", ["kcenter", "facility_location", "probcover"])
def test_a_pick_that_gets_no_label_covers_nothing(name: str) -> None:
    X, y = scaled(load_digits, 120)
    given = {"delta": 5.0} if name == "probcover" else {}
    kept, labeled = make_strategy(name, **given), np.arange(10)
    lost = kept(make_query(X, labeled, y[labeled], 6, 10))
    rest = np.setdiff1d(np.arange(10, 120), lost)
    options = {"X": X, "labeled": labeled, "y_labeled": y[labeled], "n": 6, "n_classes": 10}
    after = kept(make_query(**options, pool=rest))
    assert after.tolist() == make_strategy(name, **given)(make_query(**options, pool=rest)).tolist()
    outstanding = make_strategy(name, **given)(make_query(**options, pool=rest, waiting=lost))
    assert outstanding.tolist() != after.tolist()


def test_kmeans_takes_the_rows_nearest_to_the_centres() -> None:
    X, _ = scaled(load_digits, 150)
    query = asked(X, 20, 8, seed=5)
    seed = int(np.random.default_rng(5).integers(2**31))
    centres = KMeans(8, n_init=1, random_state=seed).fit(X[20:]).cluster_centers_
    nearest = 20 + cdist(centres, X[20:]).argmin(axis=1)
    assert len(set(nearest.tolist())) == 8
    assert make_strategy("kmeans")(query).tolist() == nearest.tolist()


def test_each_centre_takes_the_first_of_the_nearest_rows_that_are_left() -> None:
    rng = np.random.default_rng(4)
    distances = rng.integers(4, size=(30, 6)) / 4 + rng.uniform(0, 1e-7, size=(30, 6))
    query = asked(rng.normal(size=(33, 2)), 3, 12)
    free = list(range(30))
    for centre, pick in enumerate(nearest_distinct(query, distances) - 3):
        column = distances[:, centre % 6]
        least = min(column[i] for i in free)
        assert pick == next(i for i in free if column[i] <= least + TOLERANCE)
        free.remove(int(pick))


def test_one_pick_in_each_cluster_without_labels() -> None:
    X, groups = blobs([40, 30, 25, 20, 15, 10])
    order = np.argsort(np.isin(groups, [1, 4]) * -1, kind="stable")  # labels in two clusters
    X, groups = X[order], groups[order]
    start = [int(np.flatnonzero(groups == g)[0]) for g in (1, 4)]
    query = make_query(X, start, [0, 1], 4, 2)
    for name in ("typiclust", "kcenter", "probcover", "facility_location"):
        given = (
            {"delta": 10.0} if name == "probcover" else {"gamma": 1e-2} if name[0] == "f" else {}
        )
        picks = make_strategy(name, **given)(make_query(X, start, [0, 1], 4, 2))
        assert sorted(groups[picks].tolist()) == [0, 2, 3, 5], name
    picks = make_strategy("typiclust")(query)
    assert groups[picks].tolist() == [0, 2, 3, 5], "the largest clusters first"
    for pick in picks:
        inside = np.flatnonzero(groups == groups[pick])
        m = min(20, len(inside) // 2)
        mean = np.sort(cdist(X[inside], X[inside]), axis=1)[:, 1 : m + 1].mean(axis=1)
        assert pick == inside[mean.argmin()]


def test_typiclust_passes_over_small_clusters_and_goes_round() -> None:
    X, groups = blobs([30, 20, 3])
    query = make_query(X, [int(np.flatnonzero(groups == 0)[0])], [0], 2, 2)
    assert groups[make_strategy("typiclust")(query)].tolist() == [1, 0]
    X, groups = blobs([3, 2, 2])
    assert len(make_strategy("typiclust")(make_query(X, [0], [0], 6, 2))) == 6


def test_facility_location_equals_brute_force() -> None:
    X, _ = scaled(load_iris, 70)
    X = X + 1e-3 * np.random.default_rng(1).normal(size=X.shape)
    near = np.exp(-0.2 * cdist(X, X, "sqeuclidean"))
    held = list(range(6))
    for _ in range(10):
        rest = [i for i in range(70) if i not in held]
        value = [near[:, [*held, i]].max(axis=1).sum() for i in rest]
        held.append(rest[int(np.argmax(value))])
    picks = make_strategy("facility_location", gamma=0.2)(asked(X, 6, 10))
    assert picks.tolist() == held[6:]


def test_probcover_equals_brute_force() -> None:
    X, _ = scaled(load_iris, 80)
    inside, held = cdist(X, X) < 0.5, list(range(4))
    for _ in range(15):
        left = ~inside[held].any(axis=0)
        gains = np.where(np.isin(np.arange(80), held), -1, inside[:, left].sum(axis=1))
        held.append(int(gains.argmax()))
    picks = make_strategy("probcover", delta=0.5)(asked(X, 4, 15))
    assert picks.tolist() == held[4:]


@pytest.mark.filterwarnings("ignore:The maximum purity")  # theirs checks no radius of ours
def test_probcover_covers_as_much_as_scikit_activeml_at_first() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    X, _ = scaled(load_iris, 100)
    theirs = pool.ProbCover(n_classes=3, deltas=[0.4], random_state=0)
    first = theirs.query(X, np.full(100, np.nan))[0]
    covered = (cdist(X, X) < 0.4).sum(axis=1)
    ours = make_strategy("probcover", delta=0.4)(make_query(X, [], [], 1, 3))[0]
    assert covered[ours] == covered[first] == covered.max()


@pytest.mark.parametrize("purity", [0.5, 0.9, 0.95, 1.0])
def test_radius_is_the_largest_with_enough_pure_balls(purity: float) -> None:
    rng = np.random.default_rng(0)
    X, groups = rng.normal(size=(60, 2)), rng.integers(3, size=60)
    X += groups[:, None]
    distances = cdist(X, X)

    def pure(radius: float) -> float:
        balls = distances < radius * (1 - 1e-9)
        return float(np.mean([len(set(groups[ball])) == 1 for ball in balls]))

    radius = pure_radius(X, (X**2).sum(axis=1), groups, purity)
    assert pure(radius) >= purity > pure(radius * (1 + 1e-6))


def test_radius_graph_is_symmetric_and_whole() -> None:
    X, _ = scaled(load_iris, 90)
    starts, ends = radius_graph(X, (X**2).sum(axis=1), 0.7)
    dense = cdist(X, X) < 0.7
    for row in range(90):
        assert ends[starts[row] : starts[row + 1]].tolist() == np.flatnonzero(dense[row]).tolist()


def test_graph_density_equals_brute_force() -> None:
    X, _ = scaled(load_digits, 70)
    k, d = 4, X.shape[1]
    distance = cdist(X, X, "cityblock")
    np.fill_diagonal(distance, np.inf)
    joined = np.zeros((70, 70), dtype=bool)
    for row, near in enumerate(np.argsort(distance, axis=1)[:, :k]):
        joined[row, near] = joined[near, row] = True
    weights = np.where(joined, np.exp(-distance / d), 0.0)
    density, held = weights.sum(axis=1) / joined.sum(axis=1), []
    for row in range(5):
        density[joined[row]] -= density[row]
    for _ in range(8):
        free = [i for i in range(5, 70) if i not in held]
        held.append(free[int(density[free].argmax())])
        density[joined[held[-1]]] -= density[held[-1]]
    strategy = make_strategy("graph_density", neighbours=k)
    y = np.arange(70) % 3
    first = strategy(make_query(X, np.arange(5), y[:5], 4, 3)).tolist()
    labeled = [*range(5), *first]
    second = strategy(make_query(X, labeled, y[labeled], 4, 3)).tolist()
    assert first + second == held


def test_hierarchical_splits_pure_clusters_and_samples_impure_ones() -> None:
    X, groups = blobs([60, 60, 60])
    y = np.where(groups == 2, np.arange(180) % 2, groups)
    start = np.arange(60)
    tree = ward_tree(X)
    found = estimated(tree, start, y[start], 2, 2.0)
    nodes = pruned(tree, found)
    leaves = [tree.order[tree.first[v] : tree.first[v] + tree.size[v]] for v, _ in nodes]
    assert sorted(np.concatenate(leaves).tolist()) == list(range(180))
    for (_, label), inside in zip(nodes, leaves, strict=True):
        members = set(groups[inside].tolist())
        assert members in ({0}, {1}, {2}) or not members & {0, 1}
        if members in ({0}, {1}):
            assert {label} == members
    counts = np.zeros(3)
    for seed in range(20):
        picks = make_strategy("hierarchical")(asked(X, 60, 10, seed, y))
        counts += np.bincount(groups[picks], minlength=3)
    assert counts[2] > 2 * counts[:2].max()


def test_hierarchical_estimates_equal_those_counted_node_by_node() -> None:
    X, y = scaled(load_iris, 40)
    tree = ward_tree(X)
    found = estimated(tree, np.arange(15), y[:15], 3, 2.0)
    inside = {i: [i] for i in range(40)}
    for i, (left, right) in enumerate(tree.children):
        inside[40 + i] = inside[left] + inside[right]
    for node, rows in inside.items():
        span = tree.order[tree.first[node] : tree.first[node] + tree.size[node]]
        assert sorted(span.tolist()) == sorted(rows)
        known = [r for r in rows if r < 15]
        lower, upper = np.zeros(3), np.ones(3)
        for c in range(3) if known else ():
            n, hits = len(known), sum(y[r] == c for r in known)
            p, rest = hits / n, 1 - n / len(rows)
            width = rest / n + np.sqrt(rest * p * (1 - p) / n)
            lower[c] = max(p - width, hits / len(rows))
            upper[c] = min(p + width, 1 - (n - hits) / len(rows))
        np.testing.assert_allclose(found.lower[node], lower, atol=1e-12)
        for c in range(3):
            beats = all(1 - lower[c] < 2 * (1 - upper[o]) for o in range(3) if o != c)
            assert found.admissible[node, c] == beats


QUADRATIC: dict[str, dict[str, Any]] = {
    "hierarchical": {},
    "probcover": {"delta": 50.0},
    "cluster_margin": {},
    "flqmi": {},
    "graph_density": {},
    "graph_density_unlabeled": {},
    "ens": {},
    "bait": {},
    "variance_reduction": {},
    "bmdr": {},
    "spal": {},
    "hintsvm": {"kernel": "rbf"},
}


@pytest.mark.parametrize("name", QUADRATIC)
def test_strategies_refuse_a_pool_that_does_not_fit(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    traits = entry("strategy", name).traits
    assert traits.memory, "it says what memory it takes"
    monkeypatch.setattr(albench.strategies._applies, "MEMORY", 5_000)
    X, y = scaled(load_digits, 150)
    labels = (y[:20] > 4).astype(int)
    query = make_query(X, np.arange(20), labels, 5, 2, positive=1, proba=np.full((130, 2), 0.5))
    with pytest.raises(Skip, match=r"would take .* GB; at most"):
        make_strategy(name, **QUADRATIC[name])(query)


def test_what_keeps_a_square_says_that_its_cost_is_quadratic() -> None:
    kept = {n: entry("strategy", n).traits for n in names("strategy")}
    square = [n for n, traits in kept.items() if "n^2" in traits.memory]
    assert {"hierarchical", "cluster_margin"} <= set(square)
    assert all("n^2" in kept[n].cost for n in [*square, "probcover", "graph_density", "ens"])


def test_kcenter_measures_few_rows_of_a_large_pool_and_picks_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X = np.random.default_rng(0).normal(size=(900, 5))
    every = make_strategy("kcenter")(asked(X, 20, 120))
    monkeypatch.setattr("albench.strategies.coverage.ROWS", 100)
    assert make_strategy("kcenter")(asked(X, 20, 120)).tolist() == every.tolist()
