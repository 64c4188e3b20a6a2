"""What a worker does: one run, or a block of runs that share a cut."""

import math
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from albench.core import registry, safe
from albench.core.errors import AlbenchError, RunTimeout, Skip
from albench.core.reasons import Reason, reason_of
from albench.core.spec import Protocol, Ref, RunSpec
from albench.core.tables import FULL_POOL, listed
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models import engines
from albench.models.engines.compiled import working_time
from albench.models.engines.shared import Cache, Memo
from albench.results.consistent import told_by
from albench.runner import forking, isolation
from albench.runner.clock import (
    Laps,
    Parts,
    TimedLearner,
    limited,
    one_thread,
    peak_memory,
    told_to_stop,
)
from albench.simulation.learner import Learner
from albench.simulation.loop import Cold, Sight, simulate
from albench.simulation.oracles import oracle
from albench.simulation.stopping import Watch
from albench.simulation.task import Oracle, Round, Task
from albench.strategies._applies import out_of_place, why_not
from albench.suite.protocols import protocol_name

Fits: TypeAlias = "dict[Any, Cache]"
RESIDENT = 2
HOLD = 5.0  # seconds that a finished run may wait for others of its block


@dataclass(frozen=True)
class Options:
    """How to execute runs; nothing here can move a pick.

    metrics  names of the metrics to evaluate
    timeout  seconds a run may take, None for no limit
    engine   `auto` or `plain`
    memory   bytes of kernel values that engines may hold
    trace    record `margin_rank`
    plugins  files to import in the worker
    entries  entries to know in the worker that no file tells of
    profile  record where the time went, and the peak memory of the process
    in_process  have strategies from files run in the worker itself, beside the data
    """

    metrics: tuple[str, ...]
    timeout: float | None = None
    engine: str = "auto"
    trace: bool = False
    plugins: tuple[str, ...] = ()
    entries: tuple[registry.Entry, ...] = ()
    profile: bool = False
    memory: int = engines.MEMORY
    in_process: bool = False


@dataclass(frozen=True)
class Finished:
    """The rows of one run for the tables `runs` and `rounds`, and seconds by part."""

    run: dict[str, Any]
    rounds: list[dict[str, Any]] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)


datasets: dict[Ref, Dataset] = {}


def resident(ref: Ref) -> Dataset:
    """A dataset, loaded once; few stay in memory at a time."""
    if ref not in datasets:
        while len(datasets) >= RESIDENT:
            del datasets[next(iter(datasets))]
        datasets[ref] = registry.build("dataset", ref)
    return datasets[ref]


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the coordinator: it reaches every process of a terminal."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def luggage(
    specs: Iterable[RunSpec], plugins: Sequence[str], metrics: Sequence[str] = ()
) -> registry.Carried:
    """What a worker needs to know the entries of specs and metrics."""
    used: dict[tuple[registry.Kind, Ref], None] = {}
    for spec in specs:
        rules = spec.protocol
        used["dataset", spec.dataset] = used["strategy", spec.strategy] = None
        used["model", spec.model] = used["model", spec.query_model] = None
        used["oracle", rules.oracle] = None
        used["strategy", rules.cold] = None
        if rules.cost is not None:
            used["cost", rules.cost] = None
        if rules.stop is not None:
            used["stopping", rules.stop] = None
    for metric in metrics:
        used["metric", registry.resolve("metric", metric)] = None
    every = (inner for kind, ref in used for inner in registry.within(kind, ref))
    return registry.carried(every, plugins)


def run_block(specs: Sequence[RunSpec], options: Options, hold: float = math.inf) -> list[Finished]:
    """Run specs one after the other, each on one BLAS and OpenMP thread.

    Specs that differ in strategy or models only share the cut, and what is kept with it.

    hold  give back what is finished, and leave the rest of the specs, before a finished run
          has waited so many seconds for those after it (each taken to last up to twice as
          long as the longest so far)
    """
    registry.Carried(options.plugins, options.entries).unpack()
    with one_thread():
        shared: dict[Any, Any] = {}
        finished: list[Finished] = []
        longest, since = 0.0, math.inf
        for spec in specs:
            begin = time.monotonic()
            finished.append(run_one(spec, options, shared))
            now = time.monotonic()
            longest, since = max(longest, now - begin), min(since, now)
            if now - since + 2 * longest > hold:
                break
        return finished


