"""Oracles with several annotators, of whom a strategy may choose: simulated and recorded.

A cheap and a dear one, such as a language model and a person, are just such a panel. An
annotator's answer to a row is settled at the start of a run, so asking the same one again would
give the same answer; it is refused. Several independent workers of one kind are several
annotators (`count`).
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData
from albench.simulation.annotators import Panel
from albench.simulation.oracles import Answers, by_row, oracle_entry, pinned, read
from albench.simulation.task import Task

Rng = np.random.Generator
Rate = Annotated[float, Ge(0), Le(1)]
Amount = Annotated[float, Ge(0)]
Count = Annotated[int, Ge(1)]


def answers_of(panel: Panel) -> Answers:
    """The answers of a panel where nobody is chosen, and the panel."""
    n = len(panel.labels)
    seconds: Floats = panel.of_first(panel.seconds)
    ones: Ints = np.ones(n, dtype=np.intp)
    labels: Ints = panel.of_first(panel.labels)
    return Answers(labels, ones, None if np.isnan(seconds).any() else seconds, panel)


def number_of(name: str | None, names: tuple[str, ...]) -> int:
    """The place of a name, 0 for none; raises BadData for one that there is not."""
    if name is None:
        return 0
    if name not in names:
        raise BadData(f"panel: start = {name!r} is no annotator ({', '.join(names)})")
    return names.index(name)


@oracle_entry("panel", cite="Donmez and Carbonell 2008", annotators=True)
def panel(
    task: Task,
    rng: Rng,
    *,
    names: list[str],
    rates: list[Rate],
    prices: list[Amount] | None = None,
    seconds: list[Amount] | None = None,
    count: list[Count] | None = None,
    start: str | None = None,
) -> Answers:
    """Simulated annotators, each with an error rate, a price and a time per label.

    An annotator is wrong with its rate, then any other class alike, independently of the others
    and by rows. `count` makes several of one kind: two of "crowd" are "crowd 1" and "crowd 2".
    `start` names who labels the start; default: the first. Raises BadData where the lists do not
    fit together.
    """
    k = len(names)
    given = {"rates": rates, "prices": prices, "seconds": seconds, "count": count}
    for key, values in given.items():
        if values is not None and len(values) != k:
            raise BadData(f"panel: {k} names, {len(values)} {key}")
    if not k or len(set(names)) < k:
        raise BadData("panel: names of at least one annotator are due, each once")
    times = count or [1] * k
    kinds = [kind for kind, n in enumerate(times) for _ in range(n)]
    who = tuple(
        f"{name} {i + 1}" if n > 1 else name
        for name, n in zip(names, times, strict=True)
        for i in range(n)
    )
    labels = np.stack(
        [
            said(task, own, rates[kind])
            for own, kind in zip(rng.spawn(len(kinds)), kinds, strict=True)
        ],
        axis=1,
    )
    n = len(task.y)
    price: Floats = np.tile(np.asarray(prices or [1.0] * k, dtype=np.float64)[kinds], (n, 1))
    took: Floats = np.tile(np.asarray(seconds or [np.nan] * k, dtype=np.float64)[kinds], (n, 1))
    begins = next((i for i, kind in enumerate(kinds) if names[kind] == start), None)
    first = number_of(start, who) if begins is None else begins
    return answers_of(Panel(who, labels, np.ones(labels.shape, dtype=bool), price, took, first))


def said(task: Task, rng: Rng, rate: float) -> Ints:
    """(n_train,) what one annotator answers."""
    wrong = rng.random(len(task.y)) < rate
    shift = rng.integers(1, task.n_classes, size=len(task.y))
    return np.where(wrong, (task.y + shift) % task.n_classes, task.y).astype(np.intp)


@oracle_entry("recorded_panel", cite="Snow et al. 2008", resolve=pinned, annotators=True)
def recorded_panel(
    task: Task,
    rng: Rng,
    source: str | None = None,
    *,
    sha256: str,
    start: str | None = None,
) -> Answers:
    """Annotators replayed from a CSV file: row, annotator, label[, seconds][, cost].

    `row` counts the dataset's rows from 0, `label` is a class name, `cost` what the answer costs
    (1 where there is no such column). An annotator can be asked for the rows that the file has
    of it. Raises BadData for a table that cannot be used, one that names a row twice for an
    annotator, and for train rows that it lacks.
    """
    table = read(sha256, source, ["row", "annotator", "label"])
    table["annotator"] = table["annotator"].astype(str).str.strip()
    twice = table[table.duplicated(["row", "annotator"])]
    if len(twice):
        row, name = twice.iloc[0][["row", "annotator"]]
        raise BadData(f"{source}: annotator {name!r} answers row {row} twice")
    names = tuple(sorted(set(table["annotator"])))
    n = len(task.rows)
    shape = (n, len(names))
    labels: Ints = np.full(shape, -1, dtype=np.intp)
    can = np.zeros(shape, dtype=bool)
    price, took = np.zeros(shape), np.full(shape, np.nan)
    place = {int(row): i for i, row in enumerate(task.rows)}
    for number, name in enumerate(names):
        part = table[table["annotator"] == name].reset_index(drop=True)
        costs = costs_of(part, source)
        position = {int(row): i for i, row in enumerate(part["row"])}
        for row, (given, seconds) in by_row(part, task).items():
            if row in place:
                at = place[row], number
                labels[at], can[at], took[at] = given[0], True, seconds[0]
                price[at] = costs[position[row]]
    lacking = task.rows[~can.any(axis=1)]
    if len(lacking):
        more = f" and {len(lacking) - 1} more train rows" if len(lacking) > 1 else ""
        raise BadData(f"{source}: no label of dataset row {lacking.min()}{more}; add them")
    return answers_of(Panel(names, labels, can, price, took, number_of(start, names)))


def costs_of(part: "object", source: str | Path | None) -> Floats:
    """(m,) the column `cost` of a table, ones without it; raises BadData for what is no price."""
    import pandas as pd

    assert isinstance(part, pd.DataFrame)
    if "cost" not in part:
        return np.ones(len(part))
    values = pd.to_numeric(part["cost"], errors="coerce").to_numpy(dtype=np.float64)
    if not (values >= 0).all():
        raise BadData(f"{source}: the column 'cost' is missing, negative or no number in a row")
    return np.asarray(values)
