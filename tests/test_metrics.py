"""Every metric against scikit-learn's function, on random and on degenerate input."""

from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk

from albench.core import registry
from albench.core.errors import UsageError
from albench.core.spec import Ref
from albench.core.tables import claims
from albench.results.intake import METRIC
from albench.simulation.task import Outcome, Task

CASES = [(k, n, seed) for k in (2, 3, 10) for n in (1, 7, 200) for seed in range(4)]


class Given:
    """A fitted model with given test scores."""

    estimator = None
    has_proba = True

    def __init__(self, proba: Any, decision: Any = None) -> None:
        self._proba, self._decision = proba, decision

    def proba(self, part: str, rows: Any = None) -> Any:
        return self._proba

    def decision(self, part: str, rows: Any = None) -> Any:
        return self._decision

    def predicted(self, part: str, rows: Any = None) -> Any:
        if self._proba is not None:
            return self._proba.argmax(axis=1)
        if self._decision.ndim == 1:
            return (self._decision > 0).astype(np.intp)
        return self._decision.argmax(axis=1)


def outcome(y: Any, k: int, proba: Any, decision: Any = None, positive: int | None = None) -> Any:
    empty = np.empty(0, dtype=np.intp)
    task = Task(
        np.empty((0, 1)),
        empty,
        np.zeros((len(y), 1)),
        np.asarray(y, dtype=np.intp),
        empty,
        k,
        1,
        0,
        0,
        empty,
        np.arange(len(y)),
        positive,
    )
    return Outcome(task, empty, empty, Given(proba, decision))


def value(name: str, *args: Any, **kwargs: Any) -> float:
    metric = registry.build("metric", registry.resolve("metric", name))
    return float(metric(outcome(*args, **kwargs)))


def drawn(k: int, n: int, seed: int) -> tuple[Any, Any]:
    """Labels, and probabilities with ties and zeros."""
    rng = np.random.default_rng([k, n, seed])
    proba = np.round(rng.dirichlet(np.full(k, 0.5), n), 1 if seed % 2 else 8)
    proba += 1e-9
    return rng.integers(0, k, n), proba / proba.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("k", "n", "seed"), CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_predictions(k: int, n: int, seed: int) -> None:
    y, proba = drawn(k, n, seed)
    said = proba.argmax(axis=1)
    expected = {
        "accuracy": sk.accuracy_score(y, said),
        "balanced_accuracy": sk.balanced_accuracy_score(y, said),
        "f1_macro": sk.f1_score(y, said, average="macro"),
        "f1_weighted": sk.f1_score(y, said, average="weighted"),
    }
    for name, wanted in expected.items():
        assert value(name, y, k, proba) == pytest.approx(wanted, abs=1e-12), name


