"""Setting a damaged store right: what can be derived is rebuilt, what cannot is left out.

What a checksum vouches for is kept. A manifest that was altered is believed in nothing: it
is set aside, and a new one says what follows from the tables. Suite, additions, entries and
machine follow from nothing that is left, so they are missing from it until `albench run`
notes them anew for what it runs; they are never made up.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.core import tables
from albench.core.errors import BadResults
from albench.core.files import write_atomic
from albench.results import intake
from albench.results.reading import JOURNAL, MANIFEST, TABLES
from albench.results.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

LONGEST = 2**16  # bytes of a manifest whose single flipped bit is looked for
ASIDE = ".damaged"


def repaired(folder: Path | str) -> list[str]:
    """Set a store right; returns one sentence for each thing done, none where all was whole.

    Files that are damaged keep their content under a name that ends in `.damaged`.
    Raises BadResults where the folder holds no results, or cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise BadResults(f"{folder}: no such results folder")
    held = [MANIFEST, JOURNAL, "shards", *(f"{name}.parquet" for name in TABLES)]
    if not any((folder / name).exists() for name in held):
        raise BadResults(f"{folder} holds no results")
    said: list[str] = []
    store = Store(folder, said.append)
    with store.writing(recover=False):
        journal(store, said.append)
        manifest(store, said.append)
        packed(store, said.append)
        store.recover()
        for key in store.shard_keys():
            store.shard(key)
        store.arrow()
    return said


def journal(store: Store, say: Callable[[str], None]) -> None:
    """Set aside the plan of a packing that cannot be read; the shards that it names stay."""
    try:
        store.planned()
    except BadResults as error:
        aside(store.folder / JOURNAL)
        say(f"{first(error)}: set aside; the shards that it was about stay")


def manifest(store: Store, say: Callable[[str], None]) -> None:
    """Bring back a manifest that cannot be read, or write the one that follows from the tables."""
    path = store.folder / MANIFEST
    there = all((store.folder / f"{name}.parquet").exists() for name in TABLES)
    if store.planned() is not None:
        with contextlib.suppress(BadResults), store.packed():
            return  # `recover` writes the planned one
    try:
        if store.stated() is not None or not there:
            return
        damaged, why = b"", f"{path} is missing"
    except BadResults as error:
        damaged, why = intake.content(path, intake.MOST_MANIFEST) or b"", first(error)
        flipped = unflipped(path, damaged)
        if flipped is not None:
            aside(path)
            write_atomic(path, flipped)
            say(f"{path}: one flipped bit was turned back; its seal proves that nothing else is")
            return
        aside(path)
    if not there:
        say(f"{why}: set aside; there are no tables, so that nothing was lost with it")
        return
    found, vouched = derived(store.folder, damaged)
    if found is None:
        say(f"{why}: set aside; the tables cannot be read either")
        return
    write_atomic(path, intake.sealed(found).encode())
    kept = ", ".join(sorted(set(found) - {"schema", "sha256"})) or "nothing more"
    say(
        f"{why}: written anew from the tables (checksums and schema version; {kept} as the runs "
        "themselves say). What follows from no table is left out: suite, additions, entries, "
        "machine"
    )
    say(
        "the tables have the checksums that the damaged manifest still shows"
        if vouched
        else "the checksums of the tables were lost with it: that they can be read and fit each "
        "other was checked, that no number in them has changed cannot be; `albench verify "
        f"{store.folder}` replays runs"
    )


def unflipped(path: Path, data: bytes) -> bytes | None:
    """The manifest with one bit turned back so that its seal matches; None where there is none."""
    if len(data) > LONGEST:
        return None
    for at in range(len(data)):
        for bit in range(8):
            turned = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            try:
                found = json.loads(turned)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and found.get("seal") == intake.seal(found):
                with contextlib.suppress(BadResults):
                    intake.manifest_in(path, found)
                    return turned
    return None


def derived(folder: Path, damaged: bytes) -> tuple[dict[str, Any] | None, bool]:
    """The manifest that follows from the tables, and whether a checksum vouches for them.

    None where the tables cannot be read, or contradict each other.
    """
    files = {name: folder / f"{name}.parquet" for name in TABLES}
    try:
        runs, rounds = (
            intake.parquet(files["runs"], "runs"),
            intake.parquet(files["rounds"], "rounds"),
        )
        tables.checked(runs.to_pandas(), rounds.to_pandas())
    except BadResults:
        return None, False
    digests = {
        name: hashlib.sha256(intake.content(file, intake.MOST_BYTES) or b"").hexdigest()
        for name, file in files.items()
    }
    found = {"schema": tables.SCHEMA_VERSION, "sha256": digests, **made(runs)}
    return found, all(digest.encode() in damaged for digest in digests.values())


def made(runs: "pa.Table") -> dict[str, Any]:
    """Versions and revision by which the runs say they were made; the rest as `also`."""
    found: dict[str, Any] = {}
    for key in ("versions", "revision"):
        texts = sorted({text for text in runs[key].to_pylist() if text})
        values: list[Any] = []
        for text in texts:
            with contextlib.suppress(ValueError):
                values.append(json.loads(text) if key == "versions" else text)
        values = [value for value in values if intake.KEYS[key].fine(value)]
        if values:
            found[key] = values[0]
        if values[1:]:
            found.setdefault("also", {})[key] = values[1:]
    return found


def packed(store: Store, say: Callable[[str], None]) -> None:
    """Set aside tables that match no checksum; runs that lie in no shard are to be run again."""
    try:
        with store.packed():
            return
    except BadResults as error:
        why = first(error)
    there = [store.folder / f"{name}.parquet" for name in TABLES]
    for path in there:
        if path.exists():
            aside(path)
    say(f"{why}: both tables are set aside; what lies in no shard is to be run again")
    if store.planned() is not None:
        aside(store.folder / JOURNAL)
    kept = store.stated()
    if kept:
        kept.pop("sha256", None)
        write_atomic(store.folder / MANIFEST, intake.sealed(kept).encode())


def aside(path: Path) -> None:
    """Give a file a name under which nobody takes it for what it was."""
    target, number = path.with_name(path.name + ASIDE), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}{ASIDE}{number}")
    path.rename(target)


def first(error: BadResults) -> str:
    """What is wrong, without what would help."""
    return str(error).partition("; ")[0]
