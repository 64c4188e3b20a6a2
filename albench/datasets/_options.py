"""How a table of one's own is read: the options, once for entries, suites and commands."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])

MISSING = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "<NA>", "#N/A", "?")
"""Words taken as missing among features unless `missing` says otherwise; an empty cell always
is. A target has no such words by itself: there `None` and `NA` are classes."""


@dataclass(frozen=True)
class ColumnOptions:
    """How the columns of a table are taken.

    Attributes
    ----------
    drop : columns to leave out.
    id : columns that name the row; left out as well.
    categorical : columns whose values are categories, whatever they look like.
    numeric : columns of numbers written with %, a currency or spaces, of numbers that are
        not exact beyond 2^53, or (Parquet) of lists of one length, one column an item.
    ordinal : categories in order, as `size: small < medium < large`; 0, 1, 2, ... of them.
    positive : the positive class.
    missing : words taken as missing, of the target too; without it those of `MISSING`,
        and of a target none. An empty cell is always missing.
    dates : what becomes of columns with dates: `drop`, or `features` (year, month, day,
        weekday, and the hour where there is a time of day).
    strip : leave out white space around texts and classes.
    group : column whose equal values stay together in a split (`split = "group"`).
    time : column by which rows are ordered in time (`split = "time"`).
    classes : the target is one of classes, however many numbers it holds.
    unlabeled : rows without a value in the target: an error, or left out (`drop`).
    """

    drop: Sequence[str] = ()
    id: Sequence[str] = ()
    categorical: Sequence[str] = ()
    numeric: Sequence[str] = ()
    ordinal: Sequence[str] = ()
    positive: str | None = None
    missing: Sequence[str] | None = None
    dates: Literal["drop", "features"] | None = None
    strip: bool = False
    group: str | None = None
    time: str | None = None
    classes: bool = False
    unlabeled: Literal["error", "drop"] = "error"


@dataclass(frozen=True)
class NumberOptions(ColumnOptions):
    """Columns, and how numbers are written.

    Attributes
    ----------
    decimal : the decimal sign, `.` or `,`.
    thousands : the sign between thousands, or nothing.
    header : whether the first row holds names; asked for where that row looks like data.
    """

    decimal: Literal[".", ","] = "."
    thousands: Literal["", ",", ".", " ", "'", "_"] = ""
    header: bool | None = None


@dataclass(frozen=True)
class TextOptions(NumberOptions):
    """All that is to be known of a text file.

    Attributes
    ----------
    separator : the sign between cells.
    encoding : of the text, such as `cp1252` or `utf-16`.
    """

    separator: str = ","
    encoding: str = "utf-8"


def taking(options: type) -> Callable[[F], F]:
    """Give an entry the fields of `options` as keyword-only parameters, after its own.

    The function takes them as `**options`; its signature, from which suites, commands and
    listings know the parameters, names each with its type and default.
    """

    def enter(function: F) -> F:
        hints = get_type_hints(options, include_extras=True)
        signature = inspect.signature(function)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=f.default,
                annotation=hints[f.name],
            )
            for f in fields(options)
        ]
        function.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
        function.__annotations__.pop("options", None)
        function.__annotations__.update({f.name: hints[f.name] for f in fields(options)})
        return function

    return enter


def explained(options: type) -> dict[str, str]:
    """What each field of `options` does, from the docstrings of the classes."""
    found: dict[str, str] = {}
    for kind in reversed(options.__mro__[:-1]):
        name = ""
        for line in inspect.cleandoc(kind.__doc__ or "").partition("----------\n")[2].splitlines():
            head, colon, text = line.partition(" : ")
            if colon and not line.startswith(" "):
                name, found[head] = head, text
            elif name:
                found[name] += " " + line.strip()
    return {name: text.rstrip(".") for name, text in found.items()}
