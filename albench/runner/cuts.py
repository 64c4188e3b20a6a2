"""Cuts remade from the specs, and analyses of what was bought, cut by cut."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from albench.core import registry
from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData, BadResults
from albench.core.spec import Ref, RunSpec
from albench.datasets._cut import column_names
from albench.models import engines
from albench.runner.clock import one_thread
from albench.runner.worker import cut_once, engine_of, luggage, resident
from albench.simulation.annotators import Panel
from albench.simulation.learner import Fitted, Learner
from albench.simulation.oracles import oracle
from albench.simulation.query import gap
from albench.simulation.task import Oracle, Task

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Cut:
    """One run with its cut.

    run, spec  the run
    task       its cut; `task.rows` are the dataset rows of the train positions
    """

    run: str
    spec: RunSpec
    task: Task

    @property
    def random_start(self) -> bool:
        """Whether the start was drawn uniformly from the train rows."""
        p = self.spec.protocol
        drawn = p.split in ("random", "stratified") and p.start_rule == "random"
        return drawn and p.missing == "allow" and p.groups == "many"

    @property
    def uniform(self) -> bool:
        """Whether the strategy draws its picks uniformly from the pool."""
        return self.spec.strategy.name == "random"

    @property
    def features(self) -> tuple[str, ...]:
        """(d,) names of the task's columns; their numbers where the dataset names none.

        An entry over another dataset, such as `imbalanced`, keeps the names of its base.
        """
        if "features" not in self.task.memo:
            self.task.memo["features"] = names_of(self.spec.dataset, self.task)
        names: tuple[str, ...] = self.task.memo["features"]
        return names

    @cached_property
    def oracle(self) -> Oracle:
        """The oracle of the trial, made once for the runs of one cut."""
        if "oracle" not in self.task.memo:
            self.task.memo["oracle"] = oracle(
                self.spec.protocol, self.task, self.spec.rng("oracle")
            )
        made: Oracle = self.task.memo["oracle"]
        return made

    @property
    def answers(self) -> Ints:
        """(n_train,) what the oracle answers to each train row, -1 where it abstains."""
        return self.oracle.answer(np.arange(len(self.task.y)))

    @property
    def panel(self) -> Panel | None:
        """The annotators of the trial, or None where there is no choice."""
        return self.oracle.panel

    @property
    def prices(self) -> Floats:
        """(n_train,) what the label of each train row costs."""
        return self.oracle.prices(np.arange(len(self.task.y)))

    def new_learner(self) -> Learner:
        """A learner of the task model."""
        return engines.learner(
            self.spec.model,
            self.task,
            lambda n: self.spec.seed("model", n) % 2**32,
            rescale=self.spec.protocol.scale == "labeled",
            engine=engine_of(self.spec, "auto"),
        )

    @cached_property
    def learner(self) -> Learner:
        """The learner of the task model, made once for the runs of one cut."""
        key = ("learner", self.spec.model)
        if key not in self.task.memo:
            self.task.memo[key] = self.new_learner()
        made: Learner = self.task.memo[key]
        return made

    def fit(self, labeled: Ints, y: Ints) -> Fitted:
        """The task model fitted on train rows (ascending positions); valid until the next."""
        return self.learner.fit(labeled, y)

    @cached_property
    def full(self) -> Fitted:
        """The task model trained on all train rows with true labels (the full-pool model).

        Fitted once for the runs of one cut and model.
        """
        key = ("full-pool model", self.spec.model)
        if key not in self.task.memo:
            rows = np.setdiff1d(np.arange(len(self.task.y)), self.task.withheld)
            self.task.memo[key] = self.new_learner().fit(rows, self.task.y[rows])
        fitted: Fitted = self.task.memo[key]
        return fitted

    @cached_property
    def full_margins(self) -> Floats:
        """(n_train,) gap between the two best classes of the full-pool model."""
        proba = self.full.proba("train")
        values = proba if proba is not None else self.full.decision("train")
        if values is None:
            raise BadData("the model has neither probabilities nor decision values")
        return gap(values)

    def positions(self, picks: Ints) -> Ints:
        """Train positions of dataset rows, as the stored `picks` are.

        Raises BadResults for a row that is no train row.
        """
        order = np.argsort(self.task.rows)
        at = np.searchsorted(self.task.rows[order], picks)
        found = np.asarray(order[np.minimum(at, len(order) - 1)])
        wrong = self.task.rows[found] != picks
        if wrong.any():
            raise BadResults(
                f"run {self.run} bought row {picks[wrong][0]}, which is none of its train rows; "
                "`albench verify` says what else is wrong"
            )
        return found


def names_of(ref: Ref, task: Task) -> tuple[str, ...]:
    """Names of a task's columns, as `Cut.features` gives them."""
    dataset, d = resident(ref), task.X.shape[1]
    if not isinstance(dataset.X, np.ndarray):
        return column_names(dataset.X, task.rows)
    if dataset.features:
        return dataset.features
    base = next((value for _, value in ref.params if isinstance(value, Ref)), None)
    if base is not None and resident(base).d == d:
        return names_of(base, task)
    return tuple(str(column) for column in range(d))


