"""Columns that come with a type (Parquet, Feather, spreadsheets): numbers, dates, texts, lists."""

from typing import Any

import numpy as np

from albench.core.errors import BadData
from albench.datasets._cells import Cells, Taken, note, refused, series
from albench.datasets._columns import as_plain_numbers, taken
from albench.datasets._options import ColumnOptions
from albench.datasets._table import Finding
from albench.datasets._written import taken_dates

MOST_ITEMS = 100_000  # columns that one column of lists may become


def combined(array: Any) -> Any:
    """One Arrow array, dictionaries decoded."""
    import pyarrow as pa
    import pyarrow.types as pt

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        array = array if isinstance(array, pa.Array) else pa.concat_arrays(array.chunks)
    if pt.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def as_texts(name: str, array: Any) -> Any:
    """A typed column as texts; whole numbers without a decimal point."""
    import pyarrow as pa
    import pyarrow.types as pt

    from albench.datasets._dataset import label_name

    array = combined(array)
    kind = array.type
    if pt.is_string(kind) or pt.is_large_string(kind):
        return array
    if pt.is_nested(kind) or pt.is_binary(kind) or pt.is_large_binary(kind):
        raise BadData(f"column {name!r} holds {kind}: no texts can be made of it")
    values = array.to_pylist()
    values = [None if v is None or v != v else label_name(v) for v in values]
    return pa.array(values, pa.string())


def taken_typed(name: str, array: Any, options: ColumnOptions) -> Taken:
    """How a column that has a type is taken as a feature."""
    import pyarrow.types as pt

    dictionary = pt.is_dictionary(array.type)
    array = combined(array)
    kind = array.type
    if pt.is_string(kind) or pt.is_large_string(kind):
        return taken(name, array, "nominal" if dictionary else "", options)
    if pt.is_null(kind):
        found = note(name, "has no value at all and is left out")
        return Taken(name, "empty", "no value", {}, (found,), len(array))
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return lists(name, array, options)
    if pt.is_nested(kind) or pt.is_binary(kind) or pt.is_large_binary(kind):
        finding = Finding("error", name, f"holds {kind}, which is no feature", {"drop": [name]})
        return Taken(name, "other", str(kind), {}, (finding,))
    if name in options.categorical or any(item.startswith(f"{name}: ") for item in options.ordinal):
        return taken(name, as_texts(name, array), "", options)
    if pt.is_temporal(kind):
        return temporal(name, array, options)
    return numbers(name, array, options)


def numbers(name: str, array: Any, options: ColumnOptions) -> Taken:
    """A column of numbers, decimals or truth values."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as pt

    column = Cells(name, array, {})
    if pt.is_integer(array.type) and array.null_count < len(array):
        ends = pc.min_max(array).as_py()
        if max(abs(ends["min"]), abs(ends["max"])) > 2**53 and name not in options.numeric:
            said = "holds whole numbers beyond 2^53, which are not exact as numbers"
            return refused(column, "id", said, {"drop": [name]}, f'numeric = ["{name}"]')
    if pt.is_boolean(array.type):
        array = array.cast(pa.int8())
    values = array.cast(pa.float64(), safe=False)
    values = pc.if_else(pc.is_nan(values), pa.scalar(None, pa.float64()), values)
    if values.null_count == len(values):
        found = note(name, "has no value at all and is left out")
        return Taken(name, "empty", "no value", {}, (found,), len(values))
    made = as_plain_numbers(Cells(name, pa.nulls(0, pa.string()), {}), values, "")
    why = f"of type {column.text.type}"
    return Taken(name, made.kind, why, made.values, made.found, values.null_count, made.distinct)


def temporal(name: str, array: Any, options: ColumnOptions) -> Taken:
    """A column of dates or time stamps; times of day and durations are refused."""
    import pandas as pd
    import pyarrow.types as pt

    if not (pt.is_date(array.type) or pt.is_timestamp(array.type)):
        said = f"holds {array.type}: make numbers of it, or drop it"
        return refused(Cells(name, array, {}), "date", said, {"drop": [name]})
    stamps = pd.to_datetime(pd.Series(array.to_pylist(), dtype=object), utc=True, errors="coerce")
    return taken_dates(name, (stamps, ""), options, int(array.null_count))


def lists(name: str, array: Any, options: ColumnOptions) -> Taken:
    """A column of lists: an embedding where `numeric` says so and all have one length."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = set(pc.list_value_length(array).to_pylist())
    only = lengths.pop() if len(lengths) == 1 else None
    inner = array.type.value_type
    fits = (
        only and only <= MOST_ITEMS and (pa.types.is_floating(inner) or pa.types.is_integer(inner))
    )
    if not fits or name not in options.numeric:
        hint = f"; numeric = ['{name}'] makes {only} columns of it" if fits else ""
        said = f"holds lists ({array.type}){hint}"
        return refused(Cells(name, array, {}), "list", said, {"drop": [name]})
    flat = array.flatten().cast(pa.float64()).to_numpy(zero_copy_only=False)
    matrix = flat.reshape(len(array), only)
    if not np.isfinite(matrix).all():
        return refused(Cells(name, array, {}), "list", "holds values that are not finite", {})
    values = {f"{name} {i}": series(None, matrix[:, i]) for i in range(int(only or 0))}
    return Taken(name, "number", f"`numeric` says so: lists of {only}", values, (), 0, len(array))
