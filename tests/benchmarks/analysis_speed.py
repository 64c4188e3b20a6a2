"""Time of the comparison and of all figures for a large generated suite, on one core.

    OMP_NUM_THREADS=1 python tests/benchmarks/analysis_speed.py [--datasets 26]
        [--strategies 12] [--trials 100] [--to DIR]

Promised: below 60 s for 26 datasets, 12 strategies, 100 trials. Recorded in
calibration.md.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from generated import NAMES, curves_of, tables_of

from albench import compare
from albench.reporting.figures import draw


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("datasets", 26), ("strategies", 12), ("trials", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--to", type=Path)
    given = parser.parse_args()
    runs, rounds = tables_of(curves_of(given.datasets, given.strategies, given.trials))
    seconds = {name: 0.001 * 2**k for k, name in enumerate(NAMES)}
    strategy = runs.set_index("run")["strategy"].reindex(rounds["run"])
    rounds["seconds_query"] = strategy.map(seconds).fillna(0).to_numpy()
    began, cpu = time.perf_counter(), time.process_time()
    result = compare(runs, rounds, metric="accuracy")
    result.json()
    middle, middle_cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(result, given.to or Path(folder), ["pdf", "svg", "png"])
    end, end_cpu = time.perf_counter(), time.process_time()
    sys.stdout.write(
        f"{len(rounds)} rounds: compare {middle - began:.1f} s ({middle_cpu - cpu:.1f} s CPU), "
        f"{len(drawn)} figures in 3 formats {end - middle:.1f} s "
        f"({end_cpu - middle_cpu:.1f} s CPU), "
        f"together {end - began:.1f} s ({end_cpu - cpu:.1f} s CPU)\n"
    )
    return int(end_cpu - cpu > 60)


if __name__ == "__main__":
    sys.exit(main())