def run_one(spec: RunSpec, options: Options, shared: dict[Any, Any] | None = None) -> Finished:
    """One run; whatever goes wrong in it costs this run only.

    Raises KeyboardInterrupt where the process was told to stop meanwhile, whatever became of
    the exception in the strategy's hands.
    """
    with told_to_stop():
        return contained(spec, options, {} if shared is None else shared)


def contained(spec: RunSpec, options: Options, shared: dict[Any, Any]) -> Finished:
    """`run_one`, where nothing that a strategy or a model raises gets out."""
    begin = working_time()
    row = described(spec) | {"metrics": versions_of(options.metrics)}
    rounds: list[dict[str, Any]] = []
    parts = Parts()
    try:
        with parts.running("load"):
            resident(spec.dataset)
        with parts.running("split"):
            task = cut_once(spec, shared)
        fits = shared.setdefault("fits", {})
        row |= shape(task)
        for ref in (spec.model, spec.query_model):
            idle = working_time()
            registry.build("model", ref)(0)  # its imports are not the run's time
            begin += working_time() - idle
        if isolation.isolates(spec, options.in_process):
            isolation.prepare(spec, engine_of(spec, options.engine), options.memory)
        with limited(options.timeout), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with parts.running("other"):
                learners = learners_of(spec, task, options, parts, fits)
                row["engine"] = learners.model.name
                with closing(simulated(spec, task, options, learners, parts)) as made:
                    for entry in made:
                        row |= entry.pop("ended")
                        rounds.append(entry)
                row["engine"] = learners.model.name  # an engine that fell back on the way says so
        row |= {"status": "done", "reason": None, "reason_code": None}
    except BaseException as error:
        # a KeyboardInterrupt, a SystemExit of the strategy's own: see `told_to_stop`
        row |= ended(spec, error)
    row["seconds"] = working_time() - begin
    if options.profile:
        row["peak_memory"] = peak_memory()
    return Finished(row, rounds if row["status"] == "done" else [], parts.seconds)


def ended(spec: RunSpec, error: BaseException) -> dict[str, Any]:
    """How a run that raised ended: status, reason and its code."""
    status, otherwise = "failed", Reason.refused
    if isinstance(error, Skip):
        status, words = "skipped", said(error)
    elif isinstance(error, RunTimeout):
        status, words = "timeout", said(error)
    elif isinstance(error, isolation.Raised):
        otherwise, words = Reason.exception, said(error)
    elif isinstance(error, forking.ProcessDied):
        otherwise, words = Reason.worker_died, f"{spec.strategy.label}: {said(error)}"
    elif isinstance(error, AlbenchError):
        words = f"{spec.strategy.label}: {said(error)}"
    else:
        otherwise = Reason.exception
        words = "".join(traceback.format_exception(error, limit=-8))
    code = reason_of(error, otherwise).value
    return {"status": status, "reason": safe.reason(words), "reason_code": code}


def said(error: BaseException) -> str:
    """The text of an exception, which may be a strategy's own class."""
    try:
        return str(error)
    except BaseException:
        return type(error).__name__


def cut_once(spec: RunSpec, shared: dict[Any, Any]) -> Task:
    """The cut of a spec, made once for all runs of a block that share it."""
    key = (spec.dataset, spec.protocol, spec.trial)
    if key not in shared:
        shared.clear()
        shared[key] = cut(resident(spec.dataset), spec)
    task: Task = shared[key]
    return task


def described(spec: RunSpec) -> dict[str, Any]:
    """The columns of `runs` that follow from the spec."""
    return told_by(spec) | {"protocol": protocol_name(spec.protocol)}


