"""How quick the store stays: 50,000 runs of 100 rounds, generated.

    python tests/benchmarks/store.py [RUNS]

Builds a packed store of a suite's size, then times `albench status` as a process and
reading all rounds into pandas; then the same with the last 2,000 runs in loose shards.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from albench.core.spec import RunSpec
from albench.results.store import Store
from albench.runner.worker import described
from albench.suite import Suite
from albench.suite.toml import load_suite

ROUNDS, BATCH, SHARD = 100, 5, 24
SUITE = """
datasets = ["iris", "wine", "wdbc", "digits"]
models = ["logreg", "svc-rbf", "forest", "gnb", "knn"]
strategies = ["random", "margin", "entropy", "least_confident", "kcenter"]
trials = {trials}
metrics = ["accuracy", "balanced_accuracy", "log_loss"]
protocol = {{batch = 5, budget = 520}}
"""


def rows(spec: RunSpec, rng: np.random.Generator) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Made-up rows of one run."""
    run = described(spec) | {"status": "done", "seconds": 1.0, "engine": "plain"}
    run["metrics"] = "accuracy@1,balanced_accuracy@1,log_loss@1"
    scores = rng.random((ROUNDS + 1, 3))
    picks = rng.integers(0, 1000, (ROUNDS + 1, BATCH)).tolist()
    rounds = [
        {
            "run": spec.id,
            "round": r,
            "n_labeled": 20 + r * BATCH,
            "cost": float(20 + r * BATCH),
            "picks": picks[r],
            "labels": [p % 3 for p in picks[r]],
            "n_tied": 1,
            "seconds_fit": 0.01,
            "seconds_query": 0.01,
            "accuracy": scores[r, 0],
            "balanced_accuracy": scores[r, 1],
            "log_loss": scores[r, 2],
        }
        for r in range(ROUNDS + 1)
    ]
    return run, rounds


def fill(store: Store, suite: Suite, loose: int) -> None:
    """Store made-up runs of the whole grid, the last `loose` of them in shards."""
    rng, specs = np.random.default_rng(0), suite.specs
    for begin in range(0, len(specs) - loose, 2000):
        made = [rows(spec, rng) for spec in specs[begin : min(begin + 2000, len(specs) - loose)]]
        store.add([run for run, _ in made], [r for _, rounds in made for r in rounds])
    store.pack(suite=suite.name)
    for begin in range(len(specs) - loose, len(specs), SHARD):
        made = [rows(spec, rng) for spec in specs[begin : begin + SHARD]]
        store.add([run for run, _ in made], [r for _, rounds in made for r in rounds])


def main(runs: int) -> None:
    """Print the times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "large.toml"
        file.write_text(SUITE.format(trials=max(1, runs // 120)))
        suite = load_suite(file)
        for loose in (0, 2000):
            results = folder / f"results{loose}"
            store = Store(results)
            fill(store, suite, loose)
            begin = time.perf_counter()
            command = [sys.executable, "-m", "albench", "status", str(file), "--results"]
            subprocess.run([*command, str(results)], check=True, stdout=subprocess.DEVNULL)
            status = time.perf_counter() - begin
            begin = time.perf_counter()
            table, rounds = Store(results).read()
            reading = time.perf_counter() - begin
            size = sum(f.stat().st_size for f in results.rglob("*") if f.is_file()) / 1e6
            sys.stdout.write(
                f"{len(table)} runs, {len(rounds)} rounds, {loose} runs in loose shards, "
                f"{size:.0f} MB: status {status:.1f} s, reading all {reading:.1f} s\n"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000)
