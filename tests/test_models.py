"""Models against independent implementations, and what every model must keep."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
from scipy.stats import multivariate_normal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_moons
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss as sk_log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from typer.testing import CliRunner

import albench
from albench.cli import app
from albench.cli.status import times_of
from albench.core import registry
from albench.core.errors import BadValue, RunError, UnknownName
from albench.core.registry import build, entry, make_strategy, names, resolve
from albench.core.spec import Protocol, Ref, RunSpec
from albench.models import _times
from albench.models.engines import learner
from albench.models.selection import dealt
from albench.runner.worker import Options, run_one
from albench.simulation.learner import TrainOnly, fit_aligned
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.task import Task
from albench.suite.toml import load_suite


def sklearn_version() -> tuple[int, int]:
    """The installed version of scikit-learn."""
    major, minor = sklearn.__version__.split(".")[:2]
    return int(major), int(minor)


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


MODELS = [name for name in names("model") if entry("model", name).plugin is None]
RANKED = [name for name in MODELS if not entry("model", name).traits.bound]
# as many trees and epochs as show the contract
FEWER: dict[str, dict[str, Any]] = {
    "forest": {"trees": 8},
    "extra-trees": {"trees": 8},
    "hgb": {"max_iter": 5, "min_samples_leaf": 2},
    "mlp": {"max_iter": 10},
    "sgd": {"max_iter": 20},
    "bagged": {"members": 3},
    "lightgbm": {"trees": 5, "min_samples_leaf": 2},
    "xgboost": {"trees": 5},
    "catboost": {"trees": 5, "max_depth": 3},
    "svc-rbf-cv": {"folds": 2},
    "logreg-cv": {"folds": 2},
}


def of(name: str, **params: Any) -> Ref:
    """A model with few trees."""
    return resolve("model", {"use": name, **FEWER.get(name, {}), **params})


def cut(X: Any, y: Any, start: int, batch: int, rounds: int = 1, k: int = 3) -> Task:
    """A task whose first rows are labelled, tested on every third row."""
    rows, n_start = np.arange(len(X)), np.arange(start)
    budget = start + batch * rounds
    return Task(X, y, X[::3], y[::3], n_start, k, batch, rounds, budget, rows, rows[::3])


def run(model: Ref, query: Ref, task: Task, strategy: str = "margin", engine: str = "auto") -> Any:
    """The rounds of a run."""
    task_model = learner(model, task, lambda n: 11, engine=engine)
    asked = task_model if model == query else learner(query, task, lambda n: 11, engine=engine)
    return list(
        simulate(
            task,
            make_strategy(strategy),
            task_model,
            asked,
            oracle(Protocol(), task, np.random.default_rng(0)),
            metrics={
                name: build("metric", resolve("metric", name)) for name in ("accuracy", "log_loss")
            },
            rng=np.random.default_rng(3),
        )
    )


SHAPES: dict[str, Any] = {
    "two classes": {"k": 2},
    "nine classes, two of them unknown": {"k": 9, "start": 7},
    "rare class": {"k": 2, "rare": True},
    "one feature": {"d": 1},
    "rows twice": {"twice": True},
    "rows equal": {"constant": True},
    "one class at the start": {"start": 1},
    "one label of each of two classes": {"start": 2},
    "batch 1": {"batch": 1, "rounds": 3},
    "batch 25": {"batch": 25},
}


# compiled arithmetic of a fit inside a sealed query leaves a flag that numpy reports
@pytest.mark.filterwarnings("ignore:invalid value encountered in answer:RuntimeWarning")
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_model_is_task_and_query_model_of_odd_tasks(name: str, shape: str) -> None:
    asked = {"k": 3, "d": 3, "start": 9, "batch": 5, "rounds": 1, **SHAPES[shape]}
    k = asked["k"]
    X, y = blobs(60, asked["d"], k, 1)
    if asked.get("rare"):
        y = (np.arange(60) % 20 == 3).astype(np.intp)
    if asked.get("twice"):
        X[30:], y[30:] = X[:30], y[:30]
    if asked.get("constant"):
        X[:] = 1.0
    task = cut(X, y, asked["start"], asked["batch"], asked["rounds"], k)
    model = of(name)
    query = of("logreg") if entry("model", name).traits.bound else model
    rounds = run(model, query, task)
    assert [len(r.picks) for r in rounds[1:]] == [asked["batch"]] * asked["rounds"]
    assert all(0 <= r.scores["accuracy"] <= 1 for r in rounds)
    known = [len(np.unique(y[: r.n_labeled])) > 1 for r in rounds[:1]]  # of one class all are sure
    if all(known):
        proba = entry("model", name).traits.proba
        assert all(np.isfinite(r.scores["log_loss"]) == bool(proba) for r in rounds)


@pytest.mark.parametrize("name", RANKED)
def test_scores_are_aligned_to_all_classes(name: str) -> None:
    X, y = blobs(60, 3, 5, 2)
    known = np.flatnonzero((y != 1) & (y != 4))[:24]
    fitted = learner(of(name), cut(X, y, 5, 1, k=5), lambda n: 5).fit(known, y[known])
    said = fitted.predicted("test")
    assert set(said) <= {0, 2, 3}
    proba = fitted.proba("train")
    assert (proba is not None) == (entry("model", name).traits.proba is True)
    if proba is not None:
        assert proba.shape == (60, 5)
        assert not proba[:, [1, 4]].any()
        np.testing.assert_allclose(proba.sum(axis=1), 1.0, atol=1e-6)
        assert np.array_equal(proba[::3].argmax(axis=1), said)
    one = fitted if proba is None else learner(of(name), cut(X, y, 5, 1, k=5), lambda n: 5)
    decision = fitted.decision("train") if proba is None else None
    assert one is not None
    if decision is not None:
        assert decision.shape == (60, 5)
        assert np.isneginf(decision[:, [1, 4]]).all()


@pytest.mark.parametrize("name", RANKED)
def test_a_seed_is_a_fit_and_only_what_says_so_depends_on_it(name: str) -> None:
    X, y = blobs(60, 3, 3, 3)
    make = build("model", of(name))
    scores = [scored(make(seed).fit(X[:40], y[:40]), X) for seed in (1, 1, 2)]
    assert np.array_equal(scores[0], scores[1])
    if not entry("model", name).traits.seeded and not of(name).kwargs.get("base"):
        assert np.array_equal(scores[0], scores[2])


def scored(fitted: Any, X: Any) -> Any:
    """Probabilities, else decision values."""
    has = hasattr(fitted, "predict_proba")
    return fitted.predict_proba(X) if has else fitted.decision_function(X)


WEIGHTED = [name for name in MODELS if "class_weight" in entry("model", name).parameters]
WEIGHTLESS = {"knn", "lda", "qda", "self-training", "calibrated", "bagged"}  # bases may have them


def test_class_weights_are_there_for_all_that_can() -> None:
    assert set(MODELS) - set(WEIGHTED) == WEIGHTLESS


@pytest.mark.parametrize("name", [n for n in WEIGHTED if n in RANKED])
def test_class_weights_buy_recall_of_the_rare_class(name: str) -> None:
    rng = np.random.default_rng(8)
    y = (np.arange(200) % 10 == 0).astype(np.intp)
    X = rng.normal(size=(200, 2)) + 1.3 * y[:, None]
    more = {"tree": {"max_depth": 2}, "forest": {"max_depth": 2}, "extra-trees": {"max_depth": 2}}
    said = {}
    for weight in (None, "balanced"):
        params: dict[str, Any] = {**more.get(name, {}), "class_weight": weight}
        if name == "mlp":
            params["max_iter"] = 60
        said[weight] = build("model", of(name, **params))(0).fit(X, y).predict(X)
    recall = {weight: float((p[y == 1] == 1).mean()) for weight, p in said.items()}
    assert recall["balanced"] > recall[None]


def test_qda_by_its_densities() -> None:
    X, y = blobs(90, 4, 3, 4)
    due = np.stack(
        [
            np.mean(y == c)
            * multivariate_normal(
                X[y == c].mean(axis=0), 0.9 * np.cov(X[y == c].T, bias=True) + 0.1 * np.eye(4)
            ).pdf(X)
            for c in range(3)
        ],
        axis=1,
    )
    ours = build("model", resolve("model", "qda"))(0).fit(X, y)
    np.testing.assert_allclose(
        ours.predict_proba(X), due / due.sum(axis=1, keepdims=True), atol=1e-10
    )


@pytest.mark.skipif(sklearn_version() < (1, 9), reason="it divided by n - 1 before 1.9")
def test_qda_equals_scikit_learn_where_that_can_be_fitted() -> None:
    X, y = blobs(90, 4, 2, 4)
    two = build("model", resolve("model", {"use": "qda", "shrinkage": 0.5}))(0).fit(X, y)
    theirs = QuadraticDiscriminantAnalysis(reg_param=0.5).fit(X, y)
    np.testing.assert_allclose(two.decision_function(X), theirs.decision_function(X), atol=1e-9)


def test_lda_without_spread_takes_the_nearest_mean() -> None:
    X = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    asked = np.array([[0.4, 0.3], [1.7, 0.2], [0.1, 1.8]])
    three = build("model", resolve("model", "lda"))(0).fit(X, np.arange(3))
    assert three.predict(asked).tolist() == [0, 1, 2]
    near = np.exp(-0.5 * ((asked[:, None] - X[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(three.predict_proba(asked), near / near.sum(axis=1, keepdims=True))
    two = build("model", resolve("model", "lda"))(0).fit(X[:2], np.arange(2))
    assert two.predict(asked).tolist() == [0, 1, 0]
    assert two.decision_function(np.array([[1.0, 5.0]]))[0] == pytest.approx(0.0)


def test_balanced_naive_bayes_has_equal_priors() -> None:
    X, y = blobs(60, 3, 3, 5)
    ours = build("model", resolve("model", {"use": "gnb", "class_weight": "balanced"}))(0)
    theirs = GaussianNB(priors=[1 / 3] * 3).fit(X, y)
    np.testing.assert_allclose(ours.fit(X, y).predict_proba(X), theirs.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("name", ["tree", "sgd"])
def test_trees_and_descent_are_those_of_scikit_learn(name: str) -> None:
    X, y = blobs(60, 3, 3, 6)
    theirs: Any = {
        "tree": DecisionTreeClassifier(random_state=4),
        "sgd": SGDClassifier(loss="log_loss", random_state=4),
    }[name]
    ours = build("model", resolve("model", name))(4)
    assert np.array_equal(ours.fit(X, y).predict_proba(X), theirs.fit(X, y).predict_proba(X))


@pytest.mark.parametrize("counts", [(1, 1), (2, 1), (2, 2), (5, 1, 3), (20, 4), (1, 1, 1)])
@pytest.mark.parametrize("folds", [2, 5])
def test_folds_keep_every_class_to_train_on(counts: tuple[int, ...], folds: int) -> None:
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = list(dealt(y, folds, 3))
    held = np.concatenate([h for _, h in parts]) if parts else np.empty(0, dtype=np.intp)
    singles = {c for c, n in enumerate(counts) if n == 1}
    assert sorted(held) == [i for i, c in enumerate(y) if c not in singles]
    for train, test in parts:
        assert set(y[train]) == set(y), "each training part has all classes"
        assert sorted([*train, *test]) == list(range(len(y)))
    again = list(dealt(y, folds, 3))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(parts, again, strict=True))


def test_logreg_cv_chooses_what_a_search_by_hand_chooses() -> None:
    X, y = blobs(70, 6, 3, 7)
    losses = {}
    for C in (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3):
        total = 0.0
        for train, held in dealt(y, 5, 9):
            made = build("model", resolve("model", {"use": "logreg", "C": C}))(0)
            proba = made.fit(X[train], y[train]).predict_proba(X[held])
            total += sk_log_loss(y[held], proba, labels=[0, 1, 2], normalize=False)
        losses[C] = total
    best = min(losses, key=lambda C: losses[C])
    chosen = build("model", resolve("model", "logreg-cv"))(9).fit(X, y)
    assert chosen.C_ == best != 1.0
    due = build("model", resolve("model", {"use": "logreg", "C": best}))(0).fit(X, y)
    np.testing.assert_allclose(chosen.predict_proba(X), due.predict_proba(X), atol=1e-12)


def test_svc_rbf_cv_chooses_what_a_grid_search_chooses() -> None:
    X, y = make_moons(80, noise=0.15, random_state=0)
    folds = list(dealt(y, 5, 2))
    grid = {"C": [0.1, 1, 10, 100, 1000], "gamma": [0.005, 0.05, 0.5, 5.0]}
    search = GridSearchCV(SVC(), grid, cv=folds).fit(X, y)
    sizes = np.array([len(held) for _, held in folds])
    scores = np.stack([search.cv_results_[f"split{i}_test_score"] for i in range(5)])
    right = np.round(sizes @ scores).astype(int)
    chosen = build("model", resolve("model", "svc-rbf-cv"))(2).fit(X, y)
    params = search.cv_results_["params"]
    best = [p for p, n in zip(params, right, strict=True) if n == right.max()]
    assert {"C": chosen.C_, "gamma": chosen.gamma_} in best
    assert right.max() > right[params.index({"C": 1, "gamma": 0.5})] or chosen.C_ == 1


def test_without_a_row_to_hold_out_the_default_is_taken() -> None:
    X, y = blobs(3, 2, 3, 1)
    assert build("model", resolve("model", "logreg-cv"))(0).fit(X, y).C_ == 1.0
    svc = build("model", resolve("model", "svc-rbf-cv"))(0).fit(X, y)
    assert (svc.C_, svc.gamma_) == (1.0, 0.5)


def test_self_training_is_scikit_learn_s_over_the_whole_pool() -> None:
    X, y = blobs(80, 4, 3, 8)
    labeled = np.arange(12)
    theirs = SelfTrainingClassifier(build("model", resolve("model", "logreg"))(0))
    known = np.full(80, -1)
    known[labeled] = y[labeled]
    due = theirs.fit(X, known).predict_proba(X)
    fits = learner(resolve("model", "self-training"), cut(X, y, 12, 1), lambda n: 0)
    ours = fits.fit(labeled, y[labeled]).proba("train")
    np.testing.assert_allclose(ours, due, atol=1e-6)
    alone = build("model", resolve("model", "logreg"))(0).fit(X[labeled], y[labeled])
    assert np.abs(due - alone.predict_proba(X)).max() > 0.05, "the pool made a difference"


def test_self_training_knows_no_hidden_label() -> None:
    X, y = blobs(80, 4, 3, 8)
    hidden = y.copy()
    hidden[12:] = np.random.default_rng(0).permutation(hidden[12:])
    scores = [
        learner(resolve("model", "self-training"), cut(X, labels, 12, 1), lambda n: 0)
        .fit(np.arange(12), y[:12])
        .proba("train")
        for labels in (y, hidden)
    ]
    assert np.array_equal(scores[0], scores[1])


def test_self_training_of_what_has_no_probabilities_is_refused() -> None:
    with pytest.raises(BadValue, match=r'svc-rbf has none, but \{use = "calibrated", base'):
        resolve("model", {"use": "self-training", "base": "svc-rbf"})
    wrapped = {"use": "self-training", "base": {"use": "calibrated", "base": "svc-rbf"}}
    assert resolve("model", wrapped).label == "self-training(base=calibrated(base=svc-rbf))"


def test_calibrated_is_scikit_learn_s_on_our_folds() -> None:
    X, y = blobs(80, 4, 3, 9)
    svc = build("model", resolve("model", "svc-rbf"))
    theirs = CalibratedClassifierCV(svc(0), cv=list(dealt(y, 5, 6)), ensemble=True).fit(X, y)
    ours = build("model", resolve("model", {"use": "calibrated", "base": "svc-rbf"}))(6)
    assert np.array_equal(ours.fit(X, y).predict_proba(X), theirs.predict_proba(X))


def test_bagged_by_its_definition() -> None:
    X, y = blobs(60, 3, 3, 10)
    ref = resolve("model", {"use": "bagged", "base": {"use": "tree"}, "members": 4})
    bagged = build("model", ref)(7).fit(X, y)
    rng, total = np.random.default_rng(7), np.zeros((60, 3))
    for _ in range(4):
        rows = rng.integers(60, size=60)
        tree = DecisionTreeClassifier(random_state=int(rng.integers(2**32)))
        total += tree.fit(X[rows], y[rows]).predict_proba(X)
    np.testing.assert_allclose(bagged.predict_proba(X), total / 4, atol=1e-12)
    votes = build("model", resolve("model", {"use": "bagged", "base": "svc-rbf", "members": 4}))(7)
    shares = votes.fit(X, y).predict_proba(X)
    assert set(np.unique(shares)) <= {0.0, 0.25, 0.5, 0.75, 1.0}


def test_the_bound_is_the_best_of_its_grid_on_the_test_set_and_no_strategy_may_ask_it() -> None:
    X, y = blobs(90, 5, 3, 11)
    X += np.random.default_rng(1).normal(scale=2.0, size=X.shape)
    task = cut(X, y, 30, 1)
    wrong = []
    for power in range(-4, 5):
        made = build("model", resolve("model", {"use": "logreg", "C": 10.0**power}))(0)
        said = made.fit(X[:30], y[:30]).predict(task.X_test)
        wrong.append(int((said != task.y_test).sum()))
    for engine in ("auto", "plain"):
        best = learner(resolve("model", "logreg-best"), task, lambda n: 0, engine=engine)
        said = best.fit(np.arange(30), y[:30]).predicted("test")
        assert int((said != task.y_test).sum()) == min(wrong) < wrong[4]
    with pytest.raises(RunError, match="no strategy"):
        build("model", resolve("model", "logreg-best"))(0).fit(X, y)
    for inside in (
        ("strategy", {"use": "qbc", "models": ["gnb", "logreg-best"]}),
        ("model", {"use": "bagged", "base": "logreg-best"}),
    ):
        with pytest.raises(BadValue, match="no strategy and no other model may ask"):
            resolve(*inside)


def test_the_bound_in_a_run_leaves_the_picks_alone() -> None:
    spec = RunSpec(
        Ref("iris"),
        resolve("strategy", "margin"),
        resolve("model", "logreg"),
        resolve("model", "logreg"),
        Protocol(budget=24),
        0,
    )
    usual = run_one(spec, Options(("accuracy",)))
    best = run_one(replace(spec, model=resolve("model", "logreg-best")), Options(("accuracy",)))
    assert best.run["status"] == usual.run["status"] == "done", best.run["reason"]
    assert [r["picks"] for r in best.rounds] == [r["picks"] for r in usual.rounds]
    pairs = zip(best.rounds, usual.rounds, strict=True)
    assert all(b["accuracy"] >= u["accuracy"] for b, u in pairs)
    asking = replace(spec, query_model=resolve("model", "logreg-best"))
    refused = run_one(asking, Options(("accuracy",)))
    assert refused.run["status"] == "failed"
    assert "no strategy and no other model may ask" in refused.run["reason"]


SUITE = """
protocol = {{use = "standard", batch = 10, budget = 40}}
datasets = ["iris", "wine"]
models = {models}
strategies = {strategies}
trials = 2
"""


def suite(tmp_path: Path, models: str, strategies: str = '["random", "margin"]') -> Any:
    """A suite of these models."""
    file = tmp_path / "s.toml"
    file.write_text(SUITE.format(models=models, strategies=strategies))
    return load_suite(file)


@pytest.mark.parametrize(
    ("models", "strategies", "message"),
    [
        ('["logreg-best"]', '["random"]', "strategies must ask another model"),
        ('[{use = "logreg", query = "logreg-best"}]', '["random"]', "query: model 'logreg-best'"),
        ('["logreg"]', '["random", {use = "margin", query = "logreg-best"}]', "query: model"),
    ],
)
def test_a_suite_in_which_strategies_would_ask_the_bound_is_refused(
    models: str, strategies: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadValue, match=message):
        suite(tmp_path, models, strategies)


def test_the_bound_is_never_ranked(tmp_path: Path) -> None:
    made = suite(tmp_path, '["gnb", {use = "logreg-best", query = "gnb", name = "best"}]')
    done = albench.run(made, results=tmp_path / "out", jobs=1)
    assert not len(done.failed)
    found = albench.compare(*albench.read_results(made, results=tmp_path / "out"))
    assert {stack.model for stack in found.stacks} == {"gnb"}
    assert any(note.startswith("best: a bound") for note in found.notes)
    assert "best" in set(found.frame["model"]), "its curves are there"


@pytest.mark.parametrize("name", ["lightgbm", "xgboost", "catboost"])
def test_a_library_that_is_missing_is_named_with_the_command(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.ENTRIES, "model", {"gnb": entry("model", "gnb")})
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(
        UnknownName, match=rf"'{name}'; it needs .*: pip install 'albench\[boost\]'"
    ):
        resolve("model", name)


@pytest.mark.parametrize("name", MODELS)
def test_show_model_tells_version_defaults_and_times(name: str) -> None:
    shown = CliRunner().invoke(app, ["show", "model", name, "--format", "csv"])
    assert shown.exit_code == 0
    assert f"version {entry('model', name).version}" in shown.output
    for parameter in entry("model", name).parameters:
        assert parameter in shown.output
    timed = re.search(r"50 labels: [\w.,+ ]+ m?s; 500 labels: .*; 5,000 labels: ", shown.output)
    assert bool(timed) == (name in _times.SECONDS)


def test_recorded_times_are_of_all_models_and_sizes() -> None:
    optional = {"lightgbm", "xgboost", "catboost"}
    assert set(_times.SECONDS) | optional == {*MODELS} | optional
    assert all(len(seconds) == len(_times.LABELS) for seconds in _times.SECONDS.values())


def test_a_model_that_is_not_ours_has_no_recorded_time() -> None:
    assert times_of("somebody-s") == {}
