"""The catalogue `uci`: real tables by name, pinned to a commit and by SHA-256.

One row a table in `uci.csv`, exclusions and their reasons in `uci_excluded.csv`. A file is
fetched from where its row says, and never redistributed; its licence is given only as the
source states it. Columns of `uci.csv`:

tier        `core`: measured, 500 rows or more, no rule, no pixels; else `extended`
tags        binary or multi-class; rare (two classes, one with at most 15 % of the rows);
            categorical, missing (in any column); wide (50 columns or more); large (10,000
            rows or more); rule (enumerated by a rule), generated (drawn by a program or
            made up), pixels
missing     cells without a value, of the columns that are kept
repeated    rows whose features repeat those of another row above
smallest    share of the smallest class
merge       `new = old | old; ...`: classes made of those of the file
drop        `column: why; ...`: an id, a name, a time stamp, a leak, no value
split       how the data would be split in use: iid, group, time or unknown
base        of which table it is a twin: a ranking counts both once
columns     names of the columns, where the file has no header
In a suite: `datasets = "uci"`, `datasets = {tag = "rare"}`, or tables by their names.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from albench.core.errors import BadData, BadValue, UnknownName
from albench.core.files import File
from albench.core.parameters import typed
from albench.core.registry import dataset
from albench.core.traits import did_you_mean
from albench.datasets import _cache as cache
from albench.datasets._cache import obtained
from albench.datasets._dataset import Dataset, from_frame, read_arff, table_error

CATALOGUE = "uci"
FOLDER = Path(__file__).parent
PUBLISHED = "svmstyle"  # files of Zhan et al. (2021), which have entries of their own

Tags = str | Sequence[str]
Rows = Annotated[int, Ge(2)]


@dataclass(frozen=True)
class Table:
    """A row of `uci.csv`; its fields are explained at the head of this module."""

    name: str
    tier: str
    tags: tuple[str, ...]
    n: int
    d: int
    missing: int
    classes: int
    target: str
    positive: str | None
    merge: Mapping[str, str]
    drop: Mapping[str, str]
    split: str
    base: str | None
    columns: tuple[str, ...]
    file: File
    about: Mapping[str, str]

    @property
    def marks(self) -> tuple[str, ...]:
        """What selects it: its tier and its tags."""
        return (self.tier, *self.tags)


def pairs(text: str, mark: str) -> Iterator[tuple[str, str]]:
    """`a: b; c: d` as pairs."""
    for part in text.split("; ") if text else ():
        left, _, right = part.partition(mark)
        yield left, right


def table_of(row: Mapping[str, str]) -> Table:
    """A table from a row of the file."""
    url = row["url"]
    merge = {old: new for new, olds in pairs(row["merge"], " = ") for old in olds.split(" | ")}
    columns = tuple(row["columns"].split(";")) if row["columns"] else ()
    file = File(url.rsplit("/", 1)[-1], row["sha256"], url, int(row["bytes"]))
    return Table(
        name=row["name"],
        tier=row["tier"],
        tags=tuple(row["tags"].split()),
        n=int(row["n"]),
        d=int(row["d"]),
        missing=int(row["missing"]),
        classes=int(row["classes"]),
        target=row["target"],
        positive=row["positive"] or None,
        merge=merge,
        drop=dict(pairs(row["drop"], ": ")),
        split=row["split"],
        base=row["base"] or None,
        columns=columns,
        file=file,
        about=dict(row),
    )


def rows_of(name: str) -> list[dict[str, str]]:
    """The rows of a data file of this folder."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


TABLES = {row["name"]: table_of(row) for row in rows_of("uci.csv")}


def marks(name: str) -> tuple[str, ...]:
    """Tier and tags of a dataset; nothing for one that is not in the catalogue."""
    return TABLES[name].marks if name in TABLES else ()


def selected(tags: Tags = ()) -> list[Table]:
    """The tables that have all these tags (tiers among them), by name.

    Raises UnknownName for a tag that no table has, BadValue where none has all of them.
    """
    wanted = [tags] if isinstance(tags, str) else list(tags)
    known = sorted({mark for table in TABLES.values() for mark in table.marks})
    for tag in wanted:
        if tag not in known:
            raise UnknownName(f"{CATALOGUE}: unknown tag {tag!r}{did_you_mean(tag, known)}")
    found = [table for table in TABLES.values() if set(wanted) <= set(table.marks)]
    if not found:
        raise BadValue(f"{CATALOGUE}: no table has the tags {' and '.join(wanted)}")
    return found


