"""A suite by object, path or name, what is asked of it, and the tables of its results."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from albench.core import registry
from albench.core.display import Sheet, in_html, in_text
from albench.core.errors import BadResults, BadValue
from albench.runner import open_store
from albench.runner.grid import labelled
from albench.suite import Suite, direction
from albench.suite.toml import load_suite

if TYPE_CHECKING:
    import pandas as pd

    from albench.results.store import Store


QUESTION, DIRECTIONS, ROPES = "question", "directions", "ropes"
"""Keys of `attrs`: the suite's question, and the direction of each of its metrics."""
Only = Mapping[str, str | Sequence[str]]
Say = Callable[[str], None]
Files = Sequence[str | Path]


def silent(sentence: str) -> None:
    """Hear a sentence and say nothing."""


class Results(NamedTuple):
    """The tables `runs` and `rounds` of a suite, with its labels."""

    runs: "pd.DataFrame"
    rounds: "pd.DataFrame"

    def sheet(self) -> Sheet:
        """How far each strategy is."""
        return Sheet(frame=ended(self.runs))

    def __repr__(self) -> str:
        return in_text(self.sheet())

    def _repr_html_(self) -> str:
        return in_html(self.sheet())


def ended(runs: "pd.DataFrame") -> "pd.DataFrame":
    """How many runs of each strategy ended in which way."""
    keys = ["protocol", "model", "strategy"]
    counts = runs.groupby([*keys, "status"], sort=False).size().unstack(fill_value=0)
    return counts.reset_index().rename_axis(columns=None)


def reduced(suite: Suite, only: Only | None, add: Sequence[Any] = ()) -> Suite:
    """A suite with further strategies, and of it only what is named; what is added stays in it."""
    names = [registry.adopt(one) if callable(one) else one for one in add]
    suite = suite.adding(names)
    wanted = {k: [v] if isinstance(v, str) else list(v) for k, v in (only or {}).items()}
    if "strategy" in wanted:
        own = {e.name for e in registry.ENTRIES["strategy"].values() if e.plugin in suite.plugins}
        suite = suite.adding([name for name in wanted["strategy"] if name in own])
        wanted["strategy"] += names
    return suite.only(wanted) if wanted else suite


def opened(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    only: Only | None = None,
    plugins: Files = (),
    say: Say = silent,
) -> "tuple[Suite, Store]":
    """A suite with the strategies that earlier runs added and that are known, and its store."""
    loaded = load_suite(suite, tuple(plugins))
    store = open_store(loaded, results, say)
    names = registry.names("strategy")
    loaded = loaded.adding([name for name in store.manifest.get("added", ()) if name in names])
    return reduced(loaded, only), store


def asking(suite: Suite, tables: "tuple[pd.DataFrame, pd.DataFrame]") -> Results:
    """Tables that carry the suite's question."""
    directions = {metric: direction(metric) for metric in suite.metrics}
    for frame in tables:
        frame.attrs = {
            QUESTION: suite.question().plain(),
            DIRECTIONS: dict(directions),
            ROPES: dict(suite.ropes),
        }
    return Results(*tables)


def read_results(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    only: Only | None = None,
    plugins: Files = (),
) -> Results:
    """The tables `runs` and `rounds` of a suite, with its labels.

    Every run of the grid is a row of `runs`; one that is not stored has the status `missing`.
    Both carry the suite's question in their `attrs`, which pandas keeps through selections,
    copies, merges and Parquet: `compare` asks it.

    Parameters
    ----------
    suite, results, only, plugins
        As of `run`.

    Returns
    -------
    Results
        A pair `runs, rounds`, with these names.

    Raises
    ------
    BadResults
        For a folder that holds another suite.
    """
    loaded = reduced(load_suite(suite, tuple(plugins)), only)
    return asking(loaded, labelled(loaded, open_store(loaded, results)))


CURVES = ("run", "round", "n_labeled", "cost", "seconds_query", "picks", "labels")
"""The columns of `rounds`, but for the metric, that a comparison of curves needs."""


def stored(
    suite: Suite,
    store: "Store",
    model: str | None = None,
    how: str = "",
    *,
    metric: str | None = None,
) -> Results:
    """The tables of a suite, or of one model of it.

    how      what makes the runs, for the message where there are none
    metric   of `rounds` only what curves of this metric are made of, compactly (`Reader.read`)
    Raises BadResults where no run is done, BadValue for a model that the suite lacks.
    """
    needed = None if metric is None else [*CURVES, metric]
    runs, rounds = asking(suite, labelled(suite, store, needed))
    if not (runs["status"] == "done").any():
        raise BadResults(
            f"no finished runs of suite {suite.name!r} in {store.folder.resolve()}"
            f"{'' if store.folder.is_dir() else ', which does not exist'}; if they lie "
            "elsewhere, name their folder with --results; to make them: "
            f"`{how or f'albench run {suite.name}'}`"
        )
    if model is not None:
        if model not in set(runs["model"]):
            known = ", ".join(sorted(set(runs["model"])))
            raise BadValue(f"--model {model}: the suite has {known}")
        runs = runs[runs["model"] == model].reset_index(drop=True)
    return Results(runs, rounds)
