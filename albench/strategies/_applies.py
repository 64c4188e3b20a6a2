"""Whether a strategy applies: known before the run from what its entry declares.

What only shows while it runs (a model without decision values, a pool too large for a
quadratic method) raises the same `Skip`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from albench.core.errors import Skip
from albench.core.parameters import Entry, nested_kind
from albench.core.registry import entry
from albench.core.spec import Ref, Value

MEMORY = 2 * 2**30
"""Bytes that one array of a strategy may take; what needs more is refused, not tried."""

NOTHING: Mapping[str, Value] = MappingProxyType({})


class Facts(Protocol):
    """What of a task decides whether a strategy applies."""

    @property
    def n_classes(self) -> int: ...
    @property
    def positive(self) -> int | None: ...


def why_not(
    strategy: Entry, task: Facts, query_model: Entry, params: Mapping[str, Value] = NOTHING
) -> str | None:
    """Why a strategy does not apply, as tables show it; None where it does.

    strategy, query_model  entries of the registry
    task                   anything with `n_classes` and `positive`
    params                 parameters of the strategy, where they are not the defaults: a
                           base strategy is asked in turn, a committee's own models stand
                           in for the query model
    """
    needs = strategy.traits.needs
    if "binary" in needs and task.n_classes != 2:
        return f"binary only: {task.n_classes} classes"
    if "positive" in needs and task.positive is None:
        return "needs a positive class; the dataset names none"
    models, bases = nested(strategy, params)
    lacking = next((m for m in models or [query_model] if m.traits.proba is False), None)
    if "proba" in needs and lacking is not None:
        return f"needs probabilities; {lacking.name} has none"
    if "linear" in needs and query_model.traits.linear is False:
        return f"needs a linear query model; {query_model.name} is none"
    for ref in bases:
        reason = why_not(entry("strategy", ref.name), task, query_model, ref.kwargs)
        if reason is not None:
            return f"{ref.name}: {reason}"
    return None


def out_of_place(strategy: Entry, labels: str, params: Mapping[str, Value] = NOTHING) -> str | None:
    """Why a strategy does not belong under a protocol's `labels`; None where it does.

    Choosing what to label and choosing what to train on never share a table; controls and
    bounds belong to both. A wrapper belongs where the strategy it wraps does.
    """
    _, bases = nested(strategy, params)
    if bases:
        reasons = (out_of_place(entry("strategy", b.name), labels, b.kwargs) for b in bases)
        return next((reason for reason in reasons if reason is not None), None)
    if strategy.traits.sampling:
        return None if labels == "visible" else 'active sampling: needs labels = "visible"'
    if labels == "hidden" or strategy.traits.bound:
        return None
    if strategy.traits.family == "control":
        return None
    return 'active learning: with labels = "visible" strategies choose what to train on'


def nested(strategy: Entry, params: Mapping[str, Value]) -> tuple[list[Entry], list[Ref]]:
    """Models and base strategies that the parameters of a strategy name."""
    models, bases = [], []
    for name, parameter in strategy.parameters.items():
        kind = nested_kind(parameter.annotation)
        value: Any = params.get(name, parameter.default) if kind else None
        for item in value if isinstance(value, list | tuple) else [value]:
            ref = Ref(item) if isinstance(item, str) else item
            if isinstance(ref, Ref) and kind == "model":
                models.append(entry("model", ref.name))
            if isinstance(ref, Ref) and kind == "strategy":
                bases.append(ref)
    return models, bases


def within_memory(n_bytes: float, what: str) -> None:
    """Raise Skip where an array would take more than `MEMORY`."""
    if n_bytes > MEMORY:
        allowed = f"at most {MEMORY / 2**30:.3g} GB are allowed"
        raise Skip(f"{what} would take {n_bytes / 2**30:.1f} GB; {allowed}")
