"""`bias`, `coverage`, `rare`, `noise`, `audit`, `figures`, `report`: what was bought, and pages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from albench.api.asking import check_options
from albench.api.tables import Files, Only, Say, opened, silent, stored
from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadValue
from albench.suite import Suite

if TYPE_CHECKING:
    from albench.reporting.figures import Figures
    from albench.reporting.source import Source, View


class Looked(TypedDict, total=False):
    """What is looked at, and beside what.

    only         kind -> labels: this part of the suite
    plugins      files with entries of one's own
    model        one model of the suite
    baseline     default: the suite's
    checkpoints  shares of what was bought, 0 the start, 1 the end; default: the suite's
    most         at most so many runs: whole trials, the first ones
    jobs         processes, -1 (the default) for all cores
    """

    only: Only | None
    plugins: Files
    model: str | None
    baseline: str | None
    checkpoints: Sequence[float] | None
    most: int | None
    jobs: int


class Topic(Displayed):
    """The views of one topic, each worked out when it is first asked for.

    A view is an attribute by the name of its table, as `albench bias --table` has it: its
    `table` is for people, its `long` has every checkpoint, with intervals. `table`, `long`,
    `lines` and `notes` are those of the first view, which is also what is shown.
    """

    def __init__(self, source: "Source", name: str, **more: Any) -> None:
        from albench.reporting.views import VIEWS

        self.source, self.more, self.makers = source, more, VIEWS[name]
        self.made: dict[str, View] = {}

    def __getattr__(self, name: str) -> Any:
        makers = self.__dict__.get("makers", {})
        if name in makers:
            if name not in self.made:
                self.made[name] = makers[name](self.source, **self.more)
            return self.made[name]
        if makers and name in ("table", "long", "lines", "notes"):
            return getattr(getattr(self, next(iter(makers))), name)
        raise AttributeError(f"there is no {name!r}; views: {', '.join(makers)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.makers, "table", "long", "lines", "notes"]

    def sheet(self) -> Sheet:
        """The first view."""
        shown: Sheet = getattr(self, next(iter(self.makers))).sheet()
        return shown


def source_of(
    suite: Suite | str | Path,
    results: Path | str | None,
    looked: Looked,
    *,
    say: Say = silent,
    how: str = "",
) -> "Source":
    """A suite with its tables; raises BadValue for an option or a share that there is not."""
    from albench.reporting.source import Source
    from albench.runner import workers_of

    known = Looked.__annotations__
    for name in looked:
        if name not in known:
            raise BadValue(f"there is no option {name}{registry.did_you_mean(name, known)}")
    jobs, shares = looked.get("jobs", -1), looked.get("checkpoints")
    workers_of(jobs)
    if shares is not None and (not shares or any(not 0 <= share <= 1 for share in shares)):
        raise BadValue(f"checkpoints {list(shares)}: shares from 0 (start) to 1 (end)")
    loaded, store = opened(suite, results, looked.get("only"), looked.get("plugins", ()), say)
    runs, rounds = stored(loaded, store, looked.get("model"), how)
    given = {"baseline": looked.get("baseline"), "most": looked.get("most")}
    return Source(loaded, runs, rounds, checkpoints=shares, jobs=jobs, **given)  # type: ignore[arg-type]


def bias(
    suite: Suite | str | Path, results: Path | str | None = None, **options: Unpack[Looked]
) -> Topic:
    """How far labelled sets drift from the pool, and whether random ones would as much.

    Parameters
    ----------
    suite, results
        As of `run`.
    **options
        See `Looked`.

    Returns
    -------
    Topic
        Views: `drift`, `focus`, `overlap`, `features`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    return Topic(source_of(suite, results, options), "bias")


def coverage(
    suite: Suite | str | Path, results: Path | str | None = None, **options: Unpack[Looked]
) -> Topic:
    """How well the labels cover pool, test set, clusters and classes.

    Parameters
    ----------
    suite, results
        As of `run`.
    **options
        See `Looked`.

    Returns
    -------
    Topic
        Views: `distance`, `classes`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    return Topic(source_of(suite, results, options), "coverage")


def rare(
    suite: Suite | str | Path, results: Path | str | None = None, **options: Unpack[Looked]
) -> Topic:
    """Whether the rare class is found, and what the queries for it are spent on.

    Parameters
    ----------
    suite, results
        As of `run`.
    **options
        See `Looked`.

    Returns
    -------
    Topic
        Views: `discovery`, `labels`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    return Topic(source_of(suite, results, options), "rare")


