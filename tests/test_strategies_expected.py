"""Expected change and expected error, against scikit-activeml and by brute force."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from engine_grid import task_of
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import StandardScaler

from albench.core.errors import BadValue, Skip
from albench.core.registry import make_strategy, resolve
from albench.models import engines
from albench.strategies.expected import expected_losses, label_gradients, mistakes
from albench.strategies.quire import Quire
from albench.strategies.uncertainty import shannon
from albench.testing import make_query


def real(load: Any, n: int) -> tuple[Any, Any]:
    """The first n rows of a shuffled, standardised table."""
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:n]
    return StandardScaler().fit_transform(X[order]), y[order]


def test_gradient_length_equals_numeric_gradients() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(40, 3)), np.arange(40) % 4
    model = LogisticRegression().fit(X[:20], y[:20])
    query = make_query(X, np.arange(20), y[:20], 5, 4, model=model)
    W, b = model.coef_, model.intercept_

    def loss(W: Any, b: Any, x: Any, label: int) -> float:
        z = W @ x + b
        return float(np.log(np.exp(z - z.max()).sum()) + z.max() - z[label])

    def length(x: Any, p: Any, with_intercept: bool) -> float:
        total, step = 0.0, 1e-6
        for label in range(4):
            gradient = []
            for i, j in product(range(4), range(3)):
                moved = np.zeros_like(W)
                moved[i, j] = step
                gradient.append(
                    (loss(W + moved, b, x, label) - loss(W - moved, b, x, label)) / 2e-6
                )
            for i in range(4 * with_intercept):
                moved = np.eye(4)[i] * step
                gradient.append(
                    (loss(W, b + moved, x, label) - loss(W, b - moved, x, label)) / 2e-6
                )
            total += p[label] * float(np.linalg.norm(gradient))
        return total

    for with_intercept in (False, True):
        expected = [
            length(X[r], p, with_intercept) for r, p in zip(query.pool, query.proba, strict=True)
        ]
        size = np.sqrt((X[query.pool] ** 2).sum(axis=1) + with_intercept)
        np.testing.assert_allclose(size * label_gradients(query.proba), expected, rtol=1e-7)
        picks = make_strategy("expected_gradient_length", intercept=with_intercept)(query)
        assert picks.tolist() == query.pool[np.argsort(expected)[::-1][:5]].tolist()


def test_gradient_length_is_for_linear_models() -> None:
    X, y = real(load_iris, 60)
    query = make_query(X, np.arange(20), y[:20], 5, 3, model=GaussianNB())
    with pytest.raises(Skip, match="needs a logistic regression as query model"):
        make_strategy("expected_gradient_length")(query)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("method", ["log_loss", "misclassification_loss"])
def test_expected_errors_equal_scikit_activeml(load: Any, method: str) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    from skactiveml.classifier import SklearnClassifier

    X, y = real(load, 60)
    k = len(np.unique(y))
    labels = np.where(np.arange(60) < 25, y.astype(float), np.nan)
    model = LogisticRegression(tol=1e-10, max_iter=2000)
    wrapped = SklearnClassifier(model, classes=np.arange(k)).fit(X[:25], y[:25])
    few = np.arange(25, 33)
    _, utilities = pool.MonteCarloEER(method=method, random_state=0).query(
        X,
        labels,
        wrapped,
        fit_clf=True,
        ignore_partial_fit=True,
        candidates=few,
        X_eval=X[25:],
        return_utilities=True,
    )
    query = make_query(X, np.arange(25), y[:25], 3, k, model=model)
    loss = shannon if method == "log_loss" else mistakes
    ours = expected_losses(query, loss, 1000, None)[:8]
    np.testing.assert_allclose(ours, utilities[0][few], rtol=1e-3)
    assert np.argmax(ours) == np.nanargmax(utilities[0][few])


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_refits_from_the_fitted_model_equal_refits_from_scratch(load: Any, weights: Any) -> None:
    X, y = real(load, 90)
    task, _ = task_of(X, y)
    X, y, k, labeled = task.X, task.y, task.n_classes, np.arange(30)
    ref = resolve("model", {"use": "logreg", "class_weight": weights})
    both = []
    for engine in ("auto", "plain"):
        learner = engines.learner(ref, task, lambda n: n, engine=engine)
        fitted = learner.fit(labeled, y[labeled])
        query = make_query(X, labeled, y[labeled], 3, k)
        query = replace(query, fit=lambda fitted=fitted: fitted, make_model=learner.make)
        one = np.array([30]), np.zeros(1, dtype=np.intp), labeled
        assert (fitted.refits(*one) is not None) == (engine == "auto")
        both.append(expected_losses(query, shannon, 20, 20))
    assert np.isfinite(both[0]).sum() == 20
    np.testing.assert_allclose(*both, rtol=0, atol=1e-8)


def test_candidates_and_evaluated_rows_are_subsampled() -> None:
    X, y = real(load_iris, 80)
    fits = []

    class Counting(GaussianNB):  # type: ignore[misc]
        def fit(self, X: Any, y: Any) -> Any:
            fits.append(len(y))
            return super().fit(X, y)

    query = make_query(X, np.arange(20), y[:20], 3, 3, model=Counting())
    scores = expected_losses(query, shannon, 6, 10)
    assert np.isfinite(scores).sum() == 6
    assert fits.count(20) == 1
    assert 6 <= fits.count(21) <= 18
    assert scores[np.isfinite(scores)].min() > -10 * np.log(3)
    assert len(make_strategy("eer_01", candidates=1)(query)) == 3


@pytest.mark.parametrize("k", [2, 3])
def test_quire_equals_scikit_activeml(k: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    X, y = real(load_iris, 90)
    X, y = X[y < k], y[y < k]
    labels = np.where(np.arange(len(y)) < 15, y.astype(float), np.nan)
    strategy = pool.Quire(classes=np.arange(k), metric_dict={"gamma": 0.3}, random_state=0)
    _, utilities = strategy.query(X, labels, return_utilities=True)
    query = make_query(X, np.arange(15), y[:15], 4, k)
    ours = -Quire(gamma=0.3).losses(query)
    np.testing.assert_allclose(ours, utilities[0][15:], rtol=1e-10)
    picks = make_strategy("quire", gamma=0.3)(query)
    assert picks.tolist() == (15 + np.argsort(-utilities[0][15:], kind="stable")[:4]).tolist()


def test_quire_kept_between_rounds_equals_quire_from_scratch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    X, y = real(load_iris, 90)
    strategy, rng = Quire(), np.random.default_rng(2)
    labeled, y = np.arange(0, 90, 10), y.copy()
    query = make_query(X, labeled, y[labeled], 1, 3)
    for n in (0, 1, 4, 1, 9, -3, 2):  # -3: rows that are taken back, 9: labels that change
        if n < 0:
            labeled = labeled[: len(labeled) + n]
        elif n:
            more = rng.permutation(np.setdiff1d(np.arange(90), labeled))[:n]
            labeled = np.sort(np.concatenate([labeled, more]))
        if n == 9:
            y[labeled[0]] = (y[labeled[0]] + 1) % 3
        now = replace(
            query, labeled=labeled, y_labeled=y[labeled], pool=np.setdiff1d(np.arange(90), labeled)
        )
        fresh = Quire().losses(now)
        np.testing.assert_allclose(strategy.losses(now), fresh, rtol=1e-11)
        with monkeypatch.context() as patch:
            patch.setattr("albench.strategies.quire.BLOCK", 10)
            patch.setattr("albench.strategies._geometry.BLOCK", 300)
            np.testing.assert_allclose(Quire().losses(now), fresh, rtol=1e-11)


def test_quire_minimises_over_the_free_labels() -> None:
    """The objective by its definition: the quadratic form of the inverse kernel, minimised."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(9, 2)), np.array([0, 1, 0, 1])
    query = make_query(X, np.arange(4), y, 1, 2)
    inverse = np.linalg.inv(rbf_kernel(X, gamma=0.5) + 0.7 * np.eye(9))
    for i, row in enumerate(query.pool):
        values = []
        for sign in (1.0, -1.0):
            fixed = np.append(np.where(y == 1, 1.0, -1.0), sign)
            kept, free = [0, 1, 2, 3, row], [r for r in query.pool if r != row]
            best = -np.linalg.solve(
                inverse[np.ix_(free, free)], inverse[np.ix_(free, kept)] @ fixed
            )
            z = np.zeros(9)
            z[kept], z[free] = fixed, best
            values.append(z @ inverse @ z)
        assert Quire(gamma=0.5, regularisation=0.7).losses(query)[i] == pytest.approx(
            max(values), rel=1e-10
        )


def test_parameters_out_of_range_are_refused() -> None:
    for given in ({"use": "eer_log", "candidates": 0}, {"use": "quire", "gamma": 0.0}):
        with pytest.raises(BadValue, match="greater than"):
            resolve("strategy", given)
