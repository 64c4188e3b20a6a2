"""`run` and `merge`: fill a results folder, and say how far that has come."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from albench.cli.options import (
    FromOpt,
    OnlyOpt,
    PluginOpt,
    ResultsOpt,
    SuiteArg,
    parsed_only,
    retyped,
    suite_of,
)
from albench.cli.output import emit, note, show
from albench.core.errors import BadValue, CheckFailed, UsageError

if TYPE_CHECKING:
    from albench.results.store import Store
    from albench.runner import Progress, Workers
    from albench.runner.worker import Options
    from albench.suite import Suite


class Backend(StrEnum):
    """Where runs are executed."""

    loky = "loky"
    dask = "dask"


class Engine(StrEnum):
    """How models are fitted."""

    auto = "auto"
    plain = "plain"


JobsOpt = Annotated[int, typer.Option("--jobs", metavar="N", help="Processes; -1: all cores.")]
TrialsOpt = Annotated[int | None, typer.Option("--trials", metavar="N", help="Trials per dataset.")]
AddOpt = Annotated[
    list[str] | None, typer.Option("--add", metavar="STRATEGY", help="A further strategy.")
]
RemoveOpt = Annotated[
    list[str] | None,
    typer.Option("--remove", metavar="STRATEGY", help="Take back an --add; its runs stay stored."),
]
BackendOpt = Annotated[Backend, typer.Option("--backend", help="loky or dask.")]
SchedulerOpt = Annotated[
    str | None, typer.Option("--scheduler", metavar="ADDRESS", help="A dask scheduler.")
]
TimeoutOpt = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="Limit for each run.")
]
EngineOpt = Annotated[
    Engine, typer.Option("--engine", help="auto: fastest proven; plain: scikit-learn.")
]
MemoryOpt = Annotated[
    float,
    typer.Option(
        "--memory", metavar="MB", help="Kernel values a process may hold; beyond: blocks."
    ),
]
ShardOpt = Annotated[
    str | None, typer.Option("--shard", metavar="I/N", help="Only the I-th of N parts.")
]
DryRunOpt = Annotated[
    bool, typer.Option("--dry-run", help="Say what would run, and how long it may take.")
]
InProcessOpt = Annotated[
    bool,
    typer.Option(
        "--in-process", help="Run strategies from files beside the data, not in own processes."
    ),
]
ProfileOpt = Annotated[bool, typer.Option("--profile", help="Say where the time went.")]
ReuseOpt = Annotated[
    list[Path] | None, typer.Option("--reuse", metavar="DIR", help="Take over stored runs.")
]


class Until(StrEnum):
    """When a run ends before its trials are all there."""

    decided = "decided"


UntilOpt = Annotated[
    Until | None,
    typer.Option("--until", metavar="decided", help="Add trials until all is decided."),
]
MaxTrialsOpt = Annotated[
    int | None, typer.Option("--max-trials", metavar="N", help="Most trials of --until.")
]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("run")(run)
    app.command("merge")(merge)


def run(
    suite: SuiteArg,
    results: ResultsOpt = None,
    jobs: JobsOpt = -1,
    only: OnlyOpt = None,
    trials: TrialsOpt = None,
    add: AddOpt = None,
    remove: RemoveOpt = None,
    backend: BackendOpt = Backend.loky,
    scheduler: SchedulerOpt = None,
    timeout: TimeoutOpt = None,
    engine: EngineOpt = Engine.auto,
    memory: MemoryOpt = 224,
    shard: ShardOpt = None,
    dry_run: DryRunOpt = False,
    profile: ProfileOpt = False,
    in_process: InProcessOpt = False,
    reuse: ReuseOpt = None,
    until: UntilOpt = None,
    max_trials: MaxTrialsOpt = None,
    source: FromOpt = None,
    plugin: PluginOpt = None,
) -> None:
    """Run what is missing of a suite, then compare its strategies.

    Interrupted, the same command goes on where it stopped. Data files are kept in the folder
    ALBENCH_DATA, else in the platform's cache folder. A strategy from a file runs in processes
    of its own, which hold no test row, no unbought label and no name of a dataset.
    """
    from albench.api.running import Settings, execution_of
    from albench.api.tables import opened, reduced
    from albench.runner import Workers, open_store
    from albench.runner.grid import without
    from albench.runner.plan import plan

    check_until(until, max_trials, trials, shard)
    limits: Settings = {"jobs": jobs, "timeout": timeout, "memory": memory}
    how: Settings = {"engine": engine.value, "profile": profile, "in_process": in_process}
    execution = execution_of({**limits, **how})
    if scheduler is not None and backend is not Backend.dask:
        raise BadValue("--scheduler is of dask: give --backend dask with it")
    as_written = suite_of(suite, plugin)
    if remove and not dry_run:
        without(as_written, open_store(as_written, results, note), remove)
    loaded, store = opened(as_written, results, say=note)
    loaded = reduced(loaded, parsed_only(only or ()), add or ())
    loaded = loaded if trials is None else loaded.with_trials(trials)
    if dry_run:
        return show_plan(plan(loaded, store, part_of(shard), note))
    told_changes(loaded, store)
    workers = Workers(jobs, backend.value, scheduler)
    execute = executor(store, workers, execution, part_of(shard), reuse or ())
    if until is not None:
        return looked(loaded, store, max_trials, execute, profile)
    return closing(loaded, store, execute(loaded), profile)


def executor(
    store: "Store",
    workers: "Workers",
    options: "Options",
    shard: tuple[int, int] | None,
    reuse: Sequence[Path],
) -> Callable[["Suite"], "Progress"]:
    """What runs the missing part of a suite into a store, showing how far it is."""
    from albench.runner import run as run_suite
    from albench.runner.progress import shown

    def execute(part: "Suite") -> "Progress":
        with shown(note) as update:
            return run_suite(
                part,
                store.folder,
                jobs=workers,
                options=options,
                shard=shard,
                reuse=reuse,
                on_progress=update,
                report=note,
            )

    return execute


def check_until(
    until: Until | None, most: int | None, trials: int | None, shard: str | None
) -> None:
    """Raise BadValue for options that contradict a run in looks."""
    if until is None and most is not None:
        raise BadValue("--max-trials is of --until decided: give it too")
    if until is not None and trials is not None:
        raise BadValue("--trials and --until decided contradict; the most trials: --max-trials")
    if until is not None and shard is not None:
        raise BadValue("--until decided looks at whole trials: it cannot run with --shard")


def looked(
    suite: "Suite",
    store: "Store",
    most: int | None,
    execute: Callable[["Suite"], "Progress"],
    profile: bool,
) -> None:
    """Run in looks until all is decided, then close as any run does."""
    from albench.analysis.comparison import looks as rule
    from albench.runner.looks import design_of, run_until_decided, sentence, verdicts_of

    design = design_of(suite, most)
    where = "on these datasets" if design.scope == "these" else "beyond these datasets"
    planned = ", ".join(map(str, design.trials))
    note(f"looks at {planned} trials, {where}; {rule.RULE}")
    last, done = None, []
    for last in run_until_decided(suite, store, design, lambda s: done.append(execute(s))):
        note(sentence(last, design))
    assert last is not None
    show(verdicts_of(last), ["protocol", "model", "strategy", "verdict", "trials"])
    note("these verdicts hold over all looks; a comparison of the same runs knows one look only")
    return closing(suite.with_trials(last.trials), store, done[-1], profile)


def part_of(shard: str | None) -> tuple[int, int] | None:
    """`I/N` as two numbers."""
    if shard is None:
        return None
    one, _, many = shard.partition("/")
    if not (one.isdigit() and many.isdigit()):
        raise BadValue(f"--shard {shard}: I/N is due, such as 1/4")
    return int(one), int(many)


def told_changes(suite: "Suite", store: "Store") -> None:
    """Say what becomes of stored runs if the suite's file has changed since."""
    from albench.results.provenance import suite_digest
    from albench.runner.grid import missing

    before = store.manifest.get("suite_sha256")
    if before is None or before == suite_digest(suite):
        return
    todo, total = len(missing(suite, store)), len(suite.specs)
    note(f"the suite has changed since: {total - todo} stored runs are kept, {todo} are to do")


