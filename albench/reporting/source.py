"""What commands on bought labels, figures and report read, and which datasets are rare or noisy.

A `Source` is a suite with its tables; a `View` of it is one table with the sentences that
go with it and the frames that its figures are drawn from. `albench.reporting.views` makes them.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from albench.analysis.comparison.options import not_done
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadValue
from albench.core.spec import RunSpec
from albench.core.tables import FULL_POOL
from albench.runner.cuts import cuts, over_cuts
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.plots.bought import Drawing


Frames = dict[str, "pd.DataFrame"]


@dataclass(frozen=True, repr=False)
class View(Displayed):
    """One table on what was bought, with what it says.

    topic   bias, coverage, rare, noise or audit; name: of the table, as `--table` has it
    title   what the table shows, as a caption
    lines   what was found and what was not, in words made from the numbers by fixed rules
    notes   what was left out, and why
    table   for people: the last checkpoint, a column per measure
    long    every checkpoint and measure by rows, with intervals, and reasons for nulls
    source  what else its figures are drawn from
    """

    topic: str
    name: str
    title: str
    lines: Sequence[str]
    table: "pd.DataFrame"
    long: "pd.DataFrame"
    notes: Sequence[str]
    source: "Source" = field(repr=False)

    def sheet(self) -> Sheet:
        """The table for people, and what was found."""
        return Sheet(self.title, self.lines, self.table, self.notes)

    @property
    def figures(self) -> "dict[str, Drawing]":
        """Its figures, by the table of all."""
        from albench.plots.bought import FIGURES

        here = (self.topic, self.name)
        return {name: drawing for name, drawing in FIGURES.items() if drawing.view == here}

    def frames(self, *, page: bool = False, leave: Collection[str] = ()) -> Frames:
        """The frames of its figures.

        page   only of those that a page has room for
        leave  names of figures whose frames are not made
        """
        return {
            name: drawing.frame(self.long, self.source)
            for name, drawing in self.figures.items()
            if name not in leave and not (page and drawing.marks)
        }


class Source:
    """A suite and its stored tables, and what was worked out on them so far.

    runs, rounds  with the suite's labels (`albench.runner.grid.labelled`)
    baseline      default: the suite's
    checkpoints   shares of what was bought, default: the suite's
    most          at most so many runs: whole trials, the first ones, at least one
    jobs          processes, -1 for all cores; nothing that comes out depends on it
    Bounds are left out: they see hidden labels, so what they buy says nothing of what a
    strategy would. `trials` is how many trials are looked at, `of_trials` how many there are.
    """

    def __init__(
        self,
        suite: Suite,
        runs: "pd.DataFrame",
        rounds: "pd.DataFrame",
        *,
        baseline: str | None = None,
        checkpoints: Sequence[float] | None = None,
        most: int | None = None,
        jobs: int = -1,
    ) -> None:
        self.suite, self.jobs = suite, jobs
        self.question = suite.question(baseline=baseline)
        self.baseline = self.question.baseline
        self.checkpoints = tuple(checkpoints or suite.checkpoints)
        self.given, self.most = runs, most
        ranked = runs[~runs["strategy"].isin(self.question.unranked)]
        first, self.of_trials = first_trials(ranked, most)
        self.trials = len(first)
        self.runs = ranked[ranked["trial"].isin(first)].reset_index(drop=True)
        self.rounds = rounds
        self.kept: dict[Any, Any] = {}
        known = set(self.runs["strategy"])
        if self.baseline not in known:
            raise BadValue(f"--baseline {self.baseline}: the suite has {', '.join(sorted(known))}")

    def on(self, datasets: Collection[str], checkpoints: Sequence[float]) -> "Source":
        """The same question on some datasets, which leaves room for more of their trials."""
        runs = self.given[self.given["dataset"].isin(list(datasets))]
        return Source(
            self.suite,
            runs,
            self.rounds,
            baseline=self.baseline,
            checkpoints=checkpoints,
            most=self.most,
            jobs=self.jobs,
        )

    def finished(self, runs: "pd.DataFrame") -> list[RunSpec]:
        """The specs of finished runs; full-pool runs buy nothing."""
        done = (runs["status"] == "done") & (runs["strategy"] != FULL_POOL)
        wanted = set(runs.loc[done, "run"])
        return [spec for spec in self.suite.specs if spec.id in wanted]

    def measured(self, analysis: Callable[..., Any], **more: Any) -> Any:
        """What an analysis that keeps runs apart returns, worked out once."""
        key = (analysis, tuple(more.items()))
        if key not in self.kept:
            specs = self.finished(self.runs)
            self.kept[key] = over_cuts(
                analysis, self.runs, self.rounds, specs, self.jobs, self.suite.plugins, **more
            )
        return self.kept[key]

    def pooled(self, analysis: Callable[..., Any], *, first: bool = False) -> Any:
        """What an analysis over trials returns; `first`: of each dataset's first trial."""
        runs = self.runs
        if first:
            place = runs[runs["status"] == "done"].groupby(["dataset", "protocol", "model"])
            least = place["trial"].min().rename("least")
            runs = runs.join(least, on=["dataset", "protocol", "model"])
            runs = runs[runs["trial"] == runs["least"]].drop(columns="least")
        return analysis(runs, self.rounds, cuts(self.finished(runs)))

    def lacking(self) -> list[str]:
        """How many runs of the grid are not in the tables, and which trials are left out."""
        out = []
        if self.trials < self.of_trials:
            out.append(f"rests on the first {self.trials} of {self.of_trials} trials")
        open_runs = self.runs[self.runs["status"] != "done"]
        if len(open_runs):
            counts = open_runs["status"].value_counts()
            told = ", ".join(f"{n} {status}" for status, n in counts.items())
            out.append(f"not in these tables: {told} of {len(self.runs)} runs")
            ended = open_runs[open_runs["status"] != "missing"]
            out += not_done(ended)
        return out


