"""One writer at a time in a results folder: a lock with its owner, host and time.

Two things say who writes. `.lock` is held through the operating system (`filelock`): the
lock of a process that died is free at once, whatever killed it. `.writer.json` says in words
who holds it, and its time of change is renewed every few seconds.

On a network file system the first is as good as the mount: NFS 4, and NFS 3 with its lock
service, pass such locks between hosts; mounts with `nolock` and some parallel and user-space
file systems do not, or have none at all. There the second decides: a record of another host
that was renewed within `FRESH` seconds, by the clock of the file server, is a writer at work.
An older one is a writer that died, or that was cut off from the server for so long; such a
writer notices before it renames or deletes anything (`WriterLock.ours`) and stops.
"""

import contextlib
import errno
import getpass
import json
import os
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from albench.core.errors import BadResults
from albench.core.files import reason

LOCK, RECORD = ".lock", ".writer.json"
BEAT = 20.0
FRESH = 120.0
POLL = 0.1
WRITING = 3.0  # seconds within which an empty record is one that is being written
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


class WriterLock:
    """The right to write in one folder, held by one process.

    left  what the record of a writer said that died; None where there was none
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock, self.record = folder / LOCK, folder / RECORD
        self.left: dict[str, Any] | None = None
        self.native: Any = None
        self.text = ""
        self.over = threading.Event()

    def acquire(self, wait: float) -> None:
        """Take the lock; raises BadResults, with who holds it, after `wait` seconds."""
        self.prepare()
        deadline = time.monotonic() + wait
        while not self.taken():
            if time.monotonic() >= deadline:
                raise BadResults(
                    f"{self.folder} is being written by {named(self.told())}; wait until that "
                    "ends, or give another folder"
                )
            time.sleep(POLL)
        self.over = threading.Event()
        threading.Thread(target=self.beat, args=(self.over,), daemon=True).start()

    def release(self) -> None:
        """Give the lock back."""
        self.over.set()
        with contextlib.suppress(OSError):
            if self.ours():
                self.record.unlink(missing_ok=True)
        self.free()

    def ours(self) -> bool:
        """Whether the record is still the one that this process wrote."""
        try:
            return self.record.read_text("utf-8") == self.text
        except (OSError, ValueError):
            return False

    def prepare(self) -> None:
        """Make folder and lock file; who may write in the folder may use the lock."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.lock.exists():
                os.close(os.open(self.lock, os.O_RDWR | os.O_CREAT))
                self.lock.chmod(0o600 | self.folder.stat().st_mode & 0o666)
            os.close(os.open(self.lock, os.O_RDWR))
        except OSError as error:
            raise BadResults(
                f"cannot write in {self.folder}: {reason(error)}; what is stored there can be "
                "read, but nothing can be added"
            ) from error

    def taken(self) -> bool:
        """Whether lock and record could be taken now."""
        supported = self.held()
        if supported is False:
            return False
        found = self.told()
        begun = found is None and self.record.exists() and self.age() < WRITING
        if begun or (found is not None and self.at_work(found, supported is None)):
            self.free()
            return False
        if found is not None or self.record.exists():
            self.left = found or {}
            self.record.unlink(missing_ok=True)
        try:
            self.write()
        except FileExistsError:
            self.free()
            return False
        return True

    def held(self) -> bool | None:
        """Whether the operating system gave the lock; None where it has no locks here."""
        import filelock

        native = filelock.FileLock(self.lock, thread_local=False)
        try:
            native.acquire(timeout=0)
        except filelock.Timeout:
            return False
        except NotImplementedError:
            return None
        except OSError as error:
            if error.errno in NO_LOCKS:
                return None
            raise BadResults(f"cannot lock {self.folder}: {reason(error)}") from error
        self.native = native
        return True

    def free(self) -> None:
        """Give back what the operating system holds for this process."""
        if self.native is not None:
            self.native.release()
            self.native = None

    def at_work(self, found: dict[str, Any], alone: bool) -> bool:
        """Whether the writer of a record is at work.

        alone  there is no lock of the operating system, so that the record decides
        """
        if found.get("host") != socket.gethostname():
            return self.age() < FRESH
        return alone and alive(found.get("process"))

    def age(self) -> float:
        """Seconds since the record was renewed, both times by the clock of the file server."""
        try:
            os.utime(self.lock)
            return self.lock.stat().st_mtime - self.record.stat().st_mtime
        except OSError:
            return FRESH

    def told(self) -> dict[str, Any] | None:
        """What the record says; None where there is none that can be read."""
        try:
            found = json.loads(self.record.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    def write(self) -> None:
        """Write the record of this process; raises FileExistsError where one stands."""
        about = {
            "owner": user(),
            "host": socket.gethostname(),
            "process": os.getpid(),
            "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
        self.text = json.dumps(about, sort_keys=True) + "\n"
        handle = os.open(self.record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(self.text)

    def beat(self, over: threading.Event) -> None:
        """Renew the record's time of change until the lock is given back."""
        while not over.wait(BEAT):
            with contextlib.suppress(OSError):
                if self.ours():
                    os.utime(self.record)


def named(record: dict[str, Any] | None) -> str:
    """The writer of a record, for people; characters that steer a terminal are left out."""
    if record is None:
        return "another process"
    owner, host, process, since = (
        "".join(c for c in str(record.get(key, "?"))[:80] if c.isprintable())
        for key in ("owner", "host", "process", "since")
    )
    return f"{owner} (process {process} on {host}, since {since})"


def user() -> str:
    """The name of the user, or the number where there is no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def alive(process: Any) -> bool:
    """Whether a process of this number runs on this host."""
    if not isinstance(process, int) or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