def closing(suite: "Suite", store: "Store", progress: "Progress", profile: bool) -> None:
    """The closing table, and what failed; raises CheckFailed if a run did."""
    from albench.runner.grid import labelled
    from albench.runner.plan import profiled

    runs, rounds = labelled(suite, store)
    if profile:
        show(profiled(progress), ["model", "strategy", "part", "seconds", "share"])
    if (runs["status"] == "done").any():
        told(suite, runs, rounds, store, progress)
    bad = runs[runs["status"].isin(["failed", "timeout"])]
    skipped = runs[runs["status"] == "skipped"]
    for (strategy, reason), group in skipped.groupby(["strategy", "reason"]):
        note(f"skipped: {strategy}, {len(group)} runs: {reason}")
    if len(bad):
        last = bad["reason"].map(lambda reason: str(reason).strip().splitlines()[-1])
        for (dataset, why, status), group in bad.groupby(["dataset", last, "status"], sort=False):
            strategies = group["strategy"].unique()
            what = strategies[0] if len(strategies) == 1 else f"{len(strategies)} strategies"
            note(f"{status}: {what} on {dataset}, {len(group)} runs: {why}")
        shown = retyped("status", suite, store.folder, "--failed")
        raise CheckFailed(f"{len(bad)} runs; `{shown}` shows why")


