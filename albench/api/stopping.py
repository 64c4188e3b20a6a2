"""`stop`: when stopping rules would have stopped the stored runs of a suite, and at what loss."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from albench.api.tables import Files, Only, Say, opened, silent, stored
from albench.suite import Suite

if TYPE_CHECKING:
    from albench.analysis.stopping.words import Judged
    from albench.reporting.stopping import Asked
    from albench.results.store import Store


def stop(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    rules: Sequence[str] = (),
    price: float | None = None,
    metric: str | None = None,
    only: Only | None = None,
    plugins: Files = (),
    jobs: int = -1,
) -> "Judged":
    """When stopping rules would have stopped the stored runs, and what that saves and costs.

    Models are fitted again on what was bought; nothing is queried. What is found is kept in
    `stopping.parquet` beside the results.

    Parameters
    ----------
    suite, results, only, plugins
        As of `run`.
    rules : sequence of str, optional
        Labels or names of rules; default: those of the suite's key `stopping`, or all.
    price : float, optional
        What a mistake costs in labels, over all predictions that the model will make; default:
        the suite's `price_of_mistakes` (1,000: one point of accuracy is worth ten labels).
    metric : str, optional
        Column of scores; default: the suite's primary metric.
    jobs : int, optional
        Processes, -1 for all cores.

    Returns
    -------
    Judged
        Its `str` is the answer; `rules`, `datasets`, `runs` and `flat` are its tables.

    Raises
    ------
    BadResults
        Where no run is done, or no rule applies to any.
    """
    from albench.reporting.stopping import Asked

    loaded, store = opened(suite, results, only, plugins)
    return judged(loaded, store, Asked(rules, price, metric, None, jobs))


def judged(
    suite: Suite, store: "Store", asked: "Asked", *, say: Say = silent, how: str = ""
) -> "Judged":
    """`stop` on an open store; `how`: what makes the runs, for the message where there are none."""
    from albench.reporting.stopping import judged_on
    from albench.runner import workers_of

    workers_of(asked.jobs)
    runs, rounds = stored(suite, store, how=how)
    return judged_on(suite, runs, rounds, asked, folder=store.folder, say=say)
