"""Members of committees through engines: the votes of scikit-learn, whole runs."""

import numpy as np
import pytest
from engine_grid import CASES, run, task_of
from sklearn.svm import SVC

from albench.engines import lbfgs, libsvm, members
from albench.query import Query
from albench.testing import make_query

FOUR = {
    "use": "qbc",
    "models": ["logreg-lbfgs", "svc-linear-libsvm", "svc-rbf-libsvm", "lda"],
}


@pytest.mark.parametrize("name", ["iris", "moons", "duplicates", "constant", "rare", "imbalanced"])
def test_whole_runs_pick_what_scikit_learn_picks(name: str, monkeypatch) -> None:
    X, y = CASES[name]()
    rows = np.random.default_rng(1).choice(len(y), min(len(y), 120), replace=False)
    task, spec = task_of(X[rows], y[rows], start=8, name=name)
    fast = run(task, spec, "svc-rbf-libsvm", FOUR, "auto")
    monkeypatch.setattr(members, "member", Query.member)
    plain = run(task, spec, "svc-rbf-libsvm", FOUR, "auto")
    assert len(fast.picks) > 10
    for one, other in zip(fast.picks, plain.picks, strict=True):
        assert one.tolist() == other.tolist()


def asked() -> Query:
    X, y = CASES["blobs-4"]()
    return make_query(X, np.arange(20), y[:20], 3, 4, model=SVC(gamma="auto"), seed=0)


def test_rows_that_repeat_and_models_that_no_engine_knows(monkeypatch) -> None:
    query = asked()
    _, y = CASES["blobs-4"]()
    rows = np.sort(np.random.default_rng(0).integers(60, size=60))
    for made in (SVC(gamma="auto"), SVC(kernel="linear"), SVC(), SVC(kernel="poly")):
        quick = members.member(query, lambda made=made: made, rows, y[rows])
        plain = query.member(lambda made=made: made, rows, y[rows])
        assert np.array_equal(quick.predicted("train"), plain.predicted("train"))
        assert isinstance(quick.estimator, SVC)
    monkeypatch.setattr(members, "MEMORY", 8 * len(query.X) * 5)  # five kernel rows
    few = members.member(asked(), lambda: SVC(gamma="auto"), rows, y[rows])
    again = query.member(lambda: SVC(gamma="auto"), rows, y[rows])
    assert np.array_equal(few.predicted("train"), again.predicted("train"))


def test_a_failed_self_test_leaves_members_to_scikit_learn(monkeypatch) -> None:
    monkeypatch.setattr(libsvm, "works", lambda bitwise: False)
    monkeypatch.setattr(lbfgs, "works", lambda: False)
    query = asked()
    rows, y = query.labeled, query.y_labeled
    quick = members.member(query, lambda: SVC(gamma="auto"), rows, y)
    assert type(quick).__name__ == "Aligned"
