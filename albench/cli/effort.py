"""What labels cost a person: sentences of `run`, `compare` and others, in money and hours."""

from pathlib import Path
from typing import TYPE_CHECKING

from albench.cli.options import retyped
from albench.cli.output import Format, note, say

if TYPE_CHECKING:
    import pandas as pd

    from albench.analysis.question import Options
    from albench.suite import Suite


def told_hours(suite: "Suite") -> None:
    """Say how long the labels of a budget take, where the suite says how long one takes."""
    seconds = suite.seconds_per_label
    for label, protocol in suite.protocols if seconds else ():
        labels = protocol.budget
        if seconds and isinstance(labels, int):
            hours = labels * seconds / 3600
            note(f"{label}: {labels} labels at {seconds:g} s are {hours:.2g} hours of labelling")


def told_effort(
    suite: "Suite",
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    asked: "Options",
    folder: Path,
    fmt: Format = Format.table,
) -> None:
    """Say what a target takes in money and hours, where the suite names a price of either."""
    from albench.analysis.comparison.effort import efforts, sentences

    table = efforts(runs, rounds, asked, suite.seconds_per_label)
    for line in sentences(table, asked):
        say(line) if fmt is Format.table else note(line)
    if not table.empty:
        note(f"all targets: `{retyped('curves', suite, folder, '--table', 'effort')}`")