def versions_of(metrics: Sequence[str]) -> str:
    """Metrics with their versions, as `runs.metrics` holds them."""
    refs = [registry.resolve("metric", m) for m in metrics]
    return ",".join(sorted(f"{ref.label}@{ref.version}" for ref in refs))


def shape(task: Task) -> dict[str, Any]:
    """The columns of `runs` that follow from the cut."""
    return {
        "n_train": len(task.y),
        "n_test": len(task.y_test),
        "n_features": task.X.shape[1],
        "n_classes": task.n_classes,
    }


@dataclass(frozen=True)
class Learners:
    """Of the task model, which is evaluated, and of the query model, which the strategy sees."""

    model: Learner
    query: Learner


def simulated(
    spec: RunSpec, task: Task, options: Options, learners: Learners, parts: Parts
) -> Generator[dict[str, Any], None, None]:
    """The rows of `rounds` of one run."""
    fitting, querying = Laps(parts, ("fit",)), Laps(parts, ("strategy", "pool"))
    sight, task, answers, replay = roles(spec, task)
    same = learners.query is learners.model
    timed = TimedLearner(learners.model, parts, options.profile)
    metrics = {name: registry.resolve("metric", name) for name in options.metrics}
    trace = options.trace and spec.strategy.name != FULL_POOL
    built = {name: registry.build("metric", ref) for name, ref in metrics.items()}
    if options.profile:
        built = {name: parts.timed("metrics", function) for name, function in built.items()}
    with chosen(spec, task, options, parts, replay) as strategy:
        rounds = simulate(
            task,
            parts.timed("strategy", strategy),
            timed,
            timed if same else learners.query,
            answers,
            metrics=built,
            rng=spec.rng("strategy"),
            sight=sight,
            trace=trace,
            watch=watching(spec, task, timed),
            cold=cold_of(spec) if not len(task.start) else None,
        )
        for entry in rounds:
            yield round_row(spec.id, task, entry) | {
                "seconds_fit": round(fitting.lap(), 6),  # digits beyond are noise, and bytes
                "seconds_query": round(querying.lap(), 6),
                "ended": ended_by(spec, entry),
            }


def chosen(
    spec: RunSpec, task: Task, options: Options, parts: Parts, replay: Callable[[Any], Any] | None
) -> AbstractContextManager[Callable[[Any], Any]]:
    """The strategy of a run: recorded picks, or one from a file in a process of its own."""
    if replay is not None:
        return nullcontext(replay)
    if spec.strategy.name == FULL_POOL:
        return nullcontext(lambda query: query.pool)
    if isolation.isolates(spec, options.in_process):
        return isolation.isolated(
            spec, task, engine_of(spec, options.engine), options.memory, parts
        )
    return nullcontext(registry.build("strategy", spec.strategy))


SEES_TEST = "the model looks at the test set, of which a stopping rule knows nothing"


def sees_test(spec: RunSpec) -> bool:
    """Whether the task model is a bound, so that no stopping rule may ask it."""
    return registry.entry("model", spec.model.name).traits.bound


def watching(spec: RunSpec, task: Task, learner: Learner) -> Watch | None:
    """Who asks the protocol's stopping rule; the full-pool run has none to ask."""
    rule = spec.protocol.stop
    if rule is None or spec.strategy.name == FULL_POOL:
        return None
    if sees_test(spec):
        raise Skip(f"stopping rule: {SEES_TEST}")
    rules = {rule.label: registry.build("stopping", rule)}
    watch = Watch(rules, task, learner, lambda: spec.rng("stopping"))
    for why in watch.refused.values():
        raise Skip(f"stopping rule: {why}")
    return watch


def ended_by(spec: RunSpec, entry: Round) -> dict[str, Any]:
    """The columns of `runs` that say why and after how many labels a rule ended a run."""
    rule = spec.protocol.stop
    if entry.stopped is None or rule is None:
        return {}
    return {
        "stopped": f"{rule.label}: {entry.stopped.why}",
        "stopped_at": entry.stopped.labels,
    }


