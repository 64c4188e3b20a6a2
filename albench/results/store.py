"""Results on disk: shards while a suite runs, packed tables when it is done.

A shard is a pair of Parquet files (`runs`, `rounds`) named by the digest of their bytes,
written by the coordinator alone; what is present and whole is done. `pack` merges shards
into `runs.parquet` and `rounds.parquet` with their checksums in `manifest.json`. Readers
take the union of both; two stores merge to their union. Each file says its schema version
(see `albench.results.intake`), so files of several versions lie in one store.

**Writers.** One process at a time writes, and holds the lock of `albench.results.lock` for
it. `pack` writes the new tables beside the old, reads them back, writes the plan
(`packing.json`: the new manifest, the shards that it covers), renames the tables, writes the
manifest, reads the tables back again, and only then drops the shards and the plan. Whoever
takes the lock next carries out a plan that was left.

How readers see a whole store meanwhile: `albench.results.reading`.
"""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from albench.core import tables
from albench.core.errors import BadResults
from albench.core.files import sha256, sync_folder, take_place, write_atomic
from albench.core.spec import canonical
from albench.core.tables import LABELS, rounds_table, runs_table
from albench.results import intake
from albench.results.lock import WriterLock, named
from albench.results.reading import JOURNAL, MANIFEST, TABLES, Reader, digest
from albench.results.union import united

if TYPE_CHECKING:
    import pyarrow as pa


MOST_SHARDS = 256
COUNTING = ("round", "n_labeled")  # columns that rise by steps, and are told by the steps
WAIT = 10.0
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


