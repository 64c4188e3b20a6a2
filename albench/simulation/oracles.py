"""Who answers a query, and at what price: exact, noisy, abstaining, recorded annotators.

An oracle is a function `(Task, Generator) -> Answers` that settles at the start of a run
what it would answer to every train row. So its mistakes depend on the row and the trial,
and every strategy of a trial meets the same ones. The test set stays clean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData, BadValue
from albench.core.files import sha256 as digest_of
from albench.core.parameters import OracleParam
from albench.core.registry import build, register, resolve
from albench.core.spec import Protocol, Ref
from albench.simulation.annotators import Panel
from albench.simulation.learner import fit_aligned
from albench.simulation.query import gap
from albench.simulation.task import Oracle, Task

if TYPE_CHECKING:
    import pandas as pd


F = TypeVar("F", bound=Callable[..., Any])


def oracle_entry(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register an oracle: `(Task, Generator) -> Answers`. about: cite, resolve."""
    return register("oracle", name, version, about)


def cost_entry(name: str, *, version: str = "1", **about: Any) -> Callable[[F], F]:
    """Register what labels cost: `(Task, Answers, Generator) -> Prices`. about: cite, resolve."""
    return register("cost", name, version, about)


@dataclass(frozen=True, eq=False)
class Answers:
    """What an oracle would answer to each train row of one cut.

    labels   (n_train,) class indices, -1 where it abstains
    votes    (n_train,) how many annotators are asked for a row; each is paid
    seconds  (n_train,) recorded working time, or None where none is recorded
    panel    what each of several annotators would answer, where a strategy may choose; the rest
             is then of those who are asked where it does not
    """

    labels: Ints
    votes: Ints
    seconds: Floats | None = None
    panel: Panel | None = None

    @classmethod
    def of(cls, labels: Ints) -> "Answers":
        """One annotator a row."""
        return cls(labels, np.ones(len(labels), dtype=np.intp))


@dataclass(frozen=True, eq=False)
class Prices:
    """What each train row's label costs, (n_train,), and what every batch costs besides."""

    labels: Floats
    batch: float = 0.0


@dataclass(frozen=True, eq=False)
class Priced:
    """The oracle that the loop asks: answers looked up, at their price."""

    answers: Answers
    costs: Prices

    @property
    def overhead(self) -> float:
        """See `Oracle.overhead`."""
        return self.costs.batch

    @cached_property
    def panel(self) -> Panel | None:
        """The annotators, each at its price times the protocol's."""
        panel = self.answers.panel
        if panel is None:
            return None
        return replace(panel, prices=panel.prices * self.costs.labels[:, None])

    def answer(self, positions: Ints) -> Ints:
        """See `Oracle.answer`."""
        return self.answers.labels[positions]

    def prices(self, positions: Ints) -> Floats:
        """See `Oracle.prices`."""
        if self.panel is not None:
            return np.asarray(self.panel.of_first(self.panel.prices)[positions])
        return self.costs.labels[positions]


Count = Annotated[int, Ge(1)]


def pinned(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str | None]:
    """A protocol's entry with its file known by checksum, and where the file lies.

    `path` is relative to the suite. Raises BadValue where there is no such file.
    """
    path = table.pop("path", None)
    if not isinstance(path, str):
        raise BadValue('needs path = "...", a CSV file')
    file = (folder / Path(path).expanduser()).absolute()
    if not file.is_file():
        raise BadValue(f"no such file: {file}")
    table["sha256"] = digest_of(file)
    return table, str(file)


@oracle_entry(
    "recorded", cite="Snow et al. 2008; Sheng, Provost and Ipeirotis 2008", resolve=pinned
)
def recorded(
    task: Task,
    rng: np.random.Generator,
    source: str | None = None,
    *,
    sha256: str,
    votes: Count | Literal["all"] = 1,
    missing: Literal["refuse", "abstain"] = "refuse",
) -> Answers:
    """Annotators replayed from a CSV file with the columns row, annotator, label[, seconds].

    `row` counts the dataset's rows from 0, `label` is a class name. votes = 1 draws one of
    the annotators of a row; k asks k of them (all there are, where fewer answered) and
    takes the majority, a draw going to the answer given first; "all" asks everyone. Every
    annotator asked is paid. Raises BadData for a table that cannot be used and, with
    missing = "refuse", for train rows that it lacks.
    """
    table = read(sha256, source, ["row", "label"])
    groups = by_row(table, task)
    lacking = [int(row) for row in task.rows if int(row) not in groups]
    if lacking and missing == "refuse":
        raise BadData(
            f"{source}: no label of dataset row {min(lacking)}"
            + (f" and {len(lacking) - 1} more train rows" if len(lacking) > 1 else "")
            + '; add them, or set missing = "abstain"'
        )
    return replayed(task, groups, rng, votes)


