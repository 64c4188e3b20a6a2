"""The adapter of scikit-activeml: seeds, columns, no second fit, defects refused by name."""

import importlib.metadata
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

pytest.importorskip("skactiveml")

from albench.core.errors import Skip, UnknownName
from albench.core.registry import build, entry, make_strategy, names, resolve
from albench.core.spec import Protocol
from albench.metrics import accuracy
from albench.models.engines import learner
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.task import Task
from albench.strategies.skactiveml import ADAPTED, DEFECTS
from albench.testing import make_query

INSTALLED = importlib.metadata.version("scikit-activeml")
REFUSED = {f"ska:{name}" for name, version in DEFECTS if version == INSTALLED}
USABLE = [name for name in names("strategy") if name.startswith("ska:") and name not in REFUSED]


def blobs(k: int, n: int = 50, seed: int = 0) -> tuple[Any, Any]:
    """Overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    return rng.normal(size=(n, 3)) + 1.5 * rng.normal(size=(k, 3))[y], y


def asked(name: str, seed: int = 0, *, n: int = 4, unseen: bool = False) -> Any:
    """Rows picked on a small query; with `unseen` one class has no label."""
    k = 2 if "binary" in entry("strategy", name).traits.needs else 3
    X, y = blobs(k)
    start = np.flatnonzero(y < k - 1)[:8] if unseen else np.arange(8)
    query = make_query(X, start, y[start], n, k, model=LogisticRegression(), seed=seed)
    return make_strategy(name)(query), query


def test_every_strategy_of_the_table_is_listed() -> None:
    assert {f"ska:{name}" for name in ADAPTED} == {n for n in names("strategy") if "ska:" in n}
    assert len(USABLE) >= 22


@pytest.mark.parametrize("name", USABLE)
def test_picks_distinct_pool_rows_by_the_seed_alone(name: str) -> None:
    np.random.seed(1)  # noqa: NPY002  the library must not read numpy's global generator
    first, query = asked(name)
    assert len(set(first.tolist())) == 4
    assert np.isin(first, query.pool).all()
    np.random.seed(2)  # noqa: NPY002
    assert asked(name)[0].tolist() == first.tolist()


@pytest.mark.parametrize("name", [n for n in USABLE if n != "ska:epistemic"])
def test_a_class_without_labels_keeps_its_column(name: str) -> None:
    picks, _ = asked(name, n=2, unseen=True)
    assert len(set(picks.tolist())) == 2


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_known_to_be_wrong_is_refused_by_name_and_version(name: str) -> None:
    with pytest.raises(Skip, match=r"scikit-activeml 1\.0\.1.*use "):
        asked(name)


def test_the_version_of_the_library_is_part_of_the_version() -> None:
    assert entry("strategy", "ska:margin").version.endswith(f"scikit-activeml-{INSTALLED}")


@pytest.mark.parametrize("name", ["ska:margin", "ska:clue", "ska:falcun", "ska:contrastive_al"])
def test_the_fitted_model_is_handed_over(name: str) -> None:
    fits: list[int] = []

    class Counting(LogisticRegression):  # type: ignore[misc]
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            fits.append(len(X))
            return super().fit(X, y)

    X, y = blobs(3)
    query = make_query(X, range(8), y[:8], 4, 3, model=Counting())
    make_strategy(name)(query)
    assert fits == [8]


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confident"])
def test_ours_and_the_librarys_pick_the_same(name: str) -> None:
    for k in (2, 3, 10):
        X, y = blobs(k, 120)
        start = np.arange(30)
        queries = [
            make_query(X, start, y[start], 7, k, model=LogisticRegression()) for _ in range(2)
        ]
        ours = make_strategy(name)(queries[0])
        assert ours.tolist() == make_strategy(f"ska:{name}")(queries[1]).tolist()


def test_core_set_is_kcenter() -> None:
    X, y = blobs(3, 120)
    query = make_query(X, range(10), y[:10], 8, 3)
    assert make_strategy("ska:core_set")(query).tolist() == make_strategy("kcenter")(query).tolist()


def test_listing_imports_nothing_of_the_library() -> None:
    code = (
        "import sys; from albench.core.registry import names;"
        "assert 'ska:quire' in names('strategy');"
        "assert 'skactiveml' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def curve(X: Any, y: Any, X_test: Any, y_test: Any, start: Any, method: str) -> list[float]:
    """The accuracy curve of a plain scikit-activeml loop with the model fitted outside."""
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling

    labels = np.full(len(y), np.nan)
    labels[start] = y[start]
    scores = []
    for _ in range(9):
        known = np.flatnonzero(~np.isnan(labels))
        model = build("model", resolve("model", "logreg"))(0)
        model = SklearnClassifier(model, classes=np.unique(y))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[known], labels[known])
        scores.append(float(np.mean(model.predict(X_test) == y_test)))
        strategy = UncertaintySampling(method=method, random_state=0)
        picked = strategy.query(X, labels, clf=model, fit_clf=False, batch_size=5)
        labels[picked] = y[picked]
    return scores


@pytest.mark.parametrize(
    ("name", "method"),
    [("margin", "margin_sampling"), ("entropy", "entropy"), ("least_confident", "least_confident")],
)
def test_the_whole_loop_gives_the_librarys_curve(name: str, method: str) -> None:
    for seed in range(2):
        X, y = blobs(4, 260, seed)
        X, y, X_test, y_test = X[:160], y[:160], X[160:], y[160:]
        start = np.arange(20)
        task = Task(X, y, X_test, y_test, start, 4, 5, 8, 60, np.arange(160), np.arange(160, 260))
        fits = learner(resolve("model", "logreg"), task, lambda n: 0, engine="plain")
        rounds = simulate(
            task,
            make_strategy(name),
            fits,
            fits,
            oracle(Protocol(), task, np.random.default_rng(0)),
            metrics={"accuracy": accuracy},
            rng=np.random.default_rng(0),
        )
        ours = [r.scores["accuracy"] for r in rounds]
        theirs = curve(X, y, X_test, y_test, start, method)
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_without_the_library_its_names_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnknownName, match=r"pip install 'albench\[skactiveml\]'"):
        entry("strategy", "ska:nothing")
