"""The keys of a suite file that say how it is judged, checked."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from albench import registry
from albench.errors import BadValue
from albench.suite import Labelled

TARGET = "'random', 'gap:SHARE' with 0 < SHARE < 1, or a score"


def judging(
    table: Mapping[str, Any], metrics: Sequence[str], strategies: Sequence[Labelled]
) -> dict[str, Any]:
    """The keys that say how the suite is judged; raises BadValue with what would be right."""
    primary = table.get("primary", metrics[0])
    if primary not in metrics:
        raise BadValue(f"primary = {primary!r} is none of the metrics: {', '.join(metrics)}")
    labels = [s.label for s in strategies]
    baseline = table.get("baseline", "random")
    if baseline not in labels:
        known = registry.did_you_mean(baseline, labels)
        raise BadValue(f"baseline = {baseline!r} is none of the strategies{known}")
    alpha, rope = table.get("alpha", 0.05), table.get("rope", 0.01)
    if not 0 < alpha < 0.5:
        raise BadValue(f"alpha = {alpha}: a number between 0 and 0.5")
    if not rope > 0:
        raise BadValue(f"rope = {rope}: a number above 0, in units of the primary metric")
    checkpoints = tuple(table.get("checkpoints", (0.0, 0.1, 0.25, 0.5, 1.0)))
    if any(not 0 <= share <= 1 for share in checkpoints):
        raise BadValue(f"checkpoints = {list(checkpoints)}: shares of the budget, 0 to 1")
    return {
        "primary": primary,
        "baseline": baseline,
        "alpha": alpha,
        "rope": rope,
        "checkpoints": checkpoints,
        "targets": tuple(target(value) for value in table.get("targets", ())),
    }


def target(value: Any) -> str | float:
    """A quality target: `random`, `gap:0.95`, or a score; raises BadValue for another."""
    if isinstance(value, str):
        kind, _, share = value.partition(":")
        if value == "random" or (kind == "gap" and 0 < number(share) < 1):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    raise BadValue(f"targets: {value!r}: {TARGET}")


def number(text: str) -> float:
    """A number, NaN for other text."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
