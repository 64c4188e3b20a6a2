"""Hybrids against independent implementations, brute force, and their definitions."""

import dataclasses
import importlib.metadata
import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from albench.core.errors import Skip
from albench.core.registry import make_strategy
from albench.simulation.query import Picks, Query
from albench.strategies._geometry import fitted_kmeans
from albench.strategies.clustered import average_linkage, largest_remainders, round_robin
from albench.strategies.expected import Gradients, draw
from albench.strategies.wrappers import plackett_luce
from albench.testing import make_query


def dirichlet(m: int, k: int, seed: int = 0) -> Any:
    """Tie-free probabilities."""
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=m)


def query(n: int = 5, *, m: int = 60, k: int = 4, d: int = 3, seed: int = 0, **more: Any) -> Query:
    """A query with random features and probabilities; the first four rows are labelled."""
    X = np.random.default_rng(seed + 100).normal(size=(m + 4, d))
    start = np.arange(4)
    more = {"proba": dirichlet(m, k, seed), **more}
    return make_query(X, start, start % k, n, k, seed=seed, **more)


class FakeClassifier:
    """Hands scikit-activeml the same probabilities."""

    @staticmethod
    def of(X: Any, proba: Any) -> Any:
        from skactiveml.base import SkactivemlClassifier

        class Fixed(SkactivemlClassifier):  # type: ignore[misc]
            def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
                return self

            def predict_proba(self, asked: Any) -> Any:
                at = [int(np.flatnonzero((row == X).all(axis=1))[0]) for row in asked]
                return proba[at]

        return Fixed(classes=list(range(proba.shape[1])))


def library(strategy: Any, q: Query, name: str, proba: Any, **kwargs: Any) -> Any:
    """Picks and utilities of a scikit-activeml strategy on the same probabilities."""
    y = np.full(len(q.X), np.nan)
    y[q.labeled] = q.y_labeled
    full = np.zeros((len(q.X), proba.shape[1]))
    full[q.pool] = proba
    model = FakeClassifier.of(q.X, full)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return strategy.query(
            q.X.copy(),
            y,
            batch_size=q.n,
            return_utilities=True,
            **{name: model, f"fit_{name}": False},
            **kwargs,
        )


@pytest.mark.parametrize("k", [2, 4])
def test_badge_distances_are_those_of_the_gradients(k: int) -> None:
    q = query(k=k)
    a = q.proba - np.eye(k)[q.proba.argmax(axis=1)]
    built = (a[:, :, None] * q.X[q.pool][:, None, :]).reshape(len(a), -1)
    gradients = Gradients(q.proba, q.X[q.pool])
    for i in (0, 7, 59):
        expected = ((built - built[i]) ** 2).sum(axis=1)
        np.testing.assert_allclose(gradients.distances(i), expected, atol=1e-12)
    np.testing.assert_allclose(gradients.squared, (built**2).sum(axis=1), atol=1e-12)


def test_badge_first_pick_and_draws() -> None:
    q = query(8)
    gradients = Gradients(q.proba, q.X[q.pool])
    rng = np.random.default_rng(0)
    first = int(gradients.squared.argmax())
    picks, nearest = [first], gradients.distances(first)
    while len(picks) < 8:
        weights = nearest.copy()
        weights[picks] = 0
        total = np.cumsum(weights)
        picks.append(int(np.searchsorted(total, rng.random() * total[-1], side="right")))
        nearest = np.minimum(nearest, gradients.distances(picks[-1]))
    assert make_strategy("badge")(q).tolist() == q.pool[picks].tolist()


def test_badge_draws_in_proportion_to_squared_distance() -> None:
    weights = np.array([0.0, 1.0, 3.0, 0.0, 4.0])
    rng = np.random.default_rng(0)
    drawn = np.bincount([draw(weights, rng, []) for _ in range(8000)], minlength=5) / 8000
    np.testing.assert_allclose(drawn, weights / 8, atol=0.02)
    assert draw(np.zeros(3), rng, [0, 2]) == 1


