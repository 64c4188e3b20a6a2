"""Reading a store, also while another process writes in it.

**Readers** take no lock and write, rename and delete nothing, so that they work on a
read-only mount. They hold that the union of what they read is the whole store, by the order
in which they read:

1. the shards, of a listing that came out equal twice in a row: merged shards are complete
   before those they replace go;
2. then the packed tables. If a packing ended in between, the shards read are in the new
   tables too, as equal doubles. A shard that is gone when its turn comes: all is read anew;
3. a table is opened once; its checksum and its rows come from that open file, whatever its
   name means a moment later. It must have the checksum of the plan or of the manifest. If it
   has neither, and manifest, plan or tables are not those of before, all is read anew; if
   nothing has changed, the table is damaged, and refused.
"""

import contextlib
import hashlib
import io
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.core.errors import BadResults
from albench.core.files import reason
from albench.core.tables import runs_table
from albench.results import intake
from albench.results.union import united

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


TABLES = ("runs", "rounds")
MANIFEST, JOURNAL = "manifest.json", "packing.json"
ATTEMPTS, LISTINGS = 12, 50


class Moved(Exception):
    """A writer changed the folder while it was read; what it holds now is read again."""


class Reader:
    """The results of one suite in one folder, to read.

    folder   where the tables, the manifest and the folder `shards` lie
    report   called with one sentence about each damaged part
    Nothing here changes the disk.
    """

    def __init__(self, folder: Path | str, report: Any = None) -> None:
        self.folder = Path(folder)
        self.shards = self.folder / "shards"
        self.report = report or (lambda sentence: None)
        try:
            if not stat.S_ISDIR(self.folder.stat().st_mode):
                raise BadResults(f"{self.folder} is a file; a results folder is due")
        except FileNotFoundError:
            pass
        except OSError as error:
            raise BadResults(f"{self.folder} cannot be read: {reason(error)}") from error

    @property
    def manifest(self) -> dict[str, Any]:
        """The manifest, empty where there is none; raises BadResults if it is unreadable.

        From the moment that new tables are complete, it is the one that goes with them.
        """
        planned = self.planned()
        if planned is not None:
            return planned[0]
        return self.stated() or {}

    def stated(self) -> dict[str, Any] | None:
        """What `manifest.json` says; None where there is none."""
        path = self.folder / MANIFEST
        data = intake.content(path, intake.MOST_MANIFEST)
        if data is None:
            return None
        try:
            return intake.manifest_in(path, intake.parsed(path, data))
        except BadResults as error:
            raise BadResults(f"{error}; {self.remedy()}") from error

    def planned(self) -> tuple[dict[str, Any], list[str]] | None:
        """Manifest and shards of a packing under way or cut short; None where there is none."""
        path = self.folder / JOURNAL
        data = intake.content(path, intake.MOST_MANIFEST)
        if data is None:
            return None
        try:
            said = intake.parsed(path, data)
            if not isinstance(said, dict) or not isinstance(said.get("shards"), list):
                raise BadResults(f"{path} is no plan of a packing")
            manifest = intake.manifest_in(path, said.get("manifest"))
            return manifest, [intake.shard_key(key) for key in said["shards"]]
        except BadResults as error:
            raise BadResults(f"{error}; {self.remedy()}") from error

    def remedy(self) -> str:
        """What helps where a file is damaged."""
        return f"`albench repair {self.folder}` sets right what can be derived"

    def shard_keys(self) -> list[str]:
        """The keys of the shards there are, sorted.

        A listing that is made while files come and go may show neither the old nor the new
        ones; two in a row that are equal do not.
        """
        before = None
        for _ in range(LISTINGS):
            found = self.listed()
            if found == before:
                return found
            before = found
        raise Moved

    def listed(self) -> list[str]:
        """The keys of the shards by one listing of their folder."""
        end = ".runs.parquet"
        try:
            names = os.listdir(self.shards)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise BadResults(f"{self.shards} cannot be read: {reason(error)}") from error
        keys = (name.removesuffix(end) for name in names if name.endswith(end))
        return sorted(key for key in keys if not key.startswith("."))

    def shard_files(self, key: str) -> tuple[Path, Path]:
        """The two files of a shard."""
        return self.shards / f"{key}.runs.parquet", self.shards / f"{key}.rounds.parquet"

    def shard(self, key: str) -> tuple[bytes, bytes] | None:
        """The bytes of a shard's files; None, and reported, where they are not as written.

        Raises Moved where a writer has dropped the shard meanwhile.
        """
        files = self.shard_files(intake.shard_key(key))
        runs, rounds = (intake.content(file, intake.MOST_BYTES) for file in files)
        if runs is not None and rounds is not None and digest(runs, rounds) == key:
            return runs, rounds
        if key not in self.listed():
            raise Moved
        self.damaged(key)
        return None

    def damaged(self, key: str) -> None:
        """What follows from a damaged shard: for a reader, a report."""
        self.report(f"shard {key} is damaged: its files do not match their checksum")

    @contextlib.contextmanager
    def packed(self) -> Iterator[dict[str, intake.Source] | None]:
        """The packed tables, open, as the manifest states them; None where there are none.

        While a packing is under way the new tables lie under one name or the other; what
        has the checksum that goes with it is the table.
        Raises BadResults for tables that match no manifest, Moved if they changed meanwhile.
        """
        with contextlib.ExitStack() as stack:
            before = self.state()
            for manifest in self.manifests():
                found = self.matching(manifest.get("sha256", {}), stack)
                if found is not None:
                    yield found
                    return
            lacking = next((n for n in TABLES if (self.folder / f"{n}.parquet").exists()), None)
            if self.state() != before:
                raise Moved
            if lacking is not None or any(m.get("sha256") for m in self.manifests()):
                raise BadResults(self.unmatched())
            yield None

    def manifests(self) -> list[dict[str, Any]]:
        """The manifests whose tables may lie here: the planned one first."""
        planned = self.planned()
        own = [planned[0]] if planned is not None else []
        try:
            return [*own, self.stated() or {}]
        except BadResults:
            if own:
                return own
            raise

    def matching(
        self, digests: dict[str, str], stack: contextlib.ExitStack
    ) -> dict[str, intake.Source] | None:
        """The tables with these checksums, open, or None."""
        found: dict[str, intake.Source] = {}
        for name in TABLES:
            for file in (f"{name}.parquet", f"{name}.parquet.new"):
                with contextlib.suppress(FileNotFoundError):
                    source = intake.opened(self.folder / file, intake.MOST_BYTES)
                    stack.callback(source.close)
                    if hashlib.file_digest(source, "sha256").hexdigest() == digests.get(name):
                        found[name] = source
                        break
        return found if len(found) == len(TABLES) else None

    def unmatched(self) -> str:
        """Which table does not match its checksum, and what helps."""
        digests = self.manifests()[0].get("sha256", {})
        for name in TABLES:
            path = self.folder / f"{name}.parquet"
            data = intake.content(path, intake.MOST_BYTES)
            if data is None or hashlib.sha256(data).hexdigest() != digests.get(name):
                break
        return f"{path} does not match its checksum in {MANIFEST}; restore both, or {self.remedy()}"

    def state(self) -> tuple[Any, ...]:
        """What differs before and after a change of the packed tables."""
        texts = [intake.content(self.folder / n, intake.MOST_MANIFEST) for n in (MANIFEST, JOURNAL)]
        marks = []
        for name in TABLES:
            with contextlib.suppress(OSError):
                found = (self.folder / f"{name}.parquet").stat()
                marks.append((found.st_ino, found.st_size, found.st_mtime_ns))
        return (*texts, *marks)

    def arrow(
        self, columns: list[str] | None = None, rounds: list[str] | None = None
    ) -> tuple["pa.Table", "pa.Table | None"]:
        """The union of all parts; with `columns` of `runs` only these, and no rounds.

        rounds  columns of the rounds that are asked for; there may be others beside them
        """
        return self.gathered(columns, rounds)[:2]

    def gathered(
        self, columns: list[str] | None = None, rounds: list[str] | None = None
    ) -> tuple["pa.Table", "pa.Table | None", list[str]]:
        """`arrow`, and the keys of the shards that are in it."""
        for attempt in range(ATTEMPTS):
            try:
                return self.snapshot(columns, rounds)
            except Moved:
                time.sleep(min(0.02 * 2**attempt, 1.0))
        raise BadResults(
            f"{self.folder} changes faster than it can be read ({ATTEMPTS} attempts); try again"
        )

    def snapshot(
        self, columns: list[str] | None = None, some: list[str] | None = None
    ) -> tuple["pa.Table", "pa.Table | None", list[str]]:
        """One attempt at `gathered`: shards first, then the packed tables.

        some  columns of the rounds; where parts are to be united, all are read, so that no
              contradiction is missed
        """
        runs, rounds, keys = [], [], []
        for key in self.shard_keys():
            found = self.shard(key)
            if found is not None:
                one, other = self.tables_of(self.shard_files(key), found, columns)
                runs.append(one)
                rounds.append(other)
                keys.append(key)
        with self.packed() as sources:
            if sources is not None:
                path = self.folder / "runs.parquet"
                runs.insert(0, intake.parquet(path, "runs", columns, sources["runs"]))
                if columns is None:
                    path = self.folder / "rounds.parquet"
                    own = None if keys else some
                    rounds.insert(0, intake.parquet(path, "rounds", own, sources["rounds"]))
        every = None if columns is not None else [r for r in rounds if r is not None]
        merged = united(runs, every, None if keys else some)
        return (*merged, keys)

    def tables_of(
        self, files: tuple[Path, Path], data: tuple[bytes, bytes], columns: list[str] | None
    ) -> tuple["pa.Table", "pa.Table | None"]:
        """The two tables of a shard; with `columns` no rounds."""
        runs = intake.parquet(files[0], "runs", columns, io.BytesIO(data[0]))
        if columns is not None:
            return runs, None
        return runs, intake.parquet(files[1], "rounds", None, io.BytesIO(data[1]))

    def runs(self, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        """The table `runs`, one row per run; with `columns` only these (and the key)."""
        wanted = None if columns is None else list(dict.fromkeys(["run", "status", *columns]))
        if wanted is None:
            wanted = runs_table([]).column_names
        # a protocol's name follows from the spec
        read = [*wanted, "spec"] if "protocol" in wanted and "spec" not in wanted else wanted
        frame: pd.DataFrame = self.arrow(read)[0].to_pandas()
        return frame[[name for name in frame.columns if name in wanted]]

    def read(self, compact: Iterable[str] | None = None) -> tuple["pd.DataFrame", "pd.DataFrame"]:
        """Both tables as data frames.

        compact  the columns of `rounds` that are needed; of these the run is a category, and
                 lists stay as Arrow has them: see `albench.core.tables.lists`
        """
        runs, rounds = self.arrow(None, None if compact is None else [*compact])
        assert rounds is not None
        if compact is not None:
            kinds = {"types_mapper": compact_kind, "categories": ["run"]}
            return runs.to_pandas(), rounds.to_pandas(**kinds, self_destruct=True)
        return runs.to_pandas(), rounds.to_pandas()


def compact_kind(kind: "pa.DataType") -> Any:
    """The type of pandas that keeps a list as Arrow has it; None: the usual one."""
    import pandas as pd
    import pyarrow as pa

    return pd.ArrowDtype(kind) if pa.types.is_list(kind) else None


def digest(runs: bytes, rounds: bytes) -> str:
    """The key of a shard: 24 hexadecimal digits over both files."""
    return hashlib.sha256(hashlib.sha256(runs).digest() + rounds).hexdigest()[:24]
