"""What results look like: a table in a notebook, text in a terminal, and the numbers in both.

A result that derives from `Displayed` says by its `sheet` what there is to show of it.
"""

import html
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from albench.core.rounding import without_noise

if TYPE_CHECKING:
    import pandas as pd


ROWS = 60
"""Rows of a long table that are shown."""


def cleaned(value: Any) -> Any:
    """A value that JSON can hold; NaN and infinities are None."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool | dict):
        return value
    return None if str(value) in ("<NA>", "NaT", "nan") else str(value)


def quiet(value: Any, column: str) -> Any:
    """A number without float noise; a p-value may be that small in earnest."""
    p_value = column == "p" or column.endswith(("_p", " p"))
    if isinstance(value, float) and math.isfinite(value) and not p_value:
        return without_noise(value)
    return value


def text_of(value: Any) -> str:
    """A value as a cell of a printed table."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, list):
        return ", ".join(text_of(item) for item in value)
    return str(value)


WIDE = 240  # characters of a line where there is no terminal


def line_width(stream: TextIO) -> int | None:
    """Characters of a line: of the terminal, else what COLUMNS says; None where neither is."""
    if stream.isatty():
        return shutil.get_terminal_size().columns
    asked = os.environ.get("COLUMNS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else None


def wrapped(text: str, width: int | None) -> str:
    """Prose in lines of that width, broken between words; commands and paths stay whole."""
    if width is None:
        return text
    return "\n".join(
        textwrap.fill(line, max(width, 20), break_long_words=False, break_on_hyphens=False)
        for line in text.split("\n")
    )


WRAPPED = 24  # characters below which the text of a column is not wrapped
GAP, EDGES = 3, 2  # characters between columns, and at both ends


def fitting(
    cells: Sequence[Sequence[str]], columns: Sequence[str], width: int, kept: Sequence[str] = ()
) -> list[int]:
    """Positions of the columns that a terminal of that width can hold; at least two.

    What is the same in every row goes first. Columns stand in the order of their weight, so
    then go those on the right, but for those that are `kept`.
    """

    def needed(places: Sequence[int]) -> int:
        longest = [max([len(columns[p]), *(len(row[p]) for row in cells)]) for p in places]
        return EDGES + sum(min(n, WRAPPED) for n in longest) + GAP * (len(places) - 1)

    places = list(range(len(columns)))
    same = constant(cells, columns)
    for place in (*reversed(same), *(p for p in reversed(places) if p not in same)):
        if len(places) <= 2 or needed(places) <= width:
            break
        if columns[place] not in kept:
            places.remove(place)
    return places


def constant(cells: Sequence[Sequence[str]], columns: Sequence[str]) -> list[int]:
    """Positions of the columns that have the same value in every row of several."""
    if len(cells) < 2:
        return []
    return [p for p in range(len(columns)) if len({row[p] for row in cells}) == 1]


@dataclass(frozen=True)
class Sheet:
    """What is shown of a result.

    lines  what was found, in sentences
    frame  the table
    notes  what a reader must know
    """

    title: str = ""
    lines: Sequence[str] = ()
    frame: "pd.DataFrame | None" = None
    notes: Sequence[str] = ()


class Displayed:
    """A result that shows itself: as a table in a notebook, as text elsewhere."""

    def sheet(self) -> Sheet:
        """What is shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return in_text(self.sheet())

    def _repr_html_(self) -> str:
        return in_html(self.sheet())


def cells_of(frame: "pd.DataFrame") -> tuple[list[str], list[list[str]], list[bool]]:
    """Columns, the first rows as text, and which columns hold numbers."""
    columns = [str(c) for c in frame.columns]
    rows = [
        [quiet(cleaned(value), column) for value, column in zip(row, columns, strict=True)]
        for row in frame.head(ROWS).itertuples(index=False, name=None)
    ]
    numeric = [
        any(isinstance(row[at], int | float) for row in rows)
        and all(row[at] is None or isinstance(row[at], int | float) for row in rows)
        for at in range(len(columns))
    ]
    return columns, [[text_of(value) for value in row] for row in rows], numeric


def rest_of(frame: "pd.DataFrame") -> list[str]:
    """How many rows are not shown, if any."""
    return [f"... and {len(frame) - ROWS} more rows"] if len(frame) > ROWS else []


def in_text(sheet: Sheet) -> str:
    """A sheet as text, the table cut to the columns that the terminal can hold."""
    out = [sheet.title] if sheet.title else []
    out += [line[:1].upper() + line[1:] for line in sheet.lines]
    if sheet.frame is not None and len(sheet.frame.columns):
        columns, cells, numeric = cells_of(sheet.frame)
        wide = line_width(sys.stdout) or WIDE
        places = fitting(cells, columns, wide)
        widths = [max(len(row[p]) for row in (columns, *cells)) for p in places]
        turned = [str.rjust if numeric[p] else str.ljust for p in places]
        out += [""] if out else []
        out += [
            "  ".join(
                turn(row[p], width) for p, width, turn in zip(places, widths, turned, strict=True)
            ).rstrip()
            for row in (columns, *cells)
        ]
        out += rest_of(sheet.frame)
        gone = [column for p, column in enumerate(columns) if p not in places]
        out += [f"left out, too wide: {', '.join(gone)}"] if gone else []
    out += ["", *sheet.notes] if sheet.notes else []
    return "\n".join(out)


def in_html(sheet: Sheet) -> str:
    """A sheet as HTML; all text in it is escaped."""

    def tag(name: str, text: str, more: str = "") -> str:
        return f"<{name}{more}>{html.escape(text)}</{name}>"

    out = [tag("strong", sheet.title)] if sheet.title else []
    out += [tag("p", line[:1].upper() + line[1:]) for line in sheet.lines]
    if sheet.frame is not None and len(sheet.frame.columns):
        columns, cells, numeric = cells_of(sheet.frame)
        sides = [f' style="text-align: {"right" if right else "left"}"' for right in numeric]
        rows = [
            "".join(tag(name, text, side) for text, side in zip(row, sides, strict=True))
            for name, row in (("th", columns), *(("td", row) for row in cells))
        ]
        body = "".join(f"<tr>{row}</tr>" for row in rows[1:])
        out.append(f"<table><thead><tr>{rows[0]}</tr></thead><tbody>{body}</tbody></table>")
        out += [tag("p", line) for line in rest_of(sheet.frame)]
    out += [tag("p", note, ' style="opacity: 0.7"') for note in sheet.notes]
    return f"<div>{''.join(out)}</div>"
