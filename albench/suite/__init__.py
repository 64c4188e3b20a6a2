"""A suite: the grid of a benchmark and how it is judged, read from a TOML file.

Every mistake in the file is an error that names the file and the key and says what would
be right.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from albench.analysis.question import Options
from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadValue
from albench.core.spec import Protocol, Ref, RunSpec
from albench.core.tables import FULL_POOL, bare_metric
from albench.suite.protocols import with_oracle

FULL = Ref(FULL_POOL)
RANDOM = Ref("random")


class Labelled(NamedTuple):
    """A registry entry under the name that the suite's tables show.

    query   the query model of a strategy or model, where it is not the task model
    trials  the trials of a dataset, where they are not the suite's
    base    the dataset of which a dataset is a variant, where its ref does not tell
    group   what kind of dataset it is, for filters
    fields  protocol fields of a dataset that differ from the suite's
    only    the labels of the datasets on which a bound is run; empty: all
    """

    label: str
    ref: Ref
    query: Ref | None = None
    trials: "Trials | None" = None
    base: str = ""
    group: str = ""
    fields: tuple[tuple[str, Any], ...] = ()
    only: tuple[str, ...] = ()

    def under(self, protocol: Protocol) -> Protocol:
        """A protocol of the suite as this dataset has it."""
        return replace(protocol, **dict(self.fields)) if self.fields else protocol


@dataclass(frozen=True)
class Trials:
    """Trial numbers, and how many of them count: the first `take` that are not skipped."""

    seeds: tuple[int, ...]
    take: int

    @classmethod
    def first(cls, n: int) -> "Trials":
        """Trials 0 to n - 1."""
        return cls(tuple(range(n)), n)

    def standing(self, skipped: Iterable[int]) -> tuple[int, ...]:
        """The trials of the grid: skipped ones stay, until `take` others are there."""
        out, left, gone = [], self.take, set(skipped)
        for seed in self.seeds:
            if not left:
                break
            out.append(seed)
            left -= seed not in gone
        return tuple(out)


class Cell(NamedTuple):
    """One run of the grid, with the labels under which tables show it."""

    dataset: str
    protocol: str
    model: str
    strategy: str
    trial: int
    spec: RunSpec


def direction(metric: str) -> str:
    """`higher` or `lower`, whichever is better; raises UnknownName for an unknown metric."""
    return str(registry.entry("metric", bare_metric(metric)).traits.better)


@dataclass(frozen=True, repr=False)
class Suite(Displayed):
    """What to run, and how to judge it.

    baseline   label of the strategy that the others are compared with
    primary    the one metric that decides; alpha: level; ropes: regions of practical
               equivalence by metric, in its units, where they are declared
    scope      what `run --until decided` decides: what holds `beyond` these datasets, or on
               `these`
    targets    quality targets of labels-to-target; checkpoints: shares of the budget
    stopping   stopping rules that `albench stop` judges; empty: all that are known
    price_of_mistakes  what a mistake costs in labels, over all predictions to be made
    seconds_per_label  how long a person takes for one, for hours beside labels
    bounds     labels of strategies that see hidden labels and are never ranked
    skipped    (dataset, protocol, trial) of trials that the protocol skips
    """

    name: str
    title: str
    datasets: tuple[Labelled, ...]
    models: tuple[Labelled, ...]
    strategies: tuple[Labelled, ...]
    protocols: tuple[tuple[str, Protocol], ...]
    trials: Trials
    metrics: tuple[str, ...] = ("accuracy",)
    primary: str = "accuracy"
    baseline: str = "random"
    cite: str = ""
    alpha: float = 0.05
    ropes: tuple[tuple[str, float], ...] = ()
    scope: str = "beyond"
    targets: tuple[Any, ...] = ()
    checkpoints: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    trace: bool = False
    seconds_per_label: float | None = None
    stopping: tuple[Labelled, ...] = ()
    price_of_mistakes: float = 1000.0
    plugins: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    skipped: frozenset[tuple[str, str, int]] = frozenset()
    path: Path | None = field(default=None, compare=False)
    text: str = field(default="", compare=False, repr=False)

    def sheet(self) -> Sheet:
        """What is run, and how it is judged."""
        import pandas as pd

        labels = {
            "datasets": [d.label for d in self.datasets],
            "protocols": [label for label, _ in self.protocols],
            "models": [m.label for m in self.models],
            "strategies": [s.label for s in self.strategies],
            "metrics": list(self.metrics),
            "trials": [str(self.trials.take)],
            "primary": [self.primary],
            "baseline": [self.baseline],
        }
        rows = [(key, ", ".join(values)) for key, values in labels.items()]
        return Sheet(
            f"{self.name}: {self.title}", frame=pd.DataFrame(rows, columns=["key", "value"])
        )

    @property
    def bounds(self) -> frozenset[str]:
        """Labels of strategies that are drawn as bounds and never ranked."""
        return frozenset(
            s.label for s in self.strategies if registry.entry("strategy", s.ref.name).traits.bound
        )

    @property
    def bound_models(self) -> frozenset[str]:
        """Labels of models that look at the test set and are never ranked."""
        return frozenset(
            m.label for m in self.models if registry.entry("model", m.ref.name).traits.bound
        )

    @property
    def unranked(self) -> frozenset[str]:
        """Labels of bounds, and of recorded picks that are replayed."""
        replayed = (
            s.label for s in self.strategies if registry.entry("strategy", s.ref.name).traits.replay
        )
        return self.bounds | frozenset(replayed)

    @property
    def bases(self) -> dict[str, str]:
        """The base dataset of each dataset's label: variants of one count once in tests.

        Variants are entries over another dataset (a parameter is a dataset), one entry of
        fixed content or one generator under several parameters, and twins by their entries
        (trait `base`); the key `base` of a suite's entry goes before.
        """
        return {d.label: d.base or base_of(d.ref, d.label) for d in self.datasets}

    @property
    def axis(self) -> str:
        """What answers are given over: `cost` where a protocol or annotators say what one costs."""
        priced = any(
            d.under(p).cost is not None
            or registry.entry("oracle", d.under(p).oracle.name).traits.annotators
            for _, p in self.protocols
            for d in self.datasets
        )
        return "cost" if priced else "n_labeled"

    def question(self, metric: str | None = None, baseline: str | None = None) -> Options:
        """What the suite asks of its results, by a metric of its own (default: the primary one).

        This is the one place where a suite becomes the options of an analysis: commands, pages
        and Python take it from here. Raises BadValue for a metric that the suite lacks.
        """
        metric = self.primary if metric is None else metric
        if metric not in self.metrics:
            raise BadValue(f"metric {metric!r}: the suite has {', '.join(self.metrics)}")
        return Options(
            metric,
            direction(metric),
            baseline or self.baseline,
            alpha=self.alpha,
            rope=dict(self.ropes).get(metric),
            unranked=tuple(sorted(self.unranked)),
            unranked_models=tuple(sorted(self.bound_models)),
            base=self.bases,
            targets=self.targets,
            axis=self.axis,
        )

    @property
    def protocol_words(self) -> dict[str, str]:
        """What captions call each protocol: its label, and what its oracle does."""
        return {label: with_oracle(label, value) for label, value in self.protocols}

    @property
    def specs(self) -> tuple[RunSpec, ...]:
        """The distinct runs of the grid, dataset outermost."""
        return tuple(dict.fromkeys(cell.spec for cell in self.cells()))

    def cells(self) -> Iterator[Cell]:
        """The grid, dataset outermost, the full-pool run of each trial and model first."""
        for dataset in self.datasets:
            for protocol_label, shared in self.protocols:
                protocol = dataset.under(shared)
                for trial in self.trials_of(dataset, protocol_label):
                    for model in self.models:
                        place = (dataset.label, protocol_label, model.label)
                        full = RunSpec(dataset.ref, FULL, model.ref, model.ref, protocol, trial)
                        yield Cell(*place, FULL_POOL, trial, full)
                        for strategy in self.strategies:
                            if strategy.only and dataset.label not in strategy.only:
                                continue
                            query = strategy.query or model.query or model.ref
                            spec = RunSpec(
                                dataset.ref, strategy.ref, model.ref, query, protocol, trial
                            )
                            yield Cell(*place, strategy.label, trial, spec)

    def trials_of(self, dataset: Labelled, protocol: str) -> tuple[int, ...]:
        """The trials of a dataset that stand in the grid."""
        gone = {t for d, p, t in self.skipped if (d, p) == (dataset.label, protocol)}
        return (dataset.trials or self.trials).standing(gone)

    def only(self, wanted: Mapping[str, Sequence[str]]) -> "Suite":
        """The part of the suite with these labels, by kind (dataset, model, ...).

        The baseline stays, so that there is something to compare with. Raises BadValue for
        a label that the suite does not have.
        """
        parts: dict[str, Any] = {}
        for kind, labels in wanted.items():
            plural = {"dataset": "datasets", "model": "models", "strategy": "strategies"}
            if kind == "protocol":
                have = {label: (label, p) for label, p in self.protocols}
                parts["protocols"] = picked(have, labels, kind, self.name)
            elif kind in plural:
                have = {entry.label: entry for entry in getattr(self, plural[kind])}
                kept = [*labels, self.baseline] if kind == "strategy" else labels
                parts[plural[kind]] = picked(have, kept, kind, self.name)
            else:
                known = registry.did_you_mean(kind, [*plural, "protocol"])
                raise BadValue(f"--only {kind}=...: unknown kind{known}")
        return replace(self, **parts)

    def with_trials(self, n: int) -> "Suite":
        """The suite with n trials per dataset."""
        if n < 1:
            raise BadValue(f"--trials {n}: a whole number of at least 1")

        def shortened(trials: Trials) -> Trials:
            fresh = trials.take == len(trials.seeds) and n > trials.take
            return Trials.first(n) if fresh else replace(trials, take=min(n, len(trials.seeds)))

        datasets = tuple(
            d._replace(trials=shortened(d.trials)) if d.trials else d for d in self.datasets
        )
        return replace(self, trials=shortened(self.trials), datasets=datasets)

    def adding(self, strategies: Iterable[str]) -> "Suite":
        """The suite with further strategies, by name; those it has already are left alone."""
        have = {s.label for s in self.strategies}
        new = [name for name in dict.fromkeys(strategies) if name not in have]
        fresh = tuple(Labelled(n, registry.resolve("strategy", n, "--add")) for n in new)
        added = tuple(dict.fromkeys((*self.added, *new)))
        return replace(self, strategies=self.strategies + fresh, added=added)


def base_of(ref: Ref, label: str) -> str:
    """The base dataset of a dataset called `label`, where its suite names none."""
    inner = next((v for _, v in ref.params if isinstance(v, Ref)), None)
    if inner is not None:
        return base_of(inner, inner.label)
    traits = registry.entry("dataset", ref.name).traits
    return traits.base or (ref.name if traits.n is not None else label)


def picked(
    have: Mapping[str, Any], labels: Sequence[str], kind: str, suite: str
) -> tuple[Any, ...]:
    """The entries of these labels, in the suite's order."""
    for label in labels:
        if label not in have:
            known = registry.did_you_mean(label, have)
            raise BadValue(f"suite {suite!r} has no {kind} {label!r}{known}")
    return tuple(entry for label, entry in have.items() if label in labels)
