"""Recorded annotators, replayed from a table of (row, annotator, label, seconds)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from albench.errors import BadData, BadValue
from albench.files import sha256 as digest_of
from albench.learner import Floats, Ints
from albench.loop import Task
from albench.priced import Answers, oracle_entry

if TYPE_CHECKING:
    import pandas as pd

Count = Annotated[int, Ge(1)]


def pinned(table: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str | None]:
    """A protocol's entry with its file known by checksum, and where the file lies.

    `path` is relative to the suite. Raises BadValue where there is no such file.
    """
    path = table.pop("path", None)
    if not isinstance(path, str):
        raise BadValue('needs path = "...", a CSV file')
    file = (folder / Path(path).expanduser()).absolute()
    if not file.is_file():
        raise BadValue(f"no such file: {file}")
    table["sha256"] = digest_of(file)
    return table, str(file)


@oracle_entry(
    "recorded", cite="Snow et al. 2008; Sheng, Provost and Ipeirotis 2008", resolve=pinned
)
def recorded(
    task: Task,
    rng: np.random.Generator,
    source: str | None = None,
    *,
    sha256: str,
    votes: Count | Literal["all"] = 1,
    missing: Literal["refuse", "abstain"] = "refuse",
) -> Answers:
    """Annotators replayed from a CSV file with the columns row, annotator, label[, seconds].

    `row` counts the dataset's rows from 0, `label` is a class name. votes = 1 draws one of
    the annotators of a row; k asks k of them (all there are, where fewer answered) and
    takes the majority, a draw going to the answer given first; "all" asks everyone. Every
    annotator asked is paid. Raises BadData for a table that cannot be used and, with
    missing = "refuse", for train rows that it lacks.
    """
    table = read(sha256, source, ["row", "label"])
    groups = by_row(table, task)
    lacking = [int(row) for row in task.rows if int(row) not in groups]
    if lacking and missing == "refuse":
        raise BadData(
            f"{source}: no label of dataset row {min(lacking)}"
            + (f" and {len(lacking) - 1} more train rows" if len(lacking) > 1 else "")
            + '; add them, or set missing = "abstain"'
        )
    return replayed(task, groups, rng, votes)


def replayed(
    task: Task,
    groups: Mapping[int, tuple[Ints, Floats]],
    rng: np.random.Generator,
    votes: int | Literal["all"],
) -> Answers:
    """The answers, annotators drawn row by row in the trial's pool order."""
    n = len(task.rows)
    labels, asked, seconds = np.full(n, -1, dtype=np.intp), np.ones(n, dtype=np.intp), np.zeros(n)
    for position, row in enumerate(task.rows):
        if int(row) not in groups:
            continue
        given, took = groups[int(row)]
        order = rng.permutation(len(given))
        chosen = order if votes == "all" else order[:votes]
        labels[position] = majority(given[chosen])
        asked[position], seconds[position] = len(chosen), took[chosen].sum()
    return Answers(labels, asked, None if np.isnan(seconds).any() else seconds)


def majority(labels: Ints) -> int:
    """The most frequent label; among equals the one given first."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    best = np.lexsort((first, -counts))[0]
    return int(found[best])


def by_row(table: "pd.DataFrame", task: Task) -> dict[int, tuple[Ints, Floats]]:
    """Labels (class indices) and seconds of each dataset row, in the order of the file."""
    index = {name: i for i, name in enumerate(task.classes)}
    names = table["label"].astype(str).str.strip()
    unknown = sorted(set(names) - set(index))
    if unknown:
        raise BadData(
            f"recorded: label {unknown[0]!r} is no class of the dataset "
            f"({', '.join(task.classes[:8])})"
        )
    codes: Ints = np.asarray(names.map(index), dtype=np.intp)
    took: Floats = np.full(len(codes), np.nan)
    if "seconds" in table:
        took = np.asarray(table["seconds"], dtype=np.float64)
        if not (took >= 0).all():
            raise BadData("recorded: seconds are missing or negative in some rows of the table")
    places: dict[int, list[int]] = {}
    for place, row in enumerate(table["row"]):
        places.setdefault(int(row), []).append(place)
    return {row: (codes[at], took[at]) for row, at in places.items()}


def read(digest: str, source: str | None, columns: list[str]) -> "pd.DataFrame":
    """A user's table; raises BadData where it moved, changed, or lacks a column."""
    import pandas as pd

    if source is None:
        raise BadData(f"the table with SHA-256 {digest[:16]}... is not at hand: name its path")
    if not Path(source).is_file():
        raise BadData(f"{source} is gone (SHA-256 {digest[:16]}...)")
    if digest_of(Path(source)) != digest:
        raise BadData(f"{source} is not the file that the run names: its content changed")
    try:
        table = pd.read_csv(Path(source))
    except (ValueError, UnicodeDecodeError) as error:
        raise BadData(f"{source}: not a CSV table: {error}") from error
    lacking = [name for name in columns if name not in table]
    if lacking:
        raise BadData(f"{source}: no column {lacking[0]!r}; there are: {', '.join(table.columns)}")
    rows = pd.to_numeric(table["row"], errors="coerce")
    if rows.isna().any() or (rows != rows.round()).any():
        raise BadData(f"{source}: the column 'row' holds something else than whole numbers")
    table["row"] = rows.astype(np.int64)
    return table