@pytest.mark.parametrize(("k", "n", "seed"), CASES)
def test_probabilities(k: int, n: int, seed: int) -> None:
    y, proba = drawn(k, n, seed)
    loss = sk.log_loss(y, proba, labels=range(k))
    assert value("log_loss", y, k, proba) == pytest.approx(loss, abs=1e-10)
    onehot = np.eye(k)[y]
    brier = np.mean(np.sum((proba - onehot) ** 2, axis=1))
    assert value("brier", y, k, proba) == pytest.approx(brier, abs=1e-12)
    top, right = proba.max(axis=1), proba.argmax(axis=1) == y
    error = 0.0
    for low in np.arange(15):
        inside = (top > low / 15) & (top <= (low + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - top[inside].mean())
    assert value("ece", y, k, proba) == pytest.approx(error, abs=1e-10)


@pytest.mark.parametrize(("k", "seed"), [(k, s) for k in (2, 3, 10) for s in range(6)])
def test_rankings(k: int, seed: int) -> None:
    y, proba = drawn(k, 200, seed)
    if k == 2:
        auc = sk.roc_auc_score(y, proba[:, 1])
        precision = sk.average_precision_score(y, proba[:, 1])
        other = sk.average_precision_score(1 - y, proba[:, 0])
        assert value("average_precision_macro", y, k, proba, positive=0) == pytest.approx(other)
    else:
        auc = sk.roc_auc_score(y, proba, multi_class="ovr", average="macro")
        onehot = np.eye(k)[y]
        precision = sk.average_precision_score(onehot, proba, average="macro")
    assert value("roc_auc_ovr", y, k, proba) == pytest.approx(auc, abs=1e-12)
    assert value("average_precision_macro", y, k, proba) == pytest.approx(precision, abs=1e-12)


def test_decision_values_rank_where_there_are_no_probabilities() -> None:
    rng = np.random.default_rng(0)
    y, decision = rng.integers(0, 2, 50), rng.normal(size=50)
    assert value("roc_auc_ovr", y, 2, None, decision) == pytest.approx(
        sk.roc_auc_score(y, decision)
    )
    several = rng.normal(size=(50, 3))
    several[:, 2] = -np.inf
    labels = rng.integers(0, 3, 50)
    assert 0 <= value("roc_auc_ovr", labels, 3, None, several) <= 1
    for name in ("log_loss", "brier", "ece"):
        assert np.isnan(value(name, y, 2, None, decision))


def test_undefined_is_nan_and_never_zero() -> None:
    one_class = np.zeros(9, dtype=int)
    proba = np.full((9, 2), 0.5)
    assert np.isnan(value("roc_auc_ovr", one_class, 2, proba))
    assert np.isnan(value("average_precision_macro", one_class, 2, proba))
    three = np.full((9, 3), 1 / 3)
    assert np.isnan(value("roc_auc_ovr", one_class, 3, three))
    assert value("accuracy", one_class, 2, proba) == 1.0
    assert value("balanced_accuracy", one_class, 2, proba) == 1.0


def test_sure_and_wrong_is_clipped() -> None:
    proba = np.array([[1.0, 0.0]])
    assert value("log_loss", [1], 2, proba) == pytest.approx(-np.log(1e-15))
    assert value("brier", [1], 2, proba) == 2.0
    assert value("ece", [1], 2, proba) == 1.0


@pytest.mark.parametrize("name", ["log_loss", "brier", "ece"])
def test_losses_say_that_lower_is_better(name: str) -> None:
    assert registry.entry("metric", name).traits.better == "lower"
    assert registry.resolve("metric", name) == Ref(name)


def test_the_clip_of_log_loss_is_a_parameter() -> None:
    proba = np.array([[1.0, 0.0], [0.25, 0.75]])
    assert registry.resolve("metric", {"use": "log_loss", "clip": 1e-15}) == Ref("log_loss")
    ref = registry.resolve("metric", {"use": "log_loss", "clip": 1e-7})
    assert ref.label == "log_loss(clip=1e-07)"
    assert registry.resolve("metric", ref.label) == ref, "its label is its name in tables"
    assert METRIC.fullmatch(ref.label), "a column that a store is read with"
    loss = registry.build("metric", ref)(outcome([1, 1], 2, proba))
    assert loss == pytest.approx(-(np.log(1e-7) + np.log(0.75)) / 2, abs=1e-12)
    eps = registry.resolve("metric", {"use": "log_loss", "clip": 2.220446049250313e-16})
    due = sk.log_loss([1, 1], proba, labels=[0, 1])
    assert registry.build("metric", eps)(outcome([1, 1], 2, proba)) == pytest.approx(due, abs=1e-9)


@pytest.mark.parametrize("wrong", ["log_loss(clip=2.0)", "log_loss(clap=0.1)", "log_loss(clip=)"])
def test_a_label_that_fits_no_metric_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match=r"clip|clap"):
        registry.resolve("metric", wrong)


def test_labels_with_commas_stay_whole_in_the_column_of_metrics() -> None:
    assert claims("accuracy@1,f(a=1, b=2)@sha256:0,log_loss@1") == [
        "accuracy@1",
        "f(a=1, b=2)@sha256:0",
        "log_loss@1",
    ]
    assert claims(None) == []
