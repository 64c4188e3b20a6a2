"""Per-round quality on the passive test set: `Outcome -> float`.

Values equal scikit-learn's function of the same name. Where a metric is undefined (no
probabilities, a test set with one class) it is NaN, which the tables store as null.
"""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from albench.core.arrays import Bools, Floats
from albench.core.registry import metric
from albench.simulation.task import Outcome

NAN = float("nan")


def confusion(outcome: Outcome) -> Floats:
    """(n_classes, n_classes) counts, rows true, columns predicted."""
    if "confusion" not in outcome.kept:
        k = outcome.task.n_classes
        flat = np.bincount(outcome.task.y_test * k + outcome.predicted, minlength=k * k)
        outcome.kept["confusion"] = flat.reshape(k, k).astype(np.float64)
    counts: Floats = outcome.kept["confusion"]
    return counts


@metric("accuracy", cite="scikit-learn accuracy_score")
def accuracy(outcome: Outcome) -> float:
    """Share of test rows predicted right."""
    right = np.count_nonzero(outcome.predicted == outcome.task.y_test)
    return right / len(outcome.task.y_test)


@metric("balanced_accuracy", cite="Brodersen et al. 2010")
def balanced_accuracy(outcome: Outcome) -> float:
    """Mean recall over the classes that the test set holds."""
    counts = confusion(outcome)
    n = counts.sum(axis=1)
    return float(np.mean(np.diag(counts)[n > 0] / n[n > 0]))


def f1_per_class(outcome: Outcome) -> tuple[Floats, Floats]:
    """F1 and test rows of each class that is in the test set or predicted; 0/0 is 0."""
    counts = confusion(outcome)
    true, said = counts.sum(axis=1), counts.sum(axis=0)
    kept = true + said > 0
    return 2 * np.diag(counts)[kept] / (true + said)[kept], true[kept]


@metric("f1_micro", cite="van Rijsbergen 1979")
def f1_micro(outcome: Outcome) -> float:
    """F1 of the counts of all classes together: with one label a row, the accuracy."""
    counts = confusion(outcome)
    return float(np.trace(counts) / counts.sum())


@metric("f1_macro", cite="van Rijsbergen 1979")
def f1_macro(outcome: Outcome) -> float:
    """Mean F1 over the classes in the test set or predicted."""
    return float(np.mean(f1_per_class(outcome)[0]))


@metric("f1_weighted", cite="van Rijsbergen 1979")
def f1_weighted(outcome: Outcome) -> float:
    """F1 averaged over classes with their test shares as weights."""
    f1, n = f1_per_class(outcome)
    return float(f1 @ n / n.sum())


def class_scores(outcome: Outcome) -> Floats | None:
    """(n_test, n_classes) scores that rank the test rows for each class."""
    scores = outcome.proba if outcome.proba is not None else outcome.decision
    if scores is None:
        return None
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


def positive_class(outcome: Outcome) -> int:
    """The positive class of a task with two classes."""
    return 1 if outcome.task.positive is None else outcome.task.positive


def area_under_roc(is_class: Bools, score: Floats) -> float:
    """Mann-Whitney form of the area under the ROC curve, ties counted half."""
    from scipy.stats import rankdata

    n_in = int(is_class.sum())
    n_out = len(is_class) - n_in
    if not n_in or not n_out:
        return NAN
    rank_sum = rankdata(score)[is_class].sum()
    return float((rank_sum - n_in * (n_in + 1) / 2) / (n_in * n_out))


def average_precision(is_class: Bools, score: Floats) -> float:
    """Sum of precision times step in recall over the distinct scores, best first."""
    n_in = int(is_class.sum())
    if not n_in:
        return NAN
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(is_class[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    precision = hits[last] / (last + 1)
    return float(np.sum(np.diff(hits[last], prepend=0) * precision) / n_in)


def over_classes(outcome: Outcome, area: Callable[[Bools, Floats], float]) -> float:
    """An area for the positive class (two classes), else its mean over all classes."""
    scores = class_scores(outcome)
    if scores is None:
        return NAN
    y, k = outcome.task.y_test, outcome.task.n_classes
    classes = [positive_class(outcome)] if k == 2 else range(k)
    return float(np.mean([area(y == c, scores[:, c]) for c in classes]))


@metric("roc_auc_ovr", cite="Hanley and McNeil 1982; one against the rest")
def roc_auc_ovr(outcome: Outcome) -> float:
    """Area under the ROC curve, mean of each class against the rest.

    Decision values stand in for probabilities where the model has none. Undefined when a
    class has no test row, or all of them.
    """
    return over_classes(outcome, area_under_roc)


@metric("average_precision_macro", cite="scikit-learn average_precision_score")
def average_precision_macro(outcome: Outcome) -> float:
    """Average precision: of the positive class with two classes, else the mean over classes.

    Decision values stand in for probabilities. Undefined when a class has no test row.
    """
    return over_classes(outcome, average_precision)


@metric("recall_at_precision_90", cite="Davis and Goadrich 2006")
def recall_at_precision_90(outcome: Outcome) -> float:
    """Largest recall of the positive class at a threshold with precision of at least 0.9.

    Two classes only, undefined with more; 0 where no threshold reaches that precision.
    Decision values stand in for probabilities.
    """
    scores = class_scores(outcome)
    if scores is None or outcome.task.n_classes != 2:
        return NAN
    positive = positive_class(outcome)
    is_class, score = outcome.task.y_test == positive, scores[:, positive]
    if not is_class.any():
        return NAN
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(is_class[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    reached = hits[last] / (last + 1) >= 0.9
    return float((hits[last] * reached).max() / is_class.sum())


@metric(
    "log_loss",
    better="lower",
    cite="Good 1952",
    formerly=("5c4d911d0f4fcf4b22f8a8b2d99e8b5dec72959ad2d45d61f3dee6e3164783a6",),
)
def log_loss(outcome: Outcome, *, clip: Annotated[float, Gt(0), Lt(1)] = 1e-15) -> float:
    """Mean negative log probability of the true class, no probability taken below `clip`.

    scikit-learn 1.3 and later clip at 2.220446049250313e-16. Undefined for models without
    probabilities.
    """
    if outcome.proba is None:
        return NAN
    true = outcome.proba[np.arange(len(outcome.task.y_test)), outcome.task.y_test]
    return float(-np.mean(np.log(np.clip(true, clip, 1.0))))


@metric("brier", better="lower", cite="Brier 1950")
def brier(outcome: Outcome) -> float:
    """Squared distance to the one-hot truth, summed over classes, mean over rows.

    Undefined for models without probabilities.
    """
    if outcome.proba is None:
        return NAN
    gap = outcome.proba.copy()
    gap[np.arange(len(gap)), outcome.task.y_test] -= 1.0
    return float(np.mean(np.sum(gap * gap, axis=1)))


@metric("ece", better="lower", cite="Naeini, Cooper and Hauskrecht 2015; Guo et al. 2017")
def ece(outcome: Outcome) -> float:
    """Expected calibration error: 15 equal-width bins of the top probability.

    Undefined for models without probabilities.
    """
    if outcome.proba is None:
        return NAN
    top = outcome.proba.max(axis=1)
    right = outcome.proba.argmax(axis=1) == outcome.task.y_test
    bins = np.clip(np.ceil(top * 15).astype(int) - 1, 0, 14)
    gaps = np.bincount(bins, weights=right - top, minlength=15)
    return float(np.abs(gaps).sum() / len(top))
