"""Every learner and every fitted model has the whole interface, so nobody has to ask for parts."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from engine_grid import CASES, task_of

import albench
from albench.core.registry import ENTRIES, resolve
from albench.models import engines
from albench.models.engines.shared import Cache, Memo
from albench.runner.clock import Parts, TimedFitted, TimedLearner
from albench.simulation.learner import Fitted, Learner
from albench.testing import make_query

LEARNER = sorted(name for name in {**vars(Learner), **Learner.__annotations__} if name[0] != "_")
FITTED = sorted(name for name in vars(Fitted) if name[0] != "_")


def learners() -> Iterator[tuple[str, Any]]:
    """The learner of each model on one cut: all engines, and the plain one."""
    X, y = CASES["moons"]()
    task, _ = task_of(X, y, budget=40)
    for name in sorted(ENTRIES["model"]):
        yield name, engines.learner(resolve("model", name), task, lambda n: n)


def test_the_interface_is_what_the_loop_uses() -> None:
    assert LEARNER == ["fit", "fit_repeated", "keeps", "make", "member", "name", "repeatable"]
    assert FITTED == ["decision", "estimator", "has_proba", "predicted", "proba", "refits"]


@pytest.mark.parametrize("name", sorted({"logreg", "svc-rbf", "forest", "gnb", "knn", "lda"}))
def test_learners_have_all_of_it(name: str) -> None:
    learner = dict(learners())[name]
    memo = Memo(learner, Cache(lambda: 0.0), lambda part, seconds: None)
    timed = TimedLearner(learner, Parts(), True)
    labeled = np.arange(12)
    y = np.arange(12) % 2
    for one in (learner, memo, timed):
        assert not [part for part in LEARNER if not hasattr(one, part)], type(one)
        assert one.make(0).get_params() == learner.make(0).get_params()
        assert one.member is learner.member
        fitted = one.fit(labeled, y)
        assert not [part for part in FITTED if not hasattr(fitted, part)], type(fitted)
        twice = one.fit_repeated(np.append(labeled, 0), np.append(y, y[0]))
        assert twice.predicted("train").shape == learner.fit(labeled, y).predicted("train").shape


def test_only_who_can_moves_to_the_next_optimum() -> None:
    fitted = {name: learner.fit(np.arange(12), np.arange(12) % 2) for name, learner in learners()}
    rows, labels, seen = np.array([20]), np.array([1]), np.arange(3)
    moved = {name for name, one in fitted.items() if one.refits(rows, labels, seen) is not None}
    assert moved == {"logreg", "logreg-best"}  # the second is the first with another C
    timed = TimedFitted(fitted["logreg"], Parts())
    due = fitted["logreg"].refits(rows, labels, seen)
    assert due.shape == (1, 3, 2)
    assert np.array_equal(timed.refits(rows, labels, seen), due)


def test_a_query_of_given_scores_has_no_short_cut() -> None:
    query = make_query(np.eye(4), [0], [1], 1, 2, proba=np.full((3, 2), 0.5))
    assert query.fitted.refits(np.array([1]), np.array([0]), np.array([2])) is None


def test_nobody_asks_whether_a_learner_has_a_part() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in Path(albench.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "hasattr")
        if getattr(node.args[1], "value", None) in {*LEARNER, *FITTED} - {"fit"}
    ]
    assert not found, "the Protocol has it: ask for the attribute"
