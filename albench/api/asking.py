"""`compare` and `curves`: the question of a suite, asked of its results or of any tables."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from albench.analysis.question import NAMES, Options
from albench.api.tables import (
    DIRECTIONS,
    QUESTION,
    ROPES,
    Files,
    Only,
    opened,
    read_results,
    reduced,
    stored,
)
from albench.core import registry
from albench.core.errors import BadValue, UnknownName
from albench.suite import Suite, direction
from albench.suite.toml import load_suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.comparison import Comparison
    from albench.analysis.comparison.typeset import CurveTables


def compare(
    source: "Suite | str | Path | pd.DataFrame",
    rounds: "pd.DataFrame | None" = None,
    *,
    metric: str | None = None,
    results: Path | str | None = None,
    only: Only | None = None,
    plugins: Files = (),
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
    results, only, plugins
        Of a suite, as of `run`.
    **options
        What is asked differently than the suite asks it, see `albench.analysis.question.Options`.
        Frames that carry no question are asked the ordinary one, with the registry's directions
        of metrics and bounds.

    Returns
    -------
    Comparison
        Its `str` is the answer; its tables are attributes: `against`, `pairs`, `within`, ...

    Raises
    ------
    UsageError
        Where nothing can be said, or nothing tells whether a higher or lower metric is better.

    Examples
    --------
    >>> import albench, pandas
    >>> rows = [(d, s, t, n, a + d / 100 + t / 1000) for d in range(8) for t in (0, 1)
    ...         for n in (10, 20) for s, a in (("random", 0.7), ("mine", 0.8))]
    >>> names = ["dataset", "strategy", "trial", "n_labeled", "accuracy"]
    >>> found = albench.compare(pandas.DataFrame(rows, columns=names), metric="accuracy")
    >>> round(found.against["mean_difference"].item(), 3)
    0.1
    """
    from albench.analysis.comparison import compare as compare_tables

    check_options("compare", options)
    if not isinstance(source, Suite | str | Path):
        if results is not None or only is not None or plugins:
            raise BadValue("results, only, plugins are of a suite; these are tables, already read")
        return compare_tables(source, rounds, question_of(source, rounds, metric, options))
    if rounds is not None:
        raise BadValue("rounds goes with the table runs; a suite's own are read from its results")
    suite = reduced(load_suite(source, tuple(plugins)), only)
    return compare_tables(*read_results(suite, results), replace(suite.question(metric), **options))


def check_options(function: str, options: Mapping[str, Any]) -> None:
    """Raise BadValue for an option of the question that there is not."""
    for name in options:
        if name not in NAMES:
            raise BadValue(f"{function} has no option {name}{registry.did_you_mean(name, NAMES)}")


def curves(
    source: Suite | str | Path,
    results: Path | str | None = None,
    *,
    metric: str | None = None,
    only: Only | None = None,
    plugins: Files = (),
    **options: Any,
) -> "CurveTables":
    """Summaries of the learning curves, as `albench curves` makes them.

    Parameters
    ----------
    source, results, only, plugins
        As of `run`.
    metric : str, optional
        Column of scores; default: the suite's primary metric.
    **options
        What is asked differently than the suite asks it, such as `baseline` or `model`.

    Returns
    -------
    CurveTables
        `summary`, one row per dataset and strategy; `labels`, one per target as well; `notes`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    from albench.analysis.comparison.typeset import curve_tables

    check_options("curves", options)
    suite, store = opened(source, results, only, plugins)
    asked = replace(suite.question(metric), **options)
    return curve_tables(
        *stored(suite, store, metric=asked.metric),
        asked,
        checkpoints=suite.checkpoints,
        seconds=suite.seconds_per_label,
    )


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
    if carried and metric != asked.get("metric"):
        # the rope is in units of its metric
        asked["rope"] = carried[0].get(ROPES, {}).get(metric)
    if "better" not in options:
        asked["better"] = known[metric] if metric in known else registered(metric)
    if not carried and "strategy" in runs.columns:
        asked["unranked"] = bounds_among(runs, "strategy")
    if not carried and "model" in runs.columns:
        asked["unranked_models"] = bounds_among(runs, "model")
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


def bounds_among(runs: "pd.DataFrame", kind: Literal["strategy", "model"]) -> list[str]:
    """The strategies or models of a table that the registry knows, by name, for bounds."""
    found = set(runs[kind].astype(str)) & set(registry.names(kind))
    return sorted(name for name in found if registry.entry(kind, name).traits.bound)
