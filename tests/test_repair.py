"""`albench repair`: what can be derived is rebuilt, the rest is left out and said."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_writers import bought, contents, row

from albench.cli import exit_code
from albench.core.errors import BadResults
from albench.results import intake
from albench.results.repair import repaired
from albench.results.store import Store

VERSIONS = {"numpy": "2.2.0", "python": "3.11.7"}


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A packed store of two runs, and a shard with a third."""
    store = Store(tmp_path / "r")
    for name in ("a", "b"):
        store.add([row(name) | {"versions": json.dumps(VERSIONS), "revision": "abc"}], bought(name))
    store.pack(suite="s", versions=VERSIONS, revision="abc", machine={"cpu": "x", "cores": 2})
    store.add([row("c")], bought("c"))
    return store.folder


def manifest_of(folder: Path) -> dict[str, Any]:
    return intake.manifest_of(folder / "manifest.json")


def test_a_whole_store_is_left_as_it_is(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(packed)
    assert exit_code(["repair", str(packed)]) == 0
    assert capsys.readouterr().out == f"{packed}: 3 runs, all of them whole\n"
    assert contents(packed) == before


@pytest.mark.parametrize("at", [0, 40, 300, -10])
def test_a_flipped_bit_of_the_manifest_is_turned_back(packed: Path, at: int) -> None:
    path = packed / "manifest.json"
    whole = path.read_bytes()
    at %= len(whole)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
    with pytest.raises(BadResults, match="albench repair"):
        Store(packed).runs()
    assert "one flipped bit was turned back" in repaired(packed)[0]
    assert json.loads(path.read_bytes()) == json.loads(whole)
    assert len(Store(packed).runs()) == 3
    assert repaired(packed) == []


@pytest.mark.parametrize("damage", ["byte", "empty", "missing", "checksums"])
def test_a_manifest_beyond_that_is_derived_from_the_tables(packed: Path, damage: str) -> None:
    path = packed / "manifest.json"
    whole = path.read_bytes()
    at = whole.index(b'"suite"')
    if damage == "missing":
        path.unlink()
    elif damage == "byte":
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    else:
        path.write_bytes(b"" if damage == "empty" else whole.replace(b'"sha256"', b'"sha"'))
    said = repaired(packed)
    found = manifest_of(packed)
    assert found["sha256"] == json.loads(whole)["sha256"]
    assert (found["versions"], found["revision"]) == (VERSIONS, "abc")  # as the runs say
    assert not {"suite", "machine", "added", "entries"} & {k for k, v in found.items() if v}
    assert "left out: suite, additions, entries, machine" in said[0]
    vouched = "checksums that the damaged manifest still shows"
    assert (vouched in said[1]) == (damage in ("byte", "checksums"))
    assert ("replays runs" in said[1]) == (damage in ("empty", "missing"))
    assert Store(packed).runs()["run"].tolist() == ["a", "b", "c"]
    assert (packed / "manifest.json.damaged").exists() == (damage != "missing")


def test_a_flipped_number_in_a_table_is_not_vouched_for(packed: Path) -> None:
    path = packed / "rounds.parquet"
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    whole = manifest_of(packed)
    said = repaired(packed)
    assert "rounds.parquet does not match its checksum" in said[0]
    assert "what lies in no shard is to be run again" in said[0]
    assert Store(packed).runs()["run"].tolist() == ["c"]
    assert (packed / "rounds.parquet.damaged").read_bytes() == data[:-1] + b"x"
    assert manifest_of(packed)["suite"] == whole["suite"]
    Store(packed).pack()
    assert Store(packed).runs()["run"].tolist() == ["c"]


def test_a_damaged_plan_and_a_damaged_shard_are_set_aside(packed: Path) -> None:
    (packed / "packing.json").write_bytes(b'{"manifest": {"schema": 1')
    store = Store(packed)
    with pytest.raises(BadResults, match=r"packing.json is no JSON.*albench repair"):
        store.runs()
    shard = next((packed / "shards").glob("*.rounds.parquet"))
    shard.write_bytes(shard.read_bytes()[:-9])
    said = repaired(packed)
    assert "packing.json" in said[0]
    assert "set aside, its runs will be run again" in said[1]
    assert Store(packed).runs()["run"].tolist() == ["a", "b"]


def test_every_flip_of_a_byte_of_the_manifest_ends_readable(packed: Path) -> None:
    path = packed / "manifest.json"
    whole = path.read_bytes()
    for at in range(0, len(whole), len(whole) // 12):
        for file in packed.glob("*.damaged*"):
            file.unlink()
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert repaired(packed)
        assert len(Store(packed).runs()) == 3


def test_no_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["repair", str(tmp_path / "none")]) == 2
    assert exit_code(["repair", str(tmp_path)]) == 2
    assert "no such results folder" in (said := capsys.readouterr().err)
    assert "holds no results" in said
    assert not list(tmp_path.iterdir())
