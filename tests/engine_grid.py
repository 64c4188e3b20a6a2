"""Whole runs of an engine against the plain scikit-learn model of the same name.

Used by test_engines.py (a slice) and by benchmarks/speed_equality.py (the full grid).
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn.datasets

from albench.core.registry import build, resolve
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models import engines
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle


def blobs(n, d, k, spread, seed):
    X, y = sklearn.datasets.make_blobs(n, d, centers=k, cluster_std=spread, random_state=seed)
    return X, y


def bundled(name):
    data = getattr(sklearn.datasets, f"load_{name}")()
    return data.data, data.target


def duplicates():
    """Every row three times, a few of them with another label; whole numbers."""
    rng = np.random.default_rng(5)
    X = rng.integers(0, 4, (60, 4)).astype(float)
    y = (X.sum(axis=1) > 6).astype(int)
    X, y = np.tile(X, (3, 1)), np.tile(y, 3)
    y[rng.choice(len(y), 12, replace=False)] ^= 1
    return X, y


def constant_columns():
    """Two constant columns and one column twice."""
    X, y = blobs(200, 4, 2, 4.0, 3)
    return np.column_stack([X, np.ones(200), X[:, 0], np.zeros(200)]), y


def rare_class():
    """Five classes, two of them with a handful of rows: unseen at the start."""
    X, y = blobs(240, 6, 5, 3.0, 4)
    rng = np.random.default_rng(0)
    keep = (y < 3) | (rng.random(240) < 0.25)
    return X[keep], y[keep]


def imbalanced():
    """Nineteen rows of twenty in one class: starts often hold one class only."""
    X, y = sklearn.datasets.make_classification(260, 8, weights=[0.95], flip_y=0, random_state=2)
    return X, y


def digits_part():
    X, y = bundled("digits")
    return X[:500], y[:500]


CASES = {
    "wdbc": lambda: bundled("breast_cancer"),
    "iris": lambda: bundled("iris"),
    "wine": lambda: bundled("wine"),
    "digits-500": digits_part,
    "noise": lambda: sklearn.datasets.make_classification(
        300, 10, n_informative=3, flip_y=0.2, random_state=1
    ),
    "moons": lambda: sklearn.datasets.make_moons(300, noise=0.25, random_state=0),
    "blobs-4": lambda: blobs(300, 5, 4, 3.5, 1),
    "duplicates": duplicates,
    "constant": constant_columns,
    "rare": rare_class,
    "imbalanced": imbalanced,
    "wide": lambda: sklearn.datasets.make_classification(150, 60, random_state=7),
}


def mirrored(name):
    """A published file of the mirror, if there is one."""
    folder = os.environ.get("ALBENCH_MIRROR")
    files = sorted(Path(folder).rglob(f"{name}-svmstyle.txt")) if folder else []
    if not files:
        return None
    X, y = sklearn.datasets.load_svmlight_file(str(files[0]))
    return X.toarray(), y.astype(int)


@dataclass
class Run:
    """What one run did: picks, test predictions and the scores seen, round by round."""

    picks: list
    predicted: list
    scores: list
    engine: str


def task_of(X, y, start=8, batch=1, budget="pool", trial=0, name="case"):
    """The cut and the spec of one trial, as a runner makes them."""
    spec = RunSpec(
        Ref(name),
        resolve("strategy", "margin"),
        Ref("any"),
        Ref("any"),
        Protocol(start=start, batch=batch, budget=budget),
        trial,
    )
    return cut(Dataset.of(X, y), spec), spec


def scores_of(fitted, part, rows):
    """Probabilities, else decision values."""
    scores = fitted.proba(part, rows)
    return np.array(fitted.decision(part, rows) if scores is None else scores)


def run(task, spec, model, strategy, engine, memory=engines.MEMORY):
    """One whole run of a model under an engine."""
    ref = resolve("model", model)
    learner = engines.learner(
        ref, task, lambda n: spec.seed("model", n) % 2**32, engine=engine, memory=memory
    )
    record = Run([], [], [], "")

    def watch(outcome):
        fitted = outcome.fitted
        record.predicted.append(np.array(outcome.predicted))
        record.scores.append(scores_of(fitted, "test", None))
        return 0.0

    chosen = build("strategy", resolve("strategy", strategy))

    def asked(query):
        record.scores.append(query.proba if query.has_proba else query.decision)
        picks = chosen(query)
        record.picks.append(np.array(picks))
        return picks

    rng = np.random.default_rng(spec.seed("strategy"))
    for _ in simulate(
        task,
        asked,
        learner,
        learner,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={"watch": watch},
        rng=rng,
    ):
        pass
    record.engine = learner.name
    return record


def gap(a, b):
    """Largest absolute difference of two score arrays; equal infinities are equal."""
    if a is None or b is None:
        return 0.0 if a is b else np.inf
    with np.errstate(invalid="ignore"):
        apart = np.where(a == b, 0.0, np.abs(a - b))
    return float(apart.max(initial=0.0))


def compared(fast, plain):
    """(first round with other picks or None, rounds with other predictions, largest gap).

    Scores are compared up to the first round with other picks.
    """
    differs = [
        i
        for i, (a, b) in enumerate(zip(fast.picks, plain.picks, strict=True))
        if not np.array_equal(a, b)
    ]
    first = differs[0] if differs else None
    rounds = len(fast.predicted) if first is None else first + 1
    wrong = sum(
        not np.array_equal(a, b)
        for a, b in zip(fast.predicted[:rounds], plain.predicted[:rounds], strict=True)
    )
    each = len(fast.scores) if first is None else 2 * first + 2
    largest = max(gap(a, b) for a, b in zip(fast.scores[:each], plain.scores[:each], strict=True))
    return first, wrong, largest


def grid(datasets, model, strategies, seeds, **fields) -> Iterator[tuple]:
    """Every comparison of a model: (dataset, strategy, seed, engine, compared(...)).

    fields  batch and budget of the runs, where not one label a round to pool exhaustion
    """
    for name, (X, y) in datasets.items():
        for seed in seeds:
            task, spec = task_of(X, y, trial=seed, name=name, **fields)
            for strategy in strategies:
                fast = run(task, spec, model, strategy, "auto")
                plain = run(task, spec, model, strategy, "plain")
                yield name, strategy, seed, fast.engine, compared(fast, plain)