def noise(
    suite: Suite | str | Path, results: Path | str | None = None, **options: Unpack[Looked]
) -> Topic:
    """How many bought labels were wrong, whether strategies seek them, what labels cost.

    Parameters
    ----------
    suite, results
        As of `run`.
    **options
        See `Looked`.

    Returns
    -------
    Topic
        Views: `affinity`, `cost`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    return Topic(source_of(suite, results, options), "noise")


def audit(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    score: str = "accuracy",
    **options: Unpack[Looked],
) -> Topic:
    """What one would believe without a test set, against the passive test score.

    Parameters
    ----------
    suite, results
        As of `run`.
    score : str, optional
        `accuracy` or `balanced_accuracy`.
    **options
        See `Looked`.

    Returns
    -------
    Topic
        Views: `errors`, `ranking`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    return Topic(source_of(suite, results, options), "audit", score=score)


def figures(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    metric: str | None = None,
    only: Only | None = None,
    plugins: Files = (),
    bought: int = 600,
    **options: Any,
) -> "Figures":
    """The figures of a suite, as `albench figures` draws them.

    Parameters
    ----------
    suite, results, only, plugins
        As of `run`.
    metric : str, optional
        Column of scores; default: the suite's primary metric.
    bought : int, optional
        Runs (whole trials, the first) that figures of what was bought rest on; 0: none of them.
    **options
        What is asked differently than the suite asks it, such as `baseline` or `axis`.

    Returns
    -------
    Figures
        Name -> matplotlib figure; `captions`, `notes`, and `save(folder, formats)`.

    Raises
    ------
    UsageError
        Where nothing can be said.
    """
    from albench.analysis.comparison import compare
    from albench.reporting.figures import Figures, pictured, pictured_bought

    check_options("figures", options)
    order = [s.label for s in opened(suite, results, None, plugins)[0].strategies]
    looked: Looked = {"only": only, "plugins": plugins, "baseline": options.get("baseline")}
    source = source_of(suite, results, {**looked, "most": bought, "model": options.get("model")})
    asked = replace(source.suite.question(metric), **options)
    found = compare(source.given, source.rounds, asked)
    pictures, notes = pictured(found, order), list(found.notes)
    if bought:
        more, left_out = pictured_bought(source, order)
        pictures, notes = pictures + more, notes + left_out
    return Figures(pictures, notes)


@dataclass(frozen=True, repr=False)
class Page(Displayed):
    """A page that was written.

    path  its file
    text  its HTML, which needs nothing else
    """

    path: Path
    text: str

    def __str__(self) -> str:
        return f"{self.path} ({len(self.text.encode()) / 1e6:.1f} MB)"

    def sheet(self) -> Sheet:
        """Where it lies."""
        return Sheet(lines=[str(self)])


def report(
    suite: Suite | str | Path,
    results: Path | str | None = None,
    *,
    to: Path | str | None = None,
    only: Only | None = None,
    plugins: Files = (),
    say: Say = silent,
    how: str = "",
) -> Page:
    """Write one page about a suite: the answer in words, figures, tables, how to repeat it.

    Parameters
    ----------
    suite, results, only, plugins
        As of `run`.
    to : Path or str, optional
        The file, default `report.html` beside the results.
    say : callable, optional
        Hears what is being made.
    how : str, optional
        What makes the runs, for the message where there are none.

    Returns
    -------
    Page
        Its `path` and its `text`.

    Raises
    ------
    BadResults
        Where no run is done.
    """
    from albench.core.files import write_atomic
    from albench.reporting import page_of

    loaded, store = opened(suite, results, only, plugins, say)
    text = page_of(loaded, store, *stored(loaded, store, how=how), say)
    path = Path(to) if to is not None else store.folder / "report.html"
    write_atomic(path, text.encode())
    return Page(path, text)
