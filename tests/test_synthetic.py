"""Generators: seeded, as described, and no better than their Bayes classifier."""

import numpy as np
import pytest
from scipy.stats import norm

from albench.core import registry
from albench.core.registry import build, entry, resolve

NAMES = [n for n in registry.names("dataset") if n.startswith("synthetic-")]


def made(name: str, **params: object) -> object:
    return build("dataset", resolve("dataset", {"use": name, **params}))


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_seeds_and_nothing_else_does(name: str) -> None:
    one, again, other = made(name), made(name), made(name, seed=1)
    assert np.array_equal(one.X, again.X)
    assert np.array_equal(one.y, again.y)
    assert not np.array_equal(one.X, other.X)
    traits = entry("dataset", name).traits
    assert (one.n, one.d, len(one.classes)) == (traits.n, traits.d, traits.classes)
    assert made(name, n=50).n == 50


def bayes_accuracy(name: str, **params: object) -> float:
    data = made(name, n=20_000, **params)
    rule = entry("dataset", name).traits.bayes
    return float(np.mean(rule(data.X, **params) == data.y))


def test_the_bayes_classifiers_reach_what_they_should() -> None:
    reach = bayes_accuracy("synthetic-two-gaussians", distance=2.0)
    assert reach == pytest.approx(norm.cdf(1.0), abs=0.01)
    for name in ("synthetic-checkerboard", "synthetic-divergent-sine"):
        assert bayes_accuracy(name) == 1.0
        assert bayes_accuracy(name, noise=0.2) == pytest.approx(0.8, abs=0.01)
    assert bayes_accuracy("synthetic-checkerboard", cells=7) == 1.0
    copies = bayes_accuracy("synthetic-redundant", distance=3.0)
    assert copies == pytest.approx(norm.cdf(1.5), abs=0.03)


def test_no_model_beats_the_bayes_classifier() -> None:
    from sklearn.linear_model import LogisticRegression

    train, test = made("synthetic-two-gaussians", n=4000), made("synthetic-two-gaussians", seed=1)
    rule = entry("dataset", "synthetic-two-gaussians").traits.bayes
    best = np.mean(rule(test.X) == test.y)
    assert LogisticRegression().fit(train.X, train.y).score(test.X, test.y) <= best + 0.01


def test_redundant_rows_come_in_copies_with_one_label() -> None:
    data = made("synthetic-redundant", n=100, copies=4)
    _, inverse, counts = np.unique(data.X, axis=0, return_inverse=True, return_counts=True)
    assert set(counts) == {4}
    assert all(len(set(data.y[inverse == i])) == 1 for i in range(25))


def test_imbalance_is_exact_and_not_linearly_separable() -> None:
    data = made("synthetic-imbalanced-clusters", n=1000, minority=0.03)
    assert data.y.sum() == 30
    assert data.positive == 1
