"""A contributor's pack: what is in it, what is not, and which packs are turned away."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forgeries import FORGERIES, apply

from albench.api import checks
from albench.cli import exit_code
from albench.core import registry
from albench.results.store import Store

SUITE = """
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
metrics = ["accuracy"]
protocol = {use = "standard", start = 10, budget = 30}
"""
STRATEGY = """
import albench

@albench.strategy("widest_first")
def widest_first(query):
    return query.top(query.X[query.pool, 0])
"""
Content = dict[str, bytes]
Say = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """A maintainer's process does not know the strategy of a pack beforehand."""
    entries, loaded = {k: dict(v) for k, v in registry.ENTRIES.items()}, dict(registry.LOADED)
    yield
    registry.ENTRIES.update(entries)
    registry.LOADED.clear()
    registry.LOADED.update(loaded)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the maintainer's results, the contributor's, and the pack."""
    registry.names("strategy")
    before = {kind: dict(held) for kind, held in registry.ENTRIES.items()}
    folder = tmp_path_factory.mktemp("submission")
    suite, mine = folder / "s.toml", folder / "mine.py"
    suite.write_text(SUITE)
    mine.write_text(STRATEGY)
    ours, theirs = str(folder / "ours"), str(folder / "theirs")
    run = ["run", str(suite), "--jobs", "1", "--results"]
    assert exit_code([*run, ours]) == 0
    added = ["--plugin", str(mine), "--add", "widest_first", "--reuse", ours]
    assert exit_code([*run, theirs, *added]) == 0
    words = ["submit", theirs, "--plugin", str(mine), "--suite", str(suite)]
    assert exit_code([*words, "--to", str(folder / "pack.zip")]) == 0
    registry.ENTRIES.update(before)
    registry.LOADED.clear()
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The same, with results that a test may change."""
    shutil.copytree(made / "ours", tmp_path / "ours")
    shutil.copy(made / "s.toml", tmp_path)
    shutil.copy(made / "pack.zip", tmp_path)
    return tmp_path


