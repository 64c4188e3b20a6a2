"""Results from strangers: a manifest or a Parquet file is checked before it is read further.

What may stand in a results folder is known beforehand, so everything else is refused:
links, other columns, other types, sizes beyond a bound. Nothing is executed, and no text
from a file becomes part of a path.

Every file says of which schema version it is: a manifest by its key `schema`, a table by a
stamp in its footer (none: version 1). What is younger than the file is read as null; a file
of a later version than this reader's is refused by that version.
"""

import io
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from albench.core import safe, tables
from albench.core.errors import BadResults
from albench.core.files import reason
from albench.core.reasons import Reason, in_old_words
from albench.core.spec import canonical
from albench.core.tables import Column, arrow_type, is_name

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


MOST_MANIFEST = 2**24
MOST_BYTES = 2**31
MOST_UNPACKED = 2**33
MOST_TEXT = 2**30
MOST_ROWS = 10**8
MOST_METRICS = 200
MOST_DEPTH = 8
SHARD = re.compile(r"[0-9a-f]{24}")
METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}(\([A-Za-z0-9_.+\-=, \[\]]{1,128}\))?")
HEX = re.compile(r"[0-9a-f]{64}")
STAMP = "albench.schema"
VERSION = re.compile(rb"[0-9]{1,6}")
METRIC_COLUMN = Column("float64")
NAMES = {
    "run",
    "dataset",
    "strategy",
    "model",
    "query_model",
    "protocol",
    "engine",
    "revision",
    "reason_code",
    *tables.LABELS.values(),
}
DUE = ("run", "dataset", "model", "query_model", "strategy", "protocol", "trial")
"""Columns of `runs` in which nothing may be null."""
MOST_METRIC_TEXT = 2**14
TEXTS = {"suite", "suite_sha256", "revision"}
Table = Literal["runs", "rounds"]
Source: TypeAlias = io.BufferedReader | io.BytesIO


