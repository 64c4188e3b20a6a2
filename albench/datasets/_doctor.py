"""The doctor of tables: everything that is found in one, all at once, and the dataset it makes.

A pure function of a table of cells and options. A run refuses a table with an error and tells
the notes; `albench data look` and `albench new suite` print every line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from albench.core.arrays import Floats, Ints
from albench.core.errors import BadData
from albench.core.traits import did_you_mean
from albench.datasets._cells import Cells, Taken, cells, is_text, note, parsed, quoted
from albench.datasets._columns import ordered, taken
from albench.datasets._dataset import MOST_CLASSES, Dataset
from albench.datasets._options import MISSING, ColumnOptions
from albench.datasets._table import Finding, Table
from albench.datasets._typed import as_texts, taken_typed
from albench.datasets._written import dates_of

SHARE = 0.4  # of the rows that `standard` takes for testing: for what is said of duplicates
RARE_ROWS = 10  # rows of a class below which a start or a test part may lack it
WIDE = 200  # columns of one category column that are worth a word
IMBALANCE = 10.0


@dataclass(frozen=True)
class Report:
    """What a table was found to be.

    columns  how each column is taken, in the table's order
    found    all findings, of the table first
    labels   (n,) texts of the target; kept: the rows that have one
    """

    layout: str
    n: int
    target: str
    columns: tuple[Taken, ...]
    found: tuple[Finding, ...]
    labels: tuple[str, ...] = ()
    kept: Ints | None = None
    groups: Ints | None = None
    times: Floats | None = None

    @property
    def errors(self) -> list[Finding]:
        """What a run refuses."""
        return [f for f in self.found if f.level == "error"]

    @property
    def notes(self) -> list[str]:
        """What a run tells, one sentence each."""
        return [said(f) for f in self.found if f.level == "note"]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in order."""
        return class_order(set(self.labels))

    @property
    def width(self) -> int:
        """Columns after encoding, for all rows."""
        return sum(
            c.distinct + (c.missing > 0) if c.kind == "category" else len(c.values)
            for c in self.columns
        )

    def features(self) -> Any:
        """The frame of features; raises BadData where none is left."""
        import pandas as pd

        values = {k: v for c in self.columns for k, v in c.values.items()}
        if not values:
            raise BadData("no feature column is left")
        frame = pd.DataFrame(values)
        return frame if self.kept is None else frame.iloc[self.kept].reset_index(drop=True)


def said(finding: Finding) -> str:
    """A finding as a sentence with its column."""
    return f"column {finding.column!r} {finding.said}" if finding.column else finding.said


def class_order(labels: set[str]) -> tuple[str, ...]:
    """Distinct labels in order: by value where all are numbers, else as text."""
    try:
        return tuple(sorted(labels, key=lambda text: (float(text), text)))
    except ValueError:
        return tuple(sorted(labels))


def examined(table: Table, target: str, options: ColumnOptions, full: bool = True) -> Report:
    """Everything that is found in a table.

    target  the column of classes, or "" where only the columns are looked at
    full    look also at pairs of columns and rows (duplicates, what determines the target)
    """
    found = [*table.found, *named_columns(table, target, options)]
    if any(f.level == "error" for f in found):
        return Report(table.layout, table.n, target, (), tuple(found))
    columns = tuple(column_of(table, name, target, options) for name in table.cells)
    found += [f for c in columns for f in c.found]
    found += [wide for c in columns for wide in told_width(c)]
    report = Report(table.layout, table.n, target, columns, tuple(found))
    report = arranged(report, table, options)
    if not target:
        return report
    label_cells = label_texts(table, target, options)
    report = with_labels(report, label_cells, options)
    more = [*of_target(report, label_cells, options)]
    if not any(c.values for c in columns) and not report.errors:
        more.append(Finding("error", "", "no feature column is left"))
    report = replace(report, found=(*report.found, *more))
    if full and not report.errors:
        report = replace(report, found=(*report.found, *of_rows(report)))
    return report


