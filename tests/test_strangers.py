"""Texts and tables from strangers: measured before they are decoded, never raw on a terminal."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albench.cli.output import note
from albench.core import safe
from albench.core.errors import BadResults
from albench.core.tables import RUNS, arrow_type
from albench.results import intake

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
    monkeypatch.setattr(intake, "MOST_TEXT", 2000 * 40)
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
