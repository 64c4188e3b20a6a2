"""Parsed tables in the cache: arrays as `.npz` without pickle, frames as Parquet."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from albench.cache import folder, replacing
from albench.ref import canonical

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
