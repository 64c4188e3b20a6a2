"""How a comparison is printed and kept: words, tables, `stats.json`."""

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from albench.commands import papers
from albench.commands.options import retyped
from albench.show import Format, emit, note, show_frame

if TYPE_CHECKING:
    from albench.analysis.comparison import Comparison
    from albench.suite import Suite


class Table(StrEnum):
    """The tables of a comparison."""

    against = "against"
    datasets = "datasets"
    pairs = "pairs"
    ranks = "ranks"
    omnibus = "omnibus"
    aggregates = "aggregates"
    within = "within"
    penalties = "penalties"


def show_comparison(
    found: "Comparison", table: Table | None, fmt: Format, suite: "Suite", folder: Path
) -> None:
    """The answer in words, then a table of the comparison, and what to type next.

    folder: where the results lie; table: by default the one against the baseline over
    datasets; of a single dataset, which has no test over datasets, the one over its trials.
    """
    from albench.analysis import handout, typeset

    alone = all(design["datasets"] == len(design["dataset_names"]) == 1 for design in found.design)
    table = table or (Table.within if alone else Table.against)

    if fmt is Format.table or fmt is Format.markdown:
        emit("\n".join(found.lines) + "\n")
    elif fmt is Format.latex:
        emit("\n".join(f"% {line}" for line in found.lines))
    notes = [*(found.lines if fmt in (Format.json, Format.csv) else ()), *found.notes]
    for_people = fmt not in (Format.json, Format.csv)
    notes += [next_step(suite, folder)] if alone and for_people else []
    if table is Table.datasets and fmt is Format.latex:
        for text, stack in zip(handout.dataset_tables(found), found.stacks, strict=True):
            emit(papers.labelled(text, f"datasets-{stack.model}-{stack.protocol}"))
        return told(notes)
    frame = handout.table_of(found, table.value)
    if table is Table.against and for_people and "verdict" in frame.columns:
        frame = typeset.headline_table(frame)
    if table is Table.within and for_people and "note" in frame.columns:
        frame = typeset.within_table(frame, found.options.alpha)
    if fmt is Format.latex:
        caption = handout.headline_caption(found) if table is Table.against else ""
        emit(papers.of_comparison(found, table.value, frame, caption))
        return told(notes)
    return show_frame(frame, fmt=fmt, notes=notes)


def told(notes: Sequence[str]) -> None:
    """Remarks on standard error."""
    for line in notes:
        note(line)


def write_stats(found: "Comparison", folder: Path, other: Sequence[str] = ()) -> Path:
    """Write `stats.json` into the results folder; its path.

    other: in what the question differs from the suite's own; it ends the file's name.
    """
    from albench.files import write_atomic

    ending = "".join(f"-{re.sub(r'[^A-Za-z0-9.]+', '_', text).strip('_')}" for text in other)
    path = folder / f"stats{ending[:150]}.json"
    write_atomic(path, found.json().encode())
    return path


def next_step(suite: "Suite", folder: Path) -> str:
    """What to type after the comparison on a single dataset."""
    labels, page = (
        retyped("curves", suite, folder, "--table", "labels"),
        retyped("report", suite, folder),
    )
    return (
        f"next: `{labels}` says how many labels are saved, `{page}` makes one page of it all; only "
        "more datasets tell of other tables"
    )
