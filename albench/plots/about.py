"""What the captions of a comparison's figures must say."""

from collections.abc import Sequence
from dataclasses import dataclass

from albench.plots.style import Look, looks

BY_BASE = ("gain_overall", "pairs", "ranks", "posterior")
"""Figures in which variants of one dataset are averaged and count once."""
DRAWN_BY_BASE = ("improvement",)
"""Figures whose wider intervals draw base datasets."""


@dataclass(frozen=True)
class About:
    """What the captions must say.

    strategies: all of the suite, in its order, so that colours agree between figures;
    bounds: those that see hidden labels; trials: as text ("20", "16 to 20"); lower: the
    metric is better when lower, and negated wherever strategies are compared; bases: how many
    base datasets there are, and merged: which datasets are averaged into which of them.
    """

    metric: str
    measure: str
    baseline: str
    strategies: Sequence[str]
    trials: str
    datasets: int
    model: str = ""
    protocol: str = ""
    lower: bool = False
    alpha: float = 0.05
    rope: float = 0.01
    axis: str = "n_labeled"
    bounds: Sequence[str] = ()
    target: str = "random"
    bases: int = 0
    merged: str = ""

    @property
    def where(self) -> str:
        """Model, protocol, datasets and trials, as the captions end."""
        return self.ending("")

    def ending(self, name: str) -> str:
        """How the caption of a figure ends: what it counts as a dataset."""
        setting = ", ".join(x for x in (self.model, self.protocol) if x)
        several = "s" if self.datasets != 1 else ""
        rest = f"{self.datasets} dataset{several}"
        if self.merged and name in BY_BASE:
            rest = f"{self.bases} base dataset{'s' if self.bases != 1 else ''} ({self.merged})"
        elif self.merged and name in DRAWN_BY_BASE:
            rest += f", drawn as {self.bases} base datasets ({self.merged})"
        rest += f", {self.trials} trials each."
        return f"{setting}; {rest}" if setting else rest

    @property
    def difference(self) -> str:
        """The label of a difference to the baseline, positive = better."""
        return f"{self.metric}{' (negated)' if self.lower else ''} minus {self.baseline}"

    @property
    def look(self) -> dict[str, Look]:
        """The looks of the suite's strategies."""
        return looks(self.strategies, self.baseline, self.bounds)

    @property
    def x(self) -> str:
        """The label of the horizontal axis."""
        return "cost" if self.axis == "cost" else "labels, start included"
