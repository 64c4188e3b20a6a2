"""Results from strangers: a manifest or a Parquet file is checked before it is read further.

What may stand in a results folder is known beforehand, so everything else is refused:
links, other columns, other types, sizes beyond a bound. Nothing is executed, and no text
from a file becomes part of a path.
"""

import json
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from albench.core.errors import BadResults
from albench.core.reasons import Reason, in_old_words
from albench.core.spec import canonical
from albench.core.tables import ROUNDS, RUNS, SCHEMA_VERSION, arrow_type

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


MOST_MANIFEST = 2**24
MOST_BYTES = 2**31
MOST_UNPACKED = 2**33
MOST_ROWS = 10**8
MOST_METRICS = 200
MOST_DEPTH = 8
SHARD = re.compile(r"[0-9a-f]{24}")
METRIC = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,63}")
HEX = re.compile(r"[0-9a-f]{64}")
NAMES = {"run", "dataset", "strategy", "model", "query_model", "protocol", "engine", "revision"}
MOST_NAME = 1000
TEXTS = {"suite", "suite_sha256", "revision"}
Table = Literal["runs", "rounds"]


def regular(path: Path, most: int) -> int:
    """The size of a plain file; raises BadResults for a link, a device, or one too large."""
    try:
        found = path.lstat()
    except OSError as error:
        raise BadResults(f"{path}: {(error.strerror or 'unreadable').lower()}") from error
    if not stat.S_ISREG(found.st_mode):
        raise BadResults(f"{path} is not a plain file; links and devices are not followed")
    if found.st_size > most:
        raise BadResults(f"{path} has {found.st_size} bytes; at most {most} are read")
    return found.st_size


