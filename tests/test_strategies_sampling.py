"""Active sampling, bounds and controls, and the thinned-out datasets."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from albench.core.errors import BadData, BadValue, Skip
from albench.core.registry import build, entry, make_strategy, names, resolve
from albench.core.spec import Protocol, RunSpec
from albench.datasets._cut import cut
from albench.runner.worker import Options, run_one
from albench.simulation.query import Picks
from albench.strategies._applies import out_of_place
from albench.suite.toml import load_suite
from albench.testing import make_query


def seen(n: int = 4, *, test: bool = False, **more: Any) -> Any:
    """A query on two noisy classes with the hidden labels in sight."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = (X[:, 0] + rng.normal(size=40) > 0).astype(int)
    if test:
        X_test = rng.normal(size=(100, 2))
        more["test"] = (X_test, (X_test[:, 0] > 0).astype(int))
    start = np.flatnonzero(
        np.isin(np.arange(40), [*np.flatnonzero(y)[:3], *np.flatnonzero(1 - y)[:3]])
    )
    model = LogisticRegression()
    return make_query(X, start, y[start], n, 2, model=model, y=y, hidden=True, **more)


def test_high_and_low_loss_rank_by_the_log_loss_of_the_true_label() -> None:
    query = seen()
    loss = -np.log(query.proba[np.arange(len(query.pool)), query.y[query.pool]])
    order = np.argsort(loss)
    assert make_strategy("low_loss")(query).tolist() == query.pool[order[:4]].tolist()
    assert make_strategy("high_loss")(query).tolist() == query.pool[order[::-1][:4]].tolist()


def test_importance_draws_by_the_norm_of_the_gradient() -> None:
    query = seen(3)
    answer = make_strategy("importance")(query)
    assert isinstance(answer, Picks)
    assert answer.probability is not None
    rows, y = np.c_[query.X[query.pool], np.ones(len(query.pool))], query.y[query.pool]
    residual = query.proba - np.eye(2)[y]
    norm = np.array([np.linalg.norm(np.outer(r, x)) for r, x in zip(residual, rows, strict=True)])
    at, total = np.searchsorted(query.pool, answer.rows), norm.sum()
    for i, q in zip(at, answer.probability, strict=True):
        assert q == pytest.approx(norm[i] / total)
        total -= norm[i]


@pytest.mark.parametrize("name", ["high_loss", "low_loss", "importance", "greedy_oracle"])
def test_hidden_labels_stay_hidden(name: str) -> None:
    X = np.random.default_rng(0).normal(size=(20, 2))
    blind = make_query(X, [0, 1], [0, 1], 3, 2, model=LogisticRegression())
    with pytest.raises(Skip, match="label"):
        make_strategy(name)(blind)


def test_active_learning_and_active_sampling_never_meet() -> None:
    sampling = {n for n in names("strategy") if entry("strategy", n).traits.sampling}
    assert sampling == {"high_loss", "low_loss", "importance"}
    for name in names("strategy"):
        found = entry("strategy", name)
        if found.traits.family == "control" or found.traits.bound:
            continue
        if any(p in found.parameters for p in ("base", "arms")):
            continue
        assert (out_of_place(found, "hidden") is None) is (name not in sampling), name
        assert (out_of_place(found, "visible") is None) is (name in sampling), name
    wrapper = resolve("strategy", {"use": "softmax", "base": "high_loss"})
    assert out_of_place(entry("strategy", "softmax"), "visible", wrapper.kwargs) is None
    assert out_of_place(entry("strategy", "softmax"), "hidden", wrapper.kwargs)
    assert out_of_place(entry("strategy", "random"), "visible") is None


def accuracy(query: Any, rows: list[int]) -> float:
    """Test accuracy after labelling the rows, computed from scratch."""
    labelled = np.sort(np.append(query.labeled, np.array(rows, dtype=int)))
    model = LogisticRegression().fit(query.X[labelled], query.y[labelled])
    return float(model.score(query.X_test, query.y_test))


def test_greedy_oracle_is_the_best_next_row_by_enumeration() -> None:
    query = seen(3, test=True)
    picks: list[int] = []
    for _ in range(3):
        rest = [int(r) for r in query.pool if r not in picks]
        picks.append(max(rest, key=lambda r: accuracy(query, [*picks, r])))
    assert make_strategy("greedy_oracle", candidates=100)(query).tolist() == picks


