"""Make suites/desreumaux2020.published.csv and suites/openal.published.csv of the source's tables.

python tests/benchmarks/published.py FOLDER: FOLDER holds desreumaux2020/area.csv (dataset,
strategy, model, mean, std, count) and openal2023/area.csv (dataset, method, trapz_mean, trapz_std,
n).
"""

import sys
from pathlib import Path

import pandas as pd

SUITES = Path(__file__).parents[2] / "suites"
DESREUMAUX = "Desreumaux and Lemaire 2020, lal_evaluation at 2ca949e"
OPENAL = "Abraham et al. 2023, OpenAL at f6b79bd"
HERE = {"adult": "adult", "banana": "banana", "magic": "magic", "statlog-german-credit": "german"}
STRATEGIES = {"Margin": "margin", "LAL": "lal"}
METHODS = {
    "random": "random",
    "margin": "margin",
    "confidence": "least_confident",
    "entropy": "entropy",
    "kmeans": "kmeans",
    "wkmeans": "weighted_kmeans",
    "iwkmeans": "iwkmeans",
    "kcenter": "kcenter",
}
NAMES = {
    "1461": "bank-marketing",
    "1471": "eeg-eye-state",
    "1502": "skin-segmentation",
    "1590": "adult",
    "40922": "Run_or_walk_information",
    "41138": "APSFailure",
    "41162": "kick",
    "42395": "SantanderCustomerTransaction",
    "42803": "road-safety",
    "43439": "Medical-Appointment-No-Shows",
    "43551": "Employee-Turnover-at-TECHCO",
}


def desreumaux(folder: Path) -> pd.DataFrame:
    """The areas of all twenty datasets; four of them are at hand."""
    table = pd.read_csv(folder / "desreumaux2020" / "area.csv")
    lal = "not comparable: its regressor was learnt by other simulations; `lal` here has its own"
    away = "not comparable: the data file is not in the catalogue"
    return pd.DataFrame(
        {
            "dataset": table["dataset"].replace(HERE),
            "strategy": table["strategy"].map(STRATEGIES),
            "model": table["model"].map({"LR": "logreg", "RF": "forest"}),
            "metric": "accuracy",
            "summary": "aubc",
            "mean": table["mean"].map("{:.4f}".format),
            "sd": table["std"].map("{:.4f}".format),
            "trials": table["count"],
            "seeds": "unknown",
            "source": DESREUMAUX,
            "note": [
                away if name not in HERE else lal if strategy == "LAL" else ""
                for name, strategy in zip(table["dataset"], table["strategy"], strict=True)
            ],
        }
    )


def openal(folder: Path) -> pd.DataFrame:
    """The areas of the fourteen datasets, over ten evaluations before each batch."""
    table = pd.read_csv(folder / "openal2023" / "area.csv", dtype={"dataset": str})
    images = "not comparable: embeddings of images, which are not public tables"
    return pd.DataFrame(
        {
            "dataset": table["dataset"].replace(NAMES),
            "strategy": table["method"].map(METHODS),
            "model": "as published",
            "metric": "accuracy",
            "summary": "aubc",
            "mean": table["trapz_mean"].map("{:.4f}".format),
            "sd": table["trapz_std"].map("{:.4f}".format),
            "trials": table["n"],
            "seeds": "unknown",
            "source": OPENAL,
            "note": ["" if name in NAMES else images for name in table["dataset"]],
        }
    )


def main(folder: Path) -> None:
    """Write both files."""
    desreumaux(folder).to_csv(SUITES / "desreumaux2020.published.csv", index=False)
    openal(folder).to_csv(SUITES / "openal.published.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
