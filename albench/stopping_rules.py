"""Stopping rules: functions `StopQuery -> bool`, or classes of such, built anew for each run.

The rules that Pullar-Strecker, Dost, Frank and Wicker compare (Machine Learning 2022,
arXiv 2110.03802), and the two things that a practitioner does without any: a budget, and a sample
held out. Each says from where its threshold comes. Entropies are in nats. A model without
probabilities has Platt's (`albench.simulation.stopping.probabilities`), as the compared rules had.
"""

from itertools import pairwise
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le

from albench.core.arrays import Floats, Ints
from albench.core.registry import stopping
from albench.simulation.stopping import StopQuery, entropy

Count = Annotated[int, Ge(1)]
Threshold = Annotated[float, Gt(0)]
Share = Annotated[float, Gt(0), Le(1)]
Answer = str | bool
"""Why to stop, or False to go on."""
COMPARED = "as compared by Pullar-Strecker et al. 2022"


EMPTY = "the pool is empty"


def below(what: str, value: float, threshold: float) -> Answer:
    """The sentence where a value lies below a threshold."""
    return bool(value < threshold) and f"{what} {value:.3g}"


@stopping("budget")
def budget(query: StopQuery, *, labels: Count = 100) -> Answer:
    """A number of labels, fixed beforehand."""
    return query.n_bought >= labels and f"{query.n_bought} labels are bought"


@stopping("max_confidence", cite="Zhu and Hovy 2007")
def max_confidence(query: StopQuery, *, threshold: Threshold = 0.001) -> Answer:
    """The model was sure of each row that was bought last: every entropy below a threshold.

    Their threshold. They buy one row at a time.
    """
    if query.selected is None:
        return False
    return below(
        "largest entropy of the rows bought last", entropy(query.selected).max(), threshold
    )


@stopping("selected_uncertainty", cite=f"Zhu and Hovy 2007, {COMPARED}")
def selected_uncertainty(query: StopQuery, *, threshold: Threshold = 0.001) -> Answer:
    """The rows bought last were sure on average: mean entropy below a threshold.

    Max confidence as the comparison describes it for batches.
    """
    if query.selected is None:
        return False
    mean = float(entropy(query.selected).mean())
    return below("mean entropy of the rows bought last", mean, threshold)


@stopping("max_uncertainty", cite="Zhu, Wang and Hovy 2008, IJCNLP")
def max_uncertainty(query: StopQuery, *, threshold: Threshold = 0.01) -> Answer:
    """The model is sure of every pool row: the largest entropy is at most a threshold.

    The threshold of the comparison (`SC_entropy-mcs`).
    """
    if not len(query.pool):
        return EMPTY
    largest = float(entropy(query.proba).max())
    return largest <= threshold and f"largest entropy of the pool {largest:.3g}"


@stopping("overall_uncertainty", cite="Zhu, Wang and Hovy 2008, Coling")
def overall_uncertainty(query: StopQuery, *, threshold: Threshold = 0.01) -> Answer:
    """The model is sure of the pool on average: mean entropy below a threshold.

    The threshold of the comparison, which measures one minus the largest probability instead:
    that is `minimum_expected_error` here.
    """
    if not len(query.pool):
        return EMPTY
    return below("mean entropy of the pool", float(entropy(query.proba).mean()), threshold)


@stopping("minimum_expected_error", cite="Zhu, Wang and Hovy 2008, Coling")
def minimum_expected_error(query: StopQuery, *, threshold: Threshold = 0.01) -> Answer:
    """The share of mistakes on the pool that the model itself expects is at most a threshold.

    The mean of one minus the largest probability, as in the paper. The comparison takes the
    smallest expected error after one more label instead, which needs a refit for each pool row.
    """
    if not len(query.pool):
        return EMPTY
    expected = float((1 - query.proba.max(axis=1)).mean())
    return expected <= threshold and f"expected error on the pool {expected:.3g}"


@stopping("selected_accuracy", cite="Zhu, Wang and Hovy 2008, IJCNLP")
def selected_accuracy(query: StopQuery, *, threshold: Share = 0.9) -> Answer:
    """The model had the rows right that were bought last: accuracy of at least a threshold.

    Their threshold (`SC_oracle-acc-mcs`). Rows that were not answered do not count.
    """
    if query.selected is None or not (query.y_picks >= 0).any():
        return False
    known = query.y_picks >= 0
    right = float(np.mean(query.selected[known].argmax(axis=1) == query.y_picks[known]))
    return right >= threshold and f"accuracy on the rows bought last {right:.3g}"


@stopping("classification_change", cite="Zhu, Wang and Hovy 2008, Coling")
class ClassificationChange:
    """No pool row is classified otherwise than a round ago."""

    def __init__(self) -> None:
        self.last: Ints | None = None

    def __call__(self, query: StopQuery) -> Answer:
        """Compare the predictions for the rows that are still in the pool."""
        last, self.last = self.last, query.predicted().copy()
        if last is None or not (last == self.last)[query.pool].all():
            return False
        return "no pool row changed its class"


