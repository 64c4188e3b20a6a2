"""Small finished runs for the tests of what was bought: tables and cuts, made once."""

from functools import cache
from typing import Any

import pandas as pd

from albench.core.registry import resolve
from albench.core.spec import Protocol, RunSpec
from albench.runner.cuts import cuts
from albench.runner.worker import Options, run_one

STRATEGIES: tuple[Any, ...] = ("random", "margin", "kcenter", ("softmax", "margin"))
METRICS = ("accuracy", "balanced_accuracy", "average_precision_macro")
LOGREG = resolve("model", "logreg")


def strategy(given: Any) -> Any:
    if isinstance(given, tuple):
        return resolve("strategy", {"use": given[0], "base": given[1]})
    return resolve("strategy", given)


SMALL = Protocol(start=10, budget=60)


@cache
def ran(
    protocol: Protocol = SMALL,
    dataset: str = "wdbc",
    trials: int = 3,
    trace: bool = True,
    strategies: tuple[Any, ...] = STRATEGIES,
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[RunSpec, ...]]:
    """Tables and specs of every strategy and trial."""
    specs = tuple(
        RunSpec(resolve("dataset", dataset), strategy(s), LOGREG, LOGREG, protocol, trial)
        for trial in range(trials)
        for s in strategies
    )
    options = Options(METRICS, trace=trace)
    finished = [run_one(spec, options) for spec in specs]
    assert [f.run["reason"] for f in finished] == [None] * len(specs)
    runs = pd.DataFrame([f.run for f in finished])
    runs["strategy"] = [spec.strategy.name for spec in specs]
    runs["protocol"] = "small"
    return runs, pd.DataFrame([row for f in finished for row in f.rounds]), specs


def measured(function: Any, *args: Any, **more: Any) -> Any:
    """What an analysis returns on `ran(*args)`."""
    runs, rounds, specs = ran(*args)
    return function(runs, rounds, cuts(specs), **more)
