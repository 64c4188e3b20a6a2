"""Logistic regression with too large a Hessian: the same optimum as scikit-learn's."""

import numpy as np
import pytest
from engine_grid import compared, run, task_of

from albench.core import registry
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.models import engines
from albench.models.engines import softmax
from albench.models.engines.logreg import Solved
from albench.models.engines.span import Span
from albench.runner.worker import Options, run_one

LOGREG = Ref("logreg")


def spec_of(trial: int, budget: int = 60, strategy: str = "margin") -> RunSpec:
    return RunSpec(Ref("digits"), Ref(strategy), LOGREG, LOGREG, Protocol(budget=budget), trial)


@pytest.mark.parametrize("trial", range(3))
def test_probabilities_and_gradient(trial: int) -> None:
    spec = spec_of(trial)
    task = cut(registry.build("dataset", spec.dataset), spec)
    fast = engines.learner(LOGREG, task, lambda n: 0)
    plain = engines.learner(LOGREG, task, lambda n: 0, engine="plain")
    for n in (20, 50, 51, 110, 200):
        rows = np.arange(n)
        a, b = (learner.fit(rows, task.y[rows]) for learner in (fast, plain))
        assert isinstance(a, Solved), "it fell back to the plain solver"
        np.testing.assert_allclose(a.proba("train"), b.proba("train"), rtol=0, atol=1e-9)
        np.testing.assert_array_equal(a.predicted("test"), b.predicted("test"))


@pytest.mark.parametrize("strategy", ["margin", "random"])
def test_whole_runs_pick_alike(strategy: str) -> None:
    runs = [
        run_one(spec_of(0, 60, strategy), Options(("accuracy",), engine=engine))
        for engine in ("auto", "plain")
    ]
    picks, scores = (
        [[row[key] for row in one.rounds] for one in runs] for key in ("picks", "accuracy")
    )
    assert picks[0] == picks[1]
    assert scores[0] == scores[1]
    assert runs[0].run["engine"] != runs[1].run["engine"] == "plain"


def test_product_with_the_hessian_is_the_slope_of_the_gradient() -> None:
    def gradient(W):
        G, P = np.empty_like(W), np.empty((len(X), len(W)))
        softmax.gradient(X, target, v, W, G, P, np.empty_like(P))
        return G, P

    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(30, 4)), np.ones((30, 1))])
    target, v = rng.integers(0, 3, 30).astype(float), rng.random(30)
    W, D = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    _, P = gradient(W)
    up, down = (gradient(W + s * 1e-6 * D)[0] for s in (1, -1))
    product = np.empty_like(D)
    softmax.curved(X, P, v, D, np.empty_like(P), product)
    np.testing.assert_allclose(product, (up - down) / 2e-6, atol=1e-7)


@pytest.mark.parametrize(("n_classes", "d"), [(4, 60), (2, 310)])
def test_wide_tables_pick_as_the_plain_model_whatever_the_memory(n_classes: int, d: int) -> None:
    """Few rows, many features: solved in the span of the rows, and beyond it."""
    rng = np.random.default_rng(d)
    y = np.arange(72) % n_classes
    X = rng.normal(size=(72, d)) + y[:, None] / 5
    X[1::9], y[1::9] = X[::9], y[::9]  # rows of which the span knows the direction
    task, spec = task_of(X, y, start=10, batch=12, budget=46)
    fast = run(task, spec, "logreg", "margin", "auto", memory=1)
    plain = run(task, spec, "logreg", "margin", "plain")
    assert fast.engine.startswith("logreg")
    first, wrong, gap = compared(fast, plain)
    assert (first, wrong) == (None, 0)
    assert gap <= 1e-9


def test_a_span_is_orthonormal_and_holds_its_rows() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(12, 40)) * 10.0 ** rng.integers(-3, 4, (12, 1))
    rows[5], rows[7], rows[9] = rows[1] + 2 * rows[2], 0.0, rows[0] * (1 + 1e-15)
    span = Span.empty(40).more(rows[:4]).more(rows[4:])
    assert span.basis.shape == (9, 40)
    np.testing.assert_allclose(span.basis @ span.basis.T, np.eye(9), atol=1e-13)
    np.testing.assert_allclose(span.X[:, :-1] @ span.basis, rows, rtol=1e-12, atol=1e-12)
    W = rng.normal(size=(3, 10))
    np.testing.assert_allclose(span.inside(span.full(W)), W, atol=1e-13)
