"""Bytes of each format -> a table of cells (`_table.Table`), and which format a file has."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from albench.core.errors import BadData
from albench.datasets._arff import parsed_arff
from albench.datasets._dataset import within_bound
from albench.datasets._options import NumberOptions
from albench.datasets._table import (
    HeaderInDoubt,
    Table,
    decoded,
    decompressed,
    delimited,
    distinct,
    looks_like_data,
)
from albench.datasets._written import POINTS

SVMLIGHT = re.compile(rb"[+-]?[\d.]+([eE][+-]?\d+)?(\s+\d+:\S+)+\s*(#.*)?$")
ENDINGS = {
    "csv": "csv tsv txt data dat tab",
    "arff": "arff",
    "parquet": "parquet pq",
    "feather": "feather arrow",
    "excel": "xlsx xls xlsm xlsb ods",
    "npz": "npz",
    "svmlight": "svm svmlight libsvm",
}


def text_table(content: bytes, options: Any) -> Table:
    """A CSV or the like, compressed or not."""
    return delimited(decompressed(content, "it"), options)


def arff_table(content: bytes, options: Any) -> Table:
    """An ARFF file."""
    import pyarrow as pa

    text = decoded(decompressed(content, "it"), "utf-8").decode("utf-8")
    try:
        found = parsed_arff(text, within_bound)
    except BadData as error:
        raise BadData(f"it is no ARFF file: {error}") from None
    kinds = {k: "nominal" if isinstance(v, tuple) else v for k, v in found.kinds.items()}
    cells = {name: pa.array(values, pa.string()) for name, values in found.cells.items()}
    return Table(cells, kinds, (), f"ARFF with {len(kinds)} attributes")


def named_by_text(table: Any, what: str) -> Table:
    """An Arrow table whose columns are named by texts, doubles told."""
    names, found = distinct([str(name) for name in table.column_names])
    kept = [i for i, name in enumerate(table.column_names) if not str(name).startswith("__index_")]
    cells = {names[i]: table.column(i) for i in kept}
    return Table(cells, {}, tuple(found), what)


def parquet_table(content: bytes, options: Any) -> Table:
    """A Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"it is no Parquet file: {str(error).splitlines()[0]}") from None
    return named_by_text(table, "Parquet")


def feather_table(content: bytes, options: Any) -> Table:
    """A Feather (Arrow) file."""
    import pyarrow as pa
    from pyarrow import feather

    try:
        table = feather.read_table(io.BytesIO(content))
    except (pa.ArrowException, OSError) as error:
        raise BadData(f"it is no Feather file: {str(error).splitlines()[0]}") from None
    return named_by_text(table, "Feather")


def excel_table(content: bytes, options: NumberOptions, sheet: str | None = None) -> Table:
    """A sheet of a spreadsheet, by the readers of pandas."""
    import zipfile

    import pandas as pd

    try:
        read = pd.read_excel(
            io.BytesIO(content), sheet_name=sheet or 0, header=None, dtype=object, na_filter=False
        )
    except ImportError as error:
        raise BadData(
            f"a spreadsheet needs a further package ({error.name or error}): "
            "pip install 'albench[excel]'"
        ) from None
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise BadData(f"it is no spreadsheet that can be read: {error}") from None
    if not len(read):
        raise BadData("the sheet is empty")
    header = options.header
    if header is None:
        head = [["" if v is None else str(v) for v in row] for row in read[:50].values.tolist()]
        if looks_like_data(head):
            raise HeaderInDoubt(
                "the first row looks like data: header = false where it is, header = true where "
                "it holds names"
            )
        header = True
    given = [str(v).strip() for v in read.iloc[0]] if header else []
    names, found = distinct(given) if header else ([f"x{i + 1}" for i in range(read.shape[1])], [])
    body = read.iloc[1:] if header else read
    columns = {n: list(body[i]) for n, i in zip(names, read.columns, strict=True)}
    cells = {name: sheet_column(values) for name, values in columns.items()}
    kinds = {name: "doubtful" for name, values in columns.items() if doubtful(values)}
    return Table(cells, kinds, tuple(found), "a sheet of a spreadsheet")


def doubtful(values: list[Any]) -> bool:
    """Whether number cells stand beside texts and one, such as 1.234, as text is 1234 to some."""
    numbers = [v for v in values if isinstance(v, float) and v == v]
    texts = any(isinstance(v, str) and v for v in values)
    return texts and any(POINTS.match(str(v)) for v in numbers)


def sheet_column(values: list[Any]) -> Any:
    """Cells of a sheet as one Arrow array: of one type where they have one, else of texts."""
    import datetime

    import pyarrow as pa

    from albench.datasets._dataset import label_name

    given = [None if v is None or v == "" or v != v else v for v in values]
    kinds = {type(v) for v in given if v is not None}
    if kinds and kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in given], pa.float64())
    if kinds == {bool}:
        return pa.array(given, pa.bool_())
    dated = all(issubclass(kind, datetime.datetime) for kind in kinds)
    if kinds and dated:
        return pa.array(given, pa.timestamp("us"))
    return pa.array(["" if v is None else label_name(v) for v in given], pa.string())


READERS: dict[str, Callable[..., Table]] = {
    "csv": text_table,
    "arff": arff_table,
    "parquet": parquet_table,
    "feather": feather_table,
    "excel": excel_table,
}


def format_of(path: Path, content: bytes) -> str:
    """The entry that reads a file: by its first bytes, else by the end of its name."""
    if content[:4] == b"PAR1":
        return "parquet"
    if content[:6] == b"ARROW1" or content[:4] == b"FEA1":
        return "feather"
    suffixes = [s.lower().lstrip(".") for s in path.suffixes]
    ending = next((s for s in reversed(suffixes) if s not in ("gz", "bz2", "xz", "zip")), "")
    named = next((use for use, known in ENDINGS.items() if ending in known.split()), "csv")
    if named not in ("csv", "svmlight"):
        return named
    text = decompressed(content, str(path))
    first = next((line for line in text[:4096].splitlines() if line.strip()), b"").strip()
    if first[:1] in b"%@" and first and b"@relation" in text[:100_000].lower():
        return "arff"
    return "svmlight" if SVMLIGHT.match(first) else named
