"""The score that needs no features: what a dataset's whole pool is measured against."""

import numpy as np
import pandas as pd

from albench.core.arrays import Floats
from albench.core.tables import FULL_POOL, bare_metric, lists

LEARNABLE = 0.05
"""Least score above chance of a dataset that counts."""
ROPES = 2.0
"""Least head room of a dataset that counts, in ropes."""
NOTHING, NO_ROOM = "nothing learnable", "no room"


def chance_level(metric: str, share: Floats) -> float:
    """The score of the best guess without features, from the shares of the classes; NaN unknown.

    Accuracy and F1: the most frequent class; balanced accuracy: one over the classes; ROC area:
    a half; average precision: the share of the positives (of two classes the rarer one), the
    mean over several; log loss and Brier: the shares themselves as probabilities.
    """
    p = share[share > 0]
    top = float(p.max())
    known = {
        "accuracy": top,
        "balanced_accuracy": 1 / len(p),
        "f1_macro": 2 * top / (1 + top) / len(p),
        "f1_weighted": 2 * top * top / (1 + top),
        "roc_auc_ovr": 0.5,
        "average_precision_macro": float(p.min()) if len(p) == 2 else 1 / len(p),
        "log_loss": -float(np.sum(p * np.log(p))),
        "brier": 1 - float(np.sum(p * p)),
    }
    return known.get(bare_metric(metric), np.nan)


def chances(frame: pd.DataFrame, metric: str) -> Floats:
    """The chance level of each row that tells it, NaN elsewhere.

    From the labels of the whole-pool runs; of balanced accuracy and ROC area from the number of
    classes.
    """
    out = np.full(len(frame), np.nan)
    if "n_classes" in frame.columns and metric in ("balanced_accuracy", "roc_auc_ovr"):
        k = pd.to_numeric(frame["n_classes"], errors="coerce").to_numpy(dtype=np.float64)
        level = 1 / np.maximum(k, 2) if metric == "balanced_accuracy" else np.full(len(k), 0.5)
        out = np.where(k > 1, level, np.nan)
    if "labels" in frame.columns:
        full = (frame["strategy"].astype(str) == FULL_POOL).to_numpy()
        at = np.flatnonzero(full)
        for place, labels in zip(at, lists(frame["labels"].iloc[at]), strict=True):
            if isinstance(labels, list | np.ndarray) and len(labels):
                known = np.asarray(labels, dtype=np.intp)
                counts = np.bincount(known[known >= 0]).astype(np.float64)
                if counts.sum() > 0:
                    out[place] = chance_level(metric, counts / counts.sum())
    return out
