"""Specs -> store: what is missing is run, in parallel, and stored by the coordinator alone."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from albench.core.errors import BadResults, BadValue, Skip, Unavailable, UsageError
from albench.core.reasons import Reason
from albench.core.spec import Ref, RunSpec, canonical
from albench.datasets._catalogue import HELP
from albench.datasets._cut import cut
from albench.datasets._dataset import suspects
from albench.models.engines.compiled import notices
from albench.results import provenance
from albench.results.store import Labels, Store
from albench.runner import isolation
from albench.runner.clock import wanting
from albench.runner.crew import Block
from albench.runner.grid import labels_of, missing, take_over
from albench.runner.pool import Workers, results
from albench.runner.worker import (
    Finished,
    Options,
    described,
    luggage,
    resident,
    versions_of,
)
from albench.suite import Labelled, Suite


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


__all__ = ["Progress", "Workers", "check_limits", "open_store", "run"]

BLOCK = 24
MADE = ("versions", "machine", "revision")  # of the manifest: what made the runs


@dataclass
class Progress:
    """How far a run has come; handed to `on_progress` after each block.

    dataset, names  the dataset worked on, and how the suite calls each
    """

    total: int
    counts: dict[str, int] = field(default_factory=dict)
    dataset: str = ""
    names: dict[str, str] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    parts: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    storing: float = 0.0
    workers: int = 1

    @property
    def done(self) -> int:
        """Runs that ended in any way."""
        return sum(self.counts.values())

    def add(self, finished: Iterable[Finished]) -> None:
        """Count finished runs."""
        for one in finished:
            status = one.run["status"]
            self.counts[status] = self.counts.get(status, 0) + 1
            self.dataset = self.names.get(one.run["dataset"], one.run["dataset"])
            parts = self.parts.setdefault((one.run["model"], one.run["strategy"]), {})
            for part, seconds in one.parts.items():
                parts[part] = parts.get(part, 0.0) + seconds


def run(
    suite: Suite,
    results_dir: Path | str | None = None,
    *,
    jobs: int | Workers = -1,
    options: Options | None = None,
    shard: tuple[int, int] | None = None,
    reuse: Sequence[Path | str] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report: Callable[[str], None] = lambda sentence: None,
) -> Progress:
    """Run what the store lacks of a suite, and pack the tables.

    results_dir  folder of the results, default `results/<suite>`
    jobs         worker processes, -1 for all cores; or `Workers`, with back end and scheduler
    shard        (I, N): only the I-th of N parts of the grid, for several machines
    reuse        folders of other results whose runs are taken over
    Runs on a dataset that cannot be had (no network) are stored as failed, with the reason;
    where that is so of all datasets and nothing is stored, Unavailable is raised instead.
    Raises UsageError for mistakes in the suite or the data, before the first run.
    """
    workers = executing(jobs, shard)
    store = open_store(suite, results_dir, report)
    options = options or Options(suite.metrics)
    options = replace(options, metrics=suite.metrics, trace=suite.trace)
    for sentence in wanting(options.timeout, options.profile):
        report(sentence)
    suite, gone = with_skipped(suite)
    others = [Store(folder, report) for folder in reuse]
    if not others and settled(suite, store):
        progress = Progress(0)
        on_progress(progress)
        return progress
    with store.writing():
        origins = [other.manifest for other in others if take_over(suite, store, other)]
        specs = missing(suite, store)
        if shard is not None:
            specs = part(specs, shard)
            if not specs:
                report(f"--shard {shard[0]}/{shard[1]} has none of the runs that are missing")
        gone |= preflight(suite, [spec for spec in specs if spec.dataset not in gone], report)
        lost = [spec for spec in specs if spec.dataset in gone]
        specs = [spec for spec in specs if spec.dataset not in gone]
        check_some_here(suite, lost, gone)
        sent = luggage(specs, suite.plugins, suite.metrics)
        options = replace(options, plugins=sent.files, entries=sent.entries)
        labels = labels_of(suite) if specs or lost or origins else {}
        store.add(
            [without_data(suite, spec, gone[spec.dataset]) | labels[spec.id] for spec in lost], []
        )
        progress = Progress(len(specs), names={e.ref.label: e.label for e in suite.datasets})
        on_progress(progress)
        if specs:
            beside = said_first(specs, options, report)
            store.note(**told(suite, store, origins, beside=beside))
            progress.workers = workers.count
            finished = results(blocks(specs), options, workers)
            stored_as_they_come(finished, store, progress, on_progress, labels)
        finish(suite, store, labels, origins, ran=bool(specs or lost))
    return progress


def said_first(
    specs: Sequence[RunSpec], options: Options, report: Callable[[str], None]
) -> dict[str, str]:
    """Say what is to be known before the first run.

    Returns the strategies from outside that run in the process that holds the data, and why.
    """
    for sentence in notices():
        report(sentence)
    beside = isolation.beside_data(specs, options.in_process)
    for label, why in beside.items():
        report(f"strategy {label} runs in the process that holds the data: {why}")
    return beside


def settled(suite: Suite, store: Store) -> bool:
    """Whether a store has all runs of a suite, packed, and its manifest what was added."""
    manifest = store.manifest
    packed = bool(manifest.get("sha256")) and not store.shard_keys() and store.planned() is None
    known = set(suite.added) <= set(manifest.get("added", ()))
    return packed and known and not missing(suite, store)


def finish(
    suite: Suite, store: Store, labels: Labels, origins: Sequence[dict[str, Any]], ran: bool
) -> None:
    """Pack the tables, and have the manifest say what they are.

    origins  manifests of the stores from which runs were taken over
    ran      whether something was run now; without it, what is stored owes nothing to the
             versions that are here, and the manifest goes on naming those it named
    """
    if ran or origins or not store.manifest:
        store.pack(labels, **told(suite, store, origins, ran))
        return
    new = [name for name in suite.added if name not in store.manifest.get("added", ())]
    store.pack(**(told(suite, store, origins, ran) if new else {}))


def check_some_here(suite: Suite, lost: Sequence[RunSpec], gone: dict[Ref, str]) -> None:
    """Raise Unavailable, once and with what helps, where no dataset of a suite can be had."""
    if not lost or len(lost) < len(suite.specs):
        return
    n, first = len(gone), next(iter(gone.values()))
    files = HELP.replace("SUITE", suite.name if suite.path is None else str(suite.path))
    raise Unavailable(
        f"none of the {n} datasets of suite {suite.name!r} can be had: {first}; {files}"
    )


def without_data(suite: Suite, spec: RunSpec, reason: str) -> dict[str, Any]:
    """The row of a run whose dataset cannot be had; the next `run` tries it again."""
    stamp = {"versions": canonical(provenance.versions()), "revision": provenance.revision()}
    row = described(spec) | {"metrics": versions_of(suite.metrics), "seconds": 0.0}
    why = {"reason": f"the dataset cannot be had: {reason}", "reason_code": Reason.data_missing}
    return row | stamp | {"status": "failed"} | why


def told(
    suite: Suite,
    store: Store,
    origins: Sequence[dict[str, Any]] = (),
    ran: bool = True,
    beside: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What the manifest says now; additions of earlier runs and their entries stay in it.

    beside  strategies from outside that run in the process that holds the data, and why
    """
    before, now = store.manifest, provenance.manifest(suite)
    now["added"] = list(dict.fromkeys([*before.get("added", ()), *now["added"]]))
    now["entries"] = {**before.get("entries", {}), **now["entries"]}
    sides = provenance.in_process([before, *origins, {"in_process": dict(beside or {})}])
    now |= {"in_process": sides} if sides else {}
    # the question of the first run stays, so that a later change of it can be told
    if not before:
        now["question"] = provenance.asked(suite)
    elif "question" in before:
        now["question"] = before["question"]
    makers = [now, before] if ran else [before]
    made = [{key: one[key] for key in MADE if one.get(key)} for one in [*makers, *origins]]
    also = before.get("also", {})
    told = {key: value for key, value in now.items() if key not in MADE}
    found = provenance.merged([{"also": also}, *made] if also else made)
    return {key: found.get(key) for key in (*MADE, "also")} | told


