"""Committees: scores against independent implementations, BatchBALD against enumeration."""

from itertools import product
from typing import Any, Self

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import albench
from albench.core.errors import BadValue, Skip, StrategyError
from albench.core.registry import make_strategy, resolve
from albench.strategies.committee import (
    Joint,
    best_gains,
    mean_divergence,
    members,
    opinions,
    resample,
    vote_shares,
    votes,
)
from albench.strategies.uncertainty import shannon
from albench.testing import make_query

FOUR = ["logreg", "svc-linear", "svc-rbf", "lda"]

# modAL 0.4.2.1, run once: vote_entropy(votes) and consensus_entropy(opinions)
MODAL_OPINIONS = (
    np.array(
        [  # (C, n, k) in thousandths
            337,
            328,
            335,
            154,
            48,
            798,
            306,
            677,
            17,
            474,
            32,
            494,
            517,
            115,
            368,
            274,
            163,
            563,
            352,
            161,
            487,
            68,
            559,
            373,
            430,
            273,
            297,
            82,
            191,
            727,
            165,
            535,
            300,
            177,
            344,
            479,
            223,
            208,
            569,
            98,
            441,
            461,
            473,
            32,
            495,
            491,
            407,
            102,
            382,
            197,
            421,
            14,
            111,
            875,
            825,
            116,
            59,
            448,
            407,
            145,
        ]
    ).reshape(4, 5, 3)
    / 1000
)
MODAL_VOTES = np.array([[1, 2, 1, 1], [2, 1, 0, 2], [1, 1, 1, 1], [0, 1, 2, 0], [1, 0, 1, 1]])
MODAL_VOTE_ENTROPY = [
    0.5623351446188083,
    1.0397207708399179,
    0.0,
    1.0397207708399179,
    0.5623351446188083,
]
MODAL_CONSENSUS = [
    1.0971788295947351,
    0.9965100630837789,
    1.0118443382038087,
    1.0542726903447945,
    1.043011578349271,
]


