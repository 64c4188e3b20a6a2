"""Strategies against implementations that are no dependency: small arrays, made once.

`frozen.json` holds for each of them the input, what the other implementation said, and
which one it was, with its version or commit (`source`).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from albench.core.registry import make_strategy
from albench.strategies.density import GraphDensity, cluster_order, clustered
from albench.strategies.hierarchy import estimated, pruned, ward_tree
from albench.testing import make_query

FROZEN = json.loads((Path(__file__).parent / "frozen.json").read_text())


def asked(known: dict[str, Any], n: int, n_classes: int = 2, seed: int = 0) -> Any:
    """The query that the other implementation was given."""
    start = known["start"]
    labels = known["y"][: len(start)] if "y" in known else [0] * len(start)
    return make_query(np.array(known["X"]), start, labels, n, n_classes, seed=seed)


def test_facility_location_equals_apricot() -> None:
    known = FROZEN["facility_location"]
    strategy = make_strategy("facility_location", gamma=known["gamma"])
    assert strategy(asked(known, len(known["picks"]))).tolist() == known["picks"]
    X, held = np.array(known["X"]), list(known["start"])
    near = np.exp(-known["gamma"] * cdist(X, X, "sqeuclidean"))
    for pick, gain in zip(known["picks"], known["gains"], strict=True):
        query = make_query(X, held, [0] * len(held), 1, 2)
        fresh: Any = make_strategy("facility_location", gamma=known["gamma"])
        assert fresh(query).tolist() == [pick]
        assert fresh.bound[pick] == pytest.approx(gain, abs=1e-10)
        before = near[:, held].max(axis=1).sum()
        held.append(pick)
        assert near[:, held].max(axis=1).sum() - before == pytest.approx(gain, abs=1e-10)


def test_graph_density_equals_google_active_learning() -> None:
    known = FROZEN["graph_density"]
    strategy: Any = make_strategy("graph_density_unlabeled")
    picks = strategy(asked(known, len(known["picks"])))
    assert picks.tolist() == known["picks"]
    for name in ("graph_density", "graph_density_unlabeled"):  # they differ in the start set
        one: Any = make_strategy(name)
        if isinstance(one, GraphDensity):
            one.known = np.array(known["start"])
        pick = int(one(asked(known, 1))[0])
        untouched = np.setdiff1d(np.arange(len(known["X"])), neighbours(known, pick))
        np.testing.assert_allclose(
            one.density[untouched], np.array(known["density"])[untouched], rtol=0, atol=1e-12
        )
        assert pick == known["picks"][0]


def neighbours(known: dict[str, Any], row: int) -> Any:
    """The rows joined to one by an edge of the graph of 10 nearest."""
    distance = cdist(known["X"], known["X"], "cityblock")
    np.fill_diagonal(distance, np.inf)
    joined = distance <= np.sort(distance, axis=1)[:, 9:10]
    return np.flatnonzero(joined[row] | joined[:, row])


def test_typiclust_equals_the_authors_code() -> None:
    known = FROZEN["typiclust"]
    X, groups = np.array(known["X"]), np.array(known["clusters"])
    query = asked(known, len(known["picks"]))
    made = clustered(X - X.mean(axis=0), 8, int(np.random.default_rng(0).integers(2**31)))
    assert len(set(zip(made.tolist(), groups.tolist(), strict=True))) == 8, "the same clusters"
    assert make_strategy("typiclust")(query).tolist() == known["picks"]
    held, free = set(known["start"]), np.ones(len(X), dtype=bool)
    free[list(held)] = False
    n_labeled = np.bincount(groups[list(held)], minlength=8)
    order = [c for c in cluster_order(groups, n_labeled) if (groups == c).sum() > 5]
    assert [groups[pick] for pick in known["picks"]] == [order[i % 7] for i in range(7)]
    for pick, typicality in zip(known["picks"], known["typicality"], strict=True):
        rows = np.flatnonzero((groups == groups[pick]) & free)
        m = min(20, len(rows) // 2)
        mean = np.sort(cdist(X[pick : pick + 1], X[rows])[0])[1 : m + 1].mean()
        assert 1.0 / (mean + 1e-5) == pytest.approx(typicality, rel=1e-5)  # theirs is in float32
        free[pick] = False


def test_hierarchical_bounds_equal_libact() -> None:
    known = FROZEN["hierarchical"]
    X, y, start = np.array(known["X"]), np.array(known["y"]), np.array(known["start"])
    tree = ward_tree(X)
    assert tree.children.tolist() == known["children"]
    found = estimated(tree, start, y[start], 3, 2.0)
    seen, size = np.array(known["seen"]) > 0, tree.size[:, None]
    np.testing.assert_allclose(
        (found.lower * size)[seen], np.array(known["lower"])[seen], atol=1e-10
    )
    upper = np.array(known["upper"]) / size
    admissible = np.array(known["admissible"], dtype=bool)
    assert found.admissible[seen].tolist() == admissible[seen].tolist()
    assert 0 < admissible[seen].sum() < admissible[seen].size
    rival = np.where(np.eye(3, dtype=bool)[None], -np.inf, upper[:, None, :]).max(axis=2)
    assert (admissible == (1.0 - found.lower < 2.0 * (1.0 - rival)))[seen].all()
    drawn = {int(make_strategy("hierarchical")(asked(known, 1, 3, seed))[0]) for seed in range(60)}
    open_nodes = [
        tree.order[tree.first[v] : tree.first[v] + tree.size[v]] for v, _ in pruned(tree, found)
    ]
    assert drawn <= set(np.concatenate(open_nodes).tolist()) - set(start.tolist())


def test_information_density_equals_modal() -> None:
    known = FROZEN["information_density"]
    strategy: Any = make_strategy("information_density", similarity="euclidean")
    density = strategy.mean_euclidean(make_query(np.array(known["X"]), [], [], 3, 2))
    np.testing.assert_allclose(density, known["euclidean"], rtol=0, atol=1e-10)
