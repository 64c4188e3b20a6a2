"""What the regressor of `lal` is worth on new simulated tasks, against random and uncertainty.

python tests/benchmarks/lal_policy.py [TASKS OF THE SIMULATION] [NEW TASKS]

Prints the mean error of a forest over 25 labels bought by each, and on how many tasks `lal`
is better than random. With 10 tasks a size the simulation takes about half a minute.
"""

import sys
from typing import Any

import numpy as np

from albench.strategies.lal import Forest, gaussians, regressor, state, streams

LABELS = 25


def errors(policy: str, model: Any, task: tuple[Any, ...], seed: int) -> float:
    """Mean error over the labels that a policy buys on one task."""
    X, y, X_test, y_test = task
    rng = np.random.default_rng(seed)
    held = [int(np.flatnonzero(y == c)[0]) for c in (0, 1)]
    found = []
    for _ in range(LABELS):
        drawn = streams(int(rng.integers(2**31)), len(held))
        forest = Forest(X[held], y[held], drawn)
        found.append(forest.error(X_test, y_test))
        pool = np.setdiff1d(np.arange(len(y)), held)
        if policy == "lal":
            at = model.predict(state(forest, X[pool])).argmax()
        elif policy == "uncertainty":
            at = np.abs(forest.first(X[pool]).mean(axis=0) - 0.5).argmin()
        else:
            at = rng.integers(len(pool))
        held.append(int(pool[at]))
    return float(np.mean(found))


def main(tasks: int, new: int) -> None:
    """Compare the three policies."""
    model, digest = regressor(805, tasks, 200)
    sys.stdout.write(f"training set {digest}\n")
    rng = np.random.default_rng(5)
    table = []
    for seed in range(new):
        X, y, *test = gaussians(rng)
        order = rng.permutation(len(y))  # forests tie a lot: the order must not be the classes'
        task = (X[order], y[order], *test)
        table.append([errors(p, model, task, seed) for p in ("lal", "random", "uncertainty")])
    found = np.array(table)
    means, gain = found.mean(axis=0), found[:, 1] - found[:, 0]
    sys.stdout.write(
        f"mean error: lal {means[0]:.4f}, random {means[1]:.4f}, uncertainty {means[2]:.4f}\n"
        f"lal better than random on {np.mean(gain > 0):.0%} of {new} tasks, by "
        f"{gain.mean():.4f} +- {gain.std(ddof=1) / np.sqrt(new):.4f}\n"
    )


if __name__ == "__main__":
    main(*[int(v) for v in [*sys.argv[1:], *["10", "25"][len(sys.argv) - 1 :]]])
