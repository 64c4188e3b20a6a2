"""Strategies for rare classes against brute force and their definitions."""

import itertools
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from albench.core.errors import Skip, UsageError
from albench.core.registry import make_strategy, resolve
from albench.core.spec import Protocol
from albench.models.engines import learner
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.task import Task
from albench.strategies._geometry import nearest_rows
from albench.strategies.imbalance import expected_found, neighbour_model
from albench.testing import make_query


def binary(n: int, proba: Any, start: Any = (0, 1), **more: Any) -> Any:
    """A query with two classes; class 1 is positive and the start holds one row of each."""
    m = len(proba)
    X = np.random.default_rng(1).normal(size=(m + len(start), 3))
    both = np.stack([1 - np.asarray(proba), proba], axis=1)
    more = {"proba": both, "positive": 1, **more}
    return make_query(X, np.arange(len(start)), start, n, 2, **more)


def test_positive_greedy_takes_the_largest_probabilities() -> None:
    proba = np.random.default_rng(0).permutation(np.linspace(0.01, 0.99, 30))
    picks = make_strategy("positive_greedy")(binary(4, proba)) - 2
    assert picks.tolist() == np.argsort(-proba)[:4].tolist()
    flipped = make_strategy("positive_greedy")(binary(4, proba, positive=0)) - 2
    assert flipped.tolist() == np.argsort(proba)[:4].tolist()
    decision = np.log(proba / (1 - proba))
    X = np.zeros((32, 1))
    decision = make_query(X, [0, 1], [0, 1], 4, 2, decision=decision, positive=1)
    assert (make_strategy("positive_greedy")(decision) - 2).tolist() == picks.tolist()


@pytest.mark.parametrize("name", ["positive_greedy", "half_half", "flqmi", "ens"])
def test_a_dataset_without_a_positive_class_is_skipped(name: str) -> None:
    with pytest.raises(Skip, match="positive class"):
        make_strategy(name)(binary(4, np.full(30, 0.5), positive=None))


def test_half_half_is_half_relevance_and_half_its_base() -> None:
    proba = np.random.default_rng(0).permutation(np.linspace(0.011, 0.99, 40))
    picks = make_strategy("half_half")(binary(5, proba)) - 2
    likely = np.argsort(-proba)[:3]
    rest = [i for i in np.argsort(np.abs(proba - 0.5)) if i not in likely][:2]
    assert picks.tolist() == [*likely, *rest]
    one = make_strategy("half_half")(binary(1, proba)) - 2
    assert one.tolist() == [proba.argmax()]


def test_balanced_margin_evens_out_the_classes() -> None:
    proba = np.concatenate([np.linspace(0.02, 0.4, 20), np.linspace(0.6, 0.9, 4)])
    start = [0] * 6 + [1]
    picks = make_strategy("balanced_margin")(binary(8, proba, start=start)) - 7
    # four rows predicted positive, least sure first; then the class with labels to spare
    assert picks.tolist() == [20, 21, 22, 23, 19, 18, 17, 16]


def test_balanced_margin_by_its_definition_with_more_classes() -> None:
    rng = np.random.default_rng(3)
    proba = rng.dirichlet(np.ones(4), size=50)
    start = [0, 0, 0, 1, 1, 2]
    X = rng.normal(size=(56, 2))
    picks = make_strategy("balanced_margin")(make_query(X, range(6), start, 9, 4, proba=proba)) - 6
    ordered = np.sort(proba, axis=1)
    gap, predicted = ordered[:, -1] - ordered[:, -2], proba.argmax(axis=1)
    counts, left, expected = [3, 2, 1, 0], set(range(50)), []
    for _ in range(9):
        for c in sorted(range(4), key=lambda c: (counts[c], c)):
            rows = [i for i in left if predicted[i] == c]
            if rows:
                best = min(rows, key=lambda i: gap[i])
                break
        expected.append(best)
        counts[c] += 1
        left.remove(best)
    assert picks.tolist() == expected


