"""Engines against scikit-learn: whole runs with the same picks and predictions."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from engine_grid import CASES, compared, run, task_of

from albench.core.registry import resolve
from albench.models import engines
from albench.models.engines.compiled import forget_stale
from albench.simulation.learner import Plain

# model -> largest gap allowed between scores
SHIPPED = {
    "svc-rbf": 1e-6,
    "svc-linear": 1e-6,
    "svc-rbf-libsvm": 1e-6,
    "svc-linear-libsvm": 1e-6,
    "logreg": 1e-9,
    "logreg-lbfgs": 1e-15,
    "forest": 0.0,
    "extra-trees": 0.0,
    "knn": 0.0,
    "gnb": 1e-9,
}
SLICE = ["iris", "moons", "duplicates", "constant", "rare", "imbalanced"]


@pytest.mark.parametrize("name", SLICE)
@pytest.mark.parametrize("model", SHIPPED)
def test_whole_runs_equal_scikit_learn(model: str, name: str) -> None:
    small = {"use": model, "trees": 7} if model in ("forest", "extra-trees") else model
    if (model, name) == ("svc-linear", "duplicates"):
        pytest.skip("libsvm takes a million steps a fit: in the full grid only")
    X, y = CASES[name]()
    rows = np.random.default_rng(1).choice(len(y), min(len(y), 150), replace=False)
    task, spec = task_of(X[rows], y[rows], start=5, name=name)
    for strategy in ("margin", "random"):
        fast = run(task, spec, small, strategy, "auto")
        plain = run(task, spec, small, strategy, "plain")
        assert not fast.engine.startswith("plain")
        first, wrong, gap = compared(fast, plain)
        assert first is None, f"{strategy}: other picks at round {first}"
        assert wrong == 0, f"{strategy}: other predictions in {wrong} rounds"
        assert gap <= SHIPPED[model]


@pytest.mark.parametrize("model", SHIPPED)
def test_any_labelled_set_after_any_other(model: str) -> None:
    """Rows added, taken away, relabelled, reordered in time: always the fit from scratch."""
    X, y = CASES["blobs-4"]()
    task, _ = task_of(X, y)
    fast = engines.learner(resolve("model", model), task, lambda n: n)
    plain = engines.learner(resolve("model", model), task, lambda n: n, engine="plain")
    rng = np.random.default_rng(0)
    rows = np.arange(12)
    for change in range(12):
        labels = task.y[rows].copy()
        if change % 4 == 1:
            rows = rng.choice(len(task.y), 15, replace=False)
            rows.sort()
            labels = task.y[rows].copy()
        elif change % 4 == 2:
            labels[:3] = (labels[:3] + 1) % 4
        elif change % 4 == 3:
            more = np.setdiff1d(np.arange(len(task.y)), rows)
            rows = np.sort(np.append(rows, rng.choice(more, 7, replace=False)))
            labels = task.y[rows].copy()
        a, b = fast.fit(rows, labels), plain.fit(rows, labels)
        assert np.array_equal(a.predicted("test"), b.predicted("test"))
        for part in ("train", "test"):
            for what, looser in (("decision", 10), ("proba", 1)):
                one, other = getattr(a, what)(part), getattr(b, what)(part)
                assert (one is None) == (other is None)
                if one is not None:
                    atol = looser * SHIPPED[model]
                    np.testing.assert_allclose(one, other, rtol=0, atol=atol)
        assert np.array_equal(a.predicted("train"), a.estimator.predict(task.X))
        assert a.has_proba == b.has_proba


@pytest.mark.parametrize("model", SHIPPED)
def test_what_no_engine_supports_is_plain(model: str) -> None:
    X, y = CASES["moons"]()
    task, _ = task_of(X, y)
    ref = resolve("model", model)
    assert isinstance(engines.learner(ref, task, int, rescale=True), Plain)
    assert isinstance(engines.learner(ref, task, int, engine="plain"), Plain)
    if model.startswith("svc"):
        weighted = resolve("model", {"use": "svc-rbf", "class_weight": "balanced"})
        assert isinstance(engines.learner(weighted, task, int), Plain)


def test_kernel_rows_beyond_the_memory_bound_are_recomputed_or_left_to_scikit_learn() -> None:
    X, y = CASES["moons"]()
    task, spec = task_of(X, y)
    plain = run(task, spec, "svc-rbf", "margin", "plain")
    for rows in (150, 100, 64, 20):
        fast = run(task, spec, "svc-rbf", "margin", "auto", memory=rows * 300 * 8)
        assert compared(fast, plain)[:2] == (None, 0)
        assert fast.engine == "svc-numba" if rows > 20 else fast.engine.startswith("plain")


@pytest.mark.parametrize("name", ["moons", "blobs-4", "duplicates"])
def test_more_rows_than_are_solved_for_together(name: str, monkeypatch) -> None:
    """Few rows at a time, and a first fit that starts from libsvm's solution."""
    from albench.models.engines import svm

    X, y = CASES[name]()
    task, spec = task_of(X, y, start=60, batch=7)
    plain = run(task, spec, "svc-rbf", "margin", "plain")
    monkeypatch.setattr(svm, "AT_ONCE", 25)
    fast = run(task, spec, "svc-rbf", "margin", "auto")
    assert fast.engine == "svc-numba"
    first, wrong, gap = compared(fast, plain)
    assert (first, wrong) == (None, 0)
    assert gap <= SHIPPED["svc-rbf"]


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
from engine_grid import CASES, compared, run, task_of
for model, engine, gap in (
    ("svc-rbf", "libsvm-gram", 1e-6), ("svc-linear", "libsvm", 1e-6),
    ("svc-rbf-libsvm", "libsvm", 1e-6), ("logreg", "logreg-numpy", 1e-9),
):
    for name in ("iris", "moons"):
        X, y = CASES[name]()
        task, spec = task_of(X[::3], y[::3], start=5)
        fast, plain = (run(task, spec, model, "margin", e) for e in ("auto", "plain"))
        assert fast.engine == engine, (model, fast.engine)
        first, wrong, apart = compared(fast, plain)
        assert first is None and not wrong and apart <= gap, (model, name, first, wrong, apart)
