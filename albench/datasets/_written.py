"""Texts that are something else: numbers with signs or commas, dates, numbers among words."""

import re
from typing import Any

from albench.datasets._cells import (
    PLAIN,
    Cells,
    Taken,
    are_numbers,
    first_that,
    parsed_all,
    quoted,
    refused,
    signs,
)
from albench.datasets._options import MISSING, ColumnOptions
from albench.datasets._table import Finding, Level

CURRENCY = re.compile(r"[%$€£¥\s\u00a0\u202f]")
COMMA = re.compile(r"[+-]?\d+,\d+$")
GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+$")
GROUPED_POINT = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+$")
POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$")
DATES = (
    (re.compile(r"\d{4}-\d{1,2}-\d{1,2}$"), "%Y-%m-%d"),
    (re.compile(r"\d{4}/\d{1,2}/\d{1,2}$"), "%Y/%m/%d"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$"), "ISO8601"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4}$"), "%d.%m.%Y"),
    (re.compile(r"\d{1,2}\.\d{1,2}\.\d{4} \d\d:\d\d$"), "%d.%m.%Y %H:%M"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4}$"), "%d/%m/%Y|%m/%d/%Y"),
    (re.compile(r"\d{1,2}/\d{1,2}/\d{4} \d\d:\d\d$"), "%d/%m/%Y %H:%M|%m/%d/%Y %H:%M"),
)
FEW = 20  # distinct texts up to which a column is a category whatever the number of rows


def written_numbers(column: Cells, options: ColumnOptions) -> Taken | None:
    """Refuse texts that are numbers but for %, currency, a decimal comma or thousands."""
    name, texts = column.name, column.given[:100].to_pylist()
    if not all(any(c.isdigit() for c in t) for t in texts):
        return None
    texts = column.given.unique().to_pylist()
    bare = [CURRENCY.sub("", t) for t in texts]
    if not all(t and any(c.isdigit() for c in t) for t in bare):
        return None
    first = first_that(column, lambda t: True)
    if parsed_all(bare, options):
        said = f"holds numbers with a sign beside them, such as {first}"
        return refused(
            column, "number", said, {"numeric": [name]}, f"categorical = [{quoted(name)}]"
        )
    decimal, thousands = signs(options)
    if decimal == "." and not thousands:
        return with_commas(column, bare, first)
    if decimal == "," and all(re.match(PLAIN, t) for t in bare):
        said = f"holds numbers with a decimal point, such as {first}, and decimal = ','"
        return refused(column, "number", said, {"drop": [name]})
    return None


def with_commas(column: Cells, bare: list[str], first: str) -> Taken | None:
    """Refuse numbers with commas, and say which sign the comma is, where that is certain."""
    name = column.name
    numbers = [t for t in bare if "," in t]
    if not numbers or not all(
        COMMA.match(t)
        or GROUPED.match(t)
        or GROUPED_POINT.match(t)
        or POINTS.match(t)
        or re.match(PLAIN, t)
        for t in bare
    ):
        return None
    grouped = all(GROUPED.match(t) or GROUPED_POINT.match(t) for t in numbers)
    sure = any(t.count(",") > 1 or GROUPED_POINT.match(t) for t in numbers)
    more = (
        {"numeric": [name]} if any(b not in column.given.unique().to_pylist() for b in bare) else {}
    )
    points = [t for t in bare if "." in t]
    if grouped and (sure or points):
        said = f"holds numbers with a comma between thousands, such as {first}"
        return refused(column, "number", said, {"thousands": ","} | more)
    if grouped:
        said = (
            (f"holds numbers such as {first}: 1100 with thousands = ',', or 1.1 with decimal = ','")
            .replace("1100", numbers[0].replace(",", ""))
            .replace("1.1", numbers[0].replace(",", "."))
        )
        return refused(
            column, "number", said, {"drop": [name]}, 'thousands = ","  # or decimal = ","'
        )
    if all("," in t or t.isdigit() for t in bare) and not any(GROUPED_POINT.match(t) for t in bare):
        thousands = {"thousands": "."} if any(POINTS.match(t) for t in points) else {}
        said = f"holds numbers with a decimal comma, such as {first}"
        return refused(column, "number", said, {"decimal": ","} | thousands | more)
    if points and all(POINTS.match(t) or COMMA.match(t) for t in bare):
        said = f"holds numbers with a decimal comma, such as {first}"
        return refused(column, "number", said, {"decimal": ",", "thousands": "."} | more)
    return None