def test_badge_of_equal_rows_still_buys_distinct_rows() -> None:
    X = np.ones((9, 2))
    q = make_query(X, [0, 1], [0, 1], 6, 2, proba=np.full((7, 2), 0.5))
    assert len(set(make_strategy("badge")(q).tolist())) == 6


def test_badge_of_the_library_keeps_the_origin_as_a_centre() -> None:
    """1.0.1 differs from the paper, and equals ours with a phantom centre at the origin."""
    pool = pytest.importorskip("skactiveml.pool")
    if importlib.metadata.version("scikit-activeml") != "1.0.1":
        pytest.fail("a new scikit-activeml: compare BADGE with its utilities without an origin")
    q = query(6)
    picks, utilities = library(pool.Badge(random_state=1), q, "clf", q.proba)
    at = np.searchsorted(q.pool, picks)
    gradients = Gradients(q.proba, q.X[q.pool])
    origin, paper = gradients.squared.copy(), np.full(len(q.pool), np.inf)
    for i, taken in enumerate(at[:-1]):
        origin = np.minimum(origin, gradients.distances(int(taken)))
        paper = np.minimum(paper, gradients.distances(int(taken)))
        theirs = utilities[i + 1][q.pool]
        open_ = ~np.isnan(theirs)
        np.testing.assert_allclose((origin / origin.sum())[open_], theirs[open_], atol=1e-12)
        assert np.abs((paper / paper.sum())[open_] - theirs[open_]).sum() / 2 > 0.02


@pytest.mark.parametrize("seed", range(3))
def test_clue_equals_scikit_activeml(seed: int) -> None:
    pool = pytest.importorskip("skactiveml.pool")
    q = query(6, seed=seed)
    kmeans_seed = int(np.random.default_rng(seed).integers(2**31))
    theirs = pool.Clue(cluster_algo_dict={"random_state": kmeans_seed, "n_init": 1})
    picks, _ = library(theirs, q, "estimator", q.proba)
    assert make_strategy("clue")(q).tolist() == list(picks)


def test_falcun_equals_scikit_activeml() -> None:
    pool = pytest.importorskip("skactiveml.pool")
    q = query(6)
    picks, utilities = library(pool.Falcun(gamma=10, random_state=1), q, "clf", q.proba)
    ordered = np.sort(q.proba, axis=1)
    u = 1 - (ordered[:, -1] - ordered[:, -2])
    first = (2 * u) ** 10
    np.testing.assert_allclose(utilities[0][q.pool], first / first.sum(), rtol=1e-12)
    forced = falcun_weights(q, np.searchsorted(q.pool, picks))
    for ours, theirs in zip(forced, utilities, strict=True):
        open_ = ~np.isnan(theirs[q.pool])
        np.testing.assert_allclose(ours[open_], theirs[q.pool][open_], atol=1e-12)


def falcun_weights(q: Query, picks: Any) -> list[Any]:
    """The weights by which our falcun draws, while it is made to pick the given rows."""
    from albench.strategies import hybrids

    seen: list[Any] = []
    order = iter(picks)

    def forced(weights: Any, rng: Any, taken: list[int]) -> int:
        seen.append(weights / weights.sum())
        return int(next(order))

    original = hybrids.draw
    hybrids.draw = forced  # type: ignore[assignment]
    try:
        make_strategy("falcun")(q)
    finally:
        hybrids.draw = original
    return seen


@pytest.mark.parametrize("similarity", ["cosine", "euclidean"])
def test_information_density_by_its_definition(similarity: str) -> None:
    q = query(10, k=3)
    rows = q.X[q.pool]
    gaps = np.sqrt(((rows[:, None] - rows[None]) ** 2).sum(axis=2))
    length = np.sqrt((rows**2).sum(axis=1))
    cosine = (1 + rows @ rows.T / np.outer(length, length)) / 2
    density = (cosine if similarity == "cosine" else 1 / (1 + gaps)).mean(axis=1)
    scores = -(q.proba * np.log(q.proba)).sum(axis=1) * density**2
    picks = make_strategy("information_density", similarity=similarity, beta=2.0)(q)
    assert picks.tolist() == q.pool[np.argsort(-scores)[:10]].tolist()