"""


def test_without_numba_numpy_versions_pick_the_same_rows() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NUMBA], cwd=Path(__file__).parent, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_failed_self_test_leaves_the_model_to_scikit_learn(monkeypatch) -> None:
    from albench.models.engines import libsvm

    monkeypatch.setattr(libsvm, "works", lambda bitwise: False)
    task, _ = task_of(*CASES["moons"]())
    made = engines.learner(resolve("model", "svc-rbf-libsvm"), task, int)
    assert isinstance(made, Plain)
    assert made.name == "plain (self-test of libsvm failed)"


def test_the_bias_between_bounds_is_libsvms() -> None:
    """A few rows of two digits, all at their bound but for rounding: no row sets the bias."""
    X, y = CASES["digits-500"]()
    rows = np.random.default_rng(len(y)).choice(len(y), 400, replace=False)
    task, spec = task_of(X[rows], y[rows], trial=1, budget=32)
    fast, plain = (run(task, spec, "svc-rbf", "margin", engine) for engine in ("auto", "plain"))
    first, wrong, gap = compared(fast, plain)
    assert (first, wrong) == (None, 0)
    assert gap <= SHIPPED["svc-rbf"]


def test_machine_code_older_than_any_source_is_forgotten(tmp_path: Path) -> None:
    cached = tmp_path / "__pycache__"
    cached.mkdir()
    for name, age in (
        ("a.py", 100),
        ("b.py", 50),
        ("__pycache__/a.x.nbi", 75),
        ("__pycache__/a.x.1.nbc", 25),
        ("__pycache__/a.pyc", 75),
    ):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    forget_stale(tmp_path)
    assert sorted(p.name for p in cached.iterdir()) == ["a.pyc", "a.x.1.nbc"]