def replayed(
    task: Task,
    groups: Mapping[int, tuple[Ints, Floats]],
    rng: np.random.Generator,
    votes: int | Literal["all"],
) -> Answers:
    """The answers, annotators drawn row by row in the trial's pool order."""
    n = len(task.rows)
    labels, asked, seconds = np.full(n, -1, dtype=np.intp), np.ones(n, dtype=np.intp), np.zeros(n)
    for position, row in enumerate(task.rows):
        if int(row) not in groups:
            continue
        given, took = groups[int(row)]
        order = rng.permutation(len(given))
        chosen = order if votes == "all" else order[:votes]
        labels[position] = majority(given[chosen])
        asked[position], seconds[position] = len(chosen), took[chosen].sum()
    return Answers(labels, asked, None if np.isnan(seconds).any() else seconds)


def majority(labels: Ints) -> int:
    """The most frequent label; among equals the one given first."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    best = np.lexsort((first, -counts))[0]
    return int(found[best])


def by_row(table: "pd.DataFrame", task: Task) -> dict[int, tuple[Ints, Floats]]:
    """Labels (class indices) and seconds of each dataset row, in the order of the file."""
    index = {name: i for i, name in enumerate(task.classes)}
    names = table["label"].astype(str).str.strip()
    unknown = sorted(set(names) - set(index))
    if unknown:
        raise BadData(
            f"recorded: label {unknown[0]!r} is no class of the dataset "
            f"({', '.join(task.classes[:8])})"
        )
    codes: Ints = np.asarray(names.map(index), dtype=np.intp)
    took: Floats = np.full(len(codes), np.nan)
    if "seconds" in table:
        took = np.asarray(table["seconds"], dtype=np.float64)
        if not (took >= 0).all():
            raise BadData("recorded: seconds are missing or negative in some rows of the table")
    places: dict[int, list[int]] = {}
    for place, row in enumerate(table["row"]):
        places.setdefault(int(row), []).append(place)
    return {row: (codes[at], took[at]) for row, at in places.items()}


def read(digest: str, source: str | None, columns: list[str]) -> "pd.DataFrame":
    """A user's table; raises BadData where it moved, changed, or lacks a column."""
    import pandas as pd

    if source is None:
        raise BadData(f"the table with SHA-256 {digest[:16]}... is not at hand: name its path")
    if not Path(source).is_file():
        raise BadData(f"{source} is gone (SHA-256 {digest[:16]}...)")
    if digest_of(Path(source)) != digest:
        raise BadData(f"{source} is not the file that the run names: its content changed")
    try:
        table = pd.read_csv(Path(source))
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(f"{source}: not a CSV table: {error}") from error
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise BadData(f"{source}: no column {lacking[0]!r}; there are: {', '.join(table.columns)}")
    rows = pd.to_numeric(table["row"], errors="coerce")
    if rows.isna().any() or (rows != rows.round()).any():
        raise BadData(f"{source}: the column 'row' holds something else than whole numbers")
    table["row"] = rows.astype(np.int64)
    return table


Rng = np.random.Generator
Share = Annotated[float, Gt(0), Lt(1)]
UNIT_COST = Ref("constant")


def oracle(protocol: Protocol, task: Task, rng: Rng) -> Oracle:
    """The oracle of a protocol on one cut, with what its labels cost.

    Raises BadData where the oracle or the cost does not fit the dataset.
    """
    answering, pricing = rng.spawn(2)
    answers = build("oracle", protocol.oracle)(task, answering)
    costs = build("cost", protocol.cost or UNIT_COST)(task, answers, pricing)
    return Priced(answers, costs)


@oracle_entry("exact")
def exact(task: Task, rng: Rng) -> Answers:
    """Always the true label."""
    return Answers.of(task.y)


@oracle_entry("uniform", cite="Angluin and Laird 1988")
def uniform(task: Task, rng: Rng, *, rate: Share = 0.1) -> Answers:
    """Each label is wrong with the same probability, then any other class alike.

    Whatever a strategy asks, the expected share of wrong labels is `rate`: it cannot see
    a label before it buys it.
    """
    wrong = rng.random(len(task.y)) < rate
    shift = rng.integers(1, task.n_classes, size=len(task.y))
    return Answers.of(np.where(wrong, (task.y + shift) % task.n_classes, task.y))


