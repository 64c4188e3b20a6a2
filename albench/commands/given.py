"""What the commands on bought labels read: a suite, its tables, and the cuts of its runs."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.commands.options import stored, suite_of
from albench.errors import BadValue
from albench.show import Format, emit, note, show_frame

if TYPE_CHECKING:
    import pandas as pd

    from albench.cuts import Cut
    from albench.suite import Suite


class Given:
    """What every command here reads: the suite, its tables, and the cuts of its runs."""

    def __init__(
        self, suite: "Suite", runs: "pd.DataFrame", rounds: "pd.DataFrame", baseline: str | None
    ) -> None:
        self.suite, self.baseline = suite, baseline or suite.baseline
        # bounds see hidden labels: what they buy says nothing of what a strategy would
        self.runs = runs[~runs["strategy"].isin(suite.bounds)].reset_index(drop=True)
        self.rounds = rounds
        known = set(self.runs["strategy"])
        if self.baseline not in known:
            raise BadValue(f"--baseline {self.baseline}: the suite has {', '.join(sorted(known))}")

    def cuts(self) -> "Iterator[Cut]":
        """The cuts of the finished runs."""
        from albench.cuts import cuts
        from albench.tables import FULL_POOL

        done = (self.runs["status"] == "done") & (self.runs["strategy"] != FULL_POOL)
        wanted = set(self.runs.loc[done, "run"])
        return cuts([spec for spec in self.suite.specs if spec.id in wanted])

    def measured(self, function: Callable[..., Any], **more: Any) -> Any:
        """What an analysis returns on these tables and cuts."""
        return function(self.runs, self.rounds, self.cuts(), **more)

    def draw(self, to: Path | None, **frames: "pd.DataFrame") -> None:
        """Write the figures of these frames, where a folder is asked for."""
        if to is None:
            return
        from albench.plots.labels import write

        order = [s.label for s in self.suite.strategies]
        for name, _ in write(frames, order, self.baseline, to):
            note(f"wrote {to / name}")

    def lacking(self) -> list[str]:
        """How many runs of the grid are not in the tables."""
        open_runs = self.runs[self.runs["status"] != "done"]
        if open_runs.empty:
            return []
        counts = open_runs["status"].value_counts()
        told = ", ".join(f"{n} {status}" for status, n in counts.items())
        return [f"not in these tables: {told} of {len(self.runs)} runs"]


def given(
    suite: str, results: Any, baseline: str | None, model: str | None, only: Any, plugin: Any
) -> Given:
    """The suite of a command and its tables."""
    loaded = suite_of(suite, plugin, only)
    return Given(loaded, *stored(loaded, results, model), baseline)


def tell(lines: Sequence[str], frame: "pd.DataFrame", fmt: Format, notes: Sequence[str]) -> None:
    """The table, then what was found in words (in the notes of JSON and CSV)."""
    apart = fmt in (Format.json, Format.csv)
    show_frame(frame, fmt=fmt, notes=[*notes, *(lines if apart else ())])
    if not apart:
        lead = "% " if fmt is Format.latex else ""
        emit("\n".join(lead + line[:1].upper() + line[1:] for line in lines))
