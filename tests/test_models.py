"""Models against independent implementations, and what every model must keep."""

from typing import Any

import numpy as np
import pytest

from albench.core.registry import build, resolve
from albench.simulation.learner import TrainOnly, fit_aligned


def blobs(n: int = 60, d: int = 4, k: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Features and labels of overlapping classes, each of them among the first k rows."""
    rng = np.random.default_rng([n, d, k, seed])
    y = np.append(np.arange(k), rng.integers(k, size=n - k))
    return rng.normal(size=(n, d)) + 1.5 * rng.normal(size=(k, d))[y], y


@pytest.mark.parametrize(("k", "seed"), [(k, seed) for k in (2, 3, 9) for seed in range(3)])
@pytest.mark.parametrize("gamma", [None, 0.3])
def test_parzen_equals_scikit_activeml(k: int, seed: int, gamma: float | None) -> None:
    classifier = pytest.importorskip("skactiveml.classifier")
    X, y = blobs(80, 5, k, seed)
    labeled = np.arange(2, 20)  # of nine classes two are unknown
    theirs = classifier.ParzenWindowClassifier(
        classes=np.arange(k), metric_dict={} if gamma is None else {"gamma": gamma}, random_state=0
    )
    known = np.full(len(y), np.nan)
    known[labeled] = y[labeled]
    due = theirs.fit(X, known).predict_proba(X)
    make = build(
        "model", resolve("model", {"use": "parzen", **({"gamma": gamma} if gamma else {})})
    )
    ours = fit_aligned(lambda: make(0), TrainOnly(X, k), labeled, y[labeled])
    np.testing.assert_allclose(ours.proba("train"), due, rtol=0, atol=1e-14)
    assert np.array_equal(ours.predicted("train"), due.argmax(axis=1))


def test_parzen_far_from_every_label_knows_nothing() -> None:
    classifier = pytest.importorskip("skactiveml.classifier")
    X = np.array([[0.0, 0.0], [1.0, 0.0], [1e3, 1e3]])
    y = np.array([0, 1, 0])
    theirs = classifier.ParzenWindowClassifier(classes=[0, 1, 2]).fit(X[:2], y[:2])
    make = build("model", resolve("model", "parzen"))
    ours = fit_aligned(lambda: make(0), TrainOnly(X, 3), np.arange(2), y[:2])
    assert ours.proba("train", np.array([2])).tolist() == [[1 / 3] * 3]
    assert theirs.predict_proba(X[2:]).tolist() == [[1 / 3] * 3]


def test_parzen_weighs_classes_alike() -> None:
    X, y = blobs(60, 3, 2)
    weight = 60 / (2 * np.bincount(y)[y])
    near = np.exp(-((X[:, None] - X[None]) ** 2).sum(axis=2) / 3) * weight
    share = near @ np.eye(2)[y]
    make = build("model", resolve("model", {"use": "parzen", "class_weight": "balanced"}))
    found = make(0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(found, share / share.sum(axis=1, keepdims=True), atol=1e-14)
