"""Runs replayed in processes of their own: one for each strategy, and one without it.

A strategy that patches a library would confirm its own numbers wherever its file is loaded.
So the picks of a strategy from outside come from one process, and the numbers that follow
from them out of another that has never loaded it, where the picks are read from a list.
What comes back is JSON: nothing that such a process sends is executed.
"""

import contextlib
import json
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from pathlib import Path
from typing import Any

import numpy as np

from albench.core import registry
from albench.core.errors import BadData, Unavailable
from albench.core.parameters import Entry
from albench.core.spec import Ref, RunSpec
from albench.core.tables import FULL_POOL
from albench.core.traits import Traits
from albench.runner.clock import one_thread
from albench.runner.worker import Finished, Options, resident, run_one
from albench.simulation.query import FileQuery, Picks

GRACE = 30.0
OURS = "albench."


@dataclass(frozen=True)
class Job:
    """One run to replay; with a script its picks are read from there, round by round."""

    spec: RunSpec
    options: Options
    script: list[dict[str, Any]] | None = None


def replayed(jobs: Sequence[Job]) -> Iterator[Finished | str]:
    """The runs of one strategy, replayed; a text where one could not be, saying why."""
    if here_only(jobs[0].spec):
        for job in jobs:
            yield replay(job)
        return
    plugins = tuple(name for name in registry.LOADED if Path(name).is_file())
    own = any(origins(jobs[0]))  # a file that no entry of the run comes from is not loaded at all
    first = list(apart(jobs, plugins if own else ()))
    if not scripted_too(jobs[0]):
        yield from first
        return
    again = [
        Job(job.spec, job.options, one.rounds)
        for job, one in zip(jobs, first, strict=True)
        if isinstance(one, Finished) and one.run["status"] == "done"
    ]
    numbers = apart(again, ())
    for one in first:
        done = isinstance(one, Finished) and one.run["status"] == "done"
        yield next(numbers) if done else one


def here_only(spec: RunSpec) -> bool:
    """Whether the strategy is defined in this process and in no file that another could load."""
    if spec.strategy.name == FULL_POOL:
        return False
    entry = registry.entry("strategy", spec.strategy.name)
    return entry.plugin is None and not entry.make.__module__.startswith(OURS)


def origins(job: Job) -> set[str | None]:
    """The files that the entries of a run come from; None is albench itself."""
    return {plugin_of("strategy", job.spec.strategy)} | others(job)


def others(job: Job) -> set[str | None]:
    """The same of all entries but the strategy, those inside its parameters among them."""
    spec = job.spec
    entries: list[tuple[registry.Kind, Ref]] = [
        ("dataset", spec.dataset),
        ("model", spec.model),
        ("model", spec.query_model),
        *(("metric", registry.resolve("metric", name)) for name in job.options.metrics),
    ]
    inner = [ref for _, value in spec.strategy.params for ref in refs_in(value)]
    kinds: tuple[registry.Kind, ...] = ("strategy", "model")
    entries += [(k, ref) for ref in inner for k in kinds if ref.name in registry.names(k)]
    return {plugin_of(kind, ref) for kind, ref in entries}


def refs_in(value: Any) -> Iterator[Ref]:
    """The entries that a parameter names, at any depth."""
    if isinstance(value, Ref):
        yield value
        for _, inner in value.params:
            yield from refs_in(inner)
    elif isinstance(value, tuple):
        for item in value:
            yield from refs_in(item)


def plugin_of(kind: registry.Kind, ref: Ref) -> str | None:
    """The file or package that an entry comes from; None: albench's own."""
    if kind == "strategy" and ref.name == FULL_POOL:
        return None
    return registry.entry(kind, ref.name).plugin


def scripted_too(job: Job) -> bool:
    """Whether a strategy alone is from outside, so that its picks can be scored without it."""
    if plugin_of("strategy", job.spec.strategy) is None or any(others(job)):
        return False
    traits = registry.entry("strategy", job.spec.strategy.name).traits
    return not (traits.bound or traits.sampling)


