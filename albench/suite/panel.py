"""Which strategies, models, metrics, batch, budget and trials fit a table, by rules.

Classes
    two: margin, entropy and least_confident rank alike, so one of them stands for all three;
    more than `MANY`: coverage of classes counts (typiclust), a start with every class.
Rare
    two classes, the smaller at most `RARE` of the rows: average precision decides, and
    strategies that look for it are compared.
Wide
    more than `WIDE` columns, or more columns than rows: linear models.
Large
    more than `LARGE` rows: no strategy that is quadratic in the pool, ten trials.
Budget
    200 labels or half of the train rows; with many classes ten a class. A fifth of it at most
    is the start, and eighteen batches spend the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from albench.analysis.bought.rare import RARE
from albench.core.errors import BadValue

MANY = 10
WIDE = 500
LARGE = 20_000
BATCHES = 18
TRAIN = 0.6


@dataclass(frozen=True)
class Facts:
    """What the rules look at.

    counts  rows of each class; width: columns after encoding
    split   `random`, `group` or `time`, as columns are named for it
    """

    counts: Mapping[str, int]
    width: int
    split: str = "random"

    @property
    def n(self) -> int:
        """Rows."""
        return sum(self.counts.values())

    @property
    def k(self) -> int:
        """Classes."""
        return len(self.counts)

    @property
    def rarest(self) -> str:
        """The smallest class, the last of equal ones."""
        return min(reversed(list(self.counts)), key=lambda label: self.counts[label])

    @property
    def rare(self) -> bool:
        """Whether a class of two is rare."""
        return self.k == 2 and self.counts[self.rarest] <= RARE * self.n


@dataclass(frozen=True)
class Asked:
    """What the user asks for: budget, batch, cost (a table of the suite), session."""

    budget: int | None = None
    batch: int | None = None
    cost: Mapping[str, Any] | None = None
    session: float | None = None


@dataclass(frozen=True)
class Panel:
    """What a suite is made of, and why; stopping: rules that any model and budget allow."""

    strategies: tuple[str, ...]
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    trials: int
    protocol: dict[str, Any]
    why: tuple[str, ...] = field(default=())
    stopping: tuple[str, ...] = ("classification_change", "stabilising_predictions")

    @property
    def primary(self) -> str:
        """The metric that decides."""
        return self.metrics[0]


def panel(facts: Facts, asked: Asked) -> Panel:
    """The panel of a table; raises BadValue for a budget or batch that it cannot have."""
    large, wide = facts.n > LARGE, facts.width > WIDE or facts.width > facts.n
    strategies, why = strategies_of(facts, large)
    models: tuple[str, ...] = ("logreg", "forest")
    if wide:
        models = ("logreg", "svc-linear")
        why.append(f"{facts.width} columns, {facts.n} rows: linear models")
    elif large:
        models = ("logreg", "gnb")
        why.append(f"{facts.n} rows: models that predict a large pool fast")
    metrics: tuple[str, ...] = ("balanced_accuracy", "accuracy", "f1_macro")
    if facts.rare:
        metrics = ("average_precision_macro", "balanced_accuracy", "recall_at_precision_90")
        share = facts.counts[facts.rarest] / facts.n
        why.append(f"the class {facts.rarest!r} is rare ({share:.1%}): average precision decides")
    trials = 10 if large else 20
    protocol, more = protocol_of(facts, asked)
    return Panel(strategies, models, metrics, trials, protocol, (*why, *more))


def strategies_of(facts: Facts, large: bool) -> tuple[tuple[str, ...], list[str]]:
    """Strategies, the baseline first, and why these."""
    if facts.rare:
        told = "strategies that look for the rare class: balanced_margin, galaxy, positive_greedy"
        names = ["random", "margin", "balanced_margin", "positive_greedy"]
        return (*names, *([] if large else ["galaxy"])), [told]
    if facts.k == 2:
        names = ["random", "margin", "power_margin"]
        told = "two classes: margin, entropy and least_confident rank alike; margin stands for them"
    elif facts.k > MANY:
        names = ["random", "margin", "entropy"]
        told = f"{facts.k} classes: typiclust looks for classes not yet seen"
    else:
        names = ["random", "margin", "entropy", "least_confident"]
        told = f"{facts.k} classes: margin, entropy and least_confident differ"
    if large:
        return tuple(names), [told, f"{facts.n} rows: no strategy that is quadratic in the pool"]
    return (*names, *(["typiclust"] if facts.k > MANY else []), "kcenter"), [told]


def protocol_of(facts: Facts, asked: Asked) -> tuple[dict[str, Any], list[str]]:
    """The fields of the protocol over `standard`, and why these."""
    train, k, why = int(TRAIN * facts.n), facts.k, []
    if asked.budget is not None and not 3 <= asked.budget <= train:
        raise BadValue(f"--budget {asked.budget}: from 3 to {train}, the rows that can be bought")
    many = k > MANY
    labels = asked.budget or min(max(200, 10 * k if many else 0), max(train // 2, 3))
    start = min(20, max(2 * k, labels // 5)) if not many else min(2 * k, max(labels // 4, k))
    start = max(1, min(start, labels - 1))
    fields: dict[str, Any] = {}
    if facts.split != "random":
        fields["split"] = facts.split
        why.append(f"split = {facts.split!r}, as a column is named for it")
    elif (facts.rare or many) and min(facts.counts.values()) > 1:
        fields["split"] = "stratified"
    if (facts.rare or many) and k <= start and min(facts.counts.values()) > 1:
        fields["start_rule"] = "cover"
        why.append("a start with every class: drawn at random it would lack some")
    batch = asked.batch or max(1, (labels - start) // BATCHES)
    if not 1 <= batch <= max(1, labels - start):
        raise BadValue(f"--batch {batch}: from 1 to {labels - start}, what the budget leaves")
    fields |= {"start": start, "batch": batch, "budget": labels}
    if asked.cost is not None:
        fields["cost"] = dict(asked.cost)
        why.append("labels have a cost: answers are given by cost first")
    if asked.session is not None:
        if not asked.session > 0:
            raise BadValue(f"--session {asked.session:g}: a positive number")
        fields["session"] = float(asked.session)
    return fields, why