def mixture(column: Cells, options: ColumnOptions) -> Taken | None:
    """Refuse a column of which some values are numbers and some are not."""
    import pyarrow.compute as pc

    counted = pc.value_counts(column.given)
    mask = are_numbers(counted.field("values"), options).to_pylist()
    counts = counted.to_pylist()
    numbers = {c["values"]: is_one for c, is_one in zip(counts, mask, strict=True)}
    total = sum(c["counts"] for c in counts)
    n = sum(c["counts"] for c in counts if numbers[c["values"]])
    if n == 0:
        return None
    more = n >= total / 2
    rare = first_that(column, lambda t: numbers[t] is not more)
    words = sorted(t for t, is_one in numbers.items() if not is_one)
    k = total - n if more else n
    said = (
        f"mixes numbers and text: {k} of {total} values are {'no ' * more}numbers, the first is "
        f"{rare}; clean it, or name it in `categorical`"
    )
    name = column.name
    missing = ", ".join(quoted(w) for w in [*MISSING, *words]) if len(words) <= 3 else ""
    if len(counts) <= FEW:
        other = f"missing = [{missing}]" if missing and more else f"drop = [{quoted(name)}]"
        return refused(column, "category", said, {"categorical": [name]}, other)
    other = f"missing = [{missing}]" if missing and more else f"categorical = [{quoted(name)}]"
    return refused(column, "text", said, {"drop": [name]}, other)


def dates_of(column: Cells) -> tuple[Any, str] | None:
    """A column as time stamps and what is doubtful of them, or None where it has no dates."""
    import pandas as pd

    head = column.given[:50].to_pylist()
    for pattern, form in DATES:
        if not all(pattern.match(t.strip()) for t in head):
            continue
        texts = column.text.to_pandas().str.strip()
        read = {
            f: pd.to_datetime(texts, format=f, errors="coerce", utc=True) for f in form.split("|")
        }
        whole = [s for s in read.values() if int(s.notna().sum()) == len(column.given)]
        if not whole:
            return None
        doubt = "" if len(whole) < 2 or whole[0].equals(whole[1]) else f"such as {head[0]!r}"
        return whole[0], doubt
    return None


def taken_dates(name: str, found: tuple[Any, str], options: ColumnOptions, missing: int) -> Taken:
    """A column of dates: left out, made features, or refused until an option says which."""
    stamps, doubt = found
    k = int(stamps.nunique())
    span = f"{stamps.min():%Y-%m-%d} to {stamps.max():%Y-%m-%d}"
    if options.dates == "drop":
        return Taken(name, "date", f"dates = 'drop' ({span})", {}, (), missing, k)
    if options.dates == "features" and doubt:
        said = f"holds dates, {doubt}: day first, or month first? Write them as 2020-12-31"
        finding = Finding("error", name, said, {"drop": [name]})
        return Taken(name, "date", said, {}, (finding,), missing, k)
    if options.dates == "features":
        parts = {"year": stamps.dt.year, "month": stamps.dt.month, "day": stamps.dt.day}
        parts["weekday"] = stamps.dt.day_of_week
        if (stamps.dt.hour.dropna() != 0).any():
            parts["hour"] = stamps.dt.hour
        values = {f"{name} {part}": v.astype("float64") for part, v in parts.items()}
        return Taken(name, "date", f"dates = 'features' ({span})", values, (), missing, k)
    level: Level = "error"
    said = (
        f"holds dates ({span}): dates = 'drop', or dates = 'features' (year, month, day, weekday)"
    )
    finding = Finding(level, name, said, {"dates": "drop"}, 'dates = "features"')
    return Taken(name, "date", said, {}, (finding,), missing, k)
