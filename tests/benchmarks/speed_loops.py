"""Whole runs as a user would write them with scikit-learn, the same with albench, and clocks."""

import time
from statistics import median

import numpy as np
import sklearn.datasets
from engine_grid import mirrored
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from albench.core.registry import build, resolve
from albench.core.spec import Protocol, Ref, RunSpec
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.models import engines
from albench.simulation.loop import simulate
from albench.simulation.oracles import oracle

BUNDLED = {"wdbc": "breast_cancer", "digits": "digits"}


def table(name):
    """Features and labels of a bundled dataset or a published file; None where there is none."""
    if name not in BUNDLED:
        return mirrored(name)
    data = getattr(sklearn.datasets, f"load_{BUNDLED[name]}")()
    return data.data, data.target


def made(rows, features=20, noise=0.05):
    """A generated task of two overlapping classes."""
    return sklearn.datasets.make_classification(
        rows, features, n_informative=8, flip_y=noise, random_state=rows
    )


def task_of(X, y, trial=0, **protocol):
    """The cut and the spec of one trial: start 20, batch 1, to pool exhaustion unless given."""
    fields = {"start": 20, "batch": 1, "budget": "pool", **protocol}
    margin = resolve("strategy", "margin")
    spec = RunSpec(Ref("case"), margin, Ref("any"), Ref("any"), Protocol(**fields), trial)
    return cut(Dataset.of(X, y), spec), spec


def plain_model(model, seed):
    """scikit-learn's classifier at its default tolerance."""
    if model == "logreg":
        return LogisticRegression()
    if model == "forest":
        return RandomForestClassifier(random_state=seed)
    return SVC(gamma="auto")


def plain_round(task, model, labeled, pool):
    """Fit, score the test set, find the smallest margin: the accuracy, and where in the pool."""
    fitted = plain_model(model, len(labeled)).fit(task.X[labeled], task.y[labeled])
    accuracy = float((fitted.predict(task.X_test) == task.y_test).mean())
    if not len(pool):
        return accuracy, None
    if model in ("logreg", "forest"):
        best = np.sort(fitted.predict_proba(task.X[pool]), axis=1)
        margin = best[:, -1] - best[:, -2]
    else:
        margin = np.abs(fitted.decision_function(task.X[pool]))
    return accuracy, int(np.argmin(margin))


def plain_loop(X, y, model, **protocol):
    """A whole run as a user writes it; returns the accuracies."""
    task, _ = task_of(X, y, **protocol)
    labeled, pool = task.start, np.setdiff1d(np.arange(len(task.y)), task.start)
    accuracies = []
    while True:
        accuracy, at = plain_round(task, model, labeled, pool)
        accuracies.append(accuracy)
        if len(labeled) == task.budget:
            return accuracies
        labeled, pool = np.append(labeled, pool[at]), np.delete(pool, at)


def plain_part(X, y, model, order, every):
    """Every so many rounds of a plain run that buys rows in a known order."""
    task, _ = task_of(X, y)
    for n in range(20, len(order) + 1, every):
        plain_round(task, model, order[:n], np.setdiff1d(order, order[:n]))


def engine(task, model):
    """The learner that a run of the model gets."""
    return engines.learner(resolve("model", model), task, lambda n: n)


def engine_rounds(task, spec, learner, strategy="margin"):
    """The rounds of a run with albench, as they come."""
    return simulate(
        task,
        build("strategy", resolve("strategy", strategy)),
        learner,
        learner,
        oracle(spec.protocol, task, spec.rng("oracle")),
        metrics={"accuracy": build("metric", resolve("metric", "accuracy"))},
        rng=np.random.default_rng(0),
    )


def engine_loop(X, y, model, strategy="margin", **protocol):
    """`plain_loop` with albench; returns the rounds."""
    task, spec = task_of(X, y, **protocol)
    return list(engine_rounds(task, spec, engine(task, model), strategy))


def seconds(call):
    """CPU seconds of this process, user and system."""
    begin = time.process_time()
    call()
    return time.process_time() - begin


def engine_part(X, y, model, order, every):
    """Seconds of a whole run with an engine that fits from scratch, from some of its rounds.

    What is computed once, the cut and the kernel, counts once.
    """
    task, _ = task_of(X, y)
    learner, sizes = engine(task, model), range(20, len(order) + 1, every)

    def some():
        for n in sizes:
            labeled = np.sort(order[:n])
            fitted = learner.fit(labeled, task.y[labeled])
            fitted.predicted("test"), fitted.decision("train", np.sort(order[n:]))

    cold, warm = seconds(some), seconds(some)
    once = seconds(lambda: task_of(X, y)) + cold - warm
    return once + warm * (len(order) - 19) / len(sizes)


def interleaved(times, *calls):
    """Median CPU seconds of each call; all are made in turn, `times` times over."""
    took = [[seconds(call) for call in calls] for _ in range(times)]
    return [median(column) for column in zip(*took, strict=True)]


def times_faster(ratio):
    """A ratio with two or three digits."""
    return f"{ratio:.1f} x" if ratio < 10 else f"{ratio:.0f} x"


def row(*cells):
    """A line of a Markdown table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*titles):
    """The first two lines of a Markdown table."""
    return row(*titles) + "\n" + "|---" * len(titles) + "|"