def test_information_density_is_kept_up_between_rounds() -> None:
    strategy = make_strategy("information_density", similarity="euclidean")
    strategy(query(m=60))
    smaller = query(m=60, pool=np.arange(20, 64), proba=dirichlet(60, 4)[16:])
    fresh = make_strategy("information_density", similarity="euclidean")(smaller)
    assert strategy(smaller).tolist() == fresh.tolist()


def test_ranked_batch_by_its_definition() -> None:
    q = query(6)
    labelled, left, expected = list(q.labeled), list(q.pool), []
    doubt = dict(zip(q.pool, 1 - q.proba.max(axis=1), strict=True))
    for _ in range(6):
        alpha = len(left) / (len(left) + len(labelled))
        score = {}
        for row in left:
            nearest = min(np.linalg.norm(q.X[row] - q.X[j]) for j in labelled)
            score[row] = alpha * (1 - 1 / (1 + nearest)) + (1 - alpha) * doubt[row]
        best = max(score, key=lambda r: score[r])
        expected.append(best)
        labelled.append(best)
        left.remove(best)
    assert make_strategy("ranked_batch")(q).tolist() == expected


def test_weighted_kmeans_picks_among_the_beta_n_most_uncertain() -> None:
    q = query(4, m=200)
    ordered = np.sort(q.proba, axis=1)
    gap = ordered[:, -1] - ordered[:, -2]
    picks = make_strategy("weighted_kmeans", beta=5)(q)
    assert set(picks) <= set(q.pool[np.argsort(gap)[:20]])
    all_of_it = make_strategy("weighted_kmeans", beta=1)(query(4, m=200))
    assert set(all_of_it) == set(q.pool[np.argsort(gap)[:4]])


def test_weighted_kmeans_finds_one_row_per_separated_blob() -> None:
    rng = np.random.default_rng(0)
    blob = np.repeat(np.arange(5), 12)
    X = np.concatenate([np.zeros((2, 2)), np.stack([100.0 * blob, blob % 2], axis=1)])
    X[2:] += rng.normal(size=(60, 2)) * 0.01
    q = make_query(X, [0, 1], [0, 1], 5, 2, proba=np.full((60, 2), 0.5))
    for name in ("weighted_kmeans", "clue"):
        assert sorted(blob[make_strategy(name)(q) - 2]) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("name", ["weighted_kmeans", "clue"])
@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-310, 1e-160, 1e-17])
def test_a_model_that_is_almost_sure_of_all_rows(name: str, scale: float) -> None:
    """Weights that underflow must not make centres that overflow."""
    tiny = np.random.default_rng(0).random(40) * scale
    tiny[::2] = 0.0
    proba = np.stack([1.0 - tiny, tiny], axis=1)
    for n in (3, 40):
        q = make_query(np.random.default_rng(1).normal(size=(42, 2)), [0, 1], [0, 1], n, 2, proba)
        assert len(set(make_strategy(name)(q).tolist())) == n


def test_weights_of_any_size_give_centres() -> None:
    rows = np.random.default_rng(1).normal(size=(40, 2))
    for scale in (1.0, 1e-150, 1e-310):
        weights = np.random.default_rng(2).random(40) ** 9 * scale
        centres = fitted_kmeans(rows, 30, 0, weights).centres
        assert np.isfinite(centres).all()
    expected = fitted_kmeans(rows, 5, 0, np.full(40, 0.25)).centres
    same = fitted_kmeans(rows, 5, 0, np.full(40, 1e-200)).centres
    np.testing.assert_allclose(same, expected)


