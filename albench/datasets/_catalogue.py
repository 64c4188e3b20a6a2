"""What the cache holds of what the registry names: listing, importing, verifying."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from albench.core import registry
from albench.core.errors import BadData
from albench.core.files import File, sha256
from albench.core.spec import Ref
from albench.datasets._cache import cached, checked, folder, mirrored, obtained, stored
from albench.datasets.openml import candidates, imported_openml, md5_of

__all__ = ["folder", "imported", "listing", "needed", "repaired", "verified"]

PREFIX = 16
HELP = (
    "where there is no network, copy the files that `albench data list SUITE --urls` names into a "
    "folder and give it as `--from FOLDER`"
)


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


def needed(datasets: Iterable[tuple[str, Ref]]) -> list[dict[str, Any]]:
    """One row per file that datasets (label, ref) need: name, address, checksum, where it lies.

    Datasets inside of others are followed. A dataset of OpenML has the address of its page and,
    where its entry or its description in the cache says so, an MD5; one without a file of its
    own has no row.
    """
    rows = []
    for label, ref in datasets:
        inner = [value for _, value in ref.params if isinstance(value, Ref)]
        rows += needed((label, r) for r in inner)
        file = file_of(ref)
        if file is not None:
            row: dict[str, Any] = {
                "dataset": label,
                "file": file.name,
                "address": file.url,
                "sha256": file.sha256,
            }
            rows.append(row | {"where": place_of(file)})
        elif ref.name == "openml":
            number = ref.kwargs["id"]
            kept = next((c for c in candidates(f"{number}.json") if c.is_file()), None)
            page = f"https://www.openml.org/d/{number}"
            row = {"dataset": label, "file": f"OpenML {number}", "address": page}
            md5 = ref.kwargs.get("md5")
            rows.append(row | {"md5": md5, "where": "absent" if kept is None else "described"})
    return rows


def file_of(ref: Ref) -> File | None:
    """The file of a dataset: the registered one, or that of a suite's path or address."""
    file = registry.entry("dataset", ref.name).traits.file
    digest = ref.kwargs.get("sha256")
    if file is None and isinstance(digest, str):
        name = ref.source.rsplit("/", 1)[-1] if ref.source else digest
        return File(name, digest, ref.source)
    return file


def place_of(file: File) -> str:
    """`cache`, `mirror`, `here` (a path of one's own) or `absent`."""
    if file.url is not None and "://" not in file.url and Path(file.url).is_file():
        return "here"
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