def manifest_of(path: Path) -> dict[str, Any]:
    """A manifest, its types checked; raises BadResults where it is none.

    A manifest that carries a seal (see `sealed`) must match it.
    """
    regular(path, MOST_MANIFEST)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise BadResults(f"{path} is no JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA_VERSION:
        raise BadResults(f"{path}: not a manifest of schema version {SCHEMA_VERSION}")
    if depth(manifest) > MOST_DEPTH:
        raise BadResults(f"{path}: nested deeper than {MOST_DEPTH}")
    for key, fine in CHECKS.items():
        if key in manifest and not fine(manifest[key]):
            raise BadResults(f"{path}: {key} is not what a manifest holds there")
    if "seal" in manifest and manifest["seal"] != seal(manifest):
        raise BadResults(f"{path} was altered: its seal does not match what it says")
    return manifest


def sealed(manifest: dict[str, Any]) -> str:
    """The text of a manifest, with the digest of what it says as its `seal`."""
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


def is_text(value: Any) -> bool:
    """Whether a value is a text of bounded length."""
    return isinstance(value, str) and len(value) <= 4096


def text_table(value: Any) -> bool:
    """Whether a value is a table of texts."""
    return isinstance(value, dict) and all(map(is_text, (*value, *value.values())))


CHECKS: dict[str, Any] = {
    **dict.fromkeys(TEXTS, is_text),
    "added": lambda value: isinstance(value, list) and all(map(is_text, value)),
    "versions": text_table,
    "entries": lambda value: isinstance(value, dict) and all(map(text_table, value.values())),
    "machine": lambda value: isinstance(value, dict),
    "also": lambda value: isinstance(value, dict) and {*map(type, value.values())} <= {list},
    "seal": lambda value: is_text(value) and HEX.fullmatch(value),
    "sha256": lambda value: text_table(value) and all(map(HEX.fullmatch, value.values())),
}
YOUNGER = {"reason_code": ("status", "reason")}
"""Columns that a file of schema 1 lacks, and those that they are told from."""


def shard_key(key: Any) -> str:
    """The key of a shard; raises BadResults for a text that could be a path."""
    if not isinstance(key, str) or not SHARD.fullmatch(key):
        raise BadResults(f"{str(key)[:60]!r} is not the key of a shard")
    return key


def parquet(path: Path, table: Table, columns: list[str] | None = None) -> "pa.Table":
    """A table of results, or some of its columns; raises BadResults where it is none.

    Schema, sizes and number of rows are judged by the file's footer before any row is read.
    Metadata that other programs left in the file is dropped.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    regular(path, MOST_BYTES)
    try:
        with pq.ParquetFile(path, memory_map=False) as file:
            check_footer(path, file)
            check_schema(path, file.schema_arrow, table)
            found = read_columns(file, columns).replace_schema_metadata(None)
            found.validate(full=True)
            check_rows(path, found, table)
            return found
    except (pa.ArrowException, OSError, ValueError) as error:
        raise BadResults(f"{path} cannot be read: {error}") from error


def read_columns(file: "pq.ParquetFile", columns: list[str] | None) -> "pa.Table":
    """Columns of a file, with those that it is too old to have (the upgrade of schema 1)."""
    held = set(file.schema_arrow.names)
    if "reason_code" in held or "reason" not in held:
        return file.read(columns=columns)
    order = list(file.schema_arrow.names) if columns is None else columns
    if columns is None:
        order.insert(order.index("reason") + 1, "reason_code")
    if "reason_code" not in order:
        return file.read(columns=columns)
    found = file.read(columns=[c for c in {*order, *YOUNGER["reason_code"]} if c in held])
    return with_codes(found).select(order)


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
    unpacked = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
    if unpacked > MOST_UNPACKED:
        raise BadResults(f"{path} unpacks to {unpacked} bytes; at most {MOST_UNPACKED} are read")


def check_schema(path: Path, schema: "pa.Schema", table: Table) -> None:
    """Refuse columns that are doubled, missing, of another type, or of no known name."""
    wanted = RUNS if table == "runs" else ROUNDS
    if len(set(schema.names)) != len(schema.names):
        raise BadResults(f"{path} has two columns of one name")
    lacking = [name for name in wanted if name not in (*schema.names, *YOUNGER)]
    if lacking:
        raise BadResults(f"{path} lacks the column {lacking[0]!r} of the table `{table}`")
    metrics = [name for name in schema.names if name not in wanted]
    strange = metrics if table == "runs" else [m for m in metrics if not METRIC.fullmatch(m)]
    if strange or len(metrics) > MOST_METRICS:
        name = (strange or metrics)[0]
        raise BadResults(f"{path} has the column {name[:60]!r}, which `{table}` does not have")
    for field in schema:
        due = arrow_type(wanted.get(field.name, "float64"))
        if not same_type(field.type, due):
            raise BadResults(f"{path}: column {field.name!r} is {field.type}; {due} is due")


def same_type(found: "pa.DataType", due: "pa.DataType") -> bool:
    """Whether two Arrow types agree, whatever the name of a list's items."""
    import pyarrow as pa

    if pa.types.is_list(found) and pa.types.is_list(due):
        return bool(found.value_type == due.value_type)
    return bool(found == due)


def check_rows(path: Path, found: "pa.Table", table: Table) -> None:
    """Refuse rows without a run, and a status that there is not."""
    import pyarrow.compute as pc

    from albench.core.tables import STATUSES

    if found["run"].null_count if "run" in found.column_names else 0:
        raise BadResults(f"{path} has rows without a run")
    if table == "runs" and "status" in found.column_names:
        strange = set(pc.unique(found["status"]).to_pylist()) - set(STATUSES)
        if strange:
            raise BadResults(f"{path} has the status {str(min(strange, key=str))[:60]!r}")
    if "reason_code" in found.column_names:
        strange = set(pc.unique(found["reason_code"]).to_pylist()) - {None, *Reason}
        if strange:
            raise BadResults(f"{path} has the reason code {min(strange)[:60]!r}")
    for name in NAMES & set(found.column_names):
        for text in pc.unique(found[name]).to_pylist():
            if text is not None and (len(text) > MOST_NAME or not text.isprintable()):
                raise BadResults(f"{path}: {name} {text[:60]!r} is no name")
