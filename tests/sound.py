"""Made-up runs that agree with themselves, as everything that `merge` takes in must."""

from typing import Any

from albench.core.spec import Ref, RunSpec
from albench.results.consistent import told_by

Made = tuple[dict[str, Any], list[dict[str, Any]]]


def spec(name: str) -> RunSpec:
    """The spec of a run of a strategy of that name."""
    return RunSpec(Ref("iris"), Ref(name), Ref("gnb"), Ref("gnb"))


def sound(run: dict[str, Any], rounds: list[dict[str, Any]]) -> Made:
    """A made-up run of a strategy under the id that its spec gives it."""
    told = told_by(spec(run["strategy"]))
    return {"protocol": "standard"} | run | told, [row | {"run": told["run"]} for row in rounds]
