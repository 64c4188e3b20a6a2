"""Texts and tables from strangers: measured before they are decoded, never raw on a terminal."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forgeries import COMMANDS, FORGERIES, Outcome, apply, called, made

from albench.cli.output import note
from albench.core import safe
from albench.core.errors import BadResults
from albench.core.tables import RUNS, arrow_type
from albench.results import intake
from albench.results.consistent import contradictions
from albench.results.store import Store
from albench.testing.verify import verify

TRICK = "red\x1b[31m turned \u202e back\x07"


def runs_file(path: Path, n: int, reason: str) -> Path:
    columns = {name: pa.nulls(n, arrow_type(column.kind)) for name, column in RUNS.items()}
    columns["run"] = pa.array([f"{i:024x}" for i in range(n)])
    columns |= {name: pa.array(["x"] * n) for name in intake.DUE if name not in ("run", "trial")}
    columns["trial"] = pa.array([0] * n)
    columns["status"] = pa.array(["failed"] * n)
    columns["reason"] = pa.array([reason] * n)
    pq.write_table(intake.stamped(pa.table(columns)), path, compression="zstd")
    return path


def test_a_dictionary_bomb_is_measured_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = runs_file(tmp_path / "runs.parquet", 3000, "x" * 50_000)
    assert path.stat().st_size < 200_000
    monkeypatch.setattr(intake, "MOST_TEXT", 10**8)
    before = pa.total_allocated_bytes()
    monkeypatch.setattr(intake, "read_columns", lambda *a: pytest.fail("it was decoded"))
    with pytest.raises(BadResults, match="texts unpack to more than 100000000 bytes"):
        intake.parquet(path, "runs")
    assert pa.total_allocated_bytes() - before < 10**7


def test_many_short_texts_are_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = runs_file(tmp_path / "runs.parquet", 2000, "skipped")
    monkeypatch.setattr(intake, "MOST_TEXT", 2000 * 50)
    assert len(intake.parquet(path, "runs")) == 2000


def test_reasons_are_cut_and_made_printable_when_read(tmp_path: Path) -> None:
    path = runs_file(tmp_path / "runs.parquet", 2, TRICK + "y" * 100_000)
    (text, _) = intake.parquet(path, "runs")["reason"].to_pylist()
    assert len(text) < safe.MOST_REASON + 100
    assert "characters left out" in text
    assert "\\x1b[31m" in text
    assert "\\u202e" in text
    assert text.replace("\n", "").isprintable()


def test_a_manifest_with_direction_marks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    for said in ({"revision": TRICK}, {"versions": {"numpy": "1\u202e"}}, {"machine": {"\x1b": 1}}):
        path.write_text(json.dumps({"schema": 1, **said}))
        with pytest.raises(BadResults, match="control characters"):
            intake.manifest_of(path)


def test_nothing_raw_reaches_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    note(TRICK)
    said = capsys.readouterr().err
    assert said == "red\\x1b[31m turned \\u202e back\\x07\n"
    assert safe.printable("two\nlines\tand Ω") == "two\nlines\tand Ω"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('File "/home/me/secret/mine.py", line 3', 'File "mine.py", line 3'),
        (r'File "C:\Users\me\mine.py", line 3', 'File "mine.py", line 3'),
        ("1/2 of the rows, and/or n/a", "1/2 of the rows, and/or n/a"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
    ],
)
def test_absolute_paths_do_not_enter_results(text: str, kept: str) -> None:
    assert safe.reason(text) == kept


Made = tuple[Path, Path]
DEAR = ("figures", "report", "leaderboard")


@pytest.fixture(scope="module")
def true(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("true"))


def read_by(command: str, name: str, true: Made, folder: Path) -> Outcome:
    """How a command ends on a folder forged in that way."""
    suite, results = true
    shutil.copytree(results, folder / "forged")
    apply(FORGERIES[name], folder / "forged")
    found = called(command, suite, folder / "forged", folder / "out")
    assert found.code is not None, found.said
    assert not found.raw, found.said
    return found


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_folder_is_refused_or_read_but_never_merged(
    name: str, true: Made, tmp_path: Path
) -> None:
    found, forgery = read_by("merge", name, true, tmp_path), FORGERIES[name]
    assert (found.code == 0) == (forgery.harmless or forgery.silent), found.said
    if found.code:
        assert "error: " in found.said
        assert not (tmp_path / "out" / "runs.parquet").exists()


# pages and figures of what is readable take long: `tests/benchmarks/faults.py` draws them all
REFUSED = ("a spec that is no JSON", "null picks", "a null trial")
READ = ("an addition with markup", "a reason that steers a terminal")


@pytest.mark.parametrize("name", [*REFUSED, *READ])
@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("verify", "reuse")])
def test_every_command_that_reads_says_a_sentence(
    command: str, name: str, true: Made, tmp_path: Path
) -> None:
    if name in READ and command in DEAR:
        command = "compare"
    found = read_by(command, name, true, tmp_path)
    light = command in ("status", "failed", "dry run")  # read neither rounds nor trials
    looked = not light or name == "a spec that is no JSON"
    if name in REFUSED and command != "repair" and looked:
        assert found.code == 2, found.said
        assert "error: " in found.said


@pytest.mark.parametrize(
    "name",
    [
        "null labels",
        "labels of another number",
        "labels of classes that there are not",
        "negative labels",
        "picks that are no rows",
        "more labels than were bought",
    ],
)
def test_what_cannot_have_been_bought_is_said(name: str, true: Made, tmp_path: Path) -> None:
    found = read_by("noise", name, true, tmp_path)
    assert found.code == 2
    assert "error: run " in found.said


@pytest.mark.parametrize(
    "name", ["swapped strategies", "a row bought in two rounds", "a null trial", "rounds of no run"]
)
def test_nothing_forged_is_taken_over(name: str, true: Made, tmp_path: Path) -> None:
    found = read_by("reuse", name, true, tmp_path)
    assert found.code == 2, found.said
    assert not Store(tmp_path / "out").runs()["run"].size


def test_merge_and_verify_say_the_same(true: Made, tmp_path: Path) -> None:
    for name in ("swapped datasets", "negative seconds", "labels that get fewer"):
        folder = tmp_path / name
        shutil.copytree(true[1], folder)
        apply(FORGERIES[name], folder)
        (said, *_) = contradictions(*Store(folder).read())
        assert said in called("merge", true[0], folder, tmp_path / "out").said
    assert said in verify(folder, 1, 1).faults
    assert contradictions(*Store(true[1]).read()) == []