def content_of(pack: Path) -> Content:
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repacked(pack: Path, content: Content, honest: bool = True) -> None:
    """The pack with other members; honest: its summary fits them."""
    if honest:
        told = json.loads(content["submission.json"])
        told["sha256"] = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in content.items()
            if name != "submission.json"
        }
        content["submission.json"] = json.dumps(told).encode()
    with zipfile.ZipFile(pack, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def accept(place: Path, *more: str) -> int:
    words = ["accept", str(place / "pack.zip"), "--suite", str(place / "s.toml")]
    words += ["--results", str(place / "ours"), "--to", str(place / "site"), "--sample", "0"]
    return exit_code([*words, *more])


def refused(place: Path, capsys: Say, *said: str) -> None:
    """Accepting fails with these words, and the results stay as they were."""
    before = {p: p.read_bytes() for p in (place / "ours").rglob("*") if p.is_file()}
    assert accept(place, "--read") in (1, 2)
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    for words in said:
        assert words in told.err
    after = {p: p.read_bytes() for p in (place / "ours").rglob("*") if p.is_file()}
    assert after == before
    assert not (place / "site").exists()


def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the half minute that a check takes; `tests/test_check.py` has those."""
    monkeypatch.setattr(checks, "check", lambda name: checks.Audited(name, 1, ()))


def test_a_pack_holds_the_new_strategy_and_nothing_else(made: Path, tmp_path: Path) -> None:
    content = content_of(made / "pack.zip")
    assert set(content) == {
        "submission.json",
        "environment.txt",
        "runs.parquet",
        "rounds.parquet",
        "manifest.json",
        "mine.py",
    }
    assert content["mine.py"].decode() == STRATEGY
    runs = pq.read_table(io.BytesIO(content["runs.parquet"]))
    assert set(runs["strategy"].to_pylist()) == {"widest_first"}
    assert len(runs) == 4
    rounds = pq.read_table(io.BytesIO(content["rounds.parquet"]))
    assert set(rounds["run"].to_pylist()) == set(runs["run"].to_pylist())
    told = json.loads(content["submission.json"])
    assert told["strategies"] == ["widest_first"]
    assert told["licence"] == "CC-BY-4.0"
    assert b"numpy==" in content["environment.txt"]
    assert str(made).encode() not in b"".join(content.values())


def test_equal_results_give_an_equal_pack(made: Path, tmp_path: Path) -> None:
    words = ["submit", str(made / "theirs"), "--plugin", str(made / "mine.py")]
    words += ["--suite", str(made / "s.toml"), "--to", str(tmp_path / "again.zip")]
    assert exit_code(words) == 0
    assert (tmp_path / "again.zip").read_bytes() == (made / "pack.zip").read_bytes()


def test_no_row_of_a_private_table_is_sent(tmp_path: Path, made: Path, capsys: Say) -> None:
    table = "\n".join(f"{i},{i * i % 7},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "secret.csv").write_text("a,b,y\n" + table + "\n")
    suite = tmp_path / "s.toml"
    own = '{use = "csv", path = "secret.csv", target = "y"}'
    suite.write_text(SUITE.replace('"wine"', own))
    more = ["--plugin", str(made / "mine.py"), "--add", "widest_first"]
    out = str(tmp_path / "r")
    assert exit_code(["run", str(suite), "--jobs", "1", "--results", out, *more]) == 0
    words = ["submit", out, "--plugin", str(made / "mine.py"), "--suite", str(suite)]
    assert exit_code([*words, "--to", str(tmp_path / "p.zip")]) == 0
    assert "2 runs are on tables of your own, which are never sent" in capsys.readouterr().err
    content = content_of(tmp_path / "p.zip")
    runs = pq.read_table(io.BytesIO(content["runs.parquet"]))
    assert runs["dataset"].to_pylist() == ["iris", "iris"]
    assert not any(b"secret" in data for data in content.values())
    suite.write_text(SUITE.replace('"iris", "wine"', own))
    assert exit_code([*words, "--to", str(tmp_path / "q.zip")]) == 2
    assert not (tmp_path / "q.zip").exists()


def test_nothing_is_executed_before_the_file_was_read(place: Path, capsys: Say) -> None:
    content = content_of(place / "pack.zip")
    trap = place / "executed"
    content["mine.py"] += f"\nopen({str(trap)!r}, 'w')\n".encode()
    repacked(place / "pack.zip", content)
    assert accept(place) == 0
    told = capsys.readouterr()
    assert not trap.exists()
    assert "def widest_first" in told.out
    assert "nothing was executed or merged" in told.err
    assert len(Store(place / "ours").runs()) == 12


def test_a_true_pack_is_merged_and_the_site_is_there(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Say
) -> None:
    unchecked(monkeypatch)
    assert accept(place, "--read") == 0
    told = capsys.readouterr()
    assert "widest_first merged: 16 runs" in told.out
    assert (place / "ours" / "strategies" / "mine.py").read_text() == STRATEGY
    assert Store(place / "ours").manifest["added"] == ["widest_first"]
    assert "widest_first" in (place / "site" / "index.html").read_text()
    assert accept(place, "--read") == 2  # twice is once too often
    assert "is there already" in capsys.readouterr().err


def test_a_strategy_that_fails_its_check_is_turned_away(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Say
) -> None:
    found = checks.Finding("blind to the test set", "fail", "", "it peeks")
    monkeypatch.setattr(checks, "check", lambda name: checks.Audited(name, 1, (found,)))
    refused(place, capsys, "nothing was merged: check", "it peeks")


def other_numbers(content: Content) -> None:
    table = pq.read_table(io.BytesIO(content["rounds.parquet"]))
    at = table.column_names.index("accuracy")
    better = pa.array([value + 0.001 for value in table["accuracy"].to_pylist()])
    rewrite(content, "rounds", table.set_column(at, "accuracy", better))


def rewrite(content: Content, name: str, table: pa.Table) -> None:
    """A table with its manifest, as the cheat would seal it."""
    from albench.results import intake

    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    content[f"{name}.parquet"] = buffer.getvalue()
    manifest = json.loads(content["manifest.json"])
    manifest["sha256"][name] = hashlib.sha256(buffer.getvalue()).hexdigest()
    content["manifest.json"] = intake.sealed(manifest).encode()


def another_file(content: Content) -> None:
    content["mine.py"] = content["mine.py"].replace(b"0])", b"1])")


def told_otherwise(**told: object) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        content["submission.json"] = json.dumps(
            json.loads(content["submission.json"]) | told
        ).encode()

    return change


def member(name: str, data: bytes = b"x") -> Callable[[Content], None]:
    return lambda content: content.update({name: data})


def more_entries(content: Content) -> None:
    content["mine.py"] += b'\n@albench.metric("best", better="higher")\ndef best(o): return 1.0\n'


def native(content: Content) -> None:
    content["mine.py"] += b'\n@albench.strategy("margin")\ndef m(query): return query.pool\n'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_numbers, "replayed runs differ"),
        (another_file, "none of suite"),
        (told_otherwise(strategies=["margin"]), "is there already"),
        (told_otherwise(strategies=["another"]), "and its runs are of"),
        (told_otherwise(strategies=[]), "holds something else"),
        (told_otherwise(suite="lu2023"), "is of suite 'lu2023'"),
        (told_otherwise(licence="all rights reserved"), "CC-BY-4.0"),
        (told_otherwise(format=2), "format 1"),
        (told_otherwise(file="../../evil.py"), "is not what"),
        (told_otherwise(suite="\x1b[2J"), "holds something else"),
        (member("../evil.py"), "a pack holds"),
        (member("evil.py"), "a pack holds"),
        (member("/etc/passwd"), "a pack holds"),
        (member("environment.txt", b"x" * 2_000_000), "unpacks to more"),
        (more_entries, "defines metric 'best'"),
        (native, "registered twice"),
        (lambda content: content.pop("environment.txt"), "a pack holds"),
        (member("submission.json", b"[" * 50_000), "no JSON"),
    ],
)
def test_forged_packs_are_turned_away(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Say,
    change: Callable[[Content], None],
    said: str,
) -> None:
    unchecked(monkeypatch)
    content = content_of(place / "pack.zip")
    change(content)
    repacked(place / "pack.zip", content, honest=content["submission.json"][:1] == b"{")
    refused(place, capsys, said)


def test_a_member_that_its_checksum_does_not_cover_is_found(place: Path, capsys: Say) -> None:
    content = content_of(place / "pack.zip")
    another_file(content)
    repacked(place / "pack.zip", content, honest=False)
    refused(place, capsys, "mine.py is not what submission.json says of it")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip at all", b"x" * 10_000])
def test_what_is_no_pack_is_said_to_be_none(place: Path, capsys: Say, data: bytes) -> None:
    (place / "pack.zip").write_bytes(data)
    refused(place, capsys, "is no pack")


@pytest.mark.parametrize(
    "name", ["swapped datasets", "a row bought in two rounds", "null picks", "no spec"]
)
def test_forged_tables_in_a_pack_are_turned_away(place: Path, capsys: Say, name: str) -> None:
    content = content_of(place / "pack.zip")
    folder = place / "unpacked"
    folder.mkdir()
    tables = ("runs.parquet", "rounds.parquet", "manifest.json")
    for file in tables:
        (folder / file).write_bytes(content[file])
    apply(FORGERIES[name], folder)
    content |= {file: (folder / file).read_bytes() for file in tables}
    repacked(place / "pack.zip", content)
    refused(place, capsys, "error: ")


def test_runs_of_others_are_not_smuggled_in(made: Path, place: Path, capsys: Say) -> None:
    content = content_of(place / "pack.zip")
    for name in ("runs", "rounds"):
        rewrite(content, name, pq.read_table(made / "theirs" / f"{name}.parquet"))
    repacked(place / "pack.zip", content)
    refused(place, capsys, "and its runs are of")
