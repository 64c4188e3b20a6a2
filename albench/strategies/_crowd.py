"""CROWDLAB (Goh, Tkachenko and Mueller 2022) and ActiveLab (Goh and Mueller 2023), as formulas.

Tables of answers are (n, A) class indices, -1 where an annotator did not answer. Where every row
has one answer there is nothing to weigh annotators by, and all weights are 1.
"""

from typing import NamedTuple

import numpy as np

from albench.core.arrays import Floats, Ints

LEAST = 1e-6
"""Weights and the error of the most frequent class are at least this."""
COARSE = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0, 3.0, 5.0, 8.0)
TINY = 1e-30


class Weighed(NamedTuple):
    """What CROWDLAB makes of answers and a model.

    quality     (n,) probability that the consensus is right
    model       weight of the model; annotators: (A,) weights
    """

    quality: Floats
    model: float
    annotators: Floats


def consensus(answers: Ints, proba: Floats) -> Ints:
    """(n,) majority labels; a draw goes to the class that the model finds more probable."""
    counts = np.stack([(answers == c).sum(axis=1) for c in range(proba.shape[1])], axis=1)
    return np.asarray(np.where(counts == counts.max(axis=1)[:, None], proba, -1.0).argmax(axis=1))


def agreement(answers: Ints) -> Floats:
    """(A,) how often each annotator agrees with others on the rows that they share.

    A mean over all pairs of its answer and another's; of one who shares no row the mean of the
    others.
    """
    given = answers >= 0
    shares = np.full(answers.shape[1], np.nan)
    for a in range(answers.shape[1]):
        both = given & given[:, [a]]
        both[:, a] = False
        same = (answers == answers[:, [a]]) & both
        if both.any():
            shares[a] = same.sum() / both.sum()
    shares[np.isnan(shares)] = np.nanmean(shares)
    return shares


def posterior(answers: Ints, proba: Floats, label: Ints) -> tuple[Floats, float, Floats]:
    """(n, k) probabilities from model and annotators, and their weights, given a consensus."""
    n_classes = proba.shape[1]
    given = answers >= 0
    count = given.sum(axis=1)
    agreed = ((answers == label[:, None]) & given).sum(axis=1) / count
    several = count > 1
    right = float(agreed[several].mean())
    wrong = (1 - right) / (n_classes - 1)
    frequent = int(np.bincount(label[several], minlength=n_classes).argmax())
    chance = max(float(np.mean(label[several] != frequent)), LEAST)
    weights = np.maximum(1 - (1 - agreement(answers)) / chance, LEAST)
    errors = float(np.mean(proba[several].argmax(axis=1) != label[several]))
    model = max(1 - errors / chance, LEAST) * float(np.sqrt(count.mean()))
    total = given @ weights + model
    out = proba * model
    for c in range(n_classes):
        out[:, c] += np.where(given, np.where(answers == c, right, wrong), 0.0) @ weights
    return out / total[:, None], model, weights


def crowdlab(answers: Ints, proba: Floats) -> Weighed:
    """The quality of the consensus labels; rows of one answer are judged beside the others.

    The consensus is the most probable class given the weights that follow from the majority.
    """
    label = consensus(answers, proba)
    first, _, _ = posterior(answers, proba, label)
    best = first.argmax(axis=1)
    drawn = (first == first.max(axis=1)[:, None]).sum(axis=1) > 1
    label = np.where(drawn, label, best)
    final, model, weights = posterior(answers, proba, label)
    return Weighed(final[np.arange(len(label)), label], model, weights)


def scaled(proba: Floats, temperature: float) -> Floats:
    """(n, k) probabilities sharpened (below 1) or smoothed (above 1) by a temperature."""
    known = np.clip(proba, TINY, None)
    logs = np.log(known / known.sum(axis=1, keepdims=True)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def surprise(answers: Ints, proba: Floats, temperature: float) -> float:
    """Mean cross entropy of the answers under the scaled probabilities."""
    n_classes = proba.shape[1]
    counts = np.stack([(answers == c).sum(axis=1) for c in range(n_classes)], axis=1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    logs = np.log(np.clip(scaled(proba, temperature), TINY, None))
    return float(-(shares * logs).sum(axis=1).mean())


def tempered(answers: Ints, proba: Floats) -> float:
    """The temperature at which a model is least surprised by the answers: coarse, then finer."""
    at = int(np.argmin([surprise(answers, proba, t) for t in COARSE]))
    fine = [np.linspace(COARSE[at - 1], COARSE[at], 4, endpoint=False)] if at else []
    if at + 1 < len(COARSE):
        fine.append(np.linspace(COARSE[at], COARSE[at + 1], 5))
    values = np.concatenate(fine)
    return float(values[np.argmin([surprise(answers, proba, t) for t in values])])


def activelab_scores(
    answers: Ints, labelled: Floats, pool: Floats, temperature: float | None = None
) -> tuple[Floats, Floats]:
    """Scores of labelled and of pool rows; the lowest gain most from one more answer.

    answers   (l, A) of labelled rows, each with an answer at least
    labelled  (l, k) probabilities of labelled rows, by models that do not know them
    pool      (m, k) probabilities of pool rows
    temperature  of the model; None: the one at which it is least surprised (`tempered`), as the
              authors' library does it. That of cleanlab 2.9 counts the answers of rows that lack
              a class under the wrong class, and so ends at 7.25 whatever the model; ours does not
    A labelled row: the weighted mean of the quality of its consensus (weights of the model and
    of those who answered) and 1 / k (the mean weight of an annotator); a pool row: the same of
    its largest probability (weight of the model alone).
    """
    n_classes = labelled.shape[1]
    given = answers >= 0
    if (given.sum(axis=1) == 1).all():
        only = answers.max(axis=1)
        quality = labelled[np.arange(len(only)), only]
        model, weights, temperature = 1.0, np.ones(answers.shape[1]), 1.0
    else:
        temperature = tempered(answers, labelled) if temperature is None else temperature
        quality, model, weights = crowdlab(answers, scaled(labelled, temperature))
    mean = float(weights.mean())
    known = given @ weights + model
    scores = (quality * known + mean / n_classes) / (known + mean)
    surest = scaled(pool, temperature).max(axis=1)
    return scores, (surest * model + mean / n_classes) / (model + mean)
