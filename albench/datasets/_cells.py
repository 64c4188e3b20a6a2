"""Cells of one column: which are missing, which are numbers, and what a column is taken for."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from albench.datasets._options import MISSING, ColumnOptions, NumberOptions
from albench.datasets._table import Finding

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
SPECIAL = r"^[+-]?(inf|infinity|Inf|Infinity|INF)$"
FEWEST = 20  # rows below which values may all differ by chance


@dataclass(frozen=True)
class Taken:
    """How a column is taken.

    kind    number, category, ordinal, date, id, text, constant, empty, dropped, group, time
    why     what speaks for it
    values  feature name -> float64 or object Series; empty where none is made of it
    found   what is to be said of it
    """

    name: str
    kind: str
    why: str
    values: dict[str, Any]
    found: tuple[Finding, ...] = ()
    missing: int = 0
    distinct: int = 0


@dataclass(frozen=True)
class Cells:
    """The cells of a column, missing ones known.

    text   Arrow array of the texts, null where missing
    words  the words that were taken as missing, with their counts
    """

    name: str
    text: Any
    words: dict[str, int]

    @property
    def given(self) -> Any:
        """The texts that are there."""
        return self.text.drop_null()

    @property
    def missing(self) -> int:
        """How many are missing."""
        return int(self.text.null_count)


def cells(name: str, array: Any, options: ColumnOptions, target: bool = False) -> Cells:
    """The cells of a column of text; words of `missing` become null.

    An empty cell, and one of white space alone, is missing always.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    text = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    trimmed = pc.utf8_trim_whitespace(text)
    given = options.missing
    words = list(given if given is not None else () if target else MISSING)
    blank = pc.equal(trimmed, "")
    word = pc.is_in(trimmed, value_set=pa.array(words, text.type))
    counted: dict[str, int] = {}
    if pc.any(word).as_py():
        found = pc.value_counts(trimmed.filter(word)).to_pylist()
        counted = {item["values"]: item["counts"] for item in found}
    kept = trimmed if options.strip else text
    none = pc.fill_null(pc.or_kleene(blank, word), True)
    if pc.any(none).as_py():
        kept = pc.if_else(none, pa.scalar(None, text.type), kept)
    return Cells(name, kept, counted)


def note(name: str, said: str, option: dict[str, Any] | None = None, other: str = "") -> Finding:
    """A finding to look at."""
    return Finding("note", name, said, option or {}, other)


def refused(column: Cells, kind: str, said: str, option: dict[str, Any], other: str = "") -> Taken:
    """A column that a run refuses until an option says what it is."""
    finding = Finding("error", column.name, said, option, other)
    distinct = count(column) if is_text(column.text) else 0
    return Taken(column.name, kind, said, {}, (finding,), column.missing, distinct)


def is_text(array: Any) -> bool:
    """Whether an Arrow array is of texts."""
    import pyarrow.types as pt

    return bool(pt.is_string(array.type) or pt.is_large_string(array.type))


def count(column: Cells) -> int:
    """How many distinct texts there are."""
    import pyarrow.compute as pc

    return int(pc.count_distinct(column.text, mode="only_valid").as_py())


def series(text: Any, values: Any = None) -> Any:
    """A column of texts with None, or of numbers, as pandas has it."""
    import pandas as pd

    if values is not None:
        return pd.Series(np.asarray(values, dtype=np.float64))
    return pd.Series(text.to_numpy(zero_copy_only=False), dtype=object)


def parsed(text: Any, options: ColumnOptions) -> Any:
    """An Arrow array of texts as numbers, or None where one is none.

    Decimal and thousands signs are those of `NumberOptions`; without them, a point and none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    decimal, thousands = signs(options)
    trimmed = pc.utf8_trim_whitespace(text)
    if decimal == "." and not thousands:
        try:
            return pc.cast(trimmed, pa.float64())
        except pa.ArrowInvalid:
            pass
    if not pc.all(are_numbers(text, options)).as_py():
        return None
    if thousands:
        trimmed = pc.replace_substring(trimmed, thousands, "")
    if decimal == ",":
        trimmed = pc.replace_substring(trimmed, ",", ".")
    return pa.array([None if t is None else float(t) for t in trimmed.to_pylist()], pa.float64())


def are_numbers(text: Any, options: ColumnOptions) -> Any:
    """Which texts of an Arrow array are numbers, null where one is null."""
    import pyarrow.compute as pc

    decimal, thousands = signs(options)
    point, mark = re.escape(decimal), re.escape(thousands)
    pattern = PLAIN.replace(r"\.", point)
    if thousands:
        grouped = rf"^[+-]?\d{{1,3}}({mark}\d{{3}})+({point}\d*)?$"
        pattern = rf"{pattern}|{grouped}"
    trimmed = pc.utf8_trim_whitespace(text)
    return pc.or_(
        pc.match_substring_regex(trimmed, pattern), pc.match_substring_regex(trimmed, SPECIAL)
    )


def signs(options: ColumnOptions) -> tuple[str, str]:
    """Decimal and thousands signs."""
    if isinstance(options, NumberOptions):
        return options.decimal, options.thousands
    return ".", ""


def parsed_one(text: str, options: ColumnOptions) -> float | None:
    """One text as a number, or None."""
    import pyarrow as pa

    found = parsed(pa.array([text], pa.string()), options)
    return None if found is None else float(found[0].as_py())


def parsed_all(texts: list[str], options: ColumnOptions) -> bool:
    """Whether all texts are numbers."""
    import pyarrow as pa

    return parsed(pa.array(texts, pa.string()), options) is not None


def first_that(column: Cells, wrong: Callable[[str], bool]) -> str:
    """The first text for which something holds, and its row (from 0, as everywhere)."""
    for row, text in enumerate(column.text.to_pylist()):
        if text is not None and wrong(text):
            return f"{text[:60]!r} in row {row}"
    return "nothing"


def quoted(name: str) -> str:
    """A text as TOML has it."""
    import json

    return json.dumps(name)


def words_found(column: Cells) -> tuple[Finding, ...]:
    """A line where words were taken as missing."""
    if not column.words:
        return ()
    told = ", ".join(f"{word!r} ({n})" for word, n in column.words.items())
    other = "missing = []  # only empty cells are missing; or the words that are"
    return (Finding("fine", column.name, f"taken as missing: {told}", {}, other),)


def numbered(values: Any) -> bool:
    """Whether values are distinct whole numbers in steps of one, or rise with the row."""
    if len(values) < FEWEST or not np.isfinite(values).all() or (values % 1).any():
        return False
    steps = np.diff(values)
    if (steps > 0).all():
        return True
    if np.ptp(values) != len(values) - 1:
        return False
    return bool((np.diff(np.sort(values)) == 1).all())


def how(values: Any) -> str:
    """How they are numbered, for the sentence."""
    return "in steps of one" if np.ptp(values) == len(values) - 1 else "rising with the row"


def row_number(name: str, values: Any) -> Finding:
    """A column that looks like the number of the row."""
    said = (
        f"looks like the number of the row (distinct whole numbers {how(values)}); in a sorted "
        "table it gives the classes away: drop it"
    )
    return note(name, said, {"drop": [name]})
