"""Run every table of the catalogue `uci` with two strategies; print time and faults by table.

python tests/benchmarks/catalogue.py RESULTS [ROWS]

Random and margin, logistic regression, one trial, 20 first labels and 2 batches of 20. Of tables
with more than ROWS rows (default: none) so many are drawn. Prints the tables of `catalogue.md`;
exits 1 where a run did not end well.
"""

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

import albench
from albench.core import registry
from albench.datasets._dataset import suspects
from albench.datasets.uci import TABLES

SUITE = """
datasets = {datasets}
models = ["logreg"]
strategies = ["random", "margin"]
metrics = ["accuracy", "balanced_accuracy"]
trials = 1
protocol = {{start = 20, batch = 20, budget = 60}}
"""


def faults(ref: Any) -> list[str]:
    """What in a table is probably a mistake, or the error with which it is refused."""
    try:
        return list(suspects(registry.build("dataset", ref)))
    except albench.AlbenchError as error:
        return [str(error)]


def row_of(label: str, part: pd.DataFrame, last: pd.DataFrame, seconds: float) -> str:
    """The line of one table."""
    table = TABLES[label.partition(" (")[0]]
    status = ", ".join(sorted(set(part["status"])))
    accuracy = last[last["run"].isin(part["run"])].set_index("strategy")["balanced_accuracy"]
    scores = " | ".join(f"{accuracy.get(s, float('nan')):.3f}" for s in ("random", "margin"))
    return f"| {label} | {table.tier} | {seconds:.1f} | {status} | {scores} |"


def main(folder: Path, most: str) -> int:
    """Run dataset by dataset; print the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "catalogue.toml"
    part = f", subsample = {most}" if most else ""
    file.write_text(SUITE.format(datasets=f'{{catalogue = "uci"{part}}}'), encoding="utf-8")
    suite = albench.load_suite(file)
    out = sys.stdout
    out.write("| table | tier | seconds | status | random | margin |\n|---|---|---|---|---|---|\n")
    bad, notes = 0, []
    for dataset in suite.datasets:
        one = suite.only({"dataset": [dataset.label]})
        begun = time.perf_counter()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            albench.run(one, folder / "runs", jobs=1)
        seconds = time.perf_counter() - begun
        runs, rounds = albench.read_results(one, folder / "runs")
        ended = rounds.sort_values("n_labeled").groupby("run").tail(1)
        ended = ended.merge(runs[["run", "strategy"]], on="run")
        out.write(row_of(dataset.label, runs, ended, seconds) + "\n")
        out.flush()
        wrong = runs[runs["status"] != "done"]
        bad += len(wrong)
        told = [*faults(dataset.ref), *map(str, wrong["reason"]), *{str(w.message) for w in caught}]
        notes += [f"- {dataset.label}: {text}" for text in dict.fromkeys(told)]
    out.write("\n" + "\n".join(notes) + "\n")
    return int(bad > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
