"""The loop: what is bought, what is checked, what a strategy may not do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albench.core import registry
from albench.core.errors import StrategyError
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.models import engines
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle
from albench.simulation.query import Picks, Query, first_best
from albench.simulation.task import Round


def rounds_of(strategy: Any, model: str = "logreg", trial: int = 0, **fields: Any) -> list[Round]:
    ref = registry.resolve("model", model)
    name = strategy if isinstance(strategy, str) else "margin"
    spec = RunSpec(Ref("iris"), Ref(name), ref, ref, Protocol(**fields), trial)
    task = cut(registry.build("dataset", spec.dataset), spec)
    learner = engines.learner(ref, task, lambda n: spec.seed("model", n) % 2**32, engine="plain")
    made: Callable[[Query], Any] = (
        registry.build("strategy", spec.strategy) if isinstance(strategy, str) else strategy
    )
    metrics = {"accuracy": registry.build("metric", Ref("accuracy"))}
    return list(
        simulate(
            task,
            made,
            learner,
            learner,
            oracle(spec.protocol, task, spec.rng("oracle")),
            metrics=metrics,
            rng=spec.rng("strategy"),
        )
    )


@pytest.mark.parametrize("strategy", ["random", "margin", "kcenter"])
def test_pool_and_labelled_partition_the_train_rows(strategy: str) -> None:
    rounds = rounds_of(strategy, batch=7, budget="pool")
    bought = np.concatenate([r.picks for r in rounds])
    assert sorted(bought) == list(range(90))
    assert [r.n_labeled for r in rounds] == list(np.cumsum([len(r.picks) for r in rounds]))
    assert len(rounds[-1].picks) == 70 % 7 or 7


@pytest.mark.parametrize("strategy", ["random", "margin", "kcenter"])
def test_a_longer_budget_begins_with_the_shorter_ones_picks(strategy: str) -> None:
    short, long = (rounds_of(strategy, batch=10, budget=b) for b in (45, 80))
    for a, b in zip(short[:-1], long, strict=False):
        np.testing.assert_array_equal(a.picks, b.picks)
    assert len(short[-1].picks) == 5
    assert set(short[-1].picks) <= set(long[len(short) - 1].picks) or strategy == "random"


def test_labels_and_costs() -> None:
    rounds = rounds_of("margin", batch=10, budget=50)
    assert [r.cost for r in rounds] == [20, 30, 40, 50]
    assert all((r.labels >= 0).all() for r in rounds)


def test_labels_that_arrive_late() -> None:
    rounds = rounds_of("margin", batch=10, budget=50, delay=1)
    assert [r.n_labeled for r in rounds] == [20, 20, 30, 40, 50]
    assert [len(r.picks) for r in rounds] == [20, 10, 10, 10, 0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda q: q.pool[:1], "returned 1 rows; 10 are due"),
        (lambda q: np.repeat(q.pool[0], 10), "returned a row twice"),
        (lambda q: q.labeled[:10], "is not in the pool"),
        (lambda q: q.pool[:10].astype(float), "whole numbers is due"),
        (lambda q: q.pool[:10] + 10**6, "is not in the pool"),
        (lambda q: None, "whole numbers is due"),
        (lambda q: q.top(np.full(len(q.pool), np.nan)), "scores are NaN"),
        (lambda q: q.top(np.zeros(3)), "scores have shape"),
        (lambda q: Picks(q.pool[:10], np.zeros(10)), "probabilities are not"),
        (lambda q: q.X.__setitem__((0, 0), 1.0), "read-only, copy first"),
        (lambda q: (q.ask(q.pool[0]), q.pool[1:11])[1], "did not buy it"),
        (lambda q: q.ask(q.labeled[0]), "not in the pool"),
    ],
)
def test_a_bad_answer_says_round_and_what_was_wrong(
    answer: Callable[[Query], Any], message: str
) -> None:
    with pytest.raises(StrategyError, match=f"round 1: .*{message}"):
        rounds_of(answer)


def test_start_with_one_class_is_fitted_by_a_constant() -> None:
    def one_class(query: Query) -> Any:
        return query.top(-query.margins)

    spec = RunSpec(Ref("iris"), Ref("margin"), Ref("logreg"), Ref("logreg"), Protocol(budget=40))
    task = cut(registry.build("dataset", spec.dataset), spec)
    only = np.flatnonzero(task.y == 2)[:20]
    task = replace(task, start=only)
    for model in ("logreg", "svc-rbf", "forest", "knn", "gnb"):
        ref = registry.resolve("model", model)
        learner = engines.learner(ref, task, lambda n: 0, engine="plain")
        rounds = list(
            simulate(
                task,
                one_class,
                learner,
                learner,
                oracle(spec.protocol, task, spec.rng("oracle")),
                metrics={"accuracy": registry.build("metric", Ref("accuracy"))},
                rng=spec.rng("strategy"),
            )
        )
        assert rounds[0].scores["accuracy"] == np.mean(task.y_test == 2)
        # no row is nearer to a boundary than another: the first ten of the pool order
        np.testing.assert_array_equal(rounds[1].picks, np.setdiff1d(np.arange(90), only)[:10])


@given(
    scores=st.lists(st.integers(0, 6), min_size=1, max_size=25),
    n=st.integers(1, 25),
    seed=st.integers(0, 5),
    ordered=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_tie_rule_against_its_definition(
    scores: list[int], n: int, seed: int, ordered: bool
) -> None:
    values = np.array(scores) * 4e-7
    n = min(n, len(values))
    order = np.random.default_rng(seed).permutation(len(values)) if ordered else None
    picked, n_tied = first_best(values, n, 1e-6, order)
    left, expected = list(range(len(values))), []
    for _ in range(n):
        best = max(values[i] for i in left)
        tied = [i for i in left if values[i] >= best - 1e-6]
        expected.append(min(tied, key=lambda i: i if order is None else order[i]))
        left.remove(expected[-1])
    assert picked.tolist() == expected
    assert n_tied == sum(v >= values.max() - 1e-6 for v in values)