def dirichlet(k: int, members: int = 5, n: int = 60, seed: int = 0) -> Any:
    """(C, n, k) random opinions."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=(members, n))


def blobs(k: int = 3, n: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    return rng.normal(size=(n, 4)) + 0.8 * rng.normal(size=(k, 4))[y], y


def query(model: Any = None, *, k: int = 3, start: int = 15, n: int = 5, seed: int = 0) -> Any:
    """A query with a model that is fitted when asked for."""
    X, y = blobs(k)
    rows = np.arange(start)
    return make_query(X, rows, y[:start], n, k, model=model or GaussianNB(), seed=seed)


def test_vote_entropy_and_consensus_equal_modal() -> None:
    shares = vote_shares(MODAL_VOTES, 3)
    np.testing.assert_allclose(shannon(shares), MODAL_VOTE_ENTROPY, rtol=0, atol=1e-12)
    consensus = shannon(MODAL_OPINIONS.mean(axis=0))
    np.testing.assert_allclose(consensus, MODAL_CONSENSUS, rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_scores_equal_scikit_activeml(k: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    voted = np.random.default_rng(k).integers(k, size=(200, 7))
    shares = vote_shares(voted, k)
    theirs = pool.vote_entropy(voted, np.arange(k))
    np.testing.assert_allclose(shannon(shares), theirs, rtol=0, atol=1e-12)
    ratios = pool.variation_ratios(voted)
    np.testing.assert_allclose(1 - shares.max(axis=1), ratios, rtol=0, atol=1e-12)
    said = dirichlet(k)
    theirs = pool.average_kl_divergence(said.copy())
    np.testing.assert_allclose(mean_divergence(said), theirs, rtol=0, atol=1e-12)
    assert mean_divergence(said).argsort().tolist() == theirs.argsort().tolist()


@pytest.mark.parametrize("k", [2, 3, 10])
def test_batch_bald_picks_what_scikit_activeml_picks(k: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    said = dirichlet(k)
    theirs = pool.batch_bald(said.copy(), 3, n_MC_samples=50 * k**3)
    assert greedy(said, 3) == np.nanargmax(theirs, axis=1).tolist()


def greedy(said: Any, n: int, configurations: int = 10_000) -> list[int]:
    """BatchBALD on given opinions."""
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    bound, picks = np.maximum(mean_divergence(said), 0), []
    joint = Joint(said, configurations, 1000, np.random.default_rng(0))
    for _ in range(n):
        picks.append(int(best_gains(joint, bound, spread).argmax()))
        bound[picks[-1]] = -np.inf
        joint.add(picks[-1])
    return picks


def enumerated(said: Any, rows: list[int]) -> float:
    """I(y_S; member) by summing over all labels of S."""
    total = 0.0
    for labels in product(range(said.shape[2]), repeat=len(rows)):
        each = np.prod([said[:, r, c] for r, c in zip(rows, labels, strict=True)], axis=0)
        total -= each.mean() * np.log(each.mean())
    return total - sum(np.mean([shannon(p[[r]])[0] for p in said]) for r in rows)


def test_batch_bald_equals_enumeration() -> None:
    said = dirichlet(3, members=4, n=12)
    picks: list[int] = []
    for _ in range(4):
        rest = [i for i in range(12) if i not in picks]
        picks.append(max(rest, key=lambda i: enumerated(said, [*picks, i])))
    assert greedy(said, 4) == picks
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    joint = Joint(said, 10_000, 1000, np.random.default_rng(0))
    joint.add(3)
    gain = joint.gain(np.arange(12), spread)
    expected = [enumerated(said, [3, i]) - enumerated(said, [3]) for i in range(12)]
    np.testing.assert_allclose(gain, expected, rtol=0, atol=1e-12)


def test_drawn_combinations_estimate_the_joint() -> None:
    said = dirichlet(3, members=4, n=12)
    spread = np.mean([shannon(proba) for proba in said], axis=0)
    exact, drawn = (Joint(said, limit, 20_000, np.random.default_rng(1)) for limit in (10**6, 80))
    for row in (3, 7, 1, 4, 9):
        exact.add(row)
        drawn.add(row)
    assert drawn.drawn is not None
    assert exact.drawn is None
    rows = np.arange(12)
    np.testing.assert_allclose(drawn.gain(rows, spread), exact.gain(rows, spread), atol=0.01)
    assert len(set(greedy(said, 8, configurations=50))) == 8


def test_rows_ruled_out_by_a_bound_are_not_the_best() -> None:
    said = dirichlet(4, members=5, n=200, seed=2)
    spread, rows = np.mean([shannon(proba) for proba in said], axis=0), np.arange(200)
    joint = Joint(said, 20, 300, np.random.default_rng(3))
    for row in range(12):
        joint.add(row)
        gain = joint.gain(rows, spread)
        assert (joint.at_most(rows, spread) >= gain - 1e-12).all()
        looked = np.isfinite(best_gains(joint, np.ones(200), spread))
        assert gain[looked].max() == pytest.approx(gain.max(), abs=1e-12)
    assert looked.sum() < 100, "the bound rules nothing out"


@pytest.mark.parametrize("name", ["qbc", "qbc_kl", "variation_ratio"])
def test_picks_are_the_largest_scores_of_the_committee(name: str) -> None:
    asked = query(DecisionTreeClassifier(max_depth=3) if name != "qbc_kl" else None, seed=4)
    picks = make_strategy(name, committee=7)(asked)
    again = query(DecisionTreeClassifier(max_depth=3) if name != "qbc_kl" else None, seed=4)
    fitted = members(again, 7, None, "classes")
    assert len(fitted) == 7
    if name == "qbc_kl":
        scores = mean_divergence(opinions(again, fitted))
    else:
        shares = vote_shares(votes(again, fitted), 3)
        scores = shannon(shares) if name == "qbc" else 1 - shares.max(axis=1)
    assert scores.max() > 0
    assert picks.tolist() == again.pool[np.argsort(-scores, kind="stable")[:5]].tolist()


@pytest.mark.parametrize("rule", ["classes", "plain", "stratified", "none"])
def test_bootstrap_rules(rule: Any) -> None:
    y = np.array([0] * 12 + [1] * 3 + [2])
    asked = make_query(np.arange(40.0)[:, None], np.arange(16), y, 5, 3, model=GaussianNB())
    samples = [resample(asked, rule) for _ in range(200)]
    assert all(len(s) == 16 and (np.diff(s) >= 0).all() for s in samples)
    counts = np.array([np.bincount(y[s], minlength=3) for s in samples])
    if rule == "plain":
        assert (counts[:, 2] == 0).any()
    else:
        assert (counts > 0).all()
    if rule in ("stratified", "none"):
        assert (counts == [12, 3, 1]).all()
    distinct = len({tuple(s) for s in samples})
    assert distinct == 1 if rule == "none" else distinct > 100


def test_bootstrap_holds_every_class_where_chance_does_not() -> None:
    y = np.arange(26)
    asked = make_query(np.arange(60.0)[:, None], y, y, 5, 26, model=GaussianNB())
    assert resample(asked, "classes").tolist() == list(range(26))


def test_four_models_on_all_labelled_rows() -> None:
    asked = query()
    fitted = members(asked, None, make_strategy("qbc", models=FOUR).keywords["models"], "none")
    names = [type(m.estimator).__name__ for m in fitted]
    assert names == [
        "ConvergedLogisticRegression",
        "BoundedSVC",
        "BoundedSVC",
        "AnyLDA",
    ]
    X, y = blobs()
    rbf = SVC(gamma="auto", tol=1e-10).fit(X[:15], y[:15])
    assert votes(asked, fitted)[:, 2].tolist() == rbf.predict(X[15:]).tolist()
    assert len(make_strategy("qbc", models=FOUR, bootstrap="none")(query())) == 5


def test_a_committee_that_cannot_disagree_is_an_error_that_says_why() -> None:
    logreg = LogisticRegression()  # its solver takes a seed and makes no use of it
    with pytest.raises(StrategyError, match="cannot disagree: no seed makes a difference"):
        make_strategy("qbc", bootstrap="none")(query(logreg))
    with pytest.raises(StrategyError, match="cannot disagree"):
        make_strategy("qbc_kl", models=["gnb", "gnb"], bootstrap="none")(query())
    picks = make_strategy("qbc", models=["extra-trees"], committee=3, bootstrap="none")(query())
    assert len(picks) == 5


@pytest.mark.parametrize("name", ["qbc", "qbc_kl", "variation_ratio", "batch_bald"])
def test_a_committee_of_one_is_refused_when_the_suite_is_read(name: str) -> None:
    with pytest.raises(BadValue, match="greater than or equal to 2"):
        resolve("strategy", {"use": name, "committee": 1})
    with pytest.raises(BadValue, match="a committee of 1 cannot disagree"):
        resolve("strategy", {"use": name, "models": ["gnb"]})
    with pytest.raises(BadValue, match="bootstrap"):
        resolve("strategy", {"use": name, "bootstrap": "bagging"})


def test_members_without_probabilities_are_named() -> None:
    with pytest.raises(Skip, match="needs probabilities; the committee member BoundedSVC has none"):
        make_strategy("qbc_kl", models=["gnb", "svc-rbf"])(query())


def test_a_member_that_cannot_be_fitted_is_named() -> None:
    class Unfittable(GaussianNB):
        def fit(self, *_: object) -> Self:
            raise ValueError("never")

    @albench.model("unfittable")
    def unfittable(seed: int) -> Unfittable:
        return Unfittable()

    with pytest.raises(StrategyError, match="Unfittable"):
        make_strategy("qbc", models=["unfittable", "gnb"], bootstrap="none")(query(start=3))
