"""A file looked at: its format, layout and columns, and the options that would settle it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from albench.core.errors import BadData, BadValue
from albench.core.parameters import typed
from albench.core.traits import did_you_mean
from albench.datasets._cells import is_text
from albench.datasets._doctor import Report, counted, examined, said
from albench.datasets._options import ColumnOptions, NumberOptions, TextOptions
from albench.datasets._read import READERS, format_of
from albench.datasets._table import (
    Finding,
    Table,
    concerning,
    decompressed,
    guessed_layout,
)

OPTIONS: dict[str, type[ColumnOptions]] = {
    "csv": TextOptions,
    "excel": NumberOptions,
    "arff": ColumnOptions,
    "parquet": ColumnOptions,
    "feather": ColumnOptions,
}
ROUNDS = 5  # an option may bring the next thing to light, such as a decimal comma


@dataclass(frozen=True)
class Looked:
    """What a file was found to be.

    use      the entry that reads it
    options  as given, with the layout guessed and (after `settled`) what was proposed
    report   the doctor's
    why      (option, sentence) of what was chosen without being asked
    others   (option line, sentence) of choices that may be better
    """

    path: Path
    use: str
    table: Table
    options: ColumnOptions
    report: Report
    why: tuple[tuple[str, str], ...] = ()
    others: tuple[tuple[str, str], ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each class, in the order of the classes."""
        counts = counted(self.report.labels)
        return {label: counts[label] for label in self.report.classes}

    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {
            f.name: value
            for f in fields(self.options)
            if (value := getattr(self.options, f.name)) != f.default
        }


def looked(path: Path, target: str, given: Mapping[str, Any]) -> Looked:
    """A file of columns with the options given, its layout guessed where none is given.

    Raises BadData where it cannot be read at all, BadValue for an option its format lacks.
    """
    content = content_of(path)
    use = format_of(path, content)
    if use not in OPTIONS:
        raise BadValue(f"{path}: a file of format {use} has no named columns to look at")
    options = options_of(use, given)
    with concerning(str(path)):
        if isinstance(options, TextOptions):
            options = guessed_layout(decompressed(content, "it"), options, set(given))
        table = READERS[use](content, options)
        del content
        return Looked(path, use, table, options, examined(table, target, options))


def content_of(path: Path) -> bytes:
    """The bytes of a file; raises BadData where there are none."""
    if not path.is_file():
        raise BadData(f"{path}: no such file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}") from None
    if not content.strip():
        raise BadData(f"{path}: it is empty")
    return content


def options_of(use: str, given: Mapping[str, Any]) -> Any:
    """The options of a format; raises BadValue for one it does not have or that does not fit."""
    from typing import get_type_hints

    kind = OPTIONS[use]
    hints = get_type_hints(kind)
    for name, value in given.items():
        if name not in hints:
            raise BadValue(f"{use} has no option {name!r}{did_you_mean(name, hints)}")
        typed(list(value) if isinstance(value, tuple) else value, hints[name], name)
    return kind(**given)


def settled(found: Looked, asked: set[str]) -> Looked:
    """The file with the options that the findings propose, as long as they bring it further.

    asked  names of options that the user gave; of these only lists are added to
    """
    why: list[tuple[str, str]] = list(layout_chosen(found, asked))
    others: list[tuple[str, str]] = []
    for _ in range(ROUNDS):
        report = found.report
        more = proposals(found, asked)
        others += [(f.other, said(f)) for f in (*report.found, *more) if f.other]
        if not more:
            break
        options = found.options
        for finding in more:
            for name, value in finding.option.items():
                options, new = added(options, name, value)
                if new:
                    why.append((name, said(finding)))
        if options == found.options:
            break
        found = replace(
            found, options=options, report=examined(found.table, report.target, options)
        )
    return replace(found, why=tuple(dict.fromkeys(why)), others=tuple(dict.fromkeys(others)))


def layout_chosen(found: Looked, asked: set[str]) -> list[tuple[str, str]]:
    """What of the layout was guessed and is not the default."""
    names = {"separator", "encoding", "header"} - asked
    return [
        (name, f"so the file is laid out ({found.table.layout})")
        for name in found.given()
        if name in names
    ]


def proposals(found: Looked, asked: set[str]) -> list[Finding]:
    """The findings whose options are to be taken: all errors, and what names the row."""
    report = found.report
    errors = [agreed(f, found) for f in report.errors if f.option]
    errors = [f for f in errors if not (set(f.option) & asked - LISTS)]
    notes = [f for f in report.found if f.level == "note" and f.option]
    gone = {name for f in (*errors, *notes) for name in f.option.get("drop", ())}
    left = [c for c in report.columns if c.values and c.name not in gone]
    return [*errors, *(f for f in notes if left or "drop" not in f.option)]


LISTS = {"drop", "id", "categorical", "numeric", "ordinal"}


def agreed(finding: Finding, found: Looked) -> Finding:
    """A finding; a decimal comma among as many columns with decimal points drops the column.

    Only columns of texts count: the cells of a spreadsheet that are numbers have no decimal sign.
    """
    if finding.option.get("decimal") != "," or not isinstance(found.options, NumberOptions):
        return finding
    commas = [f for f in found.report.errors if f.option.get("decimal") == ","]
    numbers = [c for c in found.report.columns if c.kind == "number" and fractional(c.values)]
    points = [c for c in numbers if is_text(found.table.cells[c.name])]
    signed = [f for f in found.report.errors if "numeric" in f.option and f not in commas]
    points_written = [f for f in signed if "." in f.said]
    if len(commas) > len(points) + len(points_written):
        return finding
    others = f"{finding.said}, where other columns have decimal points"
    with_it = [
        f"{key} = {json.dumps(v, ensure_ascii=False)}"
        for key, v in finding.option.items()
        if key != "decimal"
    ]
    names = sorted({c.name for c in points} | {f.column for f in points_written})
    then = " and ".join([*with_it, f"drop = {json.dumps(names, ensure_ascii=False)}"])
    other = f'decimal = ","  # with {then}'
    return replace(finding, said=others, option={"drop": [finding.column]}, other=other)


def fractional(values: Mapping[str, Any]) -> bool:
    """Whether numbers have a fraction."""
    return any(v.dtype.kind == "f" and bool((v.dropna() % 1 != 0).any()) for v in values.values())


def added(options: ColumnOptions, name: str, value: Any) -> tuple[ColumnOptions, bool]:
    """The options with one more; lists are added to, and a column stays in one list."""
    if not hasattr(options, name):
        return options, False
    now = getattr(options, name)
    if name not in LISTS:
        return changed(options, {name: value}), now != value
    fresh = [item for item in value if item not in now]
    if name == "drop":  # what cannot be read as asked is left out
        lists = {key: getattr(options, key) for key in LISTS - {"drop"}}
        left = {key: tuple(i for i in items if i not in fresh) for key, items in lists.items()}
        options = changed(options, left)
    else:
        taken = {item for key in LISTS - {name} for item in getattr(options, key)}
        fresh = [item for item in fresh if item not in taken]
    return changed(options, {name: (*now, *fresh)}), bool(fresh)


def changed(options: ColumnOptions, values: Mapping[str, Any]) -> ColumnOptions:
    """The options with other values."""
    return replace(options, **values)
