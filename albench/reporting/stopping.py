"""Stopping rules on a suite's stored runs: what commands, Python and pages say of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from albench.core.tables import FULL_POOL
from albench.reporting.page import Part
from albench.suite import Suite
from albench.suite.stopping import rules_of

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.analysis.stopping.words import Judged


MOST = 80
"""Runs that the section of a page rests on: whole trials, the first ones, at least two."""
FEW = 5
"""So many datasets have a sentence of their own on a page; of more, all together have one."""


@dataclass(frozen=True)
class Asked:
    """What is asked of stopping rules.

    rules   labels or names; empty: those of the suite's key `stopping`, or all
    price   what a mistake costs in labels; None: the suite's `price_of_mistakes`
    metric  default: the suite's primary one
    trials  only the first so many; None: all
    jobs    processes, -1 for all cores
    """

    rules: Sequence[str] = ()
    price: float | None = None
    metric: str | None = None
    trials: int | None = None
    jobs: int = -1


def judged_on(
    suite: Suite,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    asked: Asked,
    *,
    folder: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> "Judged":
    """Stopping rules judged on stored tables; bounds are left out.

    folder  where what is refitted is kept; None: nowhere
    Raises BadResults where no rule applies to any finished run.
    """
    from albench.analysis.stopping import Price, shown_as
    from albench.analysis.stopping.words import judge
    from albench.runner.stops import stops

    question, named = suite.question(asked.metric), rules_of(suite, asked.rules)
    price = Price(suite.price_of_mistakes if asked.price is None else asked.price)
    runs = runs[~runs["strategy"].isin(set(question.unranked))]
    if asked.trials is not None:
        first = sorted(set(runs["trial"]))[: asked.trials]
        runs = runs[runs["trial"].isin(first)]
    done = set(runs.loc[(runs["status"] == "done") & (runs["strategy"] != FULL_POOL), "run"])
    kept = rounds[rounds["run"].isin(done)]
    found = stops(
        [spec for spec in suite.specs if spec.id in done],
        runs,
        kept,
        list(named.values()),
        folder=folder,
        jobs=asked.jobs,
        plugins=suite.plugins,
        say=say,
    )
    labels = {ref.json: label for label, ref in named.items()}
    return judge(shown_as(found, labels), runs, kept, question, price)


def section(
    suite: Suite,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    comparison: "Comparison",
    tell: Callable[[str], None],
) -> Iterator[Part | None]:
    """When one would have stopped, of the runs of one strategy: the part of a page.

    The strategy of best mean rank, else the first that is not the baseline.
    """
    from albench.analysis.stopping.words import advice

    strategy = whose(comparison)
    if strategy is None:
        return
    runs = runs[runs["strategy"] == strategy]
    per_trial = max(1, int((runs["trial"] == runs["trial"].min()).sum()))
    trials = max(2, MOST // per_trial)
    tell(f"asking stopping rules about {strategy}")
    found = judged_on(suite, runs, rounds, Asked(trials=trials))
    few = found.datasets["dataset"].nunique() <= FEW
    lines = [*(advice(found, strategy) if few else ()), *found.lines, *found.notes]
    held = runs["trial"].nunique()
    if trials < held:
        lines.append(f"rests on the first {trials} of {held} trials; `albench stop` takes all")
    yield Part("By a stopping rule", lines=[line[:1].upper() + line[1:] for line in lines])


def whose(comparison: "Comparison") -> str | None:
    """Whose runs are looked at: the best by mean rank that is not the baseline; None if alone."""
    asked, ranks = comparison.options, comparison.tables.get("ranks")
    if ranks is not None and len(ranks):
        mean = ranks.groupby("strategy")["rank"].mean().sort_values(kind="stable")
        names = [str(name) for name in mean.index]
    else:
        names = [s for stack in comparison.stacks for s in stack.strategies]
    others = [name for name in names if name != asked.baseline and name not in asked.unranked]
    return others[0] if others else None