def cuts(specs: Iterable[RunSpec]) -> Iterator[Cut]:
    """The cuts of runs, those that share one together; few datasets stay in memory."""
    groups: dict[Any, list[RunSpec]] = {}
    for spec in specs:
        groups.setdefault((spec.dataset, spec.protocol, spec.trial), []).append(spec)
    for group in groups.values():
        shared: dict[Any, Any] = {}
        for spec in group:
            yield Cut(spec.id, spec, cut_once(spec, shared))


Analysis = Callable[..., Any]
FEW = 4  # cuts per process below which starting it takes longer than it saves


def over_cuts(
    analysis: Analysis,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    specs: Sequence[RunSpec],
    jobs: int = 1,
    plugins: Sequence[str] = (),
    **more: Any,
) -> Any:
    """What an analysis returns, each cut (dataset, protocol, trial) worked on by itself.

    analysis  (runs, rounds, cuts, **more) -> a frame, or a tuple of frames, with a row for
              each run; it must not pool over trials
    specs     the finished runs
    jobs      processes, -1 for all cores; the frames are the same whatever their number
    """
    import pandas as pd
    from joblib import Parallel, cpu_count, delayed

    units = blocks(specs)
    if not units:
        return analysis(runs, rounds, iter(()), **more)
    jobs = cpu_count() if jobs < 0 else jobs
    tables = parts(units, runs, rounds)
    sent = luggage(specs, plugins)
    found = Parallel(n_jobs=max(1, min(jobs, len(units) // FEW)), batch_size=1)(
        delayed(of_unit)(analysis, *part, unit, sent, more)
        for part, unit in zip(tables, units, strict=True)
    )
    several = isinstance(found[0], tuple)
    columns = zip(*found, strict=True) if several else [found]
    frames = tuple(pd.DataFrame([row for part in column for row in part]) for column in columns)
    return frames if several else frames[0]


def blocks(specs: Sequence[RunSpec]) -> list[tuple[RunSpec, ...]]:
    """The runs on each cut."""

    def key(spec: RunSpec) -> Any:
        return spec.dataset, spec.protocol, spec.trial

    places = {place: i for i, place in enumerate(dict.fromkeys(map(key, specs)))}
    together = sorted(specs, key=lambda spec: places[key(spec)])
    return [tuple(part) for _, part in groupby(together, key=key)]


def parts(
    units: Sequence[Sequence[RunSpec]], runs: "pd.DataFrame", rounds: "pd.DataFrame"
) -> "list[tuple[pd.DataFrame, pd.DataFrame]]":
    """The rows of both tables that belong to each unit."""
    of = {spec.id: i for i, unit in enumerate(units) for spec in unit}
    mine = [dict(iter(table.groupby(table["run"].map(of)))) for table in (runs, rounds)]
    return [(mine[0][i], mine[1].get(i, rounds.iloc[:0])) for i in range(len(units))]


def of_unit(
    analysis: Analysis,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    specs: Sequence[RunSpec],
    sent: registry.Carried,
    more: dict[str, Any],
) -> Any:
    """The rows of one unit, on one BLAS thread, so that every process gives the same bits."""
    sent.unpack()
    with one_thread():
        found = analysis(runs, rounds, cuts(specs), **more)
    if isinstance(found, tuple):
        return tuple(frame.to_dict("records") for frame in found)
    return found.to_dict("records")
