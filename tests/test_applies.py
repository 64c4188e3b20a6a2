"""A strategy that does not suit a task is known before the run, with the reason."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from albench.core.errors import BadPlugin, Skip
from albench.core.parameters import Entry, ModelParam, StrategyParam
from albench.core.registry import build, entry, names, resolve, strategy
from albench.core.spec import Ref
from albench.core.traits import Traits
from albench.strategies._applies import MEMORY, why_not, within_memory


def needing(*needs: str, make: Any = lambda query: query.pool) -> Entry:
    return Entry("strategy", "probe", make, "1", Traits(needs=needs))


def task(n_classes: int = 10, positive: int | None = None) -> Any:
    return SimpleNamespace(n_classes=n_classes, positive=positive)


@pytest.mark.parametrize(
    ("needs", "cut", "model", "reason"),
    [
        ("binary", task(10), "logreg", "binary only: 10 classes"),
        ("binary", task(2), "logreg", None),
        ("positive", task(2), "logreg", "needs a positive class; the dataset names none"),
        ("positive", task(2, 0), "logreg", None),
        ("proba", task(), "svc-rbf", "needs probabilities; svc-rbf has none"),
        ("proba", task(), "forest", None),
        ("linear", task(), "forest", "needs a linear query model; forest is none"),
        ("linear", task(), "logreg-lbfgs", None),
    ],
)
def test_reason(needs: str, cut: Any, model: str, reason: str | None) -> None:
    assert why_not(needing(needs), cut, entry("model", model)) == reason


@pytest.mark.parametrize(
    "model", [name for name in names("model") if not entry("model", name).traits.bound]
)
def test_a_model_is_linear_unless_it_says_otherwise(model: str) -> None:
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    fitted = build("model", resolve("model", model))(0).fit(X, y)
    linear = hasattr(fitted, "coef_")
    assert linear or entry("model", model).traits.linear is False or "svc" in model
    assert not (linear and entry("model", model).traits.linear is False)


def test_own_models_stand_in_for_the_query_model() -> None:
    def committee(query: Any, *, models: list[ModelParam] | None = None) -> Any:
        return query.pool

    probe, svc = needing("proba", make=committee), entry("model", "svc-rbf")
    assert why_not(probe, task(), svc) == "needs probabilities; svc-rbf has none"
    assert why_not(probe, task(), svc, {"models": (Ref("gnb"), Ref("lda"))}) is None
    reason = why_not(
        probe, task(), entry("model", "gnb"), {"models": (Ref("gnb"), Ref("svc-linear"))}
    )
    assert reason == "needs probabilities; svc-linear has none"


def test_a_wrapper_asks_its_base() -> None:
    def wrapper(query: Any, *, base: StrategyParam = "margin") -> Any:
        return base(query)

    probe = needing(make=wrapper)
    assert why_not(probe, task(), entry("model", "logreg")) is None
    reason = why_not(probe, task(), entry("model", "logreg"), {"base": Ref("positive_greedy")})
    assert reason == "positive_greedy: needs a positive class; the dataset names none"


def test_memory_is_refused_beyond_the_limit() -> None:
    within_memory(MEMORY, "distances")
    with pytest.raises(Skip, match=r"distances would take 18.6 GB; at most 2 GB"):
        within_memory(50_000**2 * 8, "distances")


def test_a_key_no_strategy_has_is_refused() -> None:
    with pytest.raises(BadPlugin, match="did you mean 'needs'"):
        strategy("probe", need=("proba",))