@pytest.mark.parametrize("n", [13, 64, 100, 1000])
def test_galaxy_is_a_binary_search_on_a_separable_line(n: int) -> None:
    for cut in {1, n // 3, n // 2, n - 1}:
        line = np.linspace(0, 1, n + 2)
        y = (np.arange(n + 2) > cut).astype(int)
        proba = np.stack([1 - line, line], axis=1)
        labels = int(np.ceil(np.log2(n))) + 1
        query = make_query(line[:, None], [0, n + 1], [0, 1], labels, 2, proba=proba, y=y)
        picks = make_strategy("galaxy")(query)
        known = np.sort(np.append(picks, [0, n + 1]))
        found = np.flatnonzero(np.diff(y[known]))
        assert len(found) == 1
        assert known[found[0]] == cut
        assert known[found[0] + 1] == cut + 1


def test_galaxy_takes_the_shortest_run_first() -> None:
    y = np.array([0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    line = np.linspace(0.1, 0.9, 14)
    proba = np.stack([1 - line, line], axis=1)
    query = make_query(line[:, None], [0, 6, 13], [0, 1, 0], 6, 2, proba=proba, y=y)
    picks = make_strategy("galaxy")(query)
    assert picks[0] == 3, "the run 1..5 is shorter than 7..12"
    assert picks[1] in (4, 5), "and now the run 4..5 is"
    assert {3, 4, 7} <= set(picks.tolist()), "both cuts are found with six labels"


def test_galaxy_survives_abstentions_and_sides_without_a_cut() -> None:
    line = np.linspace(0.1, 0.9, 30)
    proba = np.stack([1 - line, line], axis=1)
    silent = np.full(30, -1)
    query = make_query(line[:, None], [0, 29], [0, 1], 10, 2, proba=proba, y=silent)
    assert len(set(make_strategy("galaxy")(query).tolist())) == 10
    one_sided = make_query(line[:, None], [0, 29], [0, 0], 10, 2, proba=proba, y=silent * 0)
    assert len(set(make_strategy("galaxy")(one_sided).tolist())) == 10


def test_galaxy_without_labels_in_the_batch_needs_no_oracle() -> None:
    line = np.linspace(0.1, 0.9, 30)
    proba = np.stack([1 - line, line], axis=1)
    query = make_query(line[:, None], [0, 29], [0, 1], 6, 2, proba=proba)
    picks = make_strategy("galaxy_batch")(query)
    assert {14, 15} <= set(picks.tolist()), "bisection ends where the prediction turns"
    with pytest.raises(Skip, match="one by one"):
        make_strategy("galaxy")(query)


def test_nearest_rows_against_sorting_all_distances() -> None:
    X = np.random.default_rng(0).integers(0, 4, size=(300, 2)).astype(float)
    found = nearest_rows(X, np.arange(300), 7)
    for i in range(300):
        distance = ((X - X[i]) ** 2).sum(axis=1)
        distance[i] = np.inf
        assert found[i].tolist() == np.argsort(distance, kind="stable")[:7].tolist()


def test_seals_stays_among_the_neighbours() -> None:
    X = np.random.default_rng(0).normal(size=(80, 2))
    proba = np.random.default_rng(1).dirichlet(np.ones(2), size=80)
    query = make_query(X, [0, 1], [0, 1], 4, 2, proba=proba)
    near = np.setdiff1d(nearest_rows(X, np.array([0, 1]), 6), [0, 1])
    expected = near[np.argsort(np.abs(proba[near, 0] - 0.5))[:4]]
    assert make_strategy("seals", base="margin", k=6)(query).tolist() == expected.tolist()
    few = make_strategy("seals", base="margin", k=1)(make_query(X, [0], [0], 4, 2, proba=proba))
    assert int(nearest_rows(X, np.array([0]), 1)[0, 0]) in few
    assert len(set(few.tolist())) == 4


def test_anchor_keeps_rows_near_each_class() -> None:
    X = np.concatenate([[[0.0], [100.0]], np.linspace(-5, 5, 30)[:, None], [[99.0], [101.0]]])
    X = np.concatenate([X, np.full((20, 1), 50.0) + np.arange(20)[:, None] * 0.01])
    query = make_query(X, [0, 1], [0, 1], 4, 2, proba=np.full((len(X), 2), 0.5))
    picks = make_strategy("anchor", base="random", size=4)(query)
    near = set(np.argsort(np.abs(X[2:, 0]), kind="stable")[:2] + 2)
    assert set(picks.tolist()) == near | {32, 33}


def flqmi_value(similar: Any, chosen: tuple[int, ...], eta: float) -> float:
    """The objective by its definition."""
    part = similar[list(chosen)]
    return float(part.max(axis=0).sum() + eta * part.max(axis=1).sum())


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_flqmi_is_the_greedy_maximiser(eta: float) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(12, 3))
    query = make_query(X, range(4), [1, 1, 0, 1], 3, 2, positive=1)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    similar = (1 + unit[4:] @ unit[[0, 1, 3]].T) / 2
    chosen: tuple[int, ...] = ()
    for _ in range(3):
        rest = [i for i in range(8) if i not in chosen]
        chosen += (max(rest, key=lambda i: flqmi_value(similar, (*chosen, i), eta)),)
    picks = make_strategy("flqmi", eta=eta)(query) - 4
    assert picks.tolist() == list(chosen)
    best = max(flqmi_value(similar, c, eta) for c in itertools.combinations(range(8), 3))
    assert flqmi_value(similar, tuple(picks), eta) >= (1 - 1 / np.e) * best


def test_flqmi_without_a_labelled_positive_ties_all_rows() -> None:
    query = binary(5, np.full(30, 0.5), start=(0, 0))
    assert make_strategy("flqmi")(query).tolist() == query.pool[:5].tolist()


def knn_proba(near: Any, known: dict[int, int], row: int, gamma: float) -> float:
    """The model of active search by its definition."""
    labels = [known[j] for j in near[row] if j in known]
    return (gamma + sum(labels)) / (1 + len(labels))


@pytest.mark.parametrize("t", [0, 1, 3, 9])
def test_ens_by_enumerating_both_labels(t: int) -> None:
    X = np.random.default_rng(5).normal(size=(12, 2))
    near, gamma = nearest_rows(X, np.arange(12), 4), 0.1
    query = make_query(X, [0, 3, 7], [1, 0, 1], 3, 2, positive=1, remaining=t + 1)
    known = {0: 1, 3: 0, 7: 1}
    expected = []
    for row in query.pool:
        p = knn_proba(near, known, row, gamma)
        score = p
        for label, chance in ((1, p), (0, 1 - p)):
            after = {**known, int(row): label}
            rest = [knn_proba(near, after, r, gamma) for r in query.pool if r != row]
            score += chance * sum(sorted(rest)[::-1][:t])
        expected.append(score)
    scores = expected_found(neighbour_model(query, near, gamma), t)
    np.testing.assert_allclose(scores, expected, atol=1e-12)
    picks = make_strategy("ens", k=4, gamma=gamma)(query)
    assert picks[0] == query.pool[int(np.argmax(np.round(expected, 9)))]


def test_albl_probabilities_and_updates_by_the_definition() -> None:
    from albench.strategies.meta import ActiveLearningByLearning

    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    y = (X[:, 0] > 0).astype(int)
    arms = [lambda q: q.pool[: q.n], lambda q: q.pool[::-1][: q.n]]
    albl = ActiveLearningByLearning(arms=arms, horizon=20)
    k, least = 3, np.sqrt(np.log(3) / (3 * 20))
    assert albl.least == pytest.approx(least)
    model = LogisticRegression()
    start = np.array([0, 1, 2, 3, 4, 5])
    first = make_query(X, start, y[start], 1, 2, model=model, seed=1)
    answer = albl(first)
    row = int(answer.rows[0])
    share = (1 / 3) / 24
    q = share + (1 / 3) * (row == 6) + (1 / 3) * (row == 29)
    assert answer.probability[0] == pytest.approx(q)
    labeled = np.append(start, row)
    second = make_query(X, labeled, y[labeled], 1, 2, model=model, seed=1)
    albl(second)
    right = second.model.predict(X[[row]])[0] == y[row]
    reward = right / q / (24 * 20)
    q_of = {6: share + 1 / 3, 29: share + 1 / 3}
    given = np.array([row == 6, row == 29, 1 / 24])
    sure = np.array([1 / q_of[6], 1 / q_of[29], (22 / share + 2 / q_of[6]) / 24])
    gain = given * reward / q + sure * np.sqrt(np.log(k / 0.1) / (k * 20))
    expected = np.exp(least / 2 * gain)
    np.testing.assert_allclose(albl.weights / albl.weights.sum(), expected / expected.sum())


def test_albl_learns_which_arm_is_right() -> None:
    """With an arm whose picks the model gets right and one it gets wrong, the first gains."""
    from albench.strategies.meta import ActiveLearningByLearning

    X = np.concatenate([np.linspace(-1, 1, 200)[:, None], np.full((200, 1), 3.0)])
    y = np.concatenate([(X[:200, 0] > 0), np.arange(200) % 2]).astype(int)
    y[200:] = 0  # contradicts every model that has learnt from the line
    arms = [lambda q: q.pool[: q.n], lambda q: q.pool[::-1][: q.n]]
    albl = ActiveLearningByLearning(arms=arms, explore=False, horizon=40)
    labeled = np.arange(0, 200, 5)
    for step in range(40):
        query = make_query(X, labeled, y[labeled], 1, 2, model=LogisticRegression(C=100), seed=step)
        labeled = np.sort(np.append(labeled, albl(query).rows))
    assert albl.chances[0] > albl.chances[1]


@pytest.mark.parametrize(
    "params", [{"arms": [], "explore": True}, {"arms": ["margin"], "explore": False}]
)
def test_albl_with_nothing_to_choose_is_refused(params: dict[str, Any]) -> None:
    from albench.core.errors import BadValue

    with pytest.raises(BadValue, match="nothing to choose"):
        make_strategy("albl", **params)


def test_labels_that_arrive_later_cannot_be_asked_for_in_the_batch() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 2)), np.arange(40) % 2
    task = Task(X, y, X, y, np.arange(6), 2, 4, 2, 14, np.arange(40), np.arange(40), delay=1)
    fits = learner(resolve("model", "logreg"), task, lambda n: 0)
    rounds = simulate(
        task,
        make_strategy("galaxy"),
        fits,
        fits,
        oracle(Protocol(), task, np.random.default_rng(0)),
        metrics={},
        rng=np.random.default_rng(0),
    )
    with pytest.raises(Skip, match="arrive later"):
        list(rounds)


@pytest.mark.parametrize(
    "table",
    [
        {"use": "softmax", "temperature": 0.0},
        {"use": "softmax", "epsilon": 1.5},
        {"use": "softmax", "base": "nonesuch"},
        {"use": "information_density", "similarity": "euclid"},
        {"use": "weighted_kmeans", "beta": 0},
        {"use": "cluster_margin", "factor": 0.5},
        {"use": "seals", "k": 0},
        {"use": "ens", "gamma": 0.0},
        {"use": "albl", "delta": 1.0},
        {"use": "mcm", "width": -1.0},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused_when_read(table: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        resolve("strategy", table)