@oracle_entry("confusion", cite="Dawid and Skene 1979")
def confusion(task: Task, rng: Rng, *, matrix: list[list[float]]) -> Answers:
    """Answers drawn by the true class: row c of the matrix holds P(answer | class c).

    Classes in the order of the dataset. Raises BadData unless the matrix is square with
    one row per class, of shares that sum to 1.
    """
    shares, k = np.array(matrix, dtype=object), task.n_classes
    if shares.shape != (k, k):
        raise BadData(f"confusion: a matrix of {k} rows and {k} columns is due, one per class")
    chances: Floats = shares.astype(np.float64)
    if (chances < 0).any() or not np.allclose(chances.sum(axis=1), 1.0, atol=1e-9):
        raise BadData("confusion: the rows of the matrix are shares that sum to 1")
    return Answers.of(drawn(chances[task.y], rng))


@oracle_entry("pairflip", cite="Han et al. 2018")
def pairflip(task: Task, rng: Rng, *, rate: Share = 0.2) -> Answers:
    """Each class is taken for the next one with the same probability."""
    wrong = rng.random(len(task.y)) < rate
    return Answers.of(np.where(wrong, (task.y + 1) % task.n_classes, task.y))


@oracle_entry("boundary", cite="Menon, van Rooyen and Natarajan 2018")
def boundary(
    task: Task, rng: Rng, *, rate: Share = 0.1, decay: Annotated[float, Gt(0)] = 4.0
) -> Answers:
    """Labels are wrong where classes meet: the chance falls with the full-data margin.

    P(wrong) = min(1, a exp(-decay * margin)), with a such that the mean over the train
    rows is `rate`; the answer is then the most probable wrong class. Margins are those of
    `logreg` fitted on all true train labels, whatever the task model.
    """
    proba = reference_proba(task)
    chance = scaled_to(np.exp(-decay * gap(proba)), rate)
    wrong = rng.random(len(task.y)) < chance
    others = proba.copy()
    others[np.arange(len(task.y)), task.y] = -1.0
    return Answers.of(np.where(wrong, others.argmax(axis=1), task.y))


@oracle_entry("abstaining", cite="Fang, Zhu and Zhang 2012")
def abstaining(
    task: Task,
    rng: Rng,
    *,
    rate: Share = 0.1,
    where: Literal["anywhere", "boundary"] = "anywhere",
    decay: Annotated[float, Gt(0)] = 4.0,
    base: OracleParam = "exact",
) -> Answers:
    """No answer to a share of the rows, anywhere or rather near the boundary; else `base`.

    A row without an answer costs and leaves the pool.
    """
    own, others = rng.spawn(2)
    answers: Answers = base(task, others)
    chance: Floats = np.full(len(task.y), rate)
    if where == "boundary":
        chance = scaled_to(np.exp(-decay * gap(reference_proba(task))), rate)
    labels = np.where(own.random(len(task.y)) < chance, -1, answers.labels)
    return Answers(labels, answers.votes, answers.seconds)


def drawn(chances: Floats, rng: Rng) -> Ints:
    """(n,) one column per row of (n, k) chances."""
    edges = np.cumsum(chances, axis=1)
    edges[:, -1] = 1.0
    return np.asarray((rng.random(len(chances))[:, None] >= edges).sum(axis=1), dtype=np.intp)


def scaled_to(weights: Floats, rate: float) -> Floats:
    """min(1, a * weights) with a such that the mean is `rate` (positive weights)."""
    order = np.sort(weights)[::-1]
    for capped in range(len(order)):
        a = (rate * len(order) - capped) / order[capped:].sum()
        if a * order[capped] <= 1:
            return np.asarray(np.minimum(1.0, a * weights))
    return np.ones_like(weights)


def reference_proba(task: Task) -> Floats:
    """(n_train, n_classes) of `logreg` on all train rows, standardised, with true labels."""
    make: Callable[[int], Any] = build("model", resolve("model", "logreg"))
    rows = np.arange(len(task.y))
    fitted = fit_aligned(lambda: make(0), task, rows, task.y, rescale=True)
    proba: Floats = np.asarray(fitted.proba("train"))
    return proba
