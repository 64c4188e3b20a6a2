"""Specs -> store: what is missing is run, in parallel, and stored by the coordinator alone."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench import provenance
from albench.cuts import cuts
from albench.data import cut
from albench.errors import BadResults, BadValue, Skip, UsageError
from albench.execute import Finished, Options, resident
from albench.grid import missing
from albench.merging import take_over
from albench.pool import Block, results, stop_workers
from albench.ref import canonical
from albench.spec import RunSpec
from albench.store import Store
from albench.suite import Suite

if TYPE_CHECKING:
    pass

__all__ = ["Progress", "cuts", "open_store", "run"]

BLOCK = 24


@dataclass
class Progress:
    """How far a run has come; handed to `on_progress` after each block.

    dataset: the one of the last run, by the suite's `labels`
    """

    total: int
    counts: dict[str, int] = field(default_factory=dict)
    dataset: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
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
            self.dataset = self.labels.get(one.run["dataset"], one.run["dataset"])
            parts = self.parts.setdefault((one.run["model"], one.run["strategy"]), {})
            for part, seconds in one.parts.items():
                parts[part] = parts.get(part, 0.0) + seconds


def run(
    suite: Suite,
    results_dir: Path | str | None = None,
    *,
    jobs: int = -1,
    backend: str = "loky",
    scheduler: str | None = None,
    options: Options | None = None,
    shard: tuple[int, int] | None = None,
    reuse: Sequence[Path | str] = (),
    on_progress: Callable[[Progress], None] = lambda progress: None,
    report: Callable[[str], None] = lambda sentence: None,
) -> Progress:
    """Run what the store lacks of a suite, and pack the tables.

    results_dir  folder of the results, default `results/<suite>`
    jobs         worker processes, -1 for all cores
    backend      `loky` (processes) or `dask`, with the address of a `scheduler`
    shard        (I, N): only the I-th of N parts of the grid, for several machines
    reuse        folders of other results whose runs are taken over
    Raises UsageError for mistakes in the suite or the data, before the first run.
    """
    store = open_store(suite, results_dir, report)
    options = options or Options(suite.metrics)
    options = replace(options, metrics=suite.metrics, trace=suite.trace, plugins=suite.plugins)
    suite = with_skipped(suite)
    for folder in reuse:
        take_over(suite, store, Store(folder, report))
    specs = missing(suite, store)
    if shard is not None:
        specs = part(specs, shard)
    preflight(suite, specs, report)
    progress = Progress(len(specs), labels={d.ref.label: d.label for d in suite.datasets})
    on_progress(progress)
    if specs:
        store.note(**told(suite, store))
        simulate_all(specs, store, options, progress, on_progress, (jobs, backend, scheduler))
        store.pack(**told(suite, store))
    return progress


def told(suite: Suite, store: Store) -> dict[str, Any]:
    """What the manifest says now; additions of earlier runs and their entries stay in it."""
    before, now = store.manifest, provenance.manifest(suite)
    now["added"] = list(dict.fromkeys([*before.get("added", ()), *now["added"]]))
    now["entries"] = {**before.get("entries", {}), **now["entries"]}
    return now


def simulate_all(
    specs: Sequence[RunSpec],
    store: Store,
    options: Options,
    progress: Progress,
    on_progress: Callable[[Progress], None],
    where: tuple[int, str, str | None],
) -> None:
    """Run the specs and store each block as it comes in; workers end with this call."""
    import joblib

    jobs, backend, scheduler = where
    workers = joblib.cpu_count() + 1 + jobs if jobs < 0 else jobs
    if jobs == 0 or workers < 1:
        raise BadValue(f"--jobs {jobs}: at least 1, or -1 for all cores")
    progress.workers = workers
    stamp = {"versions": canonical(provenance.versions()), "revision": provenance.revision()}
    try:
        for finished in results(blocks(specs), options, workers, backend, scheduler):
            begin = time.monotonic()
            store.add(
                [one.run | stamp for one in finished], [r for one in finished for r in one.rounds]
            )
            store.compact()
            progress.storing += time.monotonic() - begin
            progress.add(finished)
            on_progress(progress)
    finally:
        # the next call may find another environment, which running workers would not see
        stop_workers()


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


def with_skipped(suite: Suite) -> Suite:
    """The suite with the trials that its protocols skip, so that later seeds take their place."""
    gone = set()
    for dataset in suite.datasets:
        trials = dataset.trials or suite.trials
        if trials.take == len(trials.seeds):
            continue
        for label, protocol in suite.protocols:
            own = dataset.under(protocol)
            for seed in trials.seeds:
                ref = suite.models[0].ref
                spec = RunSpec(dataset.ref, suite.strategies[0].ref, ref, ref, own, seed)
                try:
                    cut(resident(dataset.ref), spec)
                except Skip:
                    gone.add((dataset.label, label, seed))
    return replace(suite, skipped=frozenset(gone)) if gone else suite


def preflight(suite: Suite, specs: Sequence[RunSpec], report: Callable[[str], None]) -> None:
    """Load each dataset and cut it once, so that mistakes show before the first run."""
    labels = {entry.ref: entry.label for entry in suite.datasets}
    first: dict[Any, RunSpec] = {}
    for spec in specs:
        first.setdefault((spec.dataset, spec.protocol), spec)
    for (ref, _), spec in first.items():
        try:
            task = cut(resident(ref), spec)
        except Skip:
            continue
        except UsageError as error:
            raise type(error)(f"dataset {labels.get(ref, ref.label)}: {error}") from None
        constant = int((task.X.max(axis=0) == task.X.min(axis=0)).sum())
        if constant:
            report(f"dataset {labels.get(ref, ref.label)}: {constant} constant features")