def cold_of(spec: RunSpec) -> Cold:
    """Who chooses while a trial has no label, see `Protocol.cold`."""
    ref = spec.protocol.cold
    return Cold(registry.build("strategy", ref), spec.rng("cold"), ref.label)


def learners_of(spec: RunSpec, task: Task, options: Options, parts: Parts, fits: Fits) -> Learners:
    """The learners of one run: one object for both roles where they are the same."""
    learner = query_learner = memoised(spec, task, options, "model", parts, fits)
    if spec.query_model != spec.model or spec.protocol.scale == "labeled":
        query_learner = memoised(spec, task, options, "query_model", parts, fits)
    return Learners(learner, query_learner)


def memoised(
    spec: RunSpec, task: Task, options: Options, role: Any, parts: Parts, fits: Fits
) -> Learner:
    """The learner of a role, sharing fits with the other runs of the trial where it can."""
    learner = learner_of(spec, task, options, role)
    if not learner.repeatable:
        return learner
    key = role, getattr(spec, role)
    cache = fits.setdefault(key, Cache(working_time))
    return Memo(learner, cache, parts.lend)


def learner_of(spec: RunSpec, task: Task, options: Options, role: Any) -> Learner:
    """The learner of the task model or of the query model."""
    ref = spec.model if role == "model" else spec.query_model
    return engines.learner(
        ref,
        task,
        lambda n: spec.seed(role, n) % 2**32,
        rescale=role == "model" and spec.protocol.scale == "labeled",
        engine=engine_of(spec, options.engine),
        memory=options.memory,
    )


def roles(spec: RunSpec, task: Task) -> tuple[Sight, Task, Oracle, Callable[[Any], Any] | None]:
    """What the strategy may see, task and oracle, and recorded picks, if it is those.

    The full-pool run buys all true labels.
    """
    if spec.strategy.name == FULL_POOL:
        everything = np.setdiff1d(np.arange(len(task.y)), task.withheld)
        full = replace(task, start=everything, budget=len(everything), rounds=0, cost_budget=None)
        truth = oracle(Protocol(), full, spec.rng("oracle"))
        return "pool", full, truth, None
    entry = registry.entry("strategy", spec.strategy.name)
    registry.refuse_bound("model", spec.query_model, "query model")
    params, query_model = spec.strategy.kwargs, registry.entry("model", spec.query_model.name)
    reason = why_not(entry, task, query_model, params)
    reason = reason or out_of_place(entry, spec.protocol.labels, params)
    if reason is not None:
        raise Skip(reason)
    sight: Sight = "all" if entry.traits.bound else "file" if entry.traits.rows else "pool"
    if entry.traits.annotators:
        if not several(spec.protocol):
            raise Skip("it chooses annotators, and the oracle has none to choose of")
        sight = "panel-file" if entry.traits.rows else "panel"
    if sight == "pool" and spec.protocol.labels == "visible":
        sight = "train"
    replay = registry.build("strategy", spec.strategy) if entry.traits.replay else None
    if replay is not None:
        task = replay.bind(spec, task)
    return sight, task, oracle(spec.protocol, task, spec.rng("oracle")), replay


def several(protocol: Protocol) -> bool:
    """Whether a protocol's oracle has several annotators, so that labels may change."""
    return bool(registry.entry("oracle", protocol.oracle.name).traits.annotators)


def engine_of(spec: RunSpec, engine: str) -> str:
    """The engine of a run: engines take labels once given for good, which a panel revises."""
    return "plain" if several(spec.protocol) else engine


def round_row(run: str, task: Task, entry: Round) -> dict[str, Any]:
    """A round as the table `rounds` holds it: dataset rows, null for an abstention."""
    return {
        "run": run,
        "round": entry.round,
        "n_labeled": entry.n_labeled,
        "cost": entry.cost,
        "picks": task.rows[entry.picks].tolist(),
        "labels": [None if label < 0 else int(label) for label in entry.labels],
        "probability": listed(entry.probability),
        "n_tied": entry.n_tied,
        "margin_rank": listed(entry.margin_rank),
        "annotators": listed(entry.annotators),
        **entry.scores,
    }
