"""What the cache holds of what the registry names: listing, importing, verifying."""

from pathlib import Path
from typing import Any

from albench.core import registry
from albench.core.errors import BadData
from albench.core.files import File, sha256
from albench.core.spec import Ref
from albench.datasets._cache import cached, checked, folder, mirrored, obtained, stored
from albench.datasets.openml import imported_openml, md5_of

__all__ = ["folder", "imported", "listing", "repaired", "verified"]

PREFIX = 16


def files() -> dict[str, File]:
    """Dataset name -> its file, for all registered datasets that have one."""
    entries = [registry.entry("dataset", name) for name in registry.names("dataset")]
    return {e.name: e.traits.file for e in entries if e.traits.file is not None}


def listing() -> list[dict[str, Any]]:
    """One row per registered file: name, sizes, checksum, and where it lies.

    where: `cache`, `mirror` or `absent`. No file is read, but those of a mirror that have
    the right name or size are hashed.
    """
    rows = []
    for name, file in files().items():
        traits = registry.entry("dataset", name).traits
        row = {k: getattr(traits, k) for k in ("n", "d", "classes")}
        row["known"] = traits.known or None
        rows.append(row | {"name": name, "bytes": file.size, "sha256": file.sha256})
        rows[-1]["where"] = place_of(file)
    return rows


def place_of(file: File) -> str:
    """`cache`, `mirror` or `absent`."""
    if cached(file) is not None:
        return "cache"
    try:
        return "mirror" if mirrored(file) is not None else "absent"
    except BadData:
        return "absent"


def repaired(ref: Ref) -> None:
    """Replace a damaged file of a registered dataset or of an address; others are left."""
    file = registry.entry("dataset", ref.name).traits.file
    if file is None and ref.source and "://" in ref.source:
        file = File(ref.source.rsplit("/", 1)[-1], str(ref.kwargs["sha256"]), ref.source)
    if isinstance(file, File):
        obtained(file, repair=True)


def imported(source: Path) -> tuple[list[dict[str, Any]], int]:
    """Take up the files of a folder that a dataset names; returns rows and how many it did not.

    Files told by their SHA-256 are registered ones and those that another cache folder had
    taken up; files of OpenML come with their description.
    """
    known = {file.sha256: (name, file) for name, file in files().items()}
    rows, strange = imported_openml(source), 0
    for path in sorted(source.rglob("*")):
        if not path.is_file() or path.parent.name in ("openml", "parsed"):
            continue
        digest = sha256(path)
        prefix, _, rest = path.name.partition("-")
        if digest in known:
            name, file = known[digest]
        elif digest.startswith(prefix) and len(prefix) == PREFIX:
            name, file = rest, File(rest, digest)
        else:
            strange += 1
            continue
        rows.append({"name": name, "file": str(path), "result": "already here"})
        if not sound(file):
            stored(path, file)
            rows[-1]["result"] = "imported"
    return rows, strange


def sound(file: File) -> bool:
    """Whether the cache holds the file undamaged."""
    path = cached(file)
    if path is None:
        return False
    try:
        checked(path, file)
    except BadData:
        path.unlink()
        return False
    return True


def verified() -> list[dict[str, Any]]:
    """One row per file of the cache: same or damaged, expected and found checksum."""
    expected = {place.name: file for file in files().values() if (place := cached(file))}
    rows = []
    for path in sorted((folder() / "files").glob("[!.]*-*")):  # hidden: not yet whole
        found = sha256(path)
        due = expected[path.name].sha256 if path.name in expected else path.name[:PREFIX]
        rows.append(
            {"file": path.name, "result": "same" if found.startswith(due) else "damaged"}
            | {"expected": due, "found": found}
        )
    for path in sorted((folder() / "openml").glob("*.arff")):
        due, found = path.stem.split("-")[1], md5_of(path)
        result = "same" if due == found else "damaged"
        rows.append({"file": path.name, "result": result, "expected": due, "found": found})
    return rows