class Store(Reader):
    """The results of one suite in one folder, to read and to write.

    See `Reader` for what it takes. To make a store changes nothing on the disk; what writes
    takes the writer's lock for the time it needs, and `writing` takes it for a block.
    """

    def __init__(self, folder: Path | str, report: Any = None) -> None:
        super().__init__(folder, report)
        self.lock = WriterLock(self.folder)
        self.depth = 0

    def damaged(self, key: str) -> None:
        """Set a damaged shard aside, where this process is the writer."""
        if not self.depth:
            super().damaged(key)
            return
        for file in self.shard_files(key):
            if file.exists():
                take_place(file, file.with_name(file.name + ".damaged"))
        self.report(f"shard {key} is damaged: set aside, its runs will be run again")

    @contextlib.contextmanager
    def writing(self, wait: float = WAIT, recover: bool = True) -> Iterator[Self]:
        """Hold the writer's lock in the block, and end what a dead writer left.

        Raises BadResults, with who writes, where another does for longer than `wait` seconds.
        """
        if not self.depth:
            self.lock.acquire(wait)
        self.depth += 1
        try:
            if recover and self.depth == 1:
                self.recover()
            yield self
        finally:
            self.depth -= 1
            if not self.depth:
                self.lock.release()

    def ours(self) -> None:
        """Raise BadResults unless this process is still the writer."""
        if not self.lock.ours():
            raise BadResults(
                f"{self.folder}: another process took over the writing "
                f"({named(self.lock.told())}); nothing more is changed here"
            )

    def note(self, **entries: Any) -> None:
        """Set entries of the manifest, which then is of this writer's schema version."""
        if not entries:
            return
        with self.writing():
            manifest = {**self.manifest, **entries, "schema": tables.SCHEMA_VERSION}
            text = intake.sealed(manifest).encode()
            path = self.folder / MANIFEST
            if intake.content(path, intake.MOST_MANIFEST) != text:
                write_atomic(path, text)

    def add(self, runs: list[dict[str, Any]], rounds: list[dict[str, Any]]) -> None:
        """Store the rows of finished runs as one shard."""
        if runs:
            self.write_shard(runs_table(runs), rounds_table(rounds))

    def write_shard(self, runs: "pa.Table", rounds: "pa.Table") -> str:
        """Write one shard; it counts once its `runs` file is in place."""
        parts = {"rounds": parquet_bytes(rounds), "runs": parquet_bytes(runs)}
        key = digest(parts["runs"], parts["rounds"])
        with self.writing():
            for part, content in parts.items():
                write_atomic(self.shards / f"{key}.{part}.parquet", content)
        return key

    def compact(self) -> None:
        """Merge the shards into one, once there are many."""
        with self.writing():
            if len(self.shard_keys()) < MOST_SHARDS:
                return
            kept: dict[str, tuple[Any, Any]] = {}
            for key in self.shard_keys():
                found = self.shard(key)
                if found is not None:
                    kept[key] = self.tables_of(self.shard_files(key), found, None)
            runs, rounds = united([a for a, _ in kept.values()], [b for _, b in kept.values()])
            assert rounds is not None
            whole = self.write_shard(runs, rounds)
            if self.shard(whole) is not None:
                self.drop_shards(set(kept) - {whole})

    def drop_shards(self, keys: Iterable[str]) -> None:
        """Delete shards, `runs` first, so that no half is taken for a shard."""
        self.ours()
        for key in sorted(keys):
            for file in self.shard_files(key):
                file.unlink(missing_ok=True)

    def pack(self, labels: Labels | None = None, **entries: Any) -> None:
        """Merge everything into the packed tables and note `entries` in the manifest.

        labels  what the suite calls the runs (`albench.runner.grid.labels_of`); other runs keep
                the labels they have. Without shards, `runs` alone is written anew for them;
                a store without runs gets empty tables
        The new tables are complete under temporary names, and read back, before the plan is
        written; from then on `recover` ends the packing, whoever dies.
        """
        with self.writing():
            before = self.manifest
            there = bool(before.get("sha256"))
            if there and not labels and not self.shard_keys():
                self.note(**entries)
                return
            runs, rounds, keys = self.gathered()
            assert rounds is not None
            content = {"runs": parquet_bytes(called(runs, labels or {}))}
            if keys or not there:
                content["rounds"] = parquet_bytes(rounds)
            digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
            for name, data in content.items():
                path = self.folder / f"{name}.parquet.new"
                write_atomic(path, data)
                read_back(path, digests[name])
            digests = before.get("sha256", {}) | digests
            manifest = {**before, **entries, "schema": tables.SCHEMA_VERSION, "sha256": digests}
            plan = {"manifest": json.loads(intake.sealed(manifest)), "shards": keys}
            write_atomic(self.folder / JOURNAL, canonical(plan).encode())
            self.recover()

    def recover(self) -> None:
        """End a packing that was cut short, and remove what a dead writer left unfinished.

        A shard is dropped once the tables have been read back from the disk under their own
        names and hold its runs. A plan whose tables are not there is given up as long as the
        manifest's own are. Raises BadResults where neither is; nothing is changed then.
        """
        with self.writing(recover=False):
            planned = self.planned()
            if planned is not None:
                self.finish(*planned)
            for name in TABLES:
                (self.folder / f"{name}.parquet.new").unlink(missing_ok=True)
            for file in self.shards.glob(".writing-*"):
                file.unlink(missing_ok=True)

    def finish(self, manifest: dict[str, Any], keys: list[str]) -> None:
        """Carry out the plan of a packing."""
        digests = manifest.get("sha256", {})
        with contextlib.ExitStack() as stack:
            if self.matching(digests, stack) is None:
                with self.packed():  # raises where the old tables are not whole either
                    (self.folder / JOURNAL).unlink()
                    return
        self.ours()
        for name in TABLES:
            path, new = (self.folder / f"{name}.parquet{end}" for end in ("", ".new"))
            if new.exists() and sha256(new) == digests[name]:
                take_place(new, path)
        sync_folder(self.folder)
        write_atomic(self.folder / MANIFEST, intake.sealed(manifest).encode())
        for name in TABLES:
            read_back(self.folder / f"{name}.parquet", digests[name])
        self.drop_shards(self.contained(keys))
        (self.folder / JOURNAL).unlink()

    def contained(self, keys: Iterable[str]) -> list[str]:
        """Those of the shards whose runs the packed tables hold."""
        path = self.folder / "runs.parquet"
        with intake.opened(path, intake.MOST_BYTES) as source:
            held = set(intake.parquet(path, "runs", ["run"], source)["run"].to_pylist())
        found = []
        for key in set(keys) & set(self.shard_keys()):
            data = self.shard(key)
            if data is not None:
                table = self.tables_of(self.shard_files(key), data, ["run"])[0]
                found += [key] if set(table["run"].to_pylist()) <= held else []
        return found


def read_back(path: Path, due: str) -> None:
    """Read a file from the disk again, past the cache where the system can do so.

    Raises BadResults unless it has the SHA-256 `due` and every row can be read.
    """
    with intake.opened(path, intake.MOST_BYTES) as source:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        found = hashlib.file_digest(source, "sha256").hexdigest()
        if found != due:
            raise BadResults(
                f"{path} was read back with other bytes than were written (disk or memory at "
                "fault); the shards stay, and with them all runs"
            )
        intake.parquet(path, "runs" if path.name.startswith("runs") else "rounds", None, source)