def told(suite: "Suite", runs: Any, rounds: Any, store: "Store", progress: "Progress") -> None:
    """The comparison, and a picture of the learning curves."""
    from albench.cli.compare import compare_suite
    from albench.cli.effort import told_hours
    from albench.reporting.figures import draw_learning

    if suite.axis == "cost":
        note("answers are by cost, as the suite names one")
    try:
        found = compare_suite(suite, runs, rounds, store.folder)
        told_hours(suite)
    except UsageError as error:
        return note(f"no comparison: {error}")
    folder = store.folder / "figures"
    if progress.total or not folder.is_dir():
        draw_learning(found, folder, ["png"], [s.label for s in suite.strategies])
    for file in sorted(folder.glob("learning*.png")):
        note(f"learning curves: {file}")
    return None


UNKNOWN = "unknown until fetched"


def show_plan(planned: dict[str, Any]) -> None:
    """What `--dry-run` prints."""
    rows = [
        row
        | {
            "time": "unknown until fetched"
            if row["hours"] is None
            else lasting(row["hours"] * 3600)
        }
        for row in planned["rows"]
    ]
    columns = ["dataset", "model", "runs", "rounds", "time", "MB"]
    show(rows, [*columns, "data"] if planned["elsewhere"] else columns)
    unknown = planned["unknown"]
    cost = f"about {lasting(planned['hours'] * 3600)} on one core, {planned['MB']:.2g} MB"
    if unknown:
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        cost += f" without those on {', '.join(unknown[:5])}{more} ({UNKNOWN})"
    emit(f"{planned['runs']} runs to do, {cost}; {planned['stored']} runs are stored already")
    measured = planned["measured"]
    if measured:
        note(
            f"time: an estimate; of {measured} of the runs from other trials that are stored and "
            "were made on this machine"
        )
    if planned["hours"] and measured < planned["runs"]:
        note(
            "time: an estimate from timed fits of each dataset and model, with start-up, scoring "
            "and storing; strategies that fit models of their own (committees, expected error, "
            "...) come on top"
        )
    if planned["elsewhere"]:
        note(
            f"{planned['elsewhere']} datasets are not here (`albench data fetch` or `albench data "
            "import DIR`); where a size is registered, noise of that size was timed"
        )


def lasting(seconds: float) -> str:
    """Seconds for people: `less than 0.1 s`, `4.2 s`, `12.0 min` or `3.5 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 0.1 or not seconds else "less than 0.1 s"


def merge(
    sources: Annotated[list[Path], typer.Argument(metavar="FROM...", help="Results folders.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Where the union goes.")],
) -> None:
    """Merge results folders: their union; contradictions are named, exit 1."""
    from albench.core.errors import Contradiction
    from albench.runner.grid import merge as merge_stores

    try:
        store = merge_stores(sources, into, note)
    except Contradiction as error:
        raise CheckFailed(str(error)) from error
    emit(f"{len(store.runs())} runs in {store.folder}")
