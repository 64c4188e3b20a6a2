"""Results on disk: shards while a suite runs, packed tables when it is done.

A shard is a pair of Parquet files (`runs`, `rounds`) named by the digest of their bytes,
written by the coordinator alone; what is present and whole is done. `pack` merges shards
into `runs.parquet` and `rounds.parquet` with their checksums in `manifest.json`. Readers
take the union of both; two stores merge to their union. Each file says its schema version
(see `albench.results.intake`), so files of several versions lie in one store.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from albench.results import intake
from albench.core import tables
from albench.core.errors import BadResults
from albench.core.files import sha256, take_place, write_atomic
from albench.core.spec import canonical
from albench.core.tables import LABELS, rounds_table, runs_table
from albench.results.union import united

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


MOST_SHARDS = 256
COUNTING = ("round", "n_labeled")  # columns that rise by steps, and are told by the steps
TABLES = ("runs", "rounds")
Labels: TypeAlias = Mapping[str, dict[str, str]]
"""Run -> column of `LABELS.values()` -> what a suite calls it."""


def called(runs: "pa.Table", labels: Labels) -> "pa.Table":
    """The table `runs` with these labels where there are any for a run."""
    import pyarrow as pa

    names = runs["run"].to_pylist()
    for column in LABELS.values():
        stored = runs[column].to_pylist()
        now = [
            labels[run][column] if run in labels else label
            for run, label in zip(names, stored, strict=True)
        ]
        at = runs.column_names.index(column)
        runs = runs.set_column(at, column, pa.array(now, type=pa.string()))
    return runs


def leaves(schema: "pa.Schema") -> list[str]:
    """Names of the columns as Parquet has them: those of a list have a path."""
    import pyarrow as pa

    lists = {f.name for f in schema if pa.types.is_list(f.type) or pa.types.is_large_list(f.type)}
    return [f"{name}.list.element" if name in lists else name for name in schema.names]


def parquet_bytes(table: "pa.Table") -> bytes:
    """A table as the bytes of a Parquet file with its schema version; equal for equal tables."""
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    counting = [name for name in COUNTING if name in table.column_names]
    others = [name for name in leaves(table.schema) if name not in counting]
    pq.write_table(
        intake.stamped(table),
        buffer,
        compression="zstd",
        compression_level=12,
        use_dictionary=others,
        column_encoding=dict.fromkeys(counting, "DELTA_BINARY_PACKED"),
    )
    return buffer.getvalue()


class Store:
    """The results of one suite in one folder.

    folder   where the tables, the manifest and the folder `shards` lie
    report   called with one sentence about each thing set aside
    frozen   change nothing in the folder: what is damaged is reported and left alone
    """

    def __init__(self, folder: Path | str, report: Any = None, frozen: bool = False) -> None:
        self.frozen = frozen
        self.folder = Path(folder)
        self.shards = self.folder / "shards"
        self.report = report or (lambda sentence: None)
        if self.folder.exists() and not self.folder.is_dir():
            raise BadResults(f"{self.folder} is a file; a results folder is due")
        if not frozen:
            self.recover()
        elif (self.folder / "packing.json").exists():
            raise BadResults(f"{self.folder}: a packing was cut short; `albench status` ends it")

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, empty where there is none; raises BadResults if it is unreadable."""
        path = self.folder / "manifest.json"
        if not path.exists():
            return {}
        return intake.manifest_of(path)

    def note(self, **entries: Any) -> None:
        """Set entries of the manifest, which then is of this writer's schema version."""
        manifest = {**self.manifest, **entries, "schema": tables.SCHEMA_VERSION}
        text = intake.sealed(manifest)
        path = self.folder / "manifest.json"
        if not path.exists() or path.read_text("utf-8") != text:
            write_atomic(path, text.encode())

    def add(self, runs: list[dict[str, Any]], rounds: list[dict[str, Any]]) -> None:
        """Store the rows of finished runs as one shard."""
        if runs:
            self.write_shard(runs_table(runs), rounds_table(rounds))

    def write_shard(self, runs: "pa.Table", rounds: "pa.Table") -> str:
        """Write one shard; it counts once its `runs` file is in place."""
        parts = {"rounds": parquet_bytes(rounds), "runs": parquet_bytes(runs)}
        key = digest(parts["runs"], parts["rounds"])
        for part, content in parts.items():
            write_atomic(self.shards / f"{key}.{part}.parquet", content)
        return key

    def shard_keys(self) -> list[str]:
        """The keys of the shards there are, sorted."""
        return sorted(p.name.split(".")[0] for p in self.shards.glob("*.runs.parquet"))

    def whole(self, key: str) -> bool:
        """Whether a shard is as it was written; one that is not is set aside and reported."""
        files = self.shard_files(intake.shard_key(key))
        if all(f.exists() for f in files):
            for file in files:
                intake.regular(file, intake.MOST_BYTES)
            if digest(*(f.read_bytes() for f in files)) == key:
                return True
        if self.frozen:
            self.report(f"shard {key} is damaged: its files do not match their checksum")
            return False
        for file in files:
            if file.exists():
                take_place(file, file.with_name(file.name + ".damaged"))
        self.report(f"shard {key} is damaged: set aside, its runs will be run again")
        return False

    def sources(self) -> list[tuple[Path, Path]]:
        """The pairs of files that make up the store, each checked; packed tables first."""
        pairs = []
        if (self.folder / "runs.parquet").exists():
            pairs.append(self.packed())
        return pairs + [self.shard_files(key) for key in self.shard_keys() if self.whole(key)]

    def shard_files(self, key: str) -> tuple[Path, Path]:
        """The two files of a shard."""
        return self.shards / f"{key}.runs.parquet", self.shards / f"{key}.rounds.parquet"

    def packed(self) -> tuple[Path, Path]:
        """The packed tables; raises BadResults unless they match the manifest."""
        digests = self.manifest.get("sha256", {})
        for name in TABLES:
            path = self.folder / f"{name}.parquet"
            if path.is_symlink() or path.exists():
                intake.regular(path, intake.MOST_BYTES)
            if not path.exists() or sha256(path) != digests.get(name):
                raise BadResults(
                    f"{path} does not match its checksum in manifest.json; restore both, "
                    "or delete runs.parquet, rounds.parquet and manifest.json to run again"
                )
        return self.folder / "runs.parquet", self.folder / "rounds.parquet"

    def arrow(self, columns: list[str] | None = None) -> tuple["pa.Table", "pa.Table | None"]:
        """The union of all parts; with `columns` of `runs` only these, and no rounds."""
        pairs = self.sources()
        runs = [intake.parquet(path, "runs", columns) for path, _ in pairs]
        if columns is not None:
            return united(runs, None)
        return united(runs, [intake.parquet(path, "rounds") for _, path in pairs])

    def runs(self, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        """The table `runs`, one row per run; with `columns` only these (and the key)."""
        wanted = None if columns is None else list(dict.fromkeys(["run", "status", *columns]))
        if wanted is None:
            wanted = runs_table([]).column_names
        # a protocol's name follows from the spec
        read = [*wanted, "spec"] if "protocol" in wanted and "spec" not in wanted else wanted
        frame: pd.DataFrame = self.arrow(read)[0].to_pandas()
        return frame[[name for name in frame.columns if name in wanted]]

    def read(self) -> tuple["pd.DataFrame", "pd.DataFrame"]:
        """Both tables as data frames."""
        runs, rounds = self.arrow()
        assert rounds is not None
        return runs.to_pandas(), rounds.to_pandas()

    def compact(self) -> None:
        """Merge the shards into one, once there are many."""
        keys = self.shard_keys()
        if len(keys) < MOST_SHARDS:
            return
        keys = [key for key in keys if self.whole(key)]
        pairs = [self.shard_files(key) for key in keys]
        runs, rounds = united(
            [intake.parquet(a, "runs") for a, _ in pairs],
            [intake.parquet(b, "rounds") for _, b in pairs],
        )
        assert rounds is not None
        kept = self.write_shard(runs, rounds)
        self.drop_shards([key for key in keys if key != kept])

    def drop_shards(self, keys: Iterable[str]) -> None:
        """Delete shards, `runs` first, so that no half is taken for a shard."""
        for key in keys:
            for file in self.shard_files(key):
                file.unlink(missing_ok=True)

    def pack(self, labels: Labels | None = None, **entries: Any) -> None:
        """Merge everything into the packed tables and note `entries` in the manifest.

        labels  what the suite calls the runs (`albench.runner.grid.labels_of`); other runs keep
                the labels they have. Without shards, `runs` alone is written anew for them
        The new files are complete under temporary names before the first is renamed, and
        `recover` ends a packing that was cut short.
        """
        keys = self.shard_keys()
        if not keys and (not labels or not (self.folder / "runs.parquet").exists()):
            self.note(**entries)
            return
        runs, rounds = self.arrow()
        assert rounds is not None
        content = {"runs": parquet_bytes(called(runs, labels or {}))}
        if keys:
            content["rounds"] = parquet_bytes(rounds)
        before = self.manifest
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
        digests = before.get("sha256", {}) | digests
        for name, data in content.items():
            write_atomic(self.folder / f"{name}.parquet.new", data)
        manifest = {**before, **entries, "schema": tables.SCHEMA_VERSION, "sha256": digests}
        journal = {"manifest": manifest, "shards": keys}
        write_atomic(self.folder / "packing.json", canonical(journal).encode())
        self.recover()

    def recover(self) -> None:
        """End a packing that was cut short; without one, do nothing."""
        journal = self.folder / "packing.json"
        if not journal.exists():
            for name in TABLES:
                (self.folder / f"{name}.parquet.new").unlink(missing_ok=True)
            return
        planned = json.loads(journal.read_text("utf-8"))
        keys = [intake.shard_key(key) for key in planned["shards"]]
        for name in TABLES:
            new = self.folder / f"{name}.parquet.new"
            if new.exists():
                take_place(new, self.folder / f"{name}.parquet")
        text = intake.sealed(planned["manifest"])
        write_atomic(self.folder / "manifest.json", text.encode())
        self.drop_shards(keys)
        journal.unlink()


def digest(runs: bytes, rounds: bytes) -> str:
    """The key of a shard: 24 hexadecimal digits over both files."""
    return hashlib.sha256(hashlib.sha256(runs).digest() + rounds).hexdigest()[:24]
