"""Run every table of the catalogue `uci` with two strategies; print time and faults by table.

python tests/benchmarks/catalogue.py RESULTS [ROWS]

Random and margin, logistic regression, one trial, 20 first labels and 2 batches of 20. Of tables
with more than ROWS rows (default: none) so many are drawn. Prints the tables of `catalogue.md`;
exits 1 where a run did not end well.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

import albench
from albench.core import registry
from albench.datasets._dataset import suspects
from albench.datasets.uci import TABLES
from albench.runner.worker import Options

SUITE = """
datasets = {datasets}
models = ["logreg"]
strategies = ["random", "margin"]
metrics = ["accuracy", "balanced_accuracy"]
trials = 1
protocol = {{start = 20, batch = 20, budget = 60}}
"""

STRATEGIES = ("random", "margin")
MEMORY = 2000 * 2**20  # bytes; with the default, `arrhythmia` is fitted with a whole Hessian
TIMEOUT = 600.0  # seconds a run


def faults(ref: Any) -> list[str]:
    """What in a table is probably a mistake, or the error with which it is refused."""
    try:
        data = registry.build("dataset", ref)
    except albench.AlbenchError as error:
        return [str(error)]
    frame = pd.DataFrame(data.X)
    return [*suspects(data), *contradicted(frame, data.y), *telling(frame, data.y)]


def contradicted(frame: pd.DataFrame, y: Any) -> list[str]:
    """How many rows share all features with a row of another class."""
    key = pd.util.hash_pandas_object(frame.astype(object).fillna("?").astype(str), index=False)
    several = pd.Series(y).groupby(key.to_numpy()).transform("nunique") > 1
    return [f"{several.sum()} rows are alike with rows of another class"] if several.any() else []


def telling(frame: pd.DataFrame, y: Any) -> list[str]:
    """Columns that give the class by themselves: balanced accuracy above .9.

    A tree over the one column, leaves of 3 rows or more, 3 folds; of large tables 3,000 rows.
    """
    rows = np.random.default_rng(0).permutation(len(y))[:3000]
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    tree = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
    out = []
    for name in frame.columns:
        column = frame[name].iloc[rows]
        numeric = column.dtype.kind in "biuf"
        x = column.to_numpy(float) if numeric else pd.factorize(column)[0].astype(float)
        found = cross_val_predict(tree, x[:, None], y[rows], cv=folds)
        score = balanced_accuracy_score(y[rows], found)
        if score > 0.9:
            out.append(f"column {name} by itself has a balanced accuracy of {score:.3f}")
    return out


def row_of(label: str, part: pd.DataFrame, scores: pd.DataFrame) -> str:
    """The line of one table; seconds are those of its three runs, the full pool among them."""
    table, first = TABLES[label.partition(" (")[0]], part.iloc[0]
    status = ", ".join(sorted(set(part["status"])))
    shown = " | ".join(f"{scores.loc[label].get(s, float('nan')):.3f}" for s in STRATEGIES)
    sizes = f"{first['n_train']:.0f} | {first['n_features']:.0f} | {first['n_classes']:.0f}"
    return (
        f"| {label} | {table.tier} | {sizes} | {part['seconds'].sum():.1f} | {status} | {shown} |"
    )


def main(folder: Path, most: str) -> int:
    """Run what is missing; print the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "catalogue.toml"
    part = f", subsample = {most}" if most else ""
    file.write_text(SUITE.format(datasets=f'{{catalogue = "uci"{part}}}'), encoding="utf-8")
    suite = albench.load_suite(file)
    options = Options(suite.metrics, memory=MEMORY, timeout=TIMEOUT)
    albench.run(suite, folder / "runs", jobs=1, options=options)
    runs, rounds = albench.read_results(suite, folder / "runs")
    ended = rounds.sort_values("n_labeled").groupby("run").tail(1)
    ended = ended.merge(runs[["run", "dataset", "strategy"]], on="run")
    scores = ended.pivot_table("balanced_accuracy", "dataset", "strategy")
    out = sys.stdout
    out.write(
        "| table | tier | train rows | encoded | classes | seconds | status | random | margin |"
    )
    out.write("\n|---|---|---|---|---|---|---|---|---|\n")
    notes = []
    for dataset in suite.datasets:
        own = runs[runs["dataset"] == dataset.label]
        out.write(row_of(dataset.label, own, scores) + "\n")
        told = [*own.loc[own["status"] != "done", "reason"], *faults(dataset.ref)]
        notes += [f"- {dataset.label}: {text}" for text in dict.fromkeys(told)]
    bad = int((runs["status"] != "done").sum())
    out.write(f"\n{len(runs)} runs, {bad} of them not done\n\n" + "\n".join(notes) + "\n")
    return int(bad > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""))