def named_columns(table: Table, target: str, options: ColumnOptions) -> Iterator[Finding]:
    """What the options name and the table does not have; a table without rows."""
    if not table.n:
        yield Finding("error", "", "no rows, only a header")
    given = {
        "drop": options.drop,
        "id": options.id,
        "categorical": options.categorical,
        "numeric": options.numeric,
        "ordinal": tuple(ordered(options)),
        "group": [options.group] if options.group else [],
        "time": [options.time] if options.time else [],
    }
    roles: dict[str, str] = {}
    for option, names in given.items():
        for name in names:
            if name not in table.cells:
                hint = did_you_mean(name, table.cells)
                yield Finding("error", "", f"no column {name!r}, which {option} names{hint}")
            elif roles.setdefault(name, option) != option:
                both = f"{roles[name]} and {option}"
                yield Finding("error", name, f"is named in both {both}; one of them is due")
    if target and target not in table.cells:
        yield Finding(
            "error", "", f"no target column {target!r}{did_you_mean(target, table.cells)}"
        )
    elif target and roles.get(target) not in (None, "categorical"):
        yield Finding("error", target, f"is the target and named in {roles[target]} as well")


def column_of(table: Table, name: str, target: str, options: ColumnOptions) -> Taken:
    """How a column is taken, the target and those that are left out among them."""
    roles = {options.group: "group", options.time: "time", target or None: "target"}
    if name in (target, options.group, options.time):
        return Taken(name, roles[name], f"`{roles[name]}` says so", {})
    if name in options.drop or name in options.id:
        kind = "dropped" if name in options.drop else "id"
        return Taken(name, kind, f"`{'drop' if kind == 'dropped' else 'id'}` says so", {})
    array, declared = table.cells[name], table.declared.get(name, "")
    if is_text(array):
        return taken(name, array, declared, options)
    return taken_typed(name, array, options)


def told_width(column: Taken) -> Iterator[Finding]:
    """A word where one column becomes very many."""
    if column.kind == "category" and column.distinct > WIDE:
        yield note(column.name, f"becomes {column.distinct} columns, one a category")


def label_texts(table: Table, target: str, options: ColumnOptions) -> Cells:
    """The target as texts, as they are written."""
    array = table.cells[target]
    text = array if is_text(array) else as_texts(target, array)
    return cells(target, text, options, target=True)


def with_labels(report: Report, column: Cells, options: ColumnOptions) -> Report:
    """The report with the labels of the rows that have one."""
    texts = column.text.to_pylist()
    if not column.missing:
        return replace(report, labels=tuple(texts))
    rows = np.array([i for i, text in enumerate(texts) if text is not None], dtype=np.intp)
    kept = rows if options.unlabeled == "drop" else None
    return replace(report, labels=tuple(t for t in texts if t is not None), kept=kept)


def of_target(report: Report, column: Cells, options: ColumnOptions) -> Iterator[Finding]:
    """What is found of the target."""
    name, n, k = report.target, len(report.labels), len(report.classes)
    if column.missing and options.unlabeled == "drop":
        yield note(name, f"has no value in {column.missing} rows, which are left out")
    elif column.missing:
        words = "".join(f", {c} of them as {w!r}" for w, c in column.words.items())
        yield Finding(
            "error",
            "",
            f"{column.missing} of {report.n} rows have no value in the target {name!r}{words}; "
            "such a row can be neither bought nor tested",
            {"unlabeled": "drop"},
        )
    if k < 2:
        only = f" ({report.classes[0]!r})" if k else ""
        yield Finding("error", "", f"the target {name!r} is constant: one class only{only}")
        return
    yield from of_class_count(name, n, k, report.classes, options)
    yield from of_class_names(name, report, options)
    counts = counted(report.labels)
    small = {c: m for c, m in counts.items() if m < RARE_ROWS}
    if small and k <= MOST_CLASSES:
        told = ", ".join(f"{c!r} ({m})" for c, m in list(small.items())[:5])
        told += ", ..." if len(small) > 5 else ""
        yield note(
            "",
            f"{len(small)} of {k} classes have fewer than {RARE_ROWS} rows: {told}; a start or a "
            "test part may lack them",
        )
    largest, least = max(counts.values()), min(counts.values())
    if largest >= IMBALANCE * least:
        rare = min(counts, key=lambda c: (counts[c], c))
        yield note(
            "", f"imbalance {largest / least:.0f} : 1; the rarest class is {rare!r} ({least})"
        )
    if options.positive is not None and options.positive not in counts:
        hint = did_you_mean(options.positive, list(counts))
        yield Finding("error", "", f"positive class {options.positive!r} is no class{hint}")


