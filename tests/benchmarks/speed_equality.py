# ruff: noqa: T201
"""Every engine against scikit-learn on whole runs: the full grid, by hand.

    python tests/benchmarks/speed_equality.py MODEL [SEEDS] [dataset,dataset]

Prints one line per run: first round with other picks, rounds with other predictions,
largest gap of a score. Exits 1 if any run differs beyond the licence of the model.
"""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from engine_grid import CASES, MIRRORED, grid, mirrored
from test_engines import SHIPPED


def main(model, seeds="10", names=None):
    warnings.simplefilter("ignore")
    wanted = names.split(",") if names else [*CASES, *MIRRORED]
    failed = runs = 0
    largest = 0.0
    for name in wanted:
        found = CASES[name]() if name in CASES else mirrored(name)
        if found is None:
            print(f"{name}: not in ALBENCH_MIRROR")
            continue
        one = grid({name: found}, model, ("margin", "entropy", "random"), range(int(seeds)))
        for _, strategy, seed, engine, (first, wrong, gap) in one:
            bad = first is not None or wrong > 0 or gap > SHIPPED[model]
            runs, failed, largest = runs + 1, failed + bad, max(largest, gap)
            print(name, strategy, seed, engine, first, wrong, f"{gap:.1e}", "DIFFERS" * bad,
                  flush=True)  # fmt: skip
    print(f"{model}: {runs} runs, {failed} differ, largest gap {largest:.1e}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
