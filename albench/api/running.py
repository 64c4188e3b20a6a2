"""`run`: fill a results folder from Python, with strategies that a notebook defines, too."""

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from albench.api.tables import Files, Only, Say, asking, ended, opened, reduced
from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadValue
from albench.runner import Progress, Workers, check_limits
from albench.runner import run as run_suite
from albench.runner.grid import labelled
from albench.runner.worker import Options as Execution
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.results.store import Store


@dataclass(frozen=True, repr=False)
class Ran(Displayed):
    """What a run did, and the tables as they are now.

    suite     the suite that ran, with what was added to it
    folder    where its results lie
    progress  how many runs were to do, and how they ended (`total`, `done`, `counts`)
    notes     what was said on the way: of the data, of damaged files
    """

    suite: Suite
    folder: Path
    progress: Progress
    runs: "pd.DataFrame"
    rounds: "pd.DataFrame"
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> "pd.DataFrame":
        """The runs that failed or took too long, with the reason."""
        return self.runs[self.runs["status"].isin(["failed", "timeout"])]

    def sheet(self) -> Sheet:
        """How the runs ended; the reasons of those that failed or were skipped."""
        counts = ", ".join(f"{n} {status}" for status, n in sorted(self.progress.counts.items()))
        bare = self.runs[self.runs["status"].isin(["failed", "timeout", "skipped"])]
        reasons = [
            f"{status}: {strategy}, {len(group)} runs: {str(why).strip().splitlines()[-1]}"
            for (status, strategy, why), group in bare.groupby(["status", "strategy", "reason"])
        ]
        done = f"{self.progress.total} runs were to do" + (f": {counts}" if counts else "")
        return Sheet(lines=[done], frame=ended(self.runs), notes=[*reasons, *self.notes])


class Settings(TypedDict, total=False):
    """How runs are executed; nothing here can move a pick.

    jobs       worker processes, -1 (the default) for all cores
    backend    `loky` or `dask`, with the address of a `scheduler`
    timeout    seconds that a run may take
    engine     `auto`: the fastest proven; `plain`: scikit-learn
    memory     megabytes of kernel values that a process may hold
    profile    record where the time went, and the peak memory
    shard      (I, N): only the I-th of N parts of the grid
    reuse      folders of other results whose runs are taken over
    in_process have strategies from files run beside the data, not in processes of their own
    """

    jobs: int
    backend: str
    scheduler: str | None
    timeout: float | None
    engine: str
    memory: float
    profile: bool
    shard: tuple[int, int] | None
    reuse: Files
    in_process: bool


def run(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    trials: int | None = None,
    only: Only | None = None,
    add: Sequence[Any] = (),
    plugins: Files = (),
    progress: bool | Callable[[Progress], None] = False,
    **settings: Unpack[Settings],
) -> Ran:
    """Run what is missing of a suite, as `albench run` does.

    Parameters
    ----------
    suite : Suite, str or Path
        A suite, its path, or the name of a shipped one.
    results : Path or str, optional
        Folder of the results, default `results/<suite>`.
    trials : int, optional
        Trials per dataset, default: the suite's.
    only : mapping, optional
        Kind -> labels, such as {"dataset": ["iris", "wine"]}: only this part of the suite.
    add : sequence of str, function or class, optional
        Further strategies: names, or what is defined in the notebook, known by its own name.
        Its version is the digest of its source and of what it reads of the notebook.
    plugins : sequence of str or Path, optional
        Files with entries of one's own.
    progress : bool or callable, optional
        True shows how far it is; a callable gets a `Progress` after each block of runs.
    **settings
        How runs are executed, see `Settings`.

    Returns
    -------
    Ran
        Counts, tables, and why runs failed or were skipped.

    Raises
    ------
    UsageError
        For mistakes in the suite or the data, before the first run.

    Examples
    --------
    >>> import albench, tempfile
    >>> few = {"dataset": ["iris"], "strategy": ["margin"]}
    >>> albench.run("quickstart", tempfile.mkdtemp(), trials=1, only=few, jobs=1).progress.counts
    {'done': 3}
    """
    execution_of(settings)  # a mistake in them shows before anything is opened
    said: list[str] = []
    loaded, store = opened(suite, results, plugins=plugins, say=said.append)
    loaded = reduced(loaded, only, add)
    loaded = loaded if trials is None else loaded.with_trials(trials)
    done = executed(loaded, store, settings, progress, said.append)
    return Ran(loaded, store.folder, done, *asking(loaded, labelled(loaded, store)), tuple(said))


def executed(
    loaded: Suite,
    store: "Store",
    settings: Settings,
    progress: bool | Callable[[Progress], None],
    say: Say,
) -> Progress:
    """Run what the store lacks."""
    with hearing(progress) as update:
        return run_suite(
            loaded,
            store.folder,
            jobs=workers_of(settings),
            options=execution_of(settings),
            shard=settings.get("shard"),
            reuse=settings.get("reuse", ()),
            on_progress=update,
            report=say,
        )


def execution_of(settings: Settings) -> Execution:
    """How each run is executed; raises BadValue for a setting that there is not."""
    known = Settings.__annotations__
    for name in settings:
        if name not in known:
            raise BadValue(f"run has no option {name}{registry.did_you_mean(name, known)}")
    timeout, memory = settings.get("timeout"), settings.get("memory", 224)
    check_limits(settings.get("jobs", -1), timeout, memory)
    return Execution(
        (),  # the suite's
        timeout=timeout,
        engine=settings.get("engine", "auto"),
        profile=settings.get("profile", False),
        memory=int(memory * 2**20),
        in_process=settings.get("in_process", False),
    )


def workers_of(settings: Settings) -> Workers:
    """Where runs are executed."""
    jobs, backend = settings.get("jobs", -1), settings.get("backend", "loky")
    return Workers(jobs, backend, settings.get("scheduler"))


def hearing(
    progress: bool | Callable[[Progress], None],
) -> AbstractContextManager[Callable[[Progress], None]]:
    """What hears how far the runs are: the caller's function, a bar, or nobody."""
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext(lambda progress: None)
    from albench.runner.progress import shown

    return shown(lambda line: print(line, file=sys.stderr))  # noqa: T201