def opened(path: Path, most: int) -> io.BufferedReader:
    """A plain file, open: what was judged is what is read, whatever its name means later.

    Raises FileNotFoundError where there is none, so that a reader can look again, and
    BadResults for a link, a device, a file that is too large or that may not be read.
    """
    flags = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK"))
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise BadResults(f"{path} is not a plain file; links and devices are not followed")
        file = os.fdopen(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {reason(error)}") from error
    size = os.fstat(file.fileno()).st_size
    if size > most:
        file.close()
        raise BadResults(f"{path} has {size} bytes; at most {most} are read")
    return file


def content(path: Path, most: int) -> bytes | None:
    """The bytes of a plain file; None where there is none."""
    try:
        with opened(path, most) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadResults(f"{path} cannot be read: {reason(error)}") from error


def parsed(path: Path, data: bytes) -> Any:
    """The JSON in a file's bytes; raises BadResults where it is none."""
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadResults(f"{path} is no JSON: {error}") from error


def manifest_of(path: Path) -> dict[str, Any]:
    """The manifest in a file (see `manifest_in`); raises BadResults where it is none."""
    data = content(path, MOST_MANIFEST)
    if data is None:
        raise BadResults(f"{path}: no such file")
    return manifest_in(path, parsed(path, data))


def manifest_in(path: Path, manifest: Any) -> dict[str, Any]:
    """A manifest as read from a file, its types checked; raises BadResults where it is none.

    A manifest that carries a seal (see `sealed`) must match it. Keys that came with a later
    schema version than its own are null.
    """
    version = manifest.get("schema") if isinstance(manifest, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise BadResults(f"{path} is no manifest: it names no schema version")
    readable(path, version)
    if depth(manifest) > MOST_DEPTH:
        raise BadResults(f"{path}: nested deeper than {MOST_DEPTH}")
    if not readable_texts(manifest):
        raise BadResults(f"{path}: control characters or direction marks in its texts")
    for name, key in KEYS.items():
        if name in manifest and not key.fine(manifest[name]):
            raise BadResults(f"{path}: {name} is not what a manifest holds there")
    if "seal" in manifest and manifest["seal"] != seal(manifest):
        raise BadResults(f"{path} was altered: its seal does not match what it says")
    return {**{name: None for name, key in KEYS.items() if key.since > version}, **manifest}


def readable(path: Path, version: int) -> None:
    """Refuse a file of a schema version that is not known here."""
    newest = tables.SCHEMA_VERSION
    if version > newest:
        raise BadResults(
            f"{path} is of schema version {version}, and this albench reads up to version "
            f"{newest}: a later albench wrote it; update albench to read it"
        )
    if version < 1:
        raise BadResults(f"{path}: {version} is no schema version; they count from 1")


def sealed(manifest: dict[str, Any]) -> str:
    """The text of a manifest, with the digest of what it says as its `seal`.

    What is null is unknown, and does not stand in it.
    """
    manifest = {key: value for key, value in manifest.items() if value is not None}
    return json.dumps(manifest | {"seal": seal(manifest)}, indent=1, sort_keys=True) + "\n"


def seal(manifest: dict[str, Any]) -> str:
    """The SHA-256 of a manifest's canonical JSON, the seal itself aside."""
    import hashlib

    said = {key: value for key, value in manifest.items() if key != "seal"}
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def depth(value: Any) -> int:
    """How deep tables and lists are nested."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth(item) for item in inner), default=0)


def readable_texts(value: Any) -> bool:
    """Whether no text in tables and lists holds what could steer a terminal or turn a line."""
    if isinstance(value, str):
        return value.isprintable()
    inner = (*value, *value.values()) if isinstance(value, dict) else value
    return not isinstance(value, dict | list) or all(map(readable_texts, inner))


def is_text(value: Any) -> bool:
    """Whether a value is a text of bounded length."""
    return isinstance(value, str) and len(value) <= 4096


def text_table(value: Any) -> bool:
    """Whether a value is a table of texts."""
    return isinstance(value, dict) and all(map(is_text, (*value, *value.values())))


def is_digest(value: Any) -> bool:
    """Whether a value is a SHA-256 in hexadecimal."""
    return is_text(value) and HEX.fullmatch(value) is not None


class Key(NamedTuple):
    """A key of the manifest: what may stand there, and the schema version that brought it."""

    fine: Callable[[Any], bool]
    since: int = 1


KEYS: dict[str, Key] = {
    **dict.fromkeys(TEXTS, Key(is_text)),
    "added": Key(lambda value: isinstance(value, list) and all(map(is_text, value))),
    "versions": Key(text_table),
    "entries": Key(lambda value: isinstance(value, dict) and all(map(text_table, value.values()))),
    "machine": Key(lambda value: isinstance(value, dict)),
    "also": Key(lambda value: isinstance(value, dict) and {*map(type, value.values())} <= {list}),
    "seal": Key(is_digest),
    "sha256": Key(lambda value: text_table(value) and all(map(is_digest, value.values()))),
}
TOLD_FROM = ("status", "reason")
"""Columns that the reason code of a file of schema 1 is told from."""


def shard_key(key: Any) -> str:
    """The key of a shard; raises BadResults for a text that could be a path."""
    if not isinstance(key, str) or not SHARD.fullmatch(key):
        raise BadResults(f"{str(key)[:60]!r} is not the key of a shard")
    return key


def parquet(
    path: Path,
    table: Table,
    columns: list[str] | None = None,
    source: Source | None = None,
) -> "pa.Table":
    """A table of results, or some of its columns; raises BadResults where it is none.

    source  the file, open (see `opened`), or its bytes in memory; None to open `path`

    Schema, sizes and number of rows are judged by the file's footer before any row is read.
    Columns that came with a later schema version than the file's are null. Metadata that
    other programs left in the file is dropped.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if source is None:
        try:
            with opened(path, MOST_BYTES) as file:
                return parquet(path, table, columns, file)
        except FileNotFoundError as error:
            raise BadResults(f"{path}: no such file") from error
    source.seek(0)
    try:
        with pq.ParquetFile(source) as file:
            check_footer(path, file)
            younger = check_schema(path, file.schema_arrow, table)
            check_text(path, file)
            found = read_columns(file, younger, columns).replace_schema_metadata(None)
            found.validate(full=True)
            check_rows(path, found, table)
            return with_safe_reasons(found)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadResults(f"{path} cannot be read: {error}") from error


def read_columns(
    file: "pq.ParquetFile", younger: dict[str, Column], columns: list[str] | None
) -> "pa.Table":
    """Columns of a file, with those that it is too old to have: told from others, or null."""
    known = file.schema_arrow.names + list(younger)
    if columns is not None and not {*columns} <= {*known}:
        columns = None  # who asks for what is not there is told what there is
    wanted = known if columns is None else columns
    told = "reason_code" in younger and "reason_code" in wanted
    held = [name for name in wanted if name not in younger]
    extra = [name for name in TOLD_FROM if told and name not in held]
    found = file.read(columns=held + extra)
    if told:
        found = with_codes(found)
        younger = {name: column for name, column in younger.items() if name != "reason_code"}
    return with_nulls(found, younger, columns).select(wanted)


def with_codes(runs: "pa.Table") -> "pa.Table":
    """The table `runs` of schema 1 with the column `reason_code`, told from the wording."""
    import pyarrow as pa

    pairs = zip(runs["status"].to_pylist(), runs["reason"].to_pylist(), strict=True)
    codes = [in_old_words(status, words) for status, words in pairs]
    return runs.append_column("reason_code", pa.array(codes, type=pa.string()))


def check_footer(path: Path, file: "pq.ParquetFile") -> None:
    """Refuse more rows or more unpacked bytes than any suite has."""
    about = file.metadata
    if about.num_rows > MOST_ROWS:
        raise BadResults(f"{path} says that it holds {about.num_rows} rows; at most {MOST_ROWS}")
    groups = [about.row_group(i) for i in range(about.num_row_groups)]
    values = sum(g.column(j).num_values for g in groups for j in range(g.num_columns))
    unpacked = max(sum(group.total_byte_size for group in groups), 4 * values)
    if unpacked > MOST_UNPACKED:
        raise BadResults(f"{path} unpacks to {unpacked} bytes; at most {MOST_UNPACKED} are read")


def check_text(path: Path, file: "pq.ParquetFile") -> None:
    """Refuse texts that would fill the memory once they are decoded.

    A dictionary holds a long text once, however often it stands in the column, so the size in
    the footer says little. Texts are measured by their codes, without decoding them.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    names = [field.name for field in file.schema_arrow if pa.types.is_string(field.type)]
    if most_text(file, set(names)) <= MOST_TEXT:
        return
    total = 0
    with pq.ParquetFile(path, memory_map=False, read_dictionary=names) as coded:
        for name in names:
            for batch in coded.iter_batches(batch_size=2**14, columns=[name]):
                codes = batch.column(0)
                lengths = pc.binary_length(codes.dictionary)
                total += pc.sum(lengths.cast("int64").take(codes.indices)).as_py() or 0
                if total > MOST_TEXT:
                    raise BadResults(
                        f"{path}: its texts unpack to more than {MOST_TEXT} bytes; that many are "
                        "read at most"
                    )


def most_text(file: "pq.ParquetFile", names: set[str]) -> int:
    """What the texts of a file can come to at most, by its footer."""
    about, most = file.metadata, 0
    for i in range(about.num_row_groups):
        group = about.row_group(i)
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in names:
                repeats = chunk.num_values if chunk.has_dictionary_page else 1
                most += chunk.total_uncompressed_size * repeats
    return most


def with_safe_reasons(found: "pa.Table") -> "pa.Table":
    """The table with its reasons cut and made printable, as a writer of today would."""
    import pyarrow as pa

    if "reason" not in found.column_names or not found["reason"].combine_chunks().nbytes:
        return found
    words = found["reason"].to_pylist()
    clean = [None if text is None else safe.reason(text) for text in words]
    if clean == words:
        return found
    at = found.column_names.index("reason")
    return found.set_column(at, "reason", pa.array(clean, type=pa.string()))


def stamped(table: "pa.Table") -> "pa.Table":
    """The table with the schema version of this writer in its metadata."""
    return table.replace_schema_metadata({STAMP: str(tables.SCHEMA_VERSION)})


def version_of(path: Path, schema: "pa.Schema") -> int:
    """The schema version of a table; raises BadResults for one that is not known here."""
    stamp = (schema.metadata or {}).get(STAMP.encode(), b"1")
    if not VERSION.fullmatch(stamp):
        raise BadResults(f"{path}: the stamp {stamp[:20]!r} is no schema version")
    readable(path, int(stamp))
    return int(stamp)


def with_nulls(
    found: "pa.Table", younger: dict[str, Column], columns: list[str] | None
) -> "pa.Table":
    """The table with the columns that its file is too old for, where they are asked for."""
    import pyarrow as pa

    for name, column in younger.items():
        if columns is None or name in columns:
            found = found.append_column(name, pa.nulls(len(found), arrow_type(column.kind)))
    return found


def check_schema(path: Path, schema: "pa.Schema", table: Table) -> dict[str, Column]:
    """The columns that came after the file's schema version.

    Refuses columns that are doubled, missing, of another type, or of no name that its
    version knows.
    """
    known = tables.RUNS if table == "runs" else tables.ROUNDS
    version = version_of(path, schema)
    wanted = {name: column for name, column in known.items() if column.since <= version}
    younger = {name: column for name, column in known.items() if column.since > version}
    if len(set(schema.names)) != len(schema.names):
        raise BadResults(f"{path} has two columns of one name")
    lacking = [name for name in wanted if name not in schema.names]
    if lacking:
        raise BadResults(f"{path} lacks the column {lacking[0]!r} of the table `{table}`")
    metrics = [name for name in schema.names if name not in wanted]
    strange = [m for m in metrics if table == "runs" or m in younger or not METRIC.fullmatch(m)]
    if strange or len(metrics) > MOST_METRICS:
        name = (strange or metrics)[0]
        raise BadResults(
            f"{path} has the column {name[:60]!r}, which `{table}` does not have in schema "
            f"version {version}"
        )
    for field in schema:
        due = arrow_type(wanted.get(field.name, METRIC_COLUMN).kind)
        if not same_type(field.type, due):
            raise BadResults(f"{path}: column {field.name!r} is {field.type}; {due} is due")
    return younger


def same_type(found: "pa.DataType", due: "pa.DataType") -> bool:
    """Whether two Arrow types agree, whatever the name of a list's items."""
    import pyarrow as pa

    if pa.types.is_list(found) and pa.types.is_list(due):
        return bool(found.value_type == due.value_type)
    return bool(found == due)


def check_rows(path: Path, found: "pa.Table", table: Table) -> None:
    """Refuse rows without a run or a name, runs that stand twice, and words that are none."""
    import pyarrow.compute as pc

    from albench.core.tables import STATUSES

    check_holes(path, found, table)
    if table == "runs" and "run" in found.column_names:
        twice = len(found) - len(pc.unique(found["run"]))
        if twice:
            raise BadResults(f"{path} has {twice} rows of runs that stand there already")
    if table == "runs" and "status" in found.column_names:
        strange = set(pc.unique(found["status"]).to_pylist()) - set(STATUSES)
        if strange:
            raise BadResults(f"{path} has the status {str(min(strange, key=str))[:60]!r}")
    if "reason_code" in found.column_names:
        strange = set(pc.unique(found["reason_code"]).to_pylist()) - {None, *Reason}
        if strange:
            raise BadResults(f"{path} has the reason code {min(strange)[:60]!r}")
    check_names(path, found)


def check_holes(path: Path, found: "pa.Table", table: Table) -> None:
    """Refuse nulls where something is due."""
    import pyarrow.compute as pc

    for name in DUE if table == "runs" else ("run",):
        if name in found.column_names and found[name].null_count:
            raise BadResults(f"{path} has rows without a {name}")
    for name in {"picks", "round", "n_labeled"} & set(found.column_names):
        holes = found[name].null_count
        if name == "picks" and not holes:
            holes = pc.list_flatten(found[name]).null_count
        if holes:
            raise BadResults(f"{path} has rounds in which {name} is null")


def check_names(path: Path, found: "pa.Table") -> None:
    """Refuse names of more than a line, or beyond the length of one."""
    import pyarrow.compute as pc

    for name in NAMES & set(found.column_names):
        for text in pc.unique(found[name]).to_pylist():
            if text is not None and not is_name(text):
                raise BadResults(f"{path}: {name} {text[:60]!r} is no name")
    for text in pc.unique(found["metrics"]).to_pylist() if "metrics" in found.column_names else ():
        if text is not None and not (len(text) <= MOST_METRIC_TEXT and text.isprintable()):
            raise BadResults(f"{path}: metrics {text[:60]!r} are no names")
