# ruff: noqa: T201
"""Every engine against scikit-learn on whole runs: the full grid, by hand.

    python tests/benchmarks/speed_equality.py MODEL [SEEDS] [dataset,dataset]

Datasets: bundled, generated, and published files of ALBENCH_MIRROR, at most `ROWS` rows of
each. Strategies: margin, random, and entropy (with two classes, where it ranks as margin
does, information density instead). Whole runs from a start of 8 rows to pool exhaustion,
one label a round, except as `LESS` says. Prints one line a run (first round with other
picks, rounds with other predictions, largest gap of a score), then a row of the table in
speed.md. Exits 1 if any run differs beyond the licence of the model.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine_grid import CASES, grid, mirrored
from test_engines import SHIPPED

ROWS = 400
PUBLISHED = ("heart", "australian", "diabetes", "glass", "mammographic")
# Where scikit-learn takes long: labels a round, budget. By model, then by (model, dataset).
LESS = {
    "forest": {"batch": 20, "budget": 128},
    "extra-trees": {"batch": 20, "budget": 128},
    ("logreg", "digits-500"): {"batch": 4, "budget": 60},
    ("svc-linear", "duplicates"): {"batch": 10, "budget": 60},
    ("svc-linear", "australian"): {"batch": 10, "budget": 60},
    ("svc-linear", "diabetes"): {"batch": 10, "budget": 60},
    ("svc-linear", "glass"): {"batch": 10, "budget": 60},
    ("svc-linear", "mammographic"): {"batch": 10, "budget": 60},
}


def part(X, y):
    """At most `ROWS` rows, the same ones each time."""
    if len(y) <= ROWS:
        return X, y
    rows = np.random.default_rng(len(y)).choice(len(y), ROWS, replace=False)
    return X[rows], y[rows]


def lines(model, names, seeds):
    """(dataset, strategy, seed, engine, compared(...)) of every run."""
    for name in names:
        found = CASES[name]() if name in CASES else mirrored(name)
        if found is None:
            print(f"{name}: not in ALBENCH_MIRROR")
            continue
        X, y = part(*found)
        third = "information_density" if len(np.unique(y)) == 2 else "entropy"
        less = LESS.get((model, name)) or LESS.get(model, {})
        yield from grid({name: (X, y)}, model, ("margin", "random", third), range(seeds), **less)


def main(model, seeds="10", names=None):
    warnings.simplefilter("ignore")
    wanted = names.split(",") if names else [*CASES, *PUBLISHED]
    runs = picks = predictions = failed = 0
    largest, seen, begin = 0.0, {}, time.process_time()
    for name, strategy, seed, engine, (first, wrong, gap) in lines(model, wanted, int(seeds)):
        bad = first is not None or wrong > 0 or gap > SHIPPED[model]
        runs, picks, predictions = runs + 1, picks + (first is not None), predictions + (wrong > 0)
        failed, largest = failed + bad, max(largest, gap)
        seen[name] = engine
        print(name, strategy, seed, engine, first, wrong, f"{gap:.1e}", "DIFFERS" * bad, flush=True)
    minutes = (time.process_time() - begin) / 60
    print(
        f"| {model} | {', '.join(sorted(set(seen.values())))} | {len(seen)} | {runs} | {picks} "
        f"| {predictions} | {largest:.1e} | {minutes:.0f} |"
    )
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