def kappa(a: Ints, b: Ints) -> float:
    """Cohen's kappa of two classifications; 1 where both are one and the same class."""
    classes = np.union1d(a, b)
    agreed = float(np.mean(a == b))
    chance = float(sum(np.mean(a == c) * np.mean(b == c) for c in classes))
    return 1.0 if chance >= 1 else (agreed - chance) / (1 - chance)


@stopping("stabilising_predictions", cite="Bloodgood and Vijay-Shanker 2009")
class StabilisingPredictions:
    """Successive models agree on a stop set: the mean of the last kappas reaches a threshold.

    Window (3) and threshold (.99) are theirs, as is the stop set of 2,000 pool rows drawn at the
    start; a smaller pool is taken whole. Its rows stay in it when they are bought.
    """

    def __init__(self, *, window: Count = 3, threshold: Share = 0.99, rows: Count = 2000) -> None:
        self.window, self.threshold, self.rows = window, threshold, rows
        self.stop_set: Ints | None = None
        self.said: list[Ints] = []

    def __call__(self, query: StopQuery) -> Answer:
        """Classify the stop set and compare with the models before."""
        if self.stop_set is None:
            n = min(self.rows, len(query.pool))
            self.stop_set = np.sort(query.rng.choice(query.pool, size=n, replace=False))
        self.said = [*self.said, query.predicted(self.stop_set).copy()][-self.window - 1 :]
        if len(self.said) <= self.window:
            return False
        agreed = float(np.mean([kappa(a, b) for a, b in pairwise(self.said)]))
        return agreed >= self.threshold and f"mean of the last {self.window} kappas {agreed:.4g}"


def converged(values: list[float], window: int, threshold: float, middle: str) -> Answer:
    """Whether a rising series has come to rest (Laws and Schuetze 2008).

    The last value is the largest so far, and the middle of the last `window` values exceeds that
    of the window one step before by more than 0 and less than the threshold.
    """
    if len(values) <= window or values[-1] < max(values):
        return False
    centre = np.mean if middle == "mean" else np.median
    slope = float(centre(values[-window:]) - centre(values[-window - 1 : -1]))
    return 0 < slope < threshold


@stopping("performance_convergence", cite="Laws and Schuetze 2008")
class PerformanceConvergence:
    """The F score that the model expects of itself on the pool rises no more.

    F from the probabilities: the largest of each row count as hits, what is left of them as false
    alarms and as misses; over all classes that is the mean of the largest probability. Threshold
    5e-5 and windows by the mean are theirs; a window of 10 rounds is the comparison's (batches of
    10 rows, where they had 100 of one).
    """

    def __init__(self, *, window: Count = 10, threshold: Threshold = 5e-5) -> None:
        self.window, self.threshold = window, threshold
        self.scores: list[float] = []

    def __call__(self, query: StopQuery) -> Answer:
        """Note the expected F of the pool."""
        if not len(query.pool):
            return EMPTY
        best = query.proba.max(axis=1)
        hits, rest = float(best.sum()), float((query.proba.sum(axis=1) - best).sum())
        alarms = float((1 - best).sum())
        self.scores.append(2 * hits / (2 * hits + alarms + rest))
        rested = converged(self.scores, self.window, self.threshold, "mean")
        return rested and f"expected F rests at {self.scores[-1]:.3g}"


@stopping("uncertainty_gradient", cite="Laws and Schuetze 2008")
class UncertaintyGradient:
    """The model's confidence in the rows it selects rises no more.

    Confidence: one minus the largest entropy of the rows bought last, as a share of log k.
    Windows by the median and the threshold 5e-5 are theirs, a window of 10 rounds is the
    comparison's.
    """

    def __init__(self, *, window: Count = 10, threshold: Threshold = 5e-5) -> None:
        self.window, self.threshold = window, threshold
        self.confidence: list[float] = []

    def __call__(self, query: StopQuery) -> Answer:
        """Note the confidence in the rows bought last."""
        if query.selected is None:
            return False
        largest = float(entropy(query.selected).max() / np.log(query.n_classes))
        self.confidence.append(1 - largest)
        rested = converged(self.confidence, self.window, self.threshold, "median")
        return rested and f"confidence in selected rows rests at {self.confidence[-1]:.3g}"


