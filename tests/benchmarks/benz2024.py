"""Make the picks and the curves of suite benz2024 from the published tables, one row a round.

python tests/benchmarks/benz2024.py FOLDER: FOLDER holds iris_rounds.csv.gz, letter_rounds.csv.gz
(dataset, model, strategy, batch, seed, step, eight metrics, picks) and cells.csv. Writes
suites/benz2024.picks.parquet, suites/benz2024.rounds.parquet and suites/benz2024.published.csv.
Means are of values with four decimals, so a fifth would say nothing. Forests were not seeded there,
so their picks are left out: nothing could be equal. A run of which any round lacks its picks is
left out of the picks and of the rounds.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SUITES = Path(__file__).parents[2] / "suites"
KEY = ["dataset", "model", "strategy", "batch", "trial"]
DATASETS = {"iris": "uci-iris", "letter": "letter", "pendigits": "pendigits", "aloi": "aloi"}
MODELS = {
    "LogisticRegression": "logreg-lbfgs",
    "ParzenWindowClassifier": "parzen",
    "RandomForestClassifier": "forest",
}
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced_accuracy",
    "f1_micro": "f1_micro",
    "f1_macro": "f1_macro",
    "auroc": "roc_auc_ovr",
    "average_precision": "average_precision_macro",
    "brier": "brier",
    "log_loss": "log_loss(clip=2.220446049250313e-16)",
}
SOURCE = "Benz 2024, scikit-activeml-experiments at cf35829"


def rounds_of(folder: Path) -> pd.DataFrame:
    """All rounds of runs that have all their picks; a round is the published step + 1."""
    parts = [pd.read_csv(folder / f"{name}_rounds.csv.gz") for name in ("iris", "letter")]
    table = pd.concat(parts, ignore_index=True).rename(columns={"seed": "trial"} | METRICS)
    table["dataset"] = table["dataset"].map(DATASETS)
    table["model"] = table["model"].map(MODELS)
    table["round"] = table.pop("step") + 1
    table = table[table["model"] != "forest"]
    whole = table.groupby(KEY)["picks"].transform(lambda picks: picks.notna().all())
    return table[whole].sort_values([*KEY, "round"], ignore_index=True)


def main(folder: Path) -> None:
    """Write the three files."""
    table = rounds_of(folder)
    rows = table["picks"].str.split().map(lambda words: [int(word) for word in words])
    picks = table[[*KEY, "round"]].assign(row=rows).explode("row", ignore_index=True)
    picks["row"] = picks["row"].astype(np.int32)
    for frame, columns in ((picks, KEY[:3]), (table, KEY[:3])):
        frame[columns] = frame[columns].astype("category")
    small = {"batch": np.int8, "trial": np.int8, "round": np.int8}
    picks.astype(small).to_parquet(SUITES / "benz2024.picks.parquet", compression="zstd")
    values = table[[*KEY, "round", *METRICS.values()]].astype(small)
    values.to_parquet(SUITES / "benz2024.rounds.parquet", compression="zstd")
    cells = pd.read_csv(folder / "cells.csv")
    claims = pd.DataFrame(
        {
            "dataset": cells["dataset"].map(DATASETS),
            "protocol": cells["batch"].map({1: "benz2024-1", 10: "benz2024", 50: "benz2024-50"}),
            "strategy": cells["strategy"],
            "model": cells["model"].map(MODELS),
            "metric": "accuracy",
            "summary": "mean",
            "mean": cells["accuracy_mean"].map("{:.4f}".format),
            "sd": cells["accuracy_sd"].map("{:.4f}".format),
            "trials": cells["runs"],
            "seeds": "same",
            "source": SOURCE,
        }
    )
    known = set(map(tuple, table[KEY[:4]].astype(str).drop_duplicates().to_numpy()))
    place = zip(claims["dataset"], claims["model"], cells["strategy"], cells["batch"], strict=True)
    there = [(str(a), str(b), str(c), str(d)) in known for a, b, c, d in place]
    claims["note"] = [
        "" if found else f"not comparable: {why(model, dataset)}"
        for found, model, dataset in zip(there, claims["model"], claims["dataset"], strict=True)
    ]
    claims.to_csv(SUITES / "benz2024.published.csv", index=False)


def why(model: str, dataset: str) -> str:
    """Why a cell cannot be replayed."""
    if model == "forest":
        return "the forest was not seeded, and its picks are those of the forest of that day"
    if dataset in ("pendigits", "aloi"):
        return "the picks are not at hand"
    return "picks of some rounds are missing in the source"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
