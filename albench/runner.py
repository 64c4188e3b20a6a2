"""Specs -> store: what is missing is run, in parallel, and stored by the coordinator alone."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench import provenance
from albench.cuts import cuts
from albench.errors import BadResults, BadValue
from albench.execute import Finished, Options, described, versions_of
from albench.grid import missing
from albench.merging import take_over
from albench.pool import Block, results, stop_workers
from albench.preflight import preflight, with_skipped
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
    Runs on a dataset that cannot be had (no network) are stored as failed, with the reason.
    Raises UsageError for mistakes in the suite or the data, before the first run.
    """
    workers_of(jobs)
    store = open_store(suite, results_dir, report)
    options = options or Options(suite.metrics)
    options = replace(options, metrics=suite.metrics, trace=suite.trace, plugins=suite.plugins)
    suite, gone = with_skipped(suite)
    for folder in reuse:
        take_over(suite, store, Store(folder, report))
    specs = missing(suite, store)
    if shard is not None:
        specs = part(specs, shard)
    gone |= preflight(suite, [spec for spec in specs if spec.dataset not in gone], report)
    lost = [spec for spec in specs if spec.dataset in gone]
    specs = [spec for spec in specs if spec.dataset not in gone]
    store.add([without_data(suite, spec, gone[spec.dataset]) for spec in lost], [])
    names = {entry.ref.label: entry.label for entry in suite.datasets}
    progress = Progress(len(specs), names=names)
    on_progress(progress)
    if specs:
        store.note(**told(suite, store))
        simulate_all(specs, store, options, progress, on_progress, (jobs, backend, scheduler))
    if specs or lost:
        store.pack(**told(suite, store))
    return progress


def without_data(suite: Suite, spec: RunSpec, reason: str) -> dict[str, Any]:
    """The row of a run whose dataset cannot be had; the next `run` tries it again."""
    stamp = {"versions": canonical(provenance.versions()), "revision": provenance.revision()}
    row = described(spec) | {"metrics": versions_of(suite.metrics), "seconds": 0.0}
    return row | stamp | {"status": "failed", "reason": f"the dataset cannot be had: {reason}"}


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
    jobs, backend, scheduler = where
    progress.workers = workers = workers_of(jobs)
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


def workers_of(jobs: int) -> int:
    """The number of processes; raises BadValue where it makes none."""
    import joblib

    workers: int = joblib.cpu_count() + 1 + jobs if jobs < 0 else jobs
    if jobs == 0 or workers < 1:
        raise BadValue(f"--jobs {jobs}: at least 1, or -1 for all cores")
    return workers


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
