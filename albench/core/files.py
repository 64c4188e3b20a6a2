"""Writing files so that a reader sees the old content or the new, never a part."""

import contextlib
import errno
import hashlib
import os
import sys
import tempfile
import time
from pathlib import Path

from albench.core.errors import BadResults

PAUSES = (0.01, 0.04, 0.15, 0.8)  # seconds between attempts to replace a file that is open


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: Path, content: bytes) -> None:
    """Write through a temporary file, fsync and rename.

    Raises BadResults, with what to do, where the disk is full or the folder cannot be
    written; what was there before stays as it was.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        take_place(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
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