def stored_as_they_come(
    blocks: Generator[list[Finished], None, None],
    store: Store,
    progress: Progress,
    on_progress: Callable[[Progress], None],
    labels: Labels,
) -> None:
    """Store each block of runs as it comes in; workers end with this call."""
    stamp = {"versions": canonical(provenance.versions()), "revision": provenance.revision()}
    # workers end here: the next call may find another environment, which they would not see
    with closing(blocks) as coming:
        for finished in coming:
            begin = time.monotonic()
            store.add(
                [one.run | stamp | labels[one.run["run"]] for one in finished],
                [r for one in finished for r in one.rounds],
            )
            store.compact()
            progress.storing += time.monotonic() - begin
            progress.add(finished)
            on_progress(progress)


def executing(jobs: int | Workers, shard: tuple[int, int] | None) -> Workers:
    """Who executes the runs; raises BadValue for a number or a shard that there cannot be."""
    workers = jobs if isinstance(jobs, Workers) else Workers(jobs)
    workers_of(workers.jobs)
    part((), shard or (1, 1))
    return workers


def workers_of(jobs: int) -> int:
    """The number of processes; raises BadValue where it makes none."""
    return Workers(jobs).count


def check_limits(jobs: int, timeout: float | None, memory: float) -> None:
    """Raise BadValue for numbers that bound nothing, also where nothing is to do."""
    workers_of(jobs)
    if timeout is not None and not timeout > 0:
        raise BadValue(f"--timeout {timeout}: a positive number of seconds")
    if not memory > 0:
        raise BadValue(f"--memory {memory}: a positive number of megabytes")


def open_store(
    suite: Suite, results_dir: Path | str | None, report: Callable[[str], None] = lambda s: None
) -> Store:
    """The store of a suite; raises BadResults if the folder is another suite's."""
    store = Store(results_dir or Path("results") / suite.name, report)
    owner = store.manifest.get("suite")
    if owner is not None and owner != suite.name:
        raise BadResults(
            f"{store.folder} holds the results of suite {owner!r}, not of {suite.name!r}; "
            "give another folder with --results, or take runs over with --reuse"
        )
    return store


def part(specs: Sequence[RunSpec], shard: tuple[int, int]) -> list[RunSpec]:
    """The I-th of N parts; the runs of one trial stay together."""
    i, n = shard
    if not 1 <= i <= n:
        raise BadValue(f"--shard {i}/{n}: I from 1 to N")
    return [spec for spec in specs if spec.seed("split") % n == i - 1]


def blocks(specs: Sequence[RunSpec]) -> list[Block]:
    """Runs that share a cut together, in the order of the specs, at most BLOCK at a time."""
    groups: dict[Any, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.dataset, spec.protocol, spec.trial), []).append(spec)
    return [
        tuple(group[i : i + BLOCK])
        for group in groups.values()
        for i in range(0, len(group), BLOCK)
    ]
