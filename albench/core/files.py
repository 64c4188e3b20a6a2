"""Writing files so that a reader sees the old content or the new, never a part."""

import contextlib
import errno
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from albench.core.errors import BadResults

PAUSES = (0.01, 0.04, 0.15, 0.8)  # seconds between attempts to replace a file that is open


@dataclass(frozen=True)
class File:
    """A file by its content.

    name    what it is called where it comes from
    sha256  of its bytes
    url     where it can be downloaded, or None
    size    bytes, where known: finds it in a mirror that renamed it
    """

    name: str
    sha256: str
    url: str | None = None
    size: int | None = None


def cache_folder() -> Path:
    """The folder of what can be had again: `ALBENCH_DATA`, else the platform's; may be missing."""
    given = os.environ.get("ALBENCH_DATA")
    if given:
        return Path(given).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("albench"))


def stems(names: Iterable[str], most: int = 40) -> dict[str, str]:
    """A file name for each name, without extension: letters, digits, points and hyphens.

    Names that would share one, as `m/1` and `m 1`, or `M` and `m` where a file system sees no
    case, are numbered in their order; nothing is longer than `most` letters and a number.
    """
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        stem = re.sub(r"[^A-Za-z0-9.]+", "-", name).strip("-.")[:most].strip("-.") or "x"
        place, number = stem, 2
        while place.casefold() in taken:
            place, number = f"{stem}-{number}", number + 1
        taken.add(place.casefold())
        found[name] = place
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def temporary(target: Path) -> Path:
    """A new empty file beside `target`, its folder made; raises OSError where it cannot be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    return Path(name)


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `target`, for good, when the block succeeds.

    Whatever goes wrong, what was there before stays as it was. Raises OSError.
    """
    written = temporary(target)
    try:
        yield written
        with written.open("rb+") as file:
            os.fsync(file.fileno())
        os.chmod(written, 0o644)
        take_place(written, target)
        sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            written.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file of results.

    Raises BadResults, with what to do, where the disk is full or the folder cannot be
    written; what was there before stays as it was.
    """
    try:
        with replacing(path) as written:
            written.write_bytes(content)
    except OSError as error:
        raise BadResults(f"cannot write {path}: {reason(error)}") from error


def take_place(temporary: Path | str, path: Path | str) -> None:
    """Rename a file over another, or to a new name.

    Windows refuses while any process, an indexer or a reader, has the old file open: there it
    is tried for a second before the refusal is passed on.
    """
    for pause in PAUSES if sys.platform == "win32" else ():
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            time.sleep(pause)
    os.replace(temporary, path)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder durable; Windows opens no folder, and has no need of it."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def reason(error: OSError) -> str:
    """What went wrong, for people."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; what is stored stays valid, free some and run again"
    return (error.strerror or str(error)).lower()