def counted(labels: Sequence[str]) -> dict[str, int]:
    """Rows of each label."""
    from collections import Counter

    return dict(Counter(labels))


def of_class_count(
    name: str, n: int, k: int, classes: Sequence[str], options: ColumnOptions
) -> Iterator[Finding]:
    """Too many values for classes, or for the rows there are."""
    if k > MOST_CLASSES:
        yield Finding(
            "error",
            "",
            f"the target {name!r} has {k} distinct values in {n} rows; is this regression? "
            f"albench is for classification, with at most {MOST_CLASSES} classes",
        )
        return
    numbers = numeric_labels(classes)
    fractions = numbers is not None and bool((numbers % 1 != 0).any())
    many = numbers is not None and ((k > 50 and k > n / 20) or (fractions and k > 20))
    if many and not options.classes and name not in options.categorical:
        yield Finding(
            "error",
            "",
            f"the target {name!r} has {k} distinct values in {n} rows; is this regression? "
            "Where they are classes, say classes = true",
            {},
            "classes = true",
        )
    elif k > n / 5:
        yield note("", f"{k} classes in {n} rows are too many for a comparison that decides much")


def numeric_labels(classes: Sequence[str]) -> Floats | None:
    """The labels as numbers, or None where one is none."""
    try:
        return np.array([float(text) for text in classes])
    except ValueError:
        return None


def of_class_names(name: str, report: Report, options: ColumnOptions) -> Iterator[Finding]:
    """Classes that are one but for case, white space or how a number is written."""
    counts = counted(report.labels)
    folded: dict[str, list[str]] = {}
    for label in report.classes:
        folded.setdefault(" ".join(label.split()).casefold(), []).append(label)
    for same in folded.values():
        if len(same) > 1:
            told = ", ".join(f"{label!r} ({counts[label]})" for label in same)
            white = len({label.strip() for label in same}) < len(same)
            option = {"strip": True} if white and not options.strip else {}
            yield note("", f"classes that differ in case or white space only: {told}", option)
    numbers = numeric_labels(report.classes)
    if numbers is not None and len(set(numbers.tolist())) < len(numbers):
        same = [c for c, v in zip(report.classes, numbers, strict=True) if (numbers == v).sum() > 1]
        told = ", ".join(map(repr, same[:6]))
        yield note("", f"classes that are one number written in two ways stay apart: {told}")
    words = [c for c in report.classes if c in MISSING]
    if words and options.missing is None:
        told = ", ".join(f"{word!r} ({counts[word]})" for word in words)
        other = f"missing = [{', '.join(quoted(w) for w in MISSING)}]"
        yield Finding("note", "", f"classes that may be missing values: {told}", {}, other)


def arranged(report: Report, table: Table, options: ColumnOptions) -> Report:
    """The report with group numbers and times of the rows, where columns are named for them."""
    found = []
    groups = times = None
    if options.group:
        column = label_cells_of(table, options.group, options)
        if column.missing:
            found.append(Finding("error", options.group, f"group: {column.missing} rows have none"))
        codes = column.text.dictionary_encode()
        groups = np.asarray(codes.indices.fill_null(-1).to_numpy(zero_copy_only=False), np.intp)
        k = len(codes.dictionary)
        found.append(Finding("fine", options.group, f"puts the rows into {k} groups"))
    if options.time:
        times, wrong = times_of(table, options.time, options)
        found += wrong
    return replace(report, groups=groups, times=times, found=(*report.found, *found))


