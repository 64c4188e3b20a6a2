"""One column: is it a number, a category, a date, an id? And its values, as they are written.

The rules, in this order: what an option says; no value at all; numbers; dates; numbers written
as text (%, currency, decimal comma, thousands); numbers and text mixed; a text in (almost)
every row another one; else a category.
"""

import re
from typing import Any

import numpy as np

from albench.core.errors import BadData
from albench.datasets._cells import (
    Cells,
    Taken,
    cells,
    count,
    first_that,
    note,
    numbered,
    parsed,
    parsed_one,
    quoted,
    refused,
    row_number,
    series,
    signs,
    words_found,
)
from albench.datasets._options import ColumnOptions
from albench.datasets._table import Finding
from albench.datasets._written import (
    CURRENCY,
    FEW,
    POINTS,
    dates_of,
    mixture,
    taken_dates,
    written_numbers,
)

EXACT = 2.0**53  # whole numbers beyond are not exact as numbers
TEXT_VALUES = 100


def taken(
    name: str, array: Any, declared: str, options: ColumnOptions, categories: tuple[str, ...] = ()
) -> Taken:
    """How a column of text is taken as a feature."""
    column = cells(name, array, options)
    order = ordered(options).get(name)
    if order is not None:
        return as_ordinal(column, order)
    if name in options.categorical or declared == "nominal":
        why = "`categorical` says so" if name in options.categorical else "declared nominal"
        return as_category(column, why)
    if declared == "doubtful" and signs(options)[1] == ".":
        first = first_that(column, lambda text: POINTS.match(text) is not None)
        said = f"has numbers beside texts, such as {first}, and a point between thousands"
        return refused(column, "text", f"{said}: which is which is not known", {"drop": [name]})
    if name in options.numeric:
        return as_numbers(column, options)
    if len(column.given) == 0:
        said = "has no value at all and is left out"
        return Taken(name, "empty", "no value", {}, (note(name, said),), column.missing)
    numbers = parsed(column.text, options)
    if numbers is not None:
        return as_plain_numbers(column, numbers, declared)
    if declared == "numeric":
        first = first_that(column, lambda text: parsed_one(text, options) is None)
        return refused(column, "text", f"is declared numeric and holds {first}", {"drop": [name]})
    as_dates = dates_of(column)
    if as_dates is not None:
        return taken_dates(column.name, as_dates, options, column.missing)
    return as_text(column, options, declared)


def ordered(options: ColumnOptions) -> dict[str, list[str]]:
    """Column -> its categories in order; raises BadData for one that is not told so."""
    found = {}
    for item in options.ordinal:
        name, colon, values = item.rpartition(": ")
        order = [value.strip() for value in values.split(" < ")]
        if not colon or len(order) < 2 or len(set(order)) < len(order):
            raise BadData(
                f"ordinal = [{item!r}]: a column and its categories in order are due, such as "
                "'size: small < medium < large'"
            )
        found[name] = order
    return found


def as_category(column: Cells, why: str) -> Taken:
    """A column as one category a text."""
    k = count(column)
    kind, found = "category", words_found(column)
    if k < 2 and not column.missing:
        kind = "constant"
        found = (
            *found,
            note(column.name, "holds one value only, from which nothing is learned"),
        )
    return Taken(
        column.name, kind, why, {column.name: series(column.text)}, found, column.missing, k
    )


def as_ordinal(column: Cells, order: list[str]) -> Taken:
    """A column as the places of its categories in an order."""
    at = {value: float(i) for i, value in enumerate(order)}
    texts = column.text.to_pylist()
    strange = next((t for t in texts if t is not None and t.strip() not in at), None)
    if strange is not None:
        said = f"ordinal does not list the category {strange!r}"
        return refused(column, "ordinal", said, {})
    values = [np.nan if t is None else at[t.strip()] for t in texts]
    kept = {column.name: series(None, values)}
    why = "`ordinal` says so: " + " < ".join(order)
    return Taken(column.name, "ordinal", why, kept, words_found(column), column.missing, len(order))


