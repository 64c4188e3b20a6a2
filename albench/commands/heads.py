"""What heads the columns of a table, explained in the command's help, a line each."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from typer.core import TyperCommand

OWN: Mapping[str, Mapping[str, str]] = {
    "compare": {
        "difference": "mean paired difference to the baseline over datasets, in the metric's units",
        "95 % interval": "of that mean, over datasets",
        "W/T/L": "datasets won, tied, lost against the baseline",
        "Holm p": "p of the Wilcoxon signed-rank test over datasets, corrected for all strategies",
        "p": "the same, uncorrected",
        "on this dataset": "(--table within) what the trials of one dataset say",
        "corrected p": "(--table within) p that allows for overlapping train rows of the trials",
        "detectable": "the smallest difference that so many datasets would show 4 times in 5",
        "P(better)": "Bayesian signed-rank probability of better by more than `rope`",
        "P(equal)": "the same of equal for all practical purposes: within `rope`",
        "rank-biserial": "size of the effect, -1 (always behind) to +1 (always ahead)",
    },
    "curves": {
        "area": "mean height of the learning curve, with its 95 % interval over trials",
        "gain": "paired difference of the areas to the baseline",
        "norm. gain": "the gain as a share of the room between baseline and full pool",
        "labels to T": "median labels until target T is reached (trials that reached it)",
        "utilisation": "those labels over the baseline's; below 1: fewer labels",
        "harm": "share of the checkpoints at which the baseline is ahead",
        "stability": "slope at the end over the mean slope; near 0: the curve is flat by then",
        "worst": "largest loss to the baseline at any checkpoint",
    },
    "audit": {
        "checkpoint": "share of what was bought; 1: the end",
        "estimator": "how one would estimate the score without a test set",
        "estimate, truth": "its mean, and that of the score on the passive test set",
        "bias": "estimate minus truth, with its 95 % interval low, high",
        "sd, rmse": "spread and root mean squared error over trials",
        "tau": "Kendall correlation of its ranking of strategies with the test's, by trial",
        "tau_mean": "the same of the rankings by the means over trials",
        "best_right": "share of trials in which it names the strategy that is best",
        "regret": "score that is lost by believing it",
        "believed, truly": "the strategy it names, and the one that is best",
    },
    "bias": {
        "z ...": "of the drift: distance from random subsets, in their deviations",
        "other": "the strategy that is compared with in the table of overlaps",
        "jaccard, chance": "overlap of the queried rows, and that of random ones; excess: between",
    },
    "coverage": {"z ...": "distance from random subsets, in their deviations"},
    "noise": {
        "affinity": "wrong over base, with its 95 % interval low, high; above 1: it seeks them",
    },
}
MEASURED = {
    "bias": ("bias", "overlap"), "coverage": ("coverage",), "rare": ("rare",), "noise": ("noise",),
}  # fmt: skip


def heads(command: str) -> dict[str, str]:
    """Column -> what it holds, of the tables of a command."""
    found: dict[str, str] = {}
    for name in MEASURED.get(command, ()):
        found |= import_module(f"albench.analysis.{name}").MEASURES
    return {**found, **OWN.get(command, {})}


class Explained(TyperCommand):
    """A command whose help ends with its columns; what they hold is looked up then only."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the columns below the options."""
        with formatter.section("Columns"):
            formatter.write_dl(list(heads(str(self.name)).items()))
