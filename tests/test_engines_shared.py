"""Strategies side by side: one fit for each labelled set, and nobody's picks move."""

import numpy as np
import pytest
from engine_grid import CASES, task_of

from albench import engines
from albench.engines.shared import Cache, Memo
from albench.loop import simulate
from albench.oracle import oracle
from albench.registry import build, resolve


class Counting:
    """A learner that counts its fits."""

    def __init__(self, learner):
        self.learner, self.name, self.fits = learner, learner.name, 0

    def fit(self, labeled, y):
        self.fits += 1
        return self.learner.fit(labeled, y)


def picks(task, spec, strategy, learner):
    metric = build("metric", resolve("metric", "accuracy"))
    rounds = simulate(
        task, build("strategy", resolve("strategy", strategy)), learner, learner,
        oracle(spec.protocol, task, spec.rng("oracle")), metrics={"accuracy": metric},
        rng=np.random.default_rng(0),
    )  # fmt: skip
    for one in rounds:
        yield one.picks.tolist(), one.scores["accuracy"]


@pytest.mark.parametrize("limit", [64 << 20, 5000])
def test_strategies_that_pick_alike_cost_one_fit(limit: int) -> None:
    X, y = CASES["moons"]()
    task, spec = task_of(X, y, budget=60)

    def learner():
        return engines.learner(resolve("model", "logreg"), task, lambda n: n)

    names = ("margin", "entropy", "least_confident", "random")
    alone = [list(picks(task, spec, name, learner())) for name in names]
    cache = Cache(limit)
    counting = [Counting(learner()) for _ in names]
    runs = [picks(task, spec, n, Memo(c, cache)) for n, c in zip(names, counting, strict=True)]
    together = [list(run) for run in zip(*zip(*runs, strict=True), strict=True)]
    assert together == alone
    fits = [one.fits for one in counting]
    if limit > 5000:
        assert fits[0] == len(alone[0])
        assert fits[1] == fits[2] == 0
        assert fits[3] == len(alone[3]) - 1
    assert cache.size <= limit + 3 * 8 * 300


def test_a_shared_fit_stays_valid_after_other_fits() -> None:
    X, y = CASES["blobs-4"]()
    task, _ = task_of(X, y)
    memo = Memo(engines.learner(resolve("model", "svc-rbf"), task, int), Cache())
    first = memo.fit(np.arange(30), task.y[:30])
    due = first.decision("test").copy()
    memo.fit(np.arange(40), task.y[:40]).predicted("test")
    assert np.array_equal(first.decision("test"), due)
    np.testing.assert_allclose(first.decision("train")[:5], first.decision("train", np.arange(5)))
    plain = engines.learner(resolve("model", "svc-rbf"), task, int, engine="plain")
    fitted = plain.fit(np.arange(30), task.y[:30])
    np.testing.assert_allclose(first.decision("train"), fitted.decision("train"), atol=1e-6)
