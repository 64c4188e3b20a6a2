"""One folder for what was downloaded and what was parsed.

The folder is `ALBENCH_DATA`, else the platform's cache folder. A file is looked for there,
then in the mirror named by `ALBENCH_MIRROR`, and only then downloaded; it is known by its
SHA-256, and what does not match is an error. Parsed tables are kept as `.npz` (read
without pickle) or Parquet.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from albench.core import files
from albench.core.errors import BadData, BadValue, Unavailable
from albench.core.files import File, cache_folder, sha256
from albench.core.spec import canonical

RETRIES = 4
BLOCK = 1 << 20


def folder() -> Path:
    """The cache folder; it need not exist yet."""
    return cache_folder()


def mirror() -> Path | None:
    """The mirror folder, if one is named; raises BadValue where it is none."""
    given = os.environ.get("ALBENCH_MIRROR")
    if not given:
        return None
    path = Path(given).expanduser()
    if not path.is_dir():
        raise BadValue(f"ALBENCH_MIRROR = {given!r} is no folder")
    return path


def checked(path: Path, file: File) -> Path:
    """The path; raises BadData with both checksums where its bytes are others."""
    found = sha256(path)
    if found != file.sha256:
        raise BadData(
            f"{path} is not the file that is asked for (changed or truncated): expected SHA-256 "
            f"{file.sha256}, found {found} ({path.stat().st_size} bytes); "
            "`albench data fetch` replaces a damaged file in the cache"
        )
    return path


def cached(file: File) -> Path | None:
    """Where a file lies in the cache (not verified), or None."""
    found = sorted((folder() / "files").glob(f"{file.sha256[:16]}-*"))
    return found[0] if found else None


def place(file: File) -> Path:
    """Where a file is kept in the cache."""
    return folder() / "files" / f"{file.sha256[:16]}-{Path(file.name).name}"


def partial(target: Path) -> Path:
    """Where a download that broke off waits to be resumed; no name of a cached file."""
    return target.with_name(f".{target.name}.part")


def obtained(file: File, *, repair: bool = False) -> Path:
    """The verified file: from the cache, else the mirror, else downloaded.

    `repair` replaces a damaged cached file instead of raising. Raises BadData where the
    bytes are others than asked for and Unavailable where the file cannot be had.
    """
    found = cached(file)
    if found is not None:
        try:
            return checked(found, file)
        except BadData:
            if not repair:
                raise
            found.unlink()
    near = mirrored(file)
    if near is not None:
        return stored(near, file)
    if file.url is None:
        raise BadData(
            f"the file {file.name!r} (SHA-256 {file.sha256}) is neither in the cache {folder()} "
            "nor in a mirror, and no address is known; `albench data import DIR` takes it up"
        )
    return downloaded(file)


def mirrored(file: File) -> Path | None:
    """The file in the mirror, by name or size and then by checksum.

    Raises BadData where the only file of that name has other bytes.
    """
    root = mirror()
    if root is None:
        return None
    same_name = sorted(root.rglob(Path(file.name).name))
    for path in same_name:
        if path.is_file() and sha256(path) == file.sha256:
            return path
    if file.size is not None:
        for path in sorted(root.rglob("*")):
            right = path.is_file() and path.stat().st_size == file.size
            if right and sha256(path) == file.sha256:
                return path
    return checked(same_name[0], file) if same_name else None


def stored(path: Path, file: File) -> Path:
    """A verified copy in the cache."""
    target = place(file)
    with replacing(target) as copy:
        shutil.copyfile(path, copy)
        checked(copy, file)
    return target


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """`files.replacing` in the cache; raises BadValue where its folder cannot be written."""
    writable(target)
    with files.replacing(target) as written:
        yield written


def writable(target: Path) -> None:
    """Raise BadValue where no file can be put beside `target`."""
    try:
        files.temporary(target).unlink()
    except OSError as error:
        raise BadValue(
            f"the cache folder {folder()} cannot be written ({error.strerror}); "
            "name another one with ALBENCH_DATA"
        ) from error


def downloaded(file: File) -> Path:
    """The file from its address, resumed and retried; progress on a terminal."""
    import pooch
    import requests

    from albench.datasets._download import Resuming, locked, permitted

    offered = (
        "where there is no network, copy the file and take it up with `albench data import DIR`"
    )
    try:
        permitted(str(file.url))
    except Unavailable as error:
        raise Unavailable(f"{file.name} could not be downloaded: {error}; {offered}") from None
    target = place(file)
    writable(target)
    with locked(target):
        if target.exists():
            return checked(target, file)
        try:
            pooch.get_logger().setLevel("WARNING")
            pooch.retrieve(
                file.url,
                f"sha256:{file.sha256}",
                target.name,
                target.parent,
                downloader=Resuming(partial(target), RETRIES),
            )
        except ValueError as error:
            raise BadData(f"{file.url}: {mismatch(error, file)}") from error
        except (requests.RequestException, OSError) as error:
            raise Unavailable(f"{file.url} could not be downloaded ({error}); {offered}") from error
    return target


def mismatch(error: ValueError, file: File) -> str:
    """What pooch says of a wrong checksum, in our words."""
    import re

    found = [h for h in re.findall(r"[0-9a-f]{64}", str(error)) if h != file.sha256]
    if not found:
        return str(error)
    return f"other bytes than asked for: expected SHA-256 {file.sha256}, found {found[0]}"


FORMAT = 1


def key(*parts: Any) -> str:
    """The name of a parsed table: a digest of the file's checksum and how it was read."""
    return hashlib.sha256(canonical([FORMAT, *parts]).encode()).hexdigest()[:24]


def arrays(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The arrays kept under a name, made and kept where they are not there or not whole."""
    path = folder() / "parsed" / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as found:
            return {k: found[k] for k in found.files}
    except (OSError, ValueError, EOFError, KeyError):
        made = make()
    except Exception as error:
        if type(error).__name__ != "BadZipFile":
            raise
        made = make()
    with replacing(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **made)
    return made


def frame(name: str, make: Callable[[], Any]) -> Any:
    """The data frame kept under a name, made and kept where it is not there or not whole."""
    import pandas as pd
    import pyarrow as pa

    path = folder() / "parsed" / f"{name}.parquet"
    if path.exists():
        try:
            return pd.read_parquet(path)
        except (OSError, pa.ArrowInvalid):
            path.unlink(missing_ok=True)
    made = make()
    with replacing(path) as partial:
        made.to_parquet(partial, index=False)
    return made