def expanded(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`{use = "uci", tag = "core", subsample = 5000}` as one entry a table.

    Other keys of a dataset in a suite (trials, protocol, group) go to each of them.
    """
    rest = dict(item)
    rest.pop("use", None)
    tags = typed(rest.pop("tag", []), str | list[str], f"{CATALOGUE}: tag")
    most = typed(rest.pop("subsample", None), Rows | None, f"{CATALOGUE}: subsample")
    for key in ("name", "base"):
        if key in rest:
            raise BadValue(f"{CATALOGUE} stands for many datasets; leave out {key!r}")
    return [entry_of(table, most) | rest for table in selected(tags)]


def entry_of(table: Table, most: int | None) -> dict[str, Any]:
    """The entry of a table in a suite: itself, or so many of its rows."""
    if most is None or table.n <= most:
        return {"use": table.name}
    part = {"use": "subsample", "base": table.name, "n": most}
    return part | {"name": f"{table.name} ({most} rows)"}


@dataset(CATALOGUE, cite="Dua and Graff 2019, and the sources of each table", expand=expanded)
def uci(*, tag: Tags = (), subsample: Rows | None = None) -> Dataset:
    """In a suite, all tables of the catalogue or those with a tag, each a dataset of its own.

    tag        a tag or a tier, or several that must all hold: `core`, `extended`, `binary`,
               `multi-class`, `rare`, `categorical`, `missing`, `wide`, `large`, `rule`, ...
    subsample  of larger tables only so many rows, drawn stratified and always the same
    """
    raise BadValue(
        f"{CATALOGUE!r} stands for {len(selected(tag))} datasets and goes into a suite's list of "
        "datasets; where one is due, name it (`albench list datasets`)"
    )


def frame_of(table: Table) -> Any:
    """The table as the file has it: numbers, and text for categories."""
    import pandas as pd

    path = obtained(table.file)
    if path.suffix == ".arff":
        return read_arff(path)[0]
    with table_error(path, "CSV"):
        frame = pd.read_csv(
            path,
            header=None,
            skipinitialspace=True,
            na_values=["?"],
            keep_default_na=False,
            quotechar="'",
        )
    if len(frame.columns) != len(table.columns):
        raise BadData(f"{path}: {len(frame.columns)} columns, {len(table.columns)} are due")
    return frame.set_axis(list(table.columns), axis=1)


def load(table: Table) -> Dataset:
    """The dataset of a table: columns dropped and classes merged as its row says."""
    key = cache.key(CATALOGUE, table.file.sha256, table.columns)
    frame = cache.frame(key, lambda: frame_of(table))
    if table.merge:
        labels = frame[table.target].astype(str).map(dict(table.merge))
        frame = frame.assign(**{table.target: labels})
    nominal = [c for c in frame.columns if frame[c].dtype.kind not in "biuf"]
    kept = [c for c in nominal if c not in table.drop]
    return from_frame(
        frame,
        table.target,
        table.name,
        drop=tuple(table.drop),
        categorical=kept,
        positive=table.positive,
    )


def described(table: Table) -> str:
    """The docstring of an entry: what it is, and what is known of it."""
    about = table.about
    text = f"{about['origin'][:1].upper()}{about['origin'][1:]}.\n\nWhy: {about['why']}."
    text += f"\nKnown: {about['known']}." if about["known"] else ""
    text += f"\nDropped: {about['drop']}." if about["drop"] else ""
    text += f"\nClasses: {about['merge']}." if about["merge"] else ""
    text += f"\nIn use split by: {table.split}. Tags: {', '.join(table.marks)}."
    return text + f"\nLicence: {about['licence']}."


def registered(table: Table) -> None:
    """Enter a table under its name."""

    def make() -> Dataset:
        return load(table)

    make.__doc__ = described(table)
    enter: Callable[..., object] = dataset(
        table.name,
        cite=table.about["citation"],
        n=table.n,
        d=table.d,
        classes=table.classes,
        source=table.file.url,
        file=table.file,
        known=table.about["known"],
        base=table.base or "",
    )
    enter(make)


for found in TABLES.values():
    if PUBLISHED not in found.file.name:
        registered(found)
