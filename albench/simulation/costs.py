"""What labels cost: functions `(Task, Answers, Generator) -> Prices`, named in a protocol.

`batch` is paid once for every batch besides its labels. Where an oracle asks several
annotators, each is paid.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from albench.core.arrays import Floats
from albench.core.errors import BadData
from albench.simulation.oracles import Answers, Prices, cost_entry, pinned, read
from albench.simulation.task import Task

Rng = np.random.Generator
Price = Annotated[float, Gt(0)]
Fee = Annotated[float, Ge(0)]


@cost_entry("constant")
def constant(
    task: Task, answers: Answers, rng: Rng, *, label: Price = 1.0, batch: Fee = 0.0
) -> Prices:
    """Every label costs the same."""
    return Prices(np.float64(label) * answers.votes, batch)


@cost_entry("per_class", cite="Kapoor, Horvitz and Basu 2007")
def per_class(
    task: Task,
    answers: Answers,
    rng: Rng,
    *,
    classes: list[str] | None = None,
    prices: list[Price] | None = None,
    positive: Price | None = None,
    other: Price = 1.0,
    batch: Fee = 0.0,
) -> Prices:
    """The price depends on the true class: `prices` of the `classes` named, else `other`.

    `positive` is the price of the dataset's positive class. Raises BadData where a class
    named is none of the dataset's, or where a positive class is priced and there is none.
    """
    names, listed = list(classes or ()), list(prices or ())
    if len(names) != len(listed):
        raise BadData(f"per_class: {len(names)} classes, {len(listed)} prices")
    unknown = [name for name in names if name not in task.classes]
    if unknown:
        raise BadData(
            f"per_class: {unknown[0]!r} is no class of the dataset ({', '.join(task.classes[:8])})"
        )
    table: Floats = np.full(task.n_classes, other)
    if positive is not None:
        if task.positive is None:
            raise BadData("per_class: positive has a price, but the dataset has no positive class")
        table[task.positive] = positive
    table[[task.classes.index(name) for name in names]] = listed
    return Prices(table[task.y] * answers.votes, batch)


@cost_entry("lognormal", cite="Settles, Craven and Friedland 2008")
def lognormal(
    task: Task,
    answers: Answers,
    rng: Rng,
    *,
    mean: Price = 1.0,
    sigma: Price = 0.5,
    batch: Fee = 0.0,
) -> Prices:
    """Prices drawn per row from a lognormal distribution with the given mean."""
    drawn = rng.lognormal(np.log(mean) - sigma**2 / 2, sigma, size=len(task.y))
    return Prices(drawn * answers.votes, batch)


@cost_entry("per_row", resolve=pinned)
def per_row(
    task: Task,
    answers: Answers,
    rng: Rng,
    source: str | None = None,
    *,
    sha256: str,
    batch: Fee = 0.0,
) -> Prices:
    """Prices from a CSV file with the columns row (of the dataset, from 0) and cost.

    Raises BadData for a cost that is missing, negative or no number.
    """
    table = read(sha256, source, ["row", "cost"]).set_index("row")["cost"]
    if table.index.has_duplicates:
        raise BadData(f"{source}: row {table.index[table.index.duplicated()][0]} stands twice")
    prices = table.reindex(task.rows)
    if prices.isna().any():
        raise BadData(f"{source}: no cost of dataset row {prices.index[prices.isna()].min()}")
    try:
        values = prices.to_numpy(dtype=np.float64)
    except ValueError as error:
        raise BadData(f"{source}: the column 'cost' holds something else than numbers") from error
    if (values < 0).any():
        raise BadData(f"{source}: the cost of row {task.rows[values < 0][0]} is negative")
    return Prices(values * answers.votes, batch)


@cost_entry("seconds", cite="Settles, Craven and Friedland 2008")
def seconds(
    task: Task, answers: Answers, rng: Rng, *, rate: Price = 1.0, batch: Fee = 0.0
) -> Prices:
    """The recorded working time of the annotators asked, times a rate.

    Raises BadData where the oracle has no recorded seconds.
    """
    if answers.seconds is None:
        raise BadData('cost = "seconds" needs an oracle with recorded seconds')
    return Prices(rate * answers.seconds, batch)
