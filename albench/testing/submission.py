"""A contributor's runs, packed to be sent; and a pack from a stranger, judged before it is merged.

A pack is a ZIP file of exactly the members of `MEMBERS` and one strategy file: the runs of the
new strategy alone as the two tables, their manifest, the environment, and a summary with the
checksum of every other member. Runs on tables of one's own are left out, so that no row number
and no label of a private table is sent.

Nothing of a pack is executed before whoever accepts it has said that the strategy file was read.
Then the strategy is checked, a sample of the runs is replayed, and only what passes everything is
merged.
"""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.core import registry
from albench.core.errors import BadResults, BadValue, CheckFailed
from albench.core.files import reason, write_atomic
from albench.core.spec import RunSpec
from albench.core.version import VERSION
from albench.results import intake, provenance
from albench.results.consistent import refused, specs_of
from albench.results.store import Store
from albench.runner.grid import merge
from albench.suite import Suite

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
SUMMARY, ENVIRONMENT = "submission.json", "environment.txt"
TABLES = ("runs.parquet", "rounds.parquet", "manifest.json")
MEMBERS = (SUMMARY, ENVIRONMENT, *TABLES)
MOST_TEXT, MOST_SOURCE = 2**20, 2**20
MOST_PACK = 2**30
LICENCE = "CC-BY-4.0"
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}\.py")
KEYS = ("format", "suite", "strategies", "file", "licence", "sha256")
EPOCH = (1980, 1, 1, 0, 0, 0)
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Packed:
    """What went into a pack.

    runs      how many
    left_out  sentences on runs that were not packed
    """

    path: Path
    strategies: tuple[str, ...]
    runs: int
    left_out: tuple[str, ...]


def own_file(entry: registry.Entry | None, file: Path) -> bool:
    """Whether an entry was defined by a file."""
    return entry is not None and entry.plugin == str(file.expanduser().resolve())


def strategies_of(file: Path) -> tuple[str, ...]:
    """The strategies that a loaded file defines; raises BadValue for any other kind of entry."""
    others = [
        f"{kind} {name!r}"
        for kind, entries in registry.ENTRIES.items()
        for name, entry in entries.items()
        if kind != "strategy" and own_file(entry, file)
    ]
    if others:
        raise BadValue(
            f"{file.name} defines {', '.join(sorted(others))}; a submission defines strategies only"
        )
    found = registry.ENTRIES["strategy"].items()
    names = tuple(sorted(name for name, entry in found if own_file(entry, file)))
    if not names:
        raise BadValue(f"{file.name} defines no strategy")
    return names


def private(spec: RunSpec) -> bool:
    """Whether a run is on a table that is not everybody's: a file of one's own, or a plugin's."""
    for kind, ref in registry.within("dataset", spec.dataset):
        known = registry.ENTRIES[kind].get(ref.name)
        if known is None or known.plugin is not None or known.traits.resolve is not None:
            return True
    return False


def packed(suite: Suite, folder: Path, file: Path, target: Path) -> Packed:
    """Pack the runs of the strategies of a file.

    suite   as it was run; the file is loaded already
    folder  its results
    Raises BadValue where there is nothing to send, BadResults for results that contradict
    themselves or that another version of the file made.
    """
    names = strategies_of(file)
    if not FILE.fullmatch(file.name):
        raise BadValue(
            f"{file.name}: letters, digits, `_`, `-` and `.` make a name that can be sent"
        )
    store = Store(folder)
    runs, rounds = store.read()
    refused(runs, rounds, str(folder))
    mine, left_out = chosen(suite.adding(names), runs, names)
    if not mine:
        why = "; ".join(left_out) or f"albench run {suite.name} --plugin {file.name} --add NAME"
        raise BadValue(f"{folder} holds no run of {', '.join(names)} that can be sent: {why}")
    content = {
        ENVIRONMENT: environment().encode(),
        file.name: file.read_bytes(),
        **tables_of(store, mine, names),
    }
    told = {
        "format": FORMAT,
        "suite": suite.name,
        "strategies": list(names),
        "file": file.name,
        "licence": LICENCE,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
    }
    content[SUMMARY] = (json.dumps(told, indent=1, sort_keys=True) + "\n").encode()
    write_atomic(target, zipped(content))
    return Packed(target, names, len(mine), tuple(left_out))


