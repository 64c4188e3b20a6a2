"""Strategies of one trial: one fit for each labelled set, and nobody's numbers move."""

from itertools import count

import numpy as np
import pytest
from engine_grid import CASES, task_of

from albench.core.registry import build, resolve
from albench.core.spec import Protocol, Ref, RunSpec
from albench.core.tables import FULL_POOL
from albench.models import engines
from albench.models.engines.shared import Cache, Memo
from albench.runner.clock import Laps, Parts
from albench.runner.worker import Options, run_block, run_one
from albench.simulation.learner import Trainer
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle

REPEATABLE = ["forest", "knn", "gnb", "svc-rbf-libsvm", "svc-linear-libsvm", "logreg-lbfgs", "lda"]


class Counting(Trainer):
    """A learner that counts its fits."""

    def __init__(self, learner):
        self.learner, self.name, self.make, self.fits = learner, learner.name, learner.make, 0

    def fit(self, labeled, y):
        self.fits += 1
        return self.learner.fit(labeled, y)


def lend(part, seconds):
    """Nobody keeps the time."""


def ticking():
    """A clock that moves by one second at each look."""
    return count().__next__


def picks(task, spec, strategy, learner):
    metric = build("metric", resolve("metric", "accuracy"))
    rounds = simulate(
        task,
        build("strategy", resolve("strategy", strategy)),
        learner,
        learner,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={"accuracy": metric},
        rng=np.random.default_rng(0),
    )
    return [(one.picks.tolist(), one.scores["accuracy"]) for one in rounds]


@pytest.mark.parametrize("limit", [64 << 20, 5000])
def test_strategies_that_pick_alike_cost_one_fit(limit: int) -> None:
    X, y = CASES["moons"]()
    task, spec = task_of(X, y, budget=60)

    def learner():
        return engines.learner(resolve("model", "gnb"), task, lambda n: n)

    names = ("margin", "entropy", "least_confident", "random")
    alone = [picks(task, spec, name, learner()) for name in names]
    cache = Cache(ticking(), limit)
    counting = [Counting(learner()) for _ in names]
    together = [
        picks(task, spec, n, Memo(c, cache, lend)) for n, c in zip(names, counting, strict=True)
    ]
    assert together == alone
    fits = [one.fits for one in counting]
    if limit > 5000:
        assert fits == [len(alone[0]), 0, 0, len(alone[3]) - 1]
    assert cache.size <= limit + 3 * 8 * 300


def test_a_shared_fit_stays_valid_after_other_fits() -> None:
    X, y = CASES["blobs-4"]()
    task, _ = task_of(X, y)
    cache = Cache(ticking())
    memo = Memo(engines.learner(resolve("model", "svc-rbf-libsvm"), task, int), cache, lend)
    first = memo.fit(np.arange(30), task.y[:30])
    due = first.decision("test").copy()
    memo.fit(np.arange(40), task.y[:40]).predicted("test")
    assert np.array_equal(first.decision("test"), due)
    assert np.array_equal(first.decision("train")[:5], first.decision("train", np.arange(5)))
    plain = engines.learner(resolve("model", "svc-rbf-libsvm"), task, int, engine="plain")
    fitted = plain.fit(np.arange(30), task.y[:30])
    np.testing.assert_allclose(first.decision("train"), fitted.decision("train"), atol=1e-6)


def test_what_another_run_paid_for_counts_in_the_laps() -> None:
    X, y = CASES["moons"]()
    task, _ = task_of(X, y)
    cache, parts = Cache(ticking()), Parts()
    fitting, querying = Laps(parts, ("fit",)), Laps(parts, ("strategy", "pool"))
    for _ in range(2):
        learner = engines.learner(resolve("model", "gnb"), task, int)
        fitted = Memo(learner, cache, parts.lend).fit(np.arange(30), task.y[:30])
        fitted.proba("train", np.arange(50))
    assert (fitting.lap(), querying.lap()) == (1.0, 1.0)
    assert (fitting.lap(), querying.lap()) == (0.0, 0.0)


@pytest.mark.parametrize("model", [*REPEATABLE, "svc-rbf", "logreg"])
def test_runs_of_a_block_equal_runs_alone(model: str) -> None:
    """To the bit: log-loss shows the last digit of a probability."""
    ref = resolve("model", {"use": model, "trees": 9} if model == "forest" else model)
    names = ("margin", "random", "entropy", "least_confident", "qbc", FULL_POOL)
    specs = [
        RunSpec(
            resolve("dataset", "wdbc"),
            Ref(FULL_POOL) if name == FULL_POOL else resolve("strategy", name),
            ref,
            ref,
            Protocol(start=10, batch=5, budget=45),
            trial,
        )
        for trial in (0, 1)
        for name in names
    ]
    options = Options(("accuracy", "log_loss", "brier"))
    block = run_block(specs, options)
    for spec, together in zip(specs, block, strict=True):
        alone = run_one(spec, options)
        assert together.run["status"] == alone.run["status"] == "done"
        assert together.run["engine"] == alone.run["engine"]
        assert len(together.rounds) == len(alone.rounds)
        for a, b in zip(together.rounds, alone.rounds, strict=True):
            mine, other = (
                {k: v for k, v in row.items() if not k.startswith("seconds")} for row in (a, b)
            )
            assert repr(mine) == repr(other)