def first_trials(runs: "pd.DataFrame", most: int | None) -> tuple[list[int], int]:
    """The first trials that hold at most `most` runs, at least one; how many there are."""
    counts = runs[runs["strategy"] != FULL_POOL].groupby("trial").size().sort_index()
    if most is None or counts.empty:
        return [int(t) for t in counts.index], len(counts)
    kept = max(1, int((counts.cumsum() <= most).sum()))
    return [int(t) for t in counts.index[:kept]], len(counts)


def oracles(source: Source) -> dict[tuple[str, str], str]:
    """The name of the oracle by the labels of dataset and protocol."""
    return {
        (dataset.label, label): dataset.under(protocol).oracle.name
        for dataset in source.suite.datasets
        for label, protocol in source.suite.protocols
    }


def scarce(source: Source) -> set[str]:
    """The datasets with a rare class."""
    from albench.analysis.bought.rare import is_rare

    share = prevalence(source)
    classes = source.runs.groupby("dataset")["n_classes"].max().reindex(share.index)
    return set(share.index[is_rare(share, classes)])


def prevalence(source: Source) -> "pd.Series[float]":
    """The share of the rare class in the pool, by dataset, on the cut of its first run."""
    import pandas as pd

    from albench.analysis.bought import rare
    from albench.analysis.bought.space import Space

    done = source.runs[source.runs["status"] == "done"].sort_values("trial", kind="stable")
    first = done[done["strategy"] != FULL_POOL].drop_duplicates("dataset")
    share = {}
    for cut in cuts(source.finished(first)):
        space = Space.of(cut.task)
        for label in first.loc[first["run"] == cut.run, "dataset"]:
            share[label] = float(space.class_shares[rare.rare_class(space)])
    return pd.Series(share, dtype=float)


def mistaken(source: Source) -> set[str]:
    """The datasets with finished runs on which the oracle errs."""
    ran = set(source.runs.loc[source.runs["status"] == "done", "dataset"])
    return {d for (d, _), name in oracles(source).items() if name != "exact" and d in ran}
