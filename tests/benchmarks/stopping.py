"""Stopping rules on the shipped leaderboard runs: which saves labels, at what loss, how sure.

    python tests/benchmarks/stopping.py --results COPY_OF_RESULTS/leaderboard [--jobs N]

Judges every rule, each with its defaults and a held-out sample of 60 besides, on the runs of
`margin` (and of `random`, the baseline) with both models, at one price fixed beforehand: 1,000
labels for being wrong throughout, so that one point of balanced accuracy is worth ten labels.
Resumable: what is refitted is kept in stopping.parquet. The last figures stand in stopping.md.
"""

import argparse
from pathlib import Path

import albench

PRICE = 1000.0
SHOWN = [
    "rule",
    "datasets",
    "stopped",
    "spent",
    "saved_share",
    "lost",
    "lost_low",
    "lost_high",
    "lost_verdict",
    "cheaper",
    "cheaper_p",
    "cheaper_verdict",
    "regret",
]


def main() -> None:
    """Print what is found, model by model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    for model in ("logreg", "svc-rbf"):
        found = albench.stop(
            "leaderboard",
            given.results,
            price=PRICE,
            only={"strategy": "margin", "model": model},
            jobs=given.jobs,
        )
        print(f"## {model}\n")  # noqa: T201 - a script
        print("\n\n".join(found.lines))  # noqa: T201
        for strategy, part in found.rules.groupby("strategy", sort=False):
            print(f"\n### {strategy}\n\n{part[SHOWN].round(4).to_string(index=False)}\n")  # noqa: T201


if __name__ == "__main__":
    main()
