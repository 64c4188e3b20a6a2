"""Who answers a query: exact, noisy or abstaining oracles.

An oracle is a function `(Task, Generator) -> Answers` that settles at the start of a run
what it would answer to every train row. So its mistakes depend on the row and the trial,
and every strategy of a trial meets the same ones. The test set stays clean.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Gt, Lt

from albench import annotators
from albench.errors import BadData
from albench.learner import Floats, Ints, fit_aligned
from albench.loop import Oracle, Task
from albench.priced import Answers, Priced, oracle_entry
from albench.query import gap
from albench.registry import OracleParam, build, resolve
from albench.spec import Protocol, Ref

__all__ = ["annotators", "oracle"]

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