@stopping("contradicting_information", cite=f"Vlachos 2008, {COMPARED}")
class ContradictingInformation:
    """What the labels bought last contradict falls for some rounds in a row.

    The uncertainties (one minus the largest probability) of the rows that the model had wrong,
    summed and divided by the mean over the batch. Three rounds, as in the comparison.
    """

    def __init__(self, *, rounds: Count = 3) -> None:
        self.rounds = rounds
        self.last: float | None = None
        self.falls = 0

    def __call__(self, query: StopQuery) -> Answer:
        """Note how much the last batch contradicts."""
        if query.selected is None:
            return False
        known = query.y_picks >= 0
        selected, truth = query.selected[known], query.y_picks[known]
        unsure = 1 - selected.max(axis=1)
        wrong = selected.argmax(axis=1) != truth
        mean = float(unsure.mean()) if len(unsure) else 0.0
        now = float(unsure[wrong].sum()) / mean if mean > 0 else 0.0
        fell = self.last is not None and now < self.last
        self.last, self.falls = now, self.falls + 1 if fell else 0
        return self.falls >= self.rounds and f"contradicting information fell to {now:.3g}"


@stopping("uncertainty_variance", cite=f"Ghayoomi 2010, {COMPARED}")
class UncertaintyVariance:
    """The variance of the uncertainty of selected rows falls for some rounds in a row.

    The extended variance model: each fall is of at least `drop` (.001 in the comparison; 0 is
    the plain variance model), two in a row. Uncertainty: one minus the largest probability.
    """

    def __init__(self, *, rounds: Count = 2, drop: Annotated[float, Ge(0)] = 0.001) -> None:
        self.rounds, self.drop = rounds, drop
        self.last: float | None = None
        self.falls = 0

    def __call__(self, query: StopQuery) -> Answer:
        """Note the variance of the last batch."""
        if query.selected is None:
            return False
        now = float(np.var(1 - query.selected.max(axis=1)))
        fell = self.last is not None and now < self.last - self.drop
        self.last, self.falls = now, self.falls + 1 if fell else 0
        return self.falls >= self.rounds and f"variance of the uncertainty fell to {now:.3g}"


def disagreement(votes: Ints, n_classes: int) -> Floats:
    """(m,) vote entropy of (members, m) classes, as a share of log of the smaller of both."""
    members = len(votes)
    shares = np.stack([(votes == c).mean(axis=0) for c in range(n_classes)], axis=1)
    return entropy(shares) / float(np.log(min(members, n_classes)))


@stopping("committee_agreement", cite="Olsson and Tomanek 2009; Tomanek, Wermter and Hahn 2007")
class CommitteeAgreement:
    """A committee disagrees on the rows bought last no more than on the pool at large.

    The intrinsic criterion: mean vote entropy of the batch that was selected at most that of a
    sample of pool rows, both by the committee before the batch was learnt. Members are the task
    model on bootstrap samples of the labelled rows. Their committees are those of the strategy;
    here any strategy is judged.
    """

    def __init__(
        self, *, members: Annotated[int, Ge(2)] = 5, rows: Count = 200, patience: Count = 1
    ) -> None:
        self.members, self.rows, self.patience = members, rows, patience
        self.votes: Ints | None = None
        self.sample: Ints | None = None
        self.agreed = 0

    def __call__(self, query: StopQuery) -> Answer:
        """Compare the batch with the pool, then train the next committee."""
        if self.votes is not None and self.sample is not None and len(query.picks):
            batch = disagreement(self.votes[:, query.picks], query.n_classes).mean()
            pool = disagreement(self.votes[:, self.sample], query.n_classes).mean()
            self.agreed = self.agreed + 1 if batch <= pool else 0
            if self.agreed >= self.patience:
                return f"vote entropy {batch:.3g} on the rows bought last, {pool:.3g} on the pool"
        n = min(self.rows, len(query.pool))
        if not n:
            return EMPTY
        self.sample = query.rng.choice(query.pool, size=n, replace=False)
        votes = []
        for _ in range(self.members):
            places = query.rng.integers(len(query.labeled), size=len(query.labeled))
            seed = int(query.rng.integers(2**31))
            member = query.trained(seed, query.labeled[places], query.y_labeled[places])
            votes.append(member.predicted("train").copy())
        self.votes = np.array(votes)
        return False


@stopping("held_out", cite="Beatty, Kochis and Bloodgood 2019")
class HeldOut:
    """The accuracy on a held-out sample has not risen for some rounds.

    `rows` labels are bought at random at the start, beside those that the strategy starts with,
    and never trained on: they count as spent. What stops is that the best accuracy on them is
    `patience` rounds old. Labelled stop sets are the paper's, this way to read them is ours.
    """

    def __init__(self, *, rows: Count = 30, patience: Count = 3) -> None:
        self.held, self.patience = rows, patience
        self.best, self.since = -1.0, 0

    def __call__(self, query: StopQuery) -> Answer:
        """Note the accuracy on the held-out rows."""
        if not len(query.held):
            return False
        score = float(np.mean(query.predicted(query.held) == query.y_held))
        self.since = 0 if score > self.best else self.since + 1
        self.best = max(self.best, score)
        rested = self.since >= self.patience
        return rested and f"held-out accuracy {self.best:.3g} not bettered in {self.since} rounds"
