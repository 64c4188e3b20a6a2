"""Run the suite `rare-events` and check what is known of strategies on a rare class.

python tests/benchmarks/rare_events.py [RESULTS]

Prints the table of `rare_events.md`; exits 1 where one of the five paired results fails.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import albench

AT = (60, 100, 200)
MORE = [
    ("positive_greedy", "margin"),
    ("half_half", "margin"),
    ("galaxy", "margin"),
    ("margin", "random"),
    ("random", "kmeans"),
]


def interval(difference: pd.Series) -> tuple[float, float, float]:
    """Mean of paired differences and the ends of its 95 % t interval."""
    mean = float(difference.mean())
    half = float(stats.t.ppf(0.975, len(difference) - 1) * difference.sem())
    return mean, mean - half, mean + half


def at_labels(rounds: pd.DataFrame, n: int, what: Callable[[pd.DataFrame], float]) -> pd.DataFrame:
    """(trials x strategies) of a quantity over the rounds up to n labels."""
    upto = rounds[rounds["n_labeled"] <= n].sort_values("n_labeled")
    return upto.groupby(["trial", "strategy"]).apply(what, include_groups=False).unstack()


def positives(rounds: pd.DataFrame) -> float:
    """Positive rows among the labels in hand."""
    return float(sum(int(np.sum(labels)) for labels in rounds["labels"]))


def last_precision(rounds: pd.DataFrame) -> float:
    """Average precision at the last of the rounds."""
    return float(rounds["average_precision_macro"].iloc[-1])


def table(found: dict[int, pd.DataFrame], precision: dict[int, pd.DataFrame]) -> list[str]:
    """The Markdown table of means over the trials."""
    lines = ["| strategy | positives @60 | @100 | @200 | AP @100 | AP @200 |"]
    lines.append("|---|---|---|---|---|---|")
    for name in found[100].mean().sort_values().index:
        counts = " | ".join(f"{found[n][name].mean():.1f}" for n in AT)
        scores = " | ".join(f"{precision[n][name].mean():.3f}" for n in precision)
        lines.append(f"| {name} | {counts} | {scores} |")
    return lines


def checks(found: pd.DataFrame, precision: pd.DataFrame) -> list[tuple[bool, str]]:
    """Whether each result holds, and its sentence."""
    held = []
    for ours, theirs in MORE:
        mean, low, high = interval(found[ours] - found[theirs])
        text = f"{ours} finds more positives than {theirs} at 100 labels"
        held.append((low > 0, f"{text}: {mean:+.2f} [{low:+.2f}, {high:+.2f}]"))
    mean, low, high = interval(precision["margin"] - precision["positive_greedy"])
    text = "margin's average precision at 200 labels is not below positive_greedy's"
    return [*held, (high >= 0, f"{text}: {mean:+.4f} [{low:+.4f}, {high:+.4f}]")]


def main(folder: Path) -> int:
    """Run what is missing; print the table and the checks."""
    suite = albench.load_suite("rare-events")
    albench.run(suite, folder, jobs=1)
    runs, rounds = albench.read_results(suite, folder)
    rounds = rounds.merge(runs[["run", "trial", "strategy"]], on="run")
    found = {n: at_labels(rounds, n, positives) for n in AT}
    precision = {n: at_labels(rounds, n, last_precision) for n in (100, 200)}
    checked = checks(found[100], precision[200])
    lines = [f"{suite.title}; {len(found[100])} trials", "", *table(found, precision), ""]
    lines += [f"- {'holds' if holds else 'FAILS'}: {text}" for holds, text in checked]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(holds for holds, _ in checked) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/rare-events")))