def label_cells_of(table: Table, name: str, options: ColumnOptions) -> Cells:
    """A column as texts, only empty cells missing."""
    array = table.cells[name]
    text = array if is_text(array) else as_texts(name, array)
    return cells(name, text, replace(options, missing=options.missing or ()))


def times_of(table: Table, name: str, options: ColumnOptions) -> tuple[Any, list[Finding]]:
    """When each row was made, as numbers that grow with time."""
    import pyarrow as pa

    array = table.cells[name]
    if not is_text(array):
        array = pa.array(as_texts(name, array).to_pylist(), pa.string())
    column = cells(name, array, options)
    numbers = parsed(column.text, options)
    dates = dates_of(column) if numbers is None else None
    if column.missing:
        return None, [Finding("error", name, f"time: {column.missing} rows have none")]
    if numbers is not None:
        return numbers.to_numpy(zero_copy_only=False), []
    if dates is None or dates[1]:
        why = "day first, or month first?" if dates else "these are no dates and no numbers"
        return None, [Finding("error", name, f"time: {why}")]
    return dates[0].astype("int64").to_numpy(dtype=np.float64), []


def of_rows(report: Report) -> Iterator[Finding]:
    """Rows that stand twice, and features that determine the target."""
    import pandas as pd

    frame = report.features()
    y = pd.factorize(np.array(report.labels, dtype=object))[0]
    coded = pd.DataFrame({c: pd.factorize(frame[c])[0] for c in frame.columns})
    yield from determining(coded, y)
    key = pd.util.hash_pandas_object(coded, index=False).to_numpy()
    sizes = pd.Series(key).map(pd.Series(key).value_counts()).to_numpy()
    twice = int((sizes > 1).sum())
    if not twice:
        return
    both = float(np.sum(SHARE * (1 - SHARE ** (sizes - 1.0))))
    yield note(
        "",
        f"{twice} of {len(key)} rows have the features of another row; of {SHARE:.0%} test rows "
        f"about {both:.0f} of {SHARE * len(key):.0f} would have an equal row in the training part",
    )
    pairs = pd.Series(y).groupby(key).nunique()
    against = int((pairs > 1).sum())
    if against:
        yield note("", f"{against} sets of equal rows have labels of several classes")


def determining(coded: Any, y: Ints) -> Iterator[Finding]:
    """Features of which each value has one class only, though values repeat."""
    n, k = len(y), int(y.max()) + 1
    for name in coded.columns:
        codes = coded[name].to_numpy()
        distinct = int(codes.max()) + 1
        if distinct < 2 or distinct > n / 3 or distinct < k:
            continue
        pairs = len(np.unique(codes.astype(np.int64) * k + y))
        if pairs == len(np.unique(codes)):
            yield note(
                str(name),
                f"determines the target: each of its {distinct} values has one class only; is it "
                "the class under another name?",
                {},
                f"drop = [{quoted(str(name))}]",
            )


def dataset_of(report: Report, positive: str | None) -> Dataset:
    """The dataset of a report; raises BadData with all that stands against it."""
    if report.errors:
        raise BadData("; ".join(said(f) for f in report.errors))
    found = made(report.features(), report.labels, positive)
    rows = report.kept if report.kept is not None else np.arange(report.n)
    return replace(
        found,
        groups=None if report.groups is None else report.groups[rows],
        times=None if report.times is None else report.times[rows],
        notes=tuple(report.notes),
    )


def made(frame: Any, labels: Sequence[str], positive: str | None) -> Dataset:
    """A dataset of a frame and texts of labels."""
    classes = class_order(set(labels))
    at = {label: i for i, label in enumerate(classes)}
    y = np.array([at[label] for label in labels], dtype=np.intp)
    numbers = all(frame[c].dtype.kind == "f" and frame[c].notna().all() for c in frame.columns)
    X = np.ascontiguousarray(frame.to_numpy(dtype=np.float64)) if numbers else frame
    names = tuple(map(str, frame.columns)) if numbers else ()
    index = None if positive is None else at[positive]
    return Dataset(X, y, classes, index, features=names).checked()


__all__ = ["Report", "class_order", "dataset_of", "examined", "made", "said"]
