"""Members of committees through engines: the votes of scikit-learn, whole runs."""

from functools import partial

import numpy as np
import pytest
from engine_grid import CASES, compared, run, task_of

from albench.core.registry import build, resolve
from albench.models import engines
from albench.simulation.learner import Plain

FOUR = {
    "use": "qbc",
    "models": ["logreg-lbfgs", "svc-linear-libsvm", "svc-rbf-libsvm", "lda"],
}
MODELS = ["svc-rbf", "logreg", "svc-rbf-libsvm", "svc-linear-libsvm", "logreg-lbfgs", "gnb", "knn"]


@pytest.mark.parametrize("name", ["iris", "moons", "duplicates", "constant", "rare", "imbalanced"])
@pytest.mark.parametrize(
    ("model", "strategy"), [("svc-rbf-libsvm", FOUR), *((model, "qbc") for model in MODELS)]
)
def test_whole_runs_pick_what_scikit_learn_picks(name: str, model: str, strategy) -> None:
    X, y = CASES[name]()
    rows = np.random.default_rng(1).choice(len(y), min(len(y), 100), replace=False)
    task, spec = task_of(X[rows], y[rows], start=12, batch=3, budget=50, name=name)
    fast = run(task, spec, model, strategy, "auto")
    plain = run(task, spec, model, strategy, "plain")
    assert len(fast.picks) > 10
    assert compared(fast, plain)[:2] == (None, 0)


@pytest.mark.parametrize("bitwise", [False, True])
def test_a_row_that_a_sample_repeats_takes_one_place_in_the_kernel(bitwise, monkeypatch) -> None:
    """Else the store seems full before it is, and rows that it lacks are read from others."""
    from albench.models.engines import libsvm

    monkeypatch.setattr(libsvm, "EAGER", 0)
    X, y = CASES["moons"]()
    task, _ = task_of(X, y)
    n = len(task.X)
    held = libsvm.KernelRows(task, 0.5, 1 << 20, bitwise, placed=bitwise)
    due = libsvm.kernel(held.X[:n], held.norms[:n], held.X, held.norms, 0.5)
    half = np.sort(np.append(np.repeat(np.arange(n // 2), 2), np.arange(n - 2 * (n // 2))))
    for rows in (half, np.arange(n // 2, n), np.arange(0, n, 3)):
        assert held.ensure(rows, rows)
        assert (held.slot[rows] >= 0).all()
        np.testing.assert_allclose(held.K[held.slot[rows]], due[rows], atol=1e-12)
    assert held.n_held == n


@pytest.mark.parametrize("model", ["svc-rbf-libsvm", "svc-linear-libsvm"])
def test_kernel_rows_read_where_they_lie_give_what_copies_of_them_give(model) -> None:
    task, _ = task_of(*CASES["blobs-4"]())
    learner = engines.learner(resolve("model", model), task, int)
    rng = np.random.default_rng(2)
    for n in (8, 30, 90):
        labeled = np.sort(rng.choice(len(task.y), n, replace=False))
        fitted = learner.fit(labeled, task.y[labeled])
        assert learner.rows.placed
        found = []
        for learner.rows.placed in (False, True):
            found.append(learner.solution(labeled, task.y[labeled]))
        for copied, read in zip(*found, strict=True):
            np.testing.assert_array_equal(copied, read)
        due = Plain(learner.make, task, lambda n: 0).fit(labeled, task.y[labeled])
        np.testing.assert_array_equal(fitted.predicted("test"), due.predicted("test"))


@pytest.mark.parametrize("model", [*MODELS, {"use": "forest", "trees": 7}])
def test_rows_that_repeat(model) -> None:
    X, y = CASES["blobs-4"]()
    task, _ = task_of(X, y)
    make = build("model", resolve("model", model))
    learner = engines.learner(resolve("model", model), task, lambda n: n)
    rng = np.random.default_rng(0)
    for _ in range(3):
        rows = np.sort(rng.integers(60, size=60))
        quick = learner.member(make, 5, rows, task.y[rows])
        plain = Plain(make, task, lambda n: 5).fit(rows, task.y[rows])
        assert np.array_equal(quick.predicted("train"), plain.predicted("train"))
        assert quick.has_proba == plain.has_proba
        if plain.has_proba:
            apart = quick.proba("train") - plain.proba("train")
            assert np.abs(apart).max() <= 1e-9
        assert np.array_equal(quick.estimator.predict(X), plain.estimator.predict(X))


def test_models_that_no_engine_knows_are_left_to_scikit_learn() -> None:
    from sklearn.svm import SVC

    X, y = CASES["moons"]()
    task, _ = task_of(X, y)
    learner = engines.learner(resolve("model", "svc-rbf"), task, lambda n: n)
    rows = np.arange(30)
    for make in (
        lambda seed: SVC(),
        build("model", resolve("model", "lda")),
        partial(build("model", resolve("model", "svc-rbf")), class_weight="balanced"),
    ):
        assert learner.member(make, 0, rows, task.y[rows]) is None
