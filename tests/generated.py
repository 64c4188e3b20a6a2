"""Frames like those of a stored suite, with known effects: input of the analysis tests."""

import numpy as np
import pandas as pd

NAMES = [
    "random",
    "margin",
    "entropy",
    "least_confident",
    "qbc",
    "badge",
    "kcenter",
    "typiclust",
    "information_density",
    "quire",
    "hierarchical",
    "graph_density",
]


def curves_of(
    datasets: int = 8,
    strategies: int = 4,
    trials: int = 6,
    *,
    effect: float = 0.01,
    checkpoints: int = 19,
    seed: int = 0,
) -> pd.DataFrame:
    """A frame of curves: accuracy of saturating learners, paired by trial.

    Strategy k is ahead of random by about `effect` times 1, -1, .5, 0, ... in area;
    the strategy `all` holds the whole-pool score of each trial. Round 0 is shared.
    """
    rng = np.random.default_rng(seed)
    n = 20 + 10 * np.arange(checkpoints)
    rise = 1 - np.exp(-np.arange(checkpoints) / checkpoints * 4)
    hump = 4 * rise * (1 - rise)
    weight = np.array([0, 1, 0.6, 0.8, 0.5, 1.2, -1, 0.1, -0.3, 0, -0.6, 0.3])
    frames = []
    for d in range(datasets):
        low, high = rng.uniform(0.55, 0.75), rng.uniform(0.8, 0.97)
        own = weight[:strategies] * effect * 2 + rng.normal(0, 0.004, strategies)
        own[0] = 0
        luck = rng.normal(0, 0.012, (trials, 1))
        for k, name in enumerate(NAMES[:strategies]):
            noise = np.cumsum(rng.normal(0, 0.004, (trials, checkpoints)), axis=1)
            noise -= noise[:, :1]
            score = low + (high - low) * rise + own[k] * hump + luck + noise
            frames.append(_frame(f"data-{d:02d}", name, n, score))
        full = high + 0.01 + luck
        frames.append(_frame(f"data-{d:02d}", "all", n[-1:] * 3, full))
    return pd.concat(frames, ignore_index=True)


def _frame(dataset: str, strategy: str, n: np.ndarray, score: np.ndarray) -> pd.DataFrame:
    trials, steps = score.shape
    return pd.DataFrame(
        {
            "dataset": dataset,
            "protocol": "standard",
            "model": "logreg",
            "strategy": strategy,
            "trial": np.repeat(np.arange(trials), steps),
            "round": np.tile(np.arange(steps), trials),
            "n_labeled": np.tile(n, trials),
            "cost": np.tile(n, trials).astype(float),
            "accuracy": score.ravel(),
            "n_train": 600,
            "n_test": 400,
        }
    )


def tables_of(curves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same as the two stored tables, runs and rounds."""
    key = ["dataset", "protocol", "model", "strategy", "trial"]
    run = curves.groupby(key, sort=False).ngroup()
    ids = run.map(lambda i: f"{i:08x}")
    runs = curves[[*key, "n_train", "n_test"]].assign(run=ids, query_model=curves["model"])
    runs = runs.drop_duplicates("run").assign(status="done", reason="", seconds=1.0)
    rounds = curves[["round", "n_labeled", "cost", "accuracy"]].assign(run=ids)
    return runs.reset_index(drop=True), rounds.reset_index(drop=True)
