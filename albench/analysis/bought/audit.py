"""What a user without a test set would believe, against the passive test score.

Row m (from 1 to M) is drawn with probability q among the N - m + 1 rows left. The estimator
is unbiased for the mean loss over the N rows, for a model that was not fitted on those
labels (Farquhar, Gal and Rainforth, ICLR 2021).

Labels that a strategy chose are no random sample. Each estimator below is what someone
might report from them; `bias` is the estimate minus the score on the passive test set.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from albench.analysis.bought import CHECKPOINTS, Bought, Cut, groups
from albench.analysis.bought.space import Space, kish
from albench.core.arrays import Floats, Ints
from albench.core.errors import BadValue
from albench.core.tables import KEY


def lure_weights(q: Floats, n_pool: int) -> Floats:
    """(M,) weights v whose mean with the losses is LURE: mean of v * loss.

    v = 1 + (N - M) / (N - m) * (1 / ((N - m + 1) q) - 1); all are 1 when M = N. E[v] = 1.
    Raises BadValue for probabilities outside (0, 1] or more draws than rows.
    """
    q, left = checked(q, n_pool)
    n = len(q)
    if n == n_pool:
        return np.ones(n)
    return np.asarray(1 + (n_pool - n) / (left - 1) * (1 / (left * q) - 1))


def checked(q: Floats, n_pool: int) -> tuple[Floats, Floats]:
    """The probabilities, and how many rows were left before each draw."""
    q = np.asarray(q, dtype=np.float64)
    if q.ndim != 1 or len(q) > n_pool or not ((q > 0) & (q <= 1 + 1e-12)).all():
        raise BadValue("LURE needs the probability, in (0, 1], of each of at most N draws")
    return q, n_pool - np.arange(len(q), dtype=np.float64)


def with_start(n_start: int, q: Floats, n_pool: int) -> Floats:
    """Probabilities of a start drawn uniformly, 1 / (N - m + 1), then those logged."""
    return np.concatenate([1.0 / (n_pool - np.arange(n_start)), q])


Metric: TypeAlias = Literal["accuracy", "balanced_accuracy"]

FOLDS = 5
AUDITS = (30, 60)
WHOLE = "the whole pool was bought"
"""Why there is no `leftover`: then nothing was selected either."""
ESTIMATORS = {
    "resubstitution": "the labelled rows that the model was fitted on",
    "cv": "5-fold cross-validation on the labelled rows",
    "cv_clean": "the same predictions scored with the true labels: what is left of the "
    "bias is due to selection, the rest to wrong labels",
    "cv_matched": "cross-validation against the test score of the fold models, which "
    "takes the smaller training sets out of the comparison",
    "last_half": "the last half of the labels, the model fitted on the first half",
    "leftover": "the pool rows never bought, with their true labels",
    "lure_cv": "cross-validation, losses weighted by LURE (needs logged probabilities)",
    "lure_matched": "the same against the test score of the fold models",
    "audit_30": "30 random rows withheld from the pool",
    "audit_60": "60 random rows withheld from the pool",
}


def measured(
    runs: pd.DataFrame,
    rounds: pd.DataFrame,
    cuts: Iterable[Cut],
    checkpoints: Sequence[float] = CHECKPOINTS,
    metric: Metric = "accuracy",
    *,
    brief: bool = False,
) -> pd.DataFrame:
    """One row per run, checkpoint and estimator that can be had; `brief`: `cv` only.

    Columns: dataset, protocol, model, strategy, trial, checkpoint, n_labeled, estimator,
    estimate, truth (score on the passive test set; for the matched ones the mean over
    the fold models), reason (why the estimate is NaN, else empty), and for lure_cv ess (effective
    sample size of the weights) and max_weight. Labels are as the oracle gave them unless
    an estimator says otherwise.
    """
    if metric not in SCORES:
        raise BadValue(f"audit: metric {metric!r}; it is one of {', '.join(SCORES)}")
    rows: list[dict[str, Any]] = []
    for group in groups(runs, rounds, cuts):
        space = Space.of(group.task)
        for run in group.runs:
            for share, number in run.checkpoints(checkpoints):
                labeled = Labeled(run, run.in_hand(number), space.seed, metric)
                base = {
                    **dict(zip(KEY, run.key, strict=True)),
                    "checkpoint": share,
                    "n_labeled": len(labeled.rows),
                }
                found = [in_brief(labeled)] if brief else estimates(labeled)
                rows += [{**base, **row} for row in found]
    return pd.DataFrame(rows)


def accuracy(y: Ints, predicted: Ints) -> float:
    """Share predicted right; NaN of nothing."""
    return float(np.mean(y == predicted)) if len(y) else np.nan


def balanced_accuracy(y: Ints, predicted: Ints) -> float:
    """Mean recall over the classes present; NaN of nothing."""
    classes = np.unique(y)
    recalls = [np.mean(predicted[y == c] == c) for c in classes]
    return float(np.mean(recalls)) if len(classes) else np.nan


SCORES: dict[str, Callable[[Ints, Ints], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
}


class Labeled:
    """One labelled set, in the order bought, and the models one can fit on it.

    at: indices into what the run bought; seed: of the folds, the same for every strategy.
    """

    def __init__(self, run: Bought, at: Ints, seed: int, metric: Metric) -> None:
        self.run, self.at, self.score = run, at, SCORES[metric]
        self.metric, self.task = metric, run.cut.task
        self.rows, self.told = run.rows[at], run.labels[at]
        self.true: Ints = self.task.y[self.rows]
        self.folds = np.random.default_rng([seed, 4]).permutation(np.arange(len(at)) % FOLDS)

    def fit(self, kept: Any) -> Any:
        """The task model on part of the labelled rows."""
        rows, told = self.rows[kept], self.told[kept]
        order = np.argsort(rows)
        return self.run.cut.fit(rows[order], told[order])

    def on_test(self, fitted: Any) -> float:
        """Score of a model on the passive test set."""
        return self.score(self.task.y_test, fitted.predicted("test"))


def estimates(labeled: Labeled) -> Iterator[dict[str, Any]]:
    """All estimates of one labelled set."""
    task, score = labeled.task, labeled.score
    fitted = labeled.fit(slice(None))
    truth = labeled.on_test(fitted)
    everything = fitted.predicted("train")
    bought = np.union1d(labeled.run.rows, task.withheld)
    leftover = np.setdiff1d(np.arange(len(task.y)), bought)
    yield row("resubstitution", score(labeled.told, everything[labeled.rows]), truth)
    yield row(
        "leftover",
        score(task.y[leftover], everything[leftover]),
        truth,
        "" if len(leftover) else WHOLE,
    )
    for n in AUDITS:
        yield audit_sample(labeled, everything, n) | {"truth": truth}
    yield last_half(labeled) | {"truth": truth}
    yield from cross_validated(labeled, truth)


def in_brief(labeled: Labeled) -> dict[str, Any]:
    """Cross-validation alone, and the model's score on the passive test set."""
    truth = labeled.on_test(labeled.fit(slice(None)))
    if len(labeled.rows) < 2 * FOLDS:
        return row("cv", np.nan, truth, f"fewer than {2 * FOLDS} labels")
    return row("cv", labeled.score(labeled.told, held_out(labeled)), truth)