def as_plain_numbers(column: Cells, numbers: Any, declared: str) -> Taken:
    """A column whose texts are all numbers; codes and long ids among them are told."""
    import pyarrow.compute as pc

    name, values = column.name, numbers.to_numpy(zero_copy_only=False)
    given = values[~np.isnan(values)]
    if np.isinf(given).any():
        at = int(np.flatnonzero(np.isinf(values))[0])
        return refused(column, "number", f"is infinite in row {at}", {"drop": [name]})
    if len(given) < len(column.given):
        return refused(column, "text", "mixes numbers and the word nan", {"drop": [name]})
    found = list(words_found(column))
    whole = not (given % 1).any()
    if whole and len(given) and np.abs(given).max() > EXACT:
        return refused(
            column,
            "id",
            f"holds whole numbers beyond 2^53, such as {first_that(column, beyond)}, which are "
            "not exact as numbers",
            {"drop": [name]},
            f"numeric = [{quoted(name)}]  # takes them rounded",
        )
    coded = whole and pc.any(pc.match_substring_regex(column.given, r"^\s*[+-]?0\d")).as_py()
    if coded:
        said = (
            f"holds numbers that begin with 0, such as {first_that(column, leading)}: taken as "
            "numbers, so that 01 is 1"
        )
        found.append(note(name, said, {}, f"categorical = [{quoted(name)}]  # keeps them apart"))
    kind = "constant" if len(given) and given.min() == given.max() and not column.missing else ""
    if kind:
        found.append(note(name, "holds one value only, from which nothing is learned"))
    why = "all values are numbers" if declared != "numeric" else "declared numeric"
    k = len(np.unique(given))
    if not kind and numbered(values):
        found.append(row_number(name, values))
        kind = "id"
    kept = {name: series(None, values)}
    return Taken(name, kind or "number", why, kept, tuple(found), column.missing, k)


def beyond(text: str) -> bool:
    """Whether a whole number is not exact as a float."""
    return abs(float(text)) > EXACT


def leading(text: str) -> bool:
    """Whether a number begins with a 0 that another digit follows."""
    return re.match(r"\s*[+-]?0\d", text) is not None


def as_numbers(column: Cells, options: ColumnOptions) -> Taken:
    """A column that `numeric` names: %, currency and spaces aside, every text is a number."""
    import pyarrow as pa

    texts = column.text.to_pylist()
    cleaned = [None if t is None else CURRENCY.sub("", t) for t in texts]
    numbers = parsed(pa.array(cleaned, pa.string()), options)
    name = column.name
    if numbers is None:
        first = first_that(column, lambda t: parsed_one(CURRENCY.sub("", t), options) is None)
        decimal, thousands = signs(options)
        how_read = f"decimal = {decimal!r}" + (f", thousands = {thousands!r}" if thousands else "")
        said = f"is named in `numeric` and holds {first}, which is no number with {how_read}"
        return refused(column, "text", said, {"drop": [name]})
    values = numbers.to_numpy(zero_copy_only=False)
    if np.isinf(values).any():
        return refused(column, "number", "holds infinite values", {"drop": [name]})
    found = words_found(column)
    signed = next((t for t, c in zip(texts, cleaned, strict=True) if t and c != t.strip()), None)
    if signed is not None:
        at = texts.index(signed)
        said = f"signs beside the number are left out: {signed!r} is {values[at]:g}"
        found = (*found, Finding("fine", name, said))
    k = len(np.unique(values[~np.isnan(values)]))
    kept = {name: series(None, values)}
    return Taken(name, "number", "`numeric` says so", kept, found, column.missing, k)


def as_text(column: Cells, options: ColumnOptions, declared: str) -> Taken:
    """A column of texts that are not all numbers or dates: a category, or refused by name."""
    written = written_numbers(column, options)
    if written is not None:
        return written
    mixed = mixture(column, options)
    if mixed is not None:
        return mixed
    n, k = len(column.given), count(column)
    if k > max(TEXT_VALUES, n / 10) or (k > FEW and k > n / 2):
        whole = "one distinct value a row" if k == n else f"{k} distinct texts in {n} rows"
        long = np.mean([len(t.split()) for t in column.given[:200].to_pylist()]) > 3
        said = f"holds {k} distinct texts in {n} rows: {'text' if long else 'a name or an id'}"
        return refused(
            column,
            "text" if long else "id",
            f"{said}; drop it, or name it in `categorical`"
            if k < n
            else f"{said}, {whole}; drop it, or name it in `categorical`",
            {"drop": [column.name]},
            f"categorical = [{quoted(column.name)}]  # {k} columns",
        )
    return as_category(column, f"{k} texts" if declared != "nominal" else "declared nominal")
