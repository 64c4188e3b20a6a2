"""The same from Python: run a suite, read its results as data frames, and compare."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.analysis.question import NAMES, Options
from albench.core import registry
from albench.core.errors import BadValue, UnknownName
from albench.runner import Progress, open_store
from albench.runner import run as run_suite
from albench.runner.grid import labelled
from albench.suite import Suite, direction
from albench.suite.toml import load_suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison


QUESTION, DIRECTIONS = "question", "directions"
"""Keys of `attrs`: the suite's question, and the direction of each of its metrics."""


def run(suite: Suite | str | Path, results: Path | str | None = None, **options: Any) -> Progress:
    """Run what is missing of a suite.

    suite    a Suite, the path of its file, or the name of a shipped one
    results  folder of the results, default `results/<suite>`
    options  jobs, options, shard, reuse, on_progress, report: see
             `albench.runner.run`
    """
    return run_suite(suite if isinstance(suite, Suite) else load_suite(suite), results, **options)


def read_results(
    suite: Suite | str | Path, results: Path | str | None = None
) -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The tables `runs` and `rounds` of a suite, with its labels.

    Every run of the grid is a row of `runs`; one that is not stored has the status
    `missing`. Both carry the suite's question in their `attrs`, which pandas keeps through
    selections, copies, merges and Parquet: `compare` asks it. Raises BadResults for a folder
    that holds another suite.
    """
    suite = suite if isinstance(suite, Suite) else load_suite(suite)
    runs, rounds = labelled(suite, open_store(suite, results))
    directions = {metric: direction(metric) for metric in suite.metrics}
    for frame in (runs, rounds):
        frame.attrs = {QUESTION: suite.question().plain(), DIRECTIONS: dict(directions)}
    return runs, rounds


def compare(
    source: "Suite | str | Path | pd.DataFrame",
    rounds: "pd.DataFrame | None" = None,
    *,
    metric: str | None = None,
    results: Path | str | None = None,
    **options: Any,
) -> "Comparison":
    """Compare all strategies with the baseline, and with each other, as `albench compare` does.

    Parameters
    ----------
    source : Suite, str, Path or DataFrame
        A suite, the path of its file or the name of a shipped one; or the table `runs` of
        `read_results`; or, without `rounds`, one frame of curves from anywhere (columns
        dataset, strategy, trial, n_labeled and the metric).
    rounds : DataFrame, optional
        The table that belongs to `runs`, joined by `run`.
    metric : str, optional
        Column of scores; default: the suite's primary metric.
    results : Path or str, optional
        Folder of the results of a suite, default `results/<suite>`.
    **options
        What is asked differently than the suite asks it, see `albench.analysis.question.Options`.
        Frames that carry no question are asked the ordinary one: the direction of the metric and
        which strategies are bounds, never ranked, are taken from the registry.

    Returns
    -------
    Comparison
        One comparison per protocol and model: its `str` is the answer, `tables` the numbers.

    Raises
    ------
    UsageError
        Where nothing can be said, and where neither frames nor registry know whether a
        higher or a lower metric is better.
    """
    import pandas as pd

    from albench.analysis.comparison import compare as compare_tables

    for name in options:
        if name not in NAMES:
            raise BadValue(f"compare has no option {name}{registry.did_you_mean(name, NAMES)}")
    if not isinstance(source, pd.DataFrame):
        return compare_tables(*of_suite(source, rounds, metric, results, options))
    if results is not None:
        raise BadValue("results is the folder of a suite; these are tables, already read")
    return compare_tables(source, rounds, question_of(source, rounds, metric, options))


def of_suite(
    source: Suite | str | Path,
    rounds: object,
    metric: str | None,
    results: Path | str | None,
    options: dict[str, Any],
) -> "tuple[pd.DataFrame, pd.DataFrame, Options]":
    """A suite's tables, and its question with what is asked differently."""
    if rounds is not None:
        raise BadValue("rounds goes with the table runs; a suite's own are read from its results")
    suite = source if isinstance(source, Suite) else load_suite(source)
    asked = replace(suite.question(metric), **options)
    return *read_results(suite, results), asked


def question_of(
    runs: "pd.DataFrame", rounds: "pd.DataFrame | None", metric: str | None, options: dict[str, Any]
) -> Options:
    """The question that tables carry, or the ordinary one, with what was asked differently.

    Raises BadValue where the metric or its direction would have to be guessed.
    """
    carried = [f.attrs for f in (runs, rounds) if f is not None and QUESTION in f.attrs]
    if any(attrs != carried[0] for attrs in carried):
        raise BadValue("runs and rounds carry the questions of two suites: they do not belong")
    asked = dict(carried[0][QUESTION]) if carried else {}
    metric = asked.get("metric") if metric is None else metric
    if metric is None:
        raise BadValue("these tables carry no suite's question: pass metric='...', their column")
    known = carried[0].get(DIRECTIONS, {}) if carried else {}
    if "better" not in options:
        asked["better"] = known[metric] if metric in known else registered(metric)
    if not carried and "strategy" in runs.columns:
        asked["unranked"] = bounds_among(runs)
    unknown = sorted(set(asked) - set(NAMES))
    if unknown:
        raise BadValue(
            f"runs.attrs[{QUESTION!r}] has {', '.join(unknown)}, which this version of albench "
            "does not know: read the results again, or update albench"
        )
    return Options(**(asked | options | {"metric": metric}))


def registered(metric: str) -> str:
    """The direction of a metric that the tables do not tell; raises BadValue if nothing does."""
    try:
        return direction(metric)
    except UnknownName as error:
        raise BadValue(
            f"metric {metric!r}: neither these tables nor the registry say whether higher or "
            f"lower is better, and it is not guessed; pass better='higher' or better='lower' "
            f"({error})"
        ) from None


def bounds_among(runs: "pd.DataFrame") -> list[str]:
    """The strategies of a table that the registry knows, by name, for bounds."""
    found = set(runs["strategy"].astype(str)) & set(registry.names("strategy"))
    return sorted(s for s in found if registry.entry("strategy", s).traits.bound)
