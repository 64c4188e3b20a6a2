"""What every strategy must keep, over the whole registry: a new one is covered unasked."""

import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from albench.core.errors import BadValue, Skip
from albench.core.parameters import Entry
from albench.core.registry import build, entry, make_strategy, names, resolve
from albench.core.spec import Protocol, Ref
from albench.models.engines import learner
from albench.simulation.loop import Sight, simulate
from albench.simulation.oracles import oracle
from albench.simulation.task import Task
from albench.strategies._applies import why_not
from albench.strategies.skactiveml import DEFECTS, INSTALLED

# what is known to be wrong in the installed scikit-activeml is refused: see test_skactiveml.py
REFUSED = {f"ska:{name}" for name, version in DEFECTS if version == INSTALLED}
# who chooses annotators needs some to choose of: see test_annotators.py; recorded picks need the
# run that they were recorded of: see test_recorded.py
BOUND_TO_A_RUN = {
    name
    for name in names("strategy")
    if entry("strategy", name).traits.annotators or entry("strategy", name).traits.replay
}
STRATEGIES = [name for name in names("strategy") if name not in REFUSED | BOUND_TO_A_RUN]
each = pytest.mark.parametrize("name", STRATEGIES)
# one refit for each candidate and class: few candidates show the contract as well as many
FEWER: dict[str, dict[str, Any]] = {
    "eer_log": {"candidates": 3},
    "eer_01": {"candidates": 3},
    "lal": {"tasks": 1, "trees": 10},  # a short simulation
}


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for what is adapted, and for what LAL simulates."""
    monkeypatch.setattr("albench.strategies.skactiveml.CANDIDATES", 3)
    monkeypatch.setattr("albench.strategies.lal.SIZES", range(2, 5))


MODEL = Ref("logreg", entry("model", "logreg").version)


def sight(found: Entry) -> Sight:
    """What a strategy declares that it sees."""
    if found.traits.bound:
        return "all"
    return "train" if found.traits.sampling else "file" if found.traits.rows else "pool"


@cache
def table(n_classes: int, n: int = 44, d: int = 3, kind: str = "blobs") -> tuple[Any, Any]:
    """Features and labels of a small task, one seed for each kind."""
    rng = np.random.default_rng(zlib.crc32(f"{n_classes} {n} {d} {kind}".encode()))
    y = np.concatenate([np.arange(n_classes), rng.integers(n_classes, size=n - n_classes)])
    X = rng.normal(size=(n, d)) + 2.0 * rng.normal(size=(n_classes, d))[y]
    if kind == "duplicated":
        X[n // 2 :], y[n // 2 :] = X[: n - n // 2], y[: n - n // 2]
    if kind == "constant":
        X[:] = 1.0
    return X, y


def task(
    n_classes: int = 3,
    *,
    n: int = 44,
    d: int = 3,
    kind: str = "blobs",
    batch: int = 5,
    start: int = 8,
    rounds: int = 2,
    layout: Any = np.ascontiguousarray,
) -> Task:
    """A task with a test set of its own; the first rows in pool order are labelled."""
    X, y = table(n_classes, n, d, kind)
    X_test, y_test = table(n_classes, 30, d, "test")
    rows = np.arange(start)
    return Task(
        layout(X),
        y.copy(),
        X_test.copy(),
        y_test.copy(),
        rows,
        n_classes,
        batch,
        rounds,
        min(start + batch * rounds, n),
        np.arange(n),
        np.arange(n, n + 30),
        1 if n_classes == 2 else 0,
    )


def bought(name: str, cut: Task, *, seed: int = 3, model: Ref = MODEL) -> list[list[int]]:
    """The batches a strategy buys; the loop itself refuses an answer that is out of contract."""
    found = entry("strategy", name)
    fits = learner(model, cut, lambda n_labeled: 7)
    strategy = make_strategy(name, **FEWER.get(name, {}))
    rounds = simulate(
        cut,
        strategy,
        fits,
        fits,
        oracle(Protocol(), cut, np.random.default_rng(0)),
        metrics={},
        rng=np.random.default_rng(seed),
        sight=sight(found),
    )
    return [r.picks.tolist() for r in rounds][1:]


# of another library, which says so: all rows are equal, or equal to labelled ones
UNEQUAL_ONLY = {"ska:prob_cover", "ska:typi_clust", "ska:four_ds"}
# models fitted for each pair of classes, or for each class of each candidate
SLOW = {"ska:cost_embedding_al", "ska:eer", "ska:voi"}


def classes(name: str, wanted: int = 3) -> int:
    """The number of classes on which a strategy can be tried."""
    return 2 if "binary" in entry("strategy", name).traits.needs else wanted


def usual(name: str, **more: Any) -> Task:
    """A task that suits the strategy."""
    return task(classes(name), **more)


@each
def test_buys_the_whole_batch_each_round(name: str) -> None:
    batches = bought(name, usual(name))
    assert [len(b) for b in batches] == [5, 5]
    flat = [row for b in batches for row in b]
    assert len(set(flat)) == 10
    assert set(flat) <= set(range(8, 44))


@each
def test_same_seed_same_picks_and_no_state_between_runs(name: str) -> None:
    first = bought(name, usual(name))
    assert bought(name, usual(name)) == first
    shared = usual(name)
    assert bought(name, shared) == first
    assert bought(name, shared) == first, "the memo of the cut changes the picks"


@each
@pytest.mark.parametrize("layout", ["fortran", "strided"])
def test_layout_of_the_features_changes_nothing(name: str, layout: str) -> None:
    def laid_out(X: Any) -> Any:
        if layout == "fortran":
            return np.asfortranarray(X)
        wide = np.zeros((2 * len(X), 2 * X.shape[1]))
        wide[::2, ::2] = X
        return wide[::2, ::2]

    assert bought(name, usual(name, layout=laid_out)) == bought(name, usual(name))


@each
def test_blind_to_hidden_labels_and_test_rows(name: str) -> None:
    found = entry("strategy", name)
    if found.traits.bound or found.traits.sampling:
        pytest.skip("declared to see hidden labels")
    cut = usual(name, rounds=1)
    first = bought(name, cut)
    hidden = cut.y.copy()
    rng = np.random.default_rng(0)
    hidden[8:] = rng.permutation(hidden[8:])
    if found.traits.sequential:
        hidden[first[0]] = cut.y[first[0]]  # labels it may see: those it bought in the batch
    blind = task(classes(name), rounds=1)
    object.__setattr__(blind, "y", hidden)
    object.__setattr__(blind, "X_test", rng.normal(size=cut.X_test.shape))
    object.__setattr__(blind, "y_test", rng.permutation(cut.y_test))
    assert bought(name, blind) == first


@each
@pytest.mark.parametrize(
    "shape",
    [
        {"n_classes": 2},
        {"n_classes": 26, "n": 60, "start": 10},
        {"d": 1},
        {"kind": "duplicated"},
        {"kind": "constant"},
        {"start": 1},
        {"start": 2},
        {"batch": 1, "rounds": 3},
        {"batch": 25, "rounds": 1},
        {"batch": 50, "rounds": 1},
    ],
    ids=lambda s: " ".join(f"{k}={v}" for k, v in s.items()),
)
def test_odd_tasks(name: str, shape: dict[str, Any]) -> None:
    shape = dict(shape)
    wanted = shape.pop("n_classes", classes(name))
    if wanted != classes(name, wanted):
        with pytest.raises(Skip):
            bought(name, task(wanted, **shape))
        return
    if wanted == 26 and name in SLOW:
        shape |= {"batch": 2, "rounds": 1}
    cut = task(wanted, **shape)
    if shape.get("kind") == "constant" and name in UNEQUAL_ONLY:
        with pytest.raises(Skip, match="equal"):
            bought(name, cut)
        return
    batches = bought(name, cut)
    assert sum(len(b) for b in batches) == cut.budget - len(cut.start)


@each
@pytest.mark.parametrize("model", ["logreg", "svc-rbf"])
def test_declared_needs_are_what_it_needs(name: str, model: str) -> None:
    """Three classes, none of them positive: refused before the run, or it runs."""
    cut = replace(task(3, rounds=1), positive=None)
    ref = resolve("model", model)
    reason = why_not(entry("strategy", name), cut, entry("model", model))
    skipped = None
    try:
        bought(name, cut, model=ref)
    except Skip as skip:
        skipped = str(skip)
    assert (reason is None) == (skipped is None), f"foreseen: {reason}; happened: {skipped}"


@each
def test_metadata_is_complete_and_spelled_right(name: str) -> None:
    traits = entry("strategy", name).traits
    assert traits.family, "family: its kind of strategy"
    assert traits.cite, "cite: where it comes from"
    assert traits.cost, "cost: in n, l, k, d"
    assert set(traits.needs) <= {"proba", "decision", "linear", "binary", "positive"}
    assert entry("strategy", name).summary


def test_a_query_from_arrays_is_the_one_of_the_loop() -> None:
    from albench.testing import make_query

    cut = task()
    fitted = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=200)
    query = make_query(cut.X, cut.start, cut.y[cut.start], 5, 3, model=fitted)
    picks = build("strategy", resolve("strategy", "margin"))(query)
    assert picks.tolist() == bought("margin", cut)[0]
    again = make_query(cut.X, cut.start, cut.y[cut.start], 5, 3, proba=query.proba)
    assert build("strategy", resolve("strategy", "margin"))(again).tolist() == picks.tolist()


def test_a_query_of_features_that_are_not_finite_is_refused() -> None:
    from albench.testing import make_query

    cut = task()
    X = np.where(cut.X > 2.0, np.nan, cut.X)
    with pytest.raises(BadValue, match=r"\d+ values of X are NaN or infinite"):
        make_query(X, cut.start, cut.y[cut.start], 5, 3)