def apart(jobs: Sequence[Job], plugins: Sequence[str]) -> Iterator[Finished | str]:
    """Jobs done by one fresh process, which has loaded these plugins and no others."""
    if not jobs:
        return
    methods = multiprocessing.get_all_start_methods()
    context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        context.set_forkserver_preload(["albench.testing.warm"])
    ours, theirs = context.Pipe(duplex=False)
    told = {name: value for name, value in os.environ.items() if name.startswith("ALBENCH_")}
    process = context.Process(target=child, args=(theirs, tuple(jobs), tuple(plugins), told))
    process.daemon = True
    process.start()
    theirs.close()
    try:
        for number, job in enumerate(jobs):
            said = heard(ours, job)
            if said is None:
                process.join(1)
                why = f"its process ended without an answer (exit code {process.exitcode})"
                yield from [why] * (len(jobs) - number)
                return
            yield said
    finally:
        with contextlib.suppress(OSError):
            process.kill()
        process.join(5)
        ours.close()


def heard(pipe: Any, job: Job) -> Finished | str | None:
    """The next answer of a process; None where there is none."""
    limit = job.options.timeout
    try:
        if limit is not None and not pipe.poll(limit + GRACE):
            return None
        said = json.loads(pipe.recv_bytes())
    except (EOFError, OSError, ValueError):
        return None
    if isinstance(said, dict) and isinstance(said.get("run"), dict):
        return Finished(said["run"], list(said.get("rounds", ())))
    return str(said)


def child(
    pipe: Any, jobs: tuple[Job, ...], plugins: tuple[str, ...], environment: dict[str, str]
) -> None:
    """The other process: replay one job after the other."""
    os.environ.update(environment)
    registry.load()
    for plugin in plugins:
        registry.load_plugin(plugin)
    for job in jobs:
        said = replay(job)
        found = {"run": said.run, "rounds": said.rounds} if isinstance(said, Finished) else said
        pipe.send_bytes(json.dumps(found, default=lambda value: value.item()).encode())


def replay(job: Job) -> Finished | str:
    """One run again, in this process."""
    try:
        resident(job.spec.dataset)
    except (BadData, Unavailable) as error:
        return f"dataset {job.spec.dataset.label} cannot be had here: {error}"
    with one_thread(), reading(job) as spec:
        return run_one(spec, replace(job.options, plugins=()))


@contextlib.contextmanager
def reading(job: Job) -> Iterator[RunSpec]:
    """The spec, its strategy one that reads the script while the block lasts."""
    if job.script is None:
        yield job.spec
        return
    name, entries = job.spec.strategy.name, registry.ENTRIES["strategy"]
    batches = [one for one in job.script if one["round"] and one["picks"]]
    chosen = any(one.get("annotators") is not None for one in batches)
    traits = Traits(family="control", rows=True, sequential=True, annotators=chosen)

    def make(query: FileQuery, **params: Any) -> Picks:
        one = batches.pop(0)
        order = np.argsort(query.rows)
        at = order[np.searchsorted(query.rows, one["picks"], sorter=order)]
        if one.get("annotators") is not None and query.annotators is not None:
            return Picks(at, None, np.asarray(one["annotators"], dtype=np.intp))
        if len(at) < query.n:  # the money ended within the batch: the rest is not bought again
            at = np.append(at, np.setdiff1d(query.pool, at)[: query.n - len(at)])
        if one.get("n_tied") is not None:
            query.log["n_tied"] = one["n_tied"]
        given = one.get("probability")
        return Picks(at, None if given is None else np.resize(np.asarray(given), len(at)))

    before = entries.get(name)
    entry = Entry("strategy", name, make, job.spec.strategy.version, traits)
    anything = Parameter("any", Parameter.KEYWORD_ONLY, annotation=Any)
    vars(entry)["parameters"] = defaultdict(lambda: anything)
    entries[name] = entry
    try:
        yield job.spec
    finally:
        del entries[name]
        if before is not None:
            entries[name] = before
