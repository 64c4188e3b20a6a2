"""Datasets and the passive split."""

import numpy as np
import pandas as pd
import pytest

from albench.core import registry
from albench.core.errors import BadData, Skip
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut, standardised
from albench.datasets._dataset import Dataset


def spec_of(trial: int = 0, **fields: object) -> RunSpec:
    protocol = Protocol(**fields)  # type: ignore[arg-type]
    return RunSpec(Ref("iris"), Ref("margin"), Ref("logreg"), Ref("logreg"), protocol, trial)


@pytest.fixture(scope="module")
def iris() -> Dataset:
    found: Dataset = registry.build("dataset", Ref("iris"))
    return found


def test_train_and_test_partition_the_rows(iris: Dataset) -> None:
    task = cut(iris, spec_of())
    assert sorted([*task.rows, *task.rows_test]) == list(range(150))
    assert len(task.rows) == 90
    np.testing.assert_array_equal(task.y, iris.y[task.rows])
    np.testing.assert_array_equal(task.y_test, iris.y[task.rows_test])


def test_the_cut_depends_on_the_split_alone(iris: Dataset) -> None:
    one = cut(iris, spec_of())
    other = RunSpec(Ref("iris"), Ref("random"), Ref("forest"), Ref("gnb"), Protocol(budget=50))
    two = cut(iris, other)
    np.testing.assert_array_equal(one.rows, two.rows)
    np.testing.assert_array_equal(one.start, two.start)
    assert not np.array_equal(one.rows, cut(iris, spec_of(1)).rows)


def test_starts_of_one_split_share_the_test_rows(iris: Dataset) -> None:
    tasks = [cut(iris, spec_of(t, starts_per_split=2)) for t in range(3)]
    assert set(tasks[0].rows_test) == set(tasks[1].rows_test) != set(tasks[2].rows_test)
    assert set(tasks[0].rows[tasks[0].start]) != set(tasks[1].rows[tasks[1].start])


