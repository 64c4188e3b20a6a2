"""What is found out before the first run: which data are there, and which trials count."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from albench.data import cut
from albench.errors import Skip, Unavailable, UsageError
from albench.execute import resident
from albench.ref import Ref
from albench.spec import RunSpec
from albench.suite import Labelled, Suite
from albench.suspects import suspects


def with_skipped(suite: Suite) -> tuple[Suite, dict[Ref, str]]:
    """The suite with the trials that its protocols skip, so that later seeds take their place.

    Only datasets with more seeds than count are looked at. Also returned: those of them
    that cannot be had now, with the reason; none of their trials is taken to be skipped.
    """
    skipped, gone = set(), {}
    for dataset in suite.datasets:
        trials = dataset.trials or suite.trials
        if trials.take == len(trials.seeds):
            continue
        try:
            skipped |= skipped_of(suite, dataset, trials.seeds)
        except Unavailable as error:
            gone[dataset.ref] = str(error)
        except UsageError as error:
            raise type(error)(f"dataset {dataset.label}: {error}") from None
    return (replace(suite, skipped=frozenset(skipped)) if skipped else suite), gone


def skipped_of(suite: Suite, dataset: Labelled, seeds: Sequence[int]) -> set[tuple[str, str, int]]:
    """Dataset, protocol and seed of the trials that a protocol skips."""
    found = set()
    for label, protocol in suite.protocols:
        for seed in seeds:
            ref = suite.models[0].ref
            own = dataset.under(protocol)
            spec = RunSpec(dataset.ref, suite.strategies[0].ref, ref, ref, own, seed)
            try:
                cut(resident(dataset.ref), spec)
            except Skip:
                found.add((dataset.label, label, seed))
    return found


def preflight(
    suite: Suite, specs: Sequence[RunSpec], report: Callable[[str], None]
) -> dict[Ref, str]:
    """Load each dataset and cut it once, so that mistakes show before the first run.

    Returns the datasets that cannot be had now, with the reason.
    """
    labels = {entry.ref: entry.label for entry in suite.datasets}
    first: dict[Any, RunSpec] = {}
    for spec in specs:
        first.setdefault((spec.dataset, spec.protocol), spec)
    gone: dict[Ref, str] = {}
    looked: set[Ref] = set()
    whole: dict[int, dict[str, int]] = {}
    for (ref, _), spec in first.items():
        try:
            data = resident(ref)
            for said in [] if ref in looked else suspects(data):
                report(f"dataset {labels.get(ref, ref.label)}: {said}")
            looked.add(ref)
            task = cut(data, spec)
        except Skip:
            continue
        except Unavailable as error:
            gone[ref] = str(error)
            continue
        except UsageError as error:
            raise type(error)(f"dataset {labels.get(ref, ref.label)}: {error}") from None
        if isinstance(spec.protocol.budget, int) and spec.protocol.budget > task.budget:
            whole.setdefault(spec.protocol.budget, {})[labels.get(ref, ref.label)] = task.budget
        constant = int((task.X.max(axis=0) == task.X.min(axis=0)).sum())
        if constant:
            report(f"dataset {labels.get(ref, ref.label)}: {constant} constant features")
    for budget, pools in whole.items():
        listed = ", ".join(f"{name} ({n} labels)" for name, n in pools.items())
        report(f"budget = {budget} is more than there is; it buys the whole pool of {listed}")
    return gone