def chosen(suite: Suite, runs: "pd.DataFrame", names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The runs that are sent, and sentences on those of the strategies that are not."""
    grid = {spec.id for spec in suite.specs}
    current = {name: registry.entry("strategy", name).version for name in names}
    mine, gone = [], {"private": 0, "old": 0, "outside": 0}
    for spec in specs_of(runs):
        if spec.strategy.name not in current:
            continue
        if private(spec):
            gone["private"] += 1
        elif spec.strategy.version != current[spec.strategy.name]:
            gone["old"] += 1
        elif spec.id not in grid:
            gone["outside"] += 1
        else:
            mine.append(spec.id)
    said = {
        "private": "are on tables of your own, which are never sent",
        "old": "are of another version of the file",
        "outside": f"are none of suite {suite.name!r}",
    }
    return mine, [f"{n} runs {said[why]}" for why, n in gone.items() if n]


def tables_of(store: Store, mine: list[str], names: Iterable[str]) -> dict[str, bytes]:
    """The tables of some runs and their manifest, as files of a results folder."""
    import tempfile

    import pyarrow as pa
    import pyarrow.compute as pc

    runs, rounds = store.arrow()
    assert rounds is not None
    ids = pa.array(mine)
    manifest = store.manifest
    kept = {f"strategy:{name}" for name in names}
    entries = {k: v for k, v in (manifest.get("entries") or {}).items() if k in kept}
    told = {key: manifest.get(key) for key in ("suite", "suite_sha256", "versions", "machine")}
    with tempfile.TemporaryDirectory() as folder:
        other = Store(Path(folder) / "pack")
        other.write_shard(
            runs.filter(pc.is_in(runs["run"], ids)), rounds.filter(pc.is_in(rounds["run"], ids))
        )
        other.pack(**told, added=sorted(names), entries=entries)
        return {name: (other.folder / name).read_bytes() for name in TABLES}


def environment() -> str:
    """The installed versions of albench and of what it requires, as pip lists them."""
    lines = [f"# Python {provenance.versions()['python']}", f"albench=={VERSION}"]
    try:
        wanted = requires("albench") or []
    except PackageNotFoundError:
        wanted = []
    names = {re.split(r"[\s\[;<>=!~(]", line, maxsplit=1)[0] for line in wanted}
    for name in sorted({*names, *provenance.LIBRARIES} - {"albench"}):
        try:
            lines.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return "\n".join(lines) + "\n"


def zipped(content: dict[str, bytes]) -> bytes:
    """A ZIP file; equal content gives equal bytes."""
    import io

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as pack:
        for name in sorted(content):
            pack.writestr(zipfile.ZipInfo(name, EPOCH), content[name])
    return buffer.getvalue()


@dataclass(frozen=True)
class Opened:
    """A pack whose members are whole; nothing of it has been executed.

    folder  holds its results
    file    its strategy file, outside that folder
    """

    suite: str
    strategies: tuple[str, ...]
    file: Path
    folder: Path


def opened(pack: Path, folder: Path) -> Opened:
    """Unpack a pack into an empty folder.

    Raises BadResults for a file that is none, or whose members are others than it says.
    """
    try:
        with zipfile.ZipFile(pack) as archive:
            content = members(pack, archive)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        said = reason(error) if isinstance(error, OSError) else str(error)
        raise BadResults(f"{pack} is no pack: {said}") from error
    told = summary(pack, content.pop(SUMMARY))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    wrong = sorted(name for name in digests if told["sha256"].get(name) != digests[name])
    if wrong or set(told["sha256"]) != set(digests) or told["file"] not in content:
        named = (wrong or [told["file"]])[0]
        raise BadResults(f"{pack}: {named} is not what {SUMMARY} says of it")
    results, file = folder / "results", folder / told["file"]
    results.mkdir(parents=True)
    for name in TABLES:
        (results / name).write_bytes(content[name])
    file.write_bytes(content[told["file"]])
    return Opened(told["suite"], tuple(told["strategies"]), file, results)


def members(pack: Path, archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The members of a pack, measured before they are read."""
    found = archive.infolist()
    names = [info.filename for info in found]
    files = [name for name in names if FILE.fullmatch(name)]
    if sorted(names) != sorted([*MEMBERS, *files]) or len(files) != 1:
        raise BadResults(
            f"{pack} holds {', '.join(repr(n[:60]) for n in sorted(names)[:9])}; a pack holds "
            f"{', '.join(MEMBERS)} and one file of a strategy, each once"
        )
    for info in found:
        most = intake.MOST_BYTES if info.filename in TABLES else MOST_TEXT
        if info.file_size > most or sum(one.file_size for one in found) > MOST_PACK:
            raise BadResults(f"{pack}: {info.filename} unpacks to more than is read")
    return {info.filename: read(archive, info) for info in found}


def read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member, no further than the size that it states."""
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} is not as large as it states")
    return data


def summary(pack: Path, data: bytes) -> dict[str, Any]:
    """What a pack says of itself, its types checked."""
    told = intake.parsed(pack / SUMMARY, data)
    if not isinstance(told, dict) or set(told) != set(KEYS) or told["format"] != FORMAT:
        raise BadResults(f"{pack}: {SUMMARY} is not of format {FORMAT}")
    names = told["strategies"]
    texts = [told["suite"], told["file"], told["licence"], *(names if names else [None])]
    fine = isinstance(names, list) and all(map(intake.is_text, texts))
    if not fine or not intake.readable_texts(told) or not intake.text_table(told["sha256"]):
        raise BadResults(f"{pack}: {SUMMARY} holds something else than is due there")
    if told["licence"] != LICENCE:
        raise BadResults(f"{pack}: results are published under {LICENCE}, not {told['licence']}")
    return told


def judged(found: Opened, suite: Suite, target: Path) -> "pd.DataFrame":
    """The runs of a pack that may be merged once they are verified; nothing is executed.

    suite   with nothing of the pack in it
    target  the results that the pack is to be merged into
    Raises BadResults for runs that contradict themselves, that are not of the pack's own
    strategies, or that are none of the suite's.
    """
    if found.suite != suite.name:
        raise BadResults(f"the pack is of suite {found.suite!r}, not of {suite.name!r}")
    native = registry.names("strategy")
    taken = [name for name in found.strategies if name in native]
    if taken:
        raise BadResults(f"strategy {taken[0]!r} is there already; a submission has a new name")
    runs, rounds = Store(found.folder).read()
    refused(runs, rounds, "the pack")
    specs = specs_of(runs)
    held = {spec.strategy.name for spec in specs}
    if held != set(found.strategies):
        named, have = ", ".join(found.strategies), ", ".join(sorted(held))
        raise BadResults(f"the pack names {named}, and its runs are of {have}")
    if any(map(private, specs)):
        raise BadResults("the pack holds runs on tables that are not everybody's")
    before = set(Store(target).runs(["strategy"])["run"]) & set(runs["run"])
    if before:
        raise BadResults(f"{len(before)} runs of the pack are in {target} already")
    return runs


def outside(suite: Suite, runs: "pd.DataFrame") -> None:
    """Raise BadResults for a run that is none of the suite's, its strategies loaded and added."""
    grid = {spec.id for spec in suite.specs}
    strange = [run for run in runs["run"] if run not in grid]
    if strange:
        raise BadResults(
            f"{len(strange)} runs of the pack are none of suite {suite.name!r} with this strategy "
            f"file, the first is {strange[0]}"
        )


def merged(found: Opened, target: Path) -> int:
    """Merge a pack that passed into results, and keep its strategy file beside them.

    Returns how many runs there are now.
    """
    source = found.file.read_bytes()
    store = merge([found.folder], target)
    write_atomic(target / "strategies" / found.file.name, source)
    return len(store.runs())


def failed(why: str) -> CheckFailed:
    """A pack that is not accepted: nothing of it was merged."""
    return CheckFailed(f"not accepted, nothing was merged: {why}")