def test_scaling_is_fitted_on_train_rows_only(iris: Dataset) -> None:
    task = cut(iris, spec_of(scale="train"))
    np.testing.assert_allclose(task.X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(task.X.std(axis=0), 1, atol=1e-12)
    changed = Dataset(iris.X.copy(), iris.y, iris.classes)
    changed.X[task.rows_test] += 1000.0
    np.testing.assert_array_equal(cut(changed, spec_of(scale="train")).X, task.X)
    raw = cut(iris, spec_of(scale="none"))
    np.testing.assert_array_equal(raw.X, iris.X[raw.rows])


def test_arrays_are_read_only(iris: Dataset) -> None:
    task = cut(iris, spec_of())
    for array in (task.X, task.y, task.X_test, task.y_test, task.start, task.rows):
        assert not array.flags.writeable


@pytest.mark.parametrize("trial", range(5))
def test_start_rules(iris: Dataset, trial: int) -> None:
    cover = cut(iris, spec_of(trial, start=4, start_rule="cover"))
    assert len(cover.start) == 4
    assert set(cover.y[cover.start]) == {0, 1, 2}
    each = cut(iris, spec_of(trial, start=2, start_rule="per_class"))
    assert sorted(each.y[each.start]) == [0, 0, 1, 1, 2, 2]


def test_one_positive() -> None:
    wdbc = registry.build("dataset", Ref("wdbc"))
    task = cut(wdbc, spec_of(start=20, start_rule="one_positive"))
    assert (task.y[task.start] == wdbc.positive).sum() == 1
    assert len(task.start) == 20


def test_stratified_keeps_the_shares(iris: Dataset) -> None:
    task = cut(iris, spec_of(split="stratified"))
    np.testing.assert_array_equal(np.bincount(task.y_test), [20, 20, 20])


def test_missing_classes() -> None:
    skewed = Dataset.of(np.arange(200.0).reshape(100, 2), [1] * 3 + [0] * 97)
    starts = [cut(skewed, spec_of(t, start=5, budget=20)) for t in range(10)]
    assert any(len(set(t.y[t.start])) == 1 for t in starts)
    redrawn = [cut(skewed, spec_of(t, start=5, budget=20, missing="redraw")) for t in range(5)]
    assert all(len(set(t.y[t.start])) == 2 for t in redrawn)
    none_positive = Dataset.of(skewed.X, [1] + [0] * 99)
    trials = range(30)
    lacking = [t for t in trials if cut_or_skip(none_positive, spec_of(t, start=5, budget=20))]
    skipped = [
        t
        for t in trials
        if not cut_or_skip(none_positive, spec_of(t, start=5, budget=20, missing="skip"))
    ]
    assert len(lacking) == 30
    assert len(skipped) > 20


def cut_or_skip(dataset: Dataset, spec: RunSpec) -> bool:
    """Whether a cut is made; a skip must say why."""
    try:
        cut(dataset, spec)
    except Skip as skip:
        return "lacks 1 of 2 classes" not in str(skip)
    return True


def test_amounts(iris: Dataset) -> None:
    task = cut(iris, spec_of(test=30, start=0.1, batch=0.05, budget=0.5))
    assert (len(task.y_test), len(task.start), task.batch, task.budget) == (30, 12, 6, 60)
    assert task.rounds == 8
    assert cut(iris, spec_of(budget="pool")).budget == 90
    assert cut(iris, spec_of(budget=5000)).budget == 90


def test_audit_rows_are_withheld(iris: Dataset) -> None:
    task = cut(iris, spec_of(audit=15, budget="pool"))
    assert len(task.withheld) == 15
    assert not set(task.withheld) & set(task.start)
    assert task.budget == 75


@pytest.mark.parametrize(
    ("X", "labels", "message"),
    [
        ([[1.0], [np.nan]], [0, 1], "NaN or infinite, the first in row 1, column 0"),
        ([[1.0], [np.inf]], [0, 1], "NaN or infinite"),
        ([[1.0], [2.0]], ["a", "a"], "one class only"),
        ([["a"], ["b"]], [0, 1], "features are not numbers"),
        ([1.0, 2.0], [0, 1], "features have shape"),
        ([[1.0]], [0, 1], "1 rows of features, 2 labels"),
        ([[1.0], [2.0]], [0.0, np.nan], "1 labels are missing"),
        (np.ones((600, 1)), np.arange(600), "600 classes; is this a regression target"),
    ],
)
def test_data_that_cannot_be_used(X: object, labels: object, message: str) -> None:
    with pytest.raises(BadData, match=message):
        Dataset.of(X, labels)  # type: ignore[arg-type]


def test_labels_of_any_type() -> None:
    X = np.ones((4, 1))
    assert Dataset.of(X, ["b", "a", "b", "a"]).classes == ("a", "b")
    assert Dataset.of(X, [10, 9, 10, 9]).classes == ("9", "10")
    assert Dataset.of(X, [1.0, -1.0, 1.0, 1.0]).classes == ("-1", "1")
    assert Dataset.of(X, [True, False, True, True], positive=True).positive == 1
    with pytest.raises(BadData, match="positive class"):
        Dataset.of(X, [0, 1, 0, 1], positive=2)


def test_sparse_features_are_made_dense_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.sparse import csr_matrix

    from albench.datasets import _dataset as data

    assert np.array_equal(Dataset.of(csr_matrix(np.eye(3)), [0, 1, 0]).X, np.eye(3))
    monkeypatch.setattr(data, "DENSE_BYTES", 50)
    with pytest.raises(BadData, match=r"the features \(sparse\) needs 0.0 GB .* the bound is"):
        Dataset.of(csr_matrix(np.eye(3)), [0, 1, 0])


def test_a_start_larger_than_the_train_rows(iris: Dataset) -> None:
    with pytest.raises(BadData, match="start of 100 labels is larger than the 90 train rows"):
        cut(iris, spec_of(start=100, budget=150))
    with pytest.raises(BadData, match="cannot hold 3 classes"):
        cut(iris, spec_of(start=2, start_rule="cover"))
    with pytest.raises(BadData, match="has no test rows of its own"):
        cut(iris, spec_of(test="source"))


def test_frames_are_encoded_on_train_rows_only() -> None:
    n = 60
    frame = pd.DataFrame({"a": np.arange(n, dtype=float), "b": ["x", "y", "z"] * (n // 3)})
    frame.loc[3, "a"] = np.nan
    data = Dataset.of(frame, [0, 1] * (n // 2))
    task = cut(data, spec_of(start=4, budget=20, scale="none"))
    assert task.X.shape[1] == task.X_test.shape[1]
    assert np.isfinite(task.X).all()
    frame.loc[task.rows_test, "b"] = "never seen in train"
    again = cut(Dataset.of(frame, data.y), spec_of(start=4, budget=20, scale="none"))
    np.testing.assert_array_equal(again.X, task.X)


@pytest.mark.parametrize("seed", range(40))
def test_standardised_features_are_scikit_learns_to_the_bit(seed: int) -> None:
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(2, 300)), int(rng.integers(5, 15))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-8, 9, d) + rng.normal(size=d)
    X[:, 0], X[:, 1] = rng.normal(), np.round(X[:, 1])
    X[:, 2] = 1e8 + 1e-8 * rng.normal(size=n)
    X = np.asfortranarray(X) if seed % 3 == 0 else X
    scaler = StandardScaler().fit(X[: n // 2])
    ours = standardised(X[: n // 2], X[n // 2 :])
    for part, given in zip(ours, (X[: n // 2], X[n // 2 :]), strict=True):
        np.testing.assert_array_equal(part, scaler.transform(given))