def test_cluster_margin_takes_small_clusters_first_and_in_turn() -> None:
    rows = np.arange(10)
    clusters = np.array([0] * 6 + [1] * 3 + [2])
    for seed in range(5):
        picked = clusters[round_robin(rows, clusters, 7, np.random.default_rng(seed))]
        assert picked.tolist() == [2, 1, 0, 1, 0, 1, 0]


def test_cluster_margin_picks_among_the_smallest_margins() -> None:
    q = query(4, m=100)
    ordered = np.sort(q.proba, axis=1)
    smallest = q.pool[np.argsort(ordered[:, -1] - ordered[:, -2])[:12]]
    assert set(make_strategy("cluster_margin", factor=3.0)(q)) <= set(smallest)


def test_average_linkage_finds_separated_groups() -> None:
    X = np.array([[0.0], [0.1], [5.0], [5.1], [5.2], [9.0]])
    clusters = average_linkage(X, 3)
    assert len(set(clusters)) == 3
    assert clusters[0] == clusters[1]
    assert clusters[2] == clusters[3] == clusters[4]


def test_mcm_picks_inside_the_margin_one_per_group() -> None:
    X = np.array([[0.0], [1.0]] + [[10.0 + i % 3 + 100 * (i // 10)] for i in range(30)])
    decision = np.full(30, 3.0)
    decision[[2, 5, 12, 15, 22, 25]] = [0.5, -0.9, 0.2, 0.1, 0.3, -0.2]
    q = make_query(X, [0, 1], [0, 1], 3, 2, decision=decision)
    picks = make_strategy("mcm")(q)
    assert np.all(np.abs(decision[picks - 2]) < 1)
    assert sorted((picks - 2) // 10) == [0, 1, 2]
    many = make_query(X, [0, 1], [0, 1], 8, 2, decision=decision)
    assert {2, 5, 12, 15, 22, 25} <= set(make_strategy("mcm")(many) - 2)
    with pytest.raises(Skip, match="decision"):
        make_strategy("mcm")(query())


def test_informative_diverse_keeps_the_shares_of_the_clusters() -> None:
    rng = np.random.default_rng(1)
    blob = np.array([0] * 30 + [1] * 10)
    X = np.concatenate([np.zeros((2, 2)), 50.0 * blob[:, None] + rng.normal(size=(40, 2))])
    proba = dirichlet(40, 2)
    q = make_query(X, [0, 1], [0, 1], 8, 2, proba=proba)
    picks = make_strategy("informative_diverse")(q) - 2
    assert np.bincount(blob[picks]).tolist() == [6, 2]
    gap = np.abs(proba[:, 0] - proba[:, 1])
    for c, quota in ((0, 6), (1, 2)):
        members = np.flatnonzero(blob == c)
        assert set(picks[blob[picks] == c]) == set(members[np.argsort(gap[members])[:quota]])


def test_largest_remainders() -> None:
    assert largest_remainders(np.array([50, 30, 20]), 7).tolist() == [4, 2, 1]
    assert largest_remainders(np.array([1, 1, 8]), 10).tolist() == [1, 1, 8]
    assert largest_remainders(np.array([5, 0, 5]), 3).sum() == 3


def enumerated(weights: Any, order: tuple[int, ...], epsilon: float) -> float:
    """The probability of an ordered sample, by its definition."""
    left, product = list(range(len(weights))), 1.0
    for i in order:
        share = weights[i] / sum(weights[j] for j in left)
        product *= epsilon / len(left) + (1 - epsilon) * share
        left.remove(i)
    return product


@pytest.mark.parametrize("epsilon", [0.0, 0.3])
def test_softmax_probabilities_by_enumeration(epsilon: float) -> None:
    logits = np.log(np.array([1.0, 2.0, 4.0, 0.5]))
    rng, draws = np.random.default_rng(0), 20_000
    seen: dict[tuple[int, ...], int] = {}
    for _ in range(draws):
        picks, q = plackett_luce(logits, 2, rng, epsilon)
        order = (int(picks[0]), int(picks[1]))
        seen[order] = seen.get(order, 0) + 1
        assert q.prod() == pytest.approx(enumerated(np.exp(logits), order, epsilon), rel=1e-12)
    total = 0.0
    for order in itertools.permutations(range(4), 2):
        p = enumerated(np.exp(logits), order, epsilon)
        total += p
        spread = np.sqrt(p * (1 - p) / draws)
        assert abs(seen.get(order, 0) / draws - p) < 4.5 * spread
    assert total == pytest.approx(1.0)


def test_softmax_of_rows_that_come_last() -> None:
    logits = np.array([0.0, -np.inf, 1.0, -np.inf])
    for seed in range(5):
        picks, q = plackett_luce(logits, 4, np.random.default_rng(seed))
        assert set(picks[:2]) == {0, 2}
        assert (q > 0).all()
        assert q[2] == pytest.approx(0.5)
        assert q[3] == pytest.approx(1.0)


def test_softmax_logs_what_it_drew_by() -> None:
    q = query(4, k=3)
    answer = make_strategy("softmax", base="margin", temperature=0.5, epsilon=0.1)(q)
    assert isinstance(answer, Picks)
    assert answer.probability is not None
    ordered = np.sort(q.proba, axis=1)
    weights = np.exp((ordered[:, -2] - ordered[:, -1]) / 0.5)
    at = tuple(int(i) for i in np.searchsorted(q.pool, answer.rows))
    product = enumerated(weights, at, 0.1)
    assert answer.probability.prod() == pytest.approx(product, rel=1e-10)


def test_softmax_at_low_temperature_is_its_base() -> None:
    q = query(5)
    picks = make_strategy("softmax", base="margin", temperature=1e-9)(q).rows
    assert picks.tolist() == make_strategy("margin")(query(5)).tolist()


@pytest.mark.parametrize("base", ["random", "badge", "kcenter", "clue"])
def test_softmax_of_what_ranks_no_scores_is_skipped(base: str) -> None:
    with pytest.raises(Skip, match="base"):
        make_strategy("softmax", base=base)(query())


def test_power_margin_draws_by_powers_of_the_score() -> None:
    q = query(3, k=3)
    answer = make_strategy("power_margin", power=2.0)(q)
    ordered = np.sort(q.proba, axis=1)
    weights = (1 - (ordered[:, -1] - ordered[:, -2])) ** 2
    at = tuple(int(i) for i in np.searchsorted(q.pool, answer.rows))
    assert answer.probability.prod() == pytest.approx(enumerated(weights, at, 0.0), rel=1e-10)


@pytest.mark.parametrize("name", ["information_density", "clue", "weighted_kmeans", "power_margin"])
def test_decision_values_stand_in_for_probabilities(name: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    decision = np.random.default_rng(1).normal(size=36)
    proba = np.stack([1 / (1 + np.exp(decision)), 1 / (1 + np.exp(-decision))], axis=1)
    answers = [
        make_strategy(name)(make_query(X, range(4), [0, 1, 0, 1], 5, 2, **scores))
        for scores in ({"decision": decision}, {"proba": proba})
    ]
    rows = [a.rows if isinstance(a, Picks) else a for a in answers]
    assert rows[0].tolist() == rows[1].tolist()


@pytest.mark.parametrize("wrapper", ["balanced_margin", "seals", "softmax"])
def test_a_wrapped_query_fits_its_model_once(wrapper: str) -> None:
    X = np.random.default_rng(0).normal(size=(40, 3))
    q = make_query(X, range(6), [0, 1] * 3, 5, 2, model=LogisticRegression())
    fits: list[int] = []

    def counted() -> Any:
        fits.append(1)
        return q.fit()

    make_strategy(wrapper, base="margin")(dataclasses.replace(q, fit=counted))
    assert fits == [1]