def test_beam_oracle_is_exhaustive_when_wide_and_beats_greedy() -> None:
    query = seen(2, test=True)
    best = max(accuracy(query, [int(a), int(b)]) for a in query.pool for b in query.pool if a < b)
    wide = make_strategy("beam_oracle", width=100, candidates=100, depth=2)(query)
    assert accuracy(query, wide.tolist()) == pytest.approx(best)
    greedy = make_strategy("greedy_oracle", candidates=100)(seen(2, test=True))
    assert best >= accuracy(query, greedy.tolist())


def test_file_order_follows_the_dataset() -> None:
    dataset = build("dataset", resolve("dataset", "iris"))
    spec = RunSpec(
        *(resolve(k, n) for k, n in (("dataset", "iris"), ("strategy", "file_order"))),
        resolve("model", "logreg"),
        resolve("model", "logreg"),
    )
    task = cut(dataset, spec)
    query = make_query(task.X, task.start, task.y[task.start], 10, 3, rows=task.rows)
    bought = task.rows[make_strategy("file_order")(query)]
    assert bought.tolist() == np.sort(task.rows[query.pool])[:10].tolist()


def test_worst_is_the_opposite_of_margin() -> None:
    proba = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    query = make_query(np.zeros((22, 1)), [0, 1], [0, 1], 20, 3, proba=proba)
    assert make_strategy("worst")(query).tolist() == make_strategy("margin")(query).tolist()[::-1]


def test_a_copy_of_random_has_luck_of_its_own_and_a_copy_of_margin_has_none() -> None:
    logreg, iris = resolve("model", "logreg"), resolve("dataset", "iris")
    draws = {}
    for strategy in (
        "random",
        {"use": "same_as", "base": "random"},
        {"use": "same_as", "base": "random", "copy": 2},
    ):
        spec = RunSpec(iris, resolve("strategy", strategy), logreg, logreg)
        draws[spec.strategy.label] = tuple(spec.rng("strategy").integers(1000, size=4))
    assert len(set(draws.values())) == 3
    proba = np.random.default_rng(0).dirichlet(np.ones(3), size=20)
    query = make_query(np.zeros((22, 1)), [0, 1], [0, 1], 5, 3, proba=proba)
    copy = make_strategy("same_as", base="margin")(query)
    assert copy.tolist() == make_strategy("margin")(query).tolist()


def test_imbalanced_keeps_the_others_and_the_share() -> None:
    table = {"use": "imbalanced", "base": "digits", "positive": "8", "share": 0.02}
    first, again = (build("dataset", resolve("dataset", table)) for _ in range(2))
    digits = build("dataset", resolve("dataset", "digits"))
    others = digits.X[digits.y != 8]
    np.testing.assert_array_equal(first.X[first.y == 0], others)
    assert first.classes == ("rest", "8")
    assert first.positive == 1
    assert np.mean(first.y) == pytest.approx(0.02, abs=0.0005)
    np.testing.assert_array_equal(first.X, again.X)
    eights = {tuple(row) for row in digits.X[digits.y == 8]}
    assert {tuple(row) for row in first.X[first.y == 1]} <= eights


@pytest.mark.parametrize(
    ("wrong", "error", "match"),
    [
        ({"positive": "11"}, BadData, "none of the classes"),
        ({"positive": "8", "share": 0.2}, BadData, "needs"),
        ({"positive": "8", "share": 1.5}, BadValue, "share"),
        ({}, BadValue, "positive"),
    ],
)
def test_imbalanced_refuses_what_cannot_be(wrong: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        build("dataset", resolve("dataset", {"use": "imbalanced", "base": "digits", **wrong}))


def test_visible_labels_are_part_of_the_identity() -> None:
    assert Protocol(labels="visible").digest != Protocol().digest


def test_what_is_out_of_place_is_skipped_with_the_reason() -> None:
    suite = load_suite("active-sampling")
    assert {s.ref.name for s in suite.strategies} == {
        "random",
        "high_loss",
        "low_loss",
        "importance",
    }
    logreg, iris = resolve("model", "logreg"), resolve("dataset", "iris")
    for name, labels, reason in (
        ("margin", "visible", "what to train on"),
        ("high_loss", "hidden", 'labels = "visible"'),
        ("positive_greedy", "hidden", "positive class"),
    ):
        protocol = Protocol(labels=labels, budget=30)
        spec = RunSpec(iris, resolve("strategy", name), logreg, logreg, protocol)
        finished = run_one(spec, Options(("accuracy",)))
        assert finished.run["status"] == "skipped"
        assert reason in finished.run["reason"]