def held_out(labeled: Labeled, tell: Callable[[Any], None] = lambda fitted: None) -> Ints:
    """Predictions of the labelled rows by cross-validation; `tell` is given each fold's model."""
    predicted = np.empty(len(labeled.rows), dtype=np.intp)
    for fold in range(FOLDS):
        held = labeled.folds == fold
        fitted = labeled.fit(~held)
        predicted[held] = fitted.predicted("train", labeled.rows[held])
        tell(fitted)
    return predicted


def row(name: str, estimate: float, truth: float, reason: str = "") -> dict[str, Any]:
    """One estimate."""
    return {"estimator": name, "estimate": estimate, "truth": truth, "reason": reason}


def audit_sample(labeled: Labeled, predicted: Ints, n: int) -> dict[str, Any]:
    """The first n withheld rows: the pool order is a random one."""
    name, withheld = f"audit_{n}", labeled.task.withheld[:n]
    if len(withheld) < n:
        why = f"the protocol withholds {len(withheld)} rows (audit = {n} would do)"
        return row(name, np.nan, np.nan, why)
    answers = labeled.run.cut.answers[withheld]
    kept = answers >= 0
    return row(name, labeled.score(answers[kept], predicted[withheld][kept]), np.nan)


def last_half(labeled: Labeled) -> dict[str, Any]:
    """The last half of the labels as a holdout of a model of the first half."""
    half = len(labeled.rows) // 2
    if not half:
        return row("last_half", np.nan, np.nan, "fewer than two labels")
    predicted = labeled.fit(slice(0, half)).predicted("train", labeled.rows[half:])
    return row("last_half", labeled.score(labeled.told[half:], predicted), np.nan)


def cross_validated(labeled: Labeled, truth: float) -> Iterator[dict[str, Any]]:
    """Cross-validation with its variants."""
    names = ("cv", "cv_clean", "cv_matched", "lure_cv", "lure_matched")
    if len(labeled.rows) < 2 * FOLDS:
        for name in names:
            yield row(name, np.nan, truth, f"fewer than {2 * FOLDS} labels")
        return
    fold_truth: list[float] = []
    predicted = held_out(labeled, lambda fitted: fold_truth.append(labeled.on_test(fitted)))
    cv = labeled.score(labeled.told, predicted)
    yield row("cv", cv, truth)
    yield row("cv_clean", labeled.score(labeled.true, predicted), truth)
    matched = float(np.mean(fold_truth))
    yield row("cv_matched", cv, matched)
    weighted = lure(labeled, predicted != labeled.told)
    yield weighted | {"truth": truth}
    yield weighted | {"estimator": "lure_matched", "truth": matched}


def lure(labeled: Labeled, wrong: NDArray[np.bool_]) -> dict[str, Any]:
    """1 - the LURE estimate of the error, from cross-validated losses."""
    why = no_lure(labeled)
    if why:
        return row("lure_cv", np.nan, np.nan, why)
    run, n_start = labeled.run, labeled.run.n_start
    q = run.probability[labeled.at[n_start:]]
    n_pool = len(labeled.task.y) - len(labeled.task.withheld)
    weights = lure_weights(with_start(n_start, q, n_pool), n_pool)
    estimate = 1.0 - float(np.mean(weights * wrong))
    return row("lure_cv", estimate, np.nan) | {
        "ess": kish(weights),
        "max_weight": float(weights.max()),
    }


def no_lure(labeled: Labeled) -> str:
    """Why LURE cannot be had, or nothing."""
    run = labeled.run
    if labeled.metric != "accuracy":
        return "LURE estimates a mean loss: accuracy only"
    if not run.cut.random_start:
        return "the start was not drawn uniformly, so its probabilities are unknown"
    if not np.array_equal(labeled.at, np.arange(len(labeled.at))):
        return "some rows were not answered, so the losses of some draws are unknown"
    if np.isnan(run.probability[labeled.at[run.n_start :]]).any():
        return "the strategy logs no probabilities (softmax makes any scored strategy log them)"
    return ""
