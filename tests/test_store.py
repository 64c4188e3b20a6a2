"""Results on disk: whole, checksummed, mergeable, whatever happens to the files."""

import contextlib
import errno
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sound import sound, spec

from albench.core import tables
from albench.core.errors import BadResults, Contradiction
from albench.results.store import Store, parquet_bytes
from albench.runner.grid import merge

METRICS = "accuracy@1"


def rows(name: str, status: str = "done", **scores: float) -> tuple[dict[str, Any], list[Any]]:
    """The rows of one made-up run with two rounds."""
    run = {
        "run": name,
        "spec": "{}",
        "dataset": "iris",
        "model": "gnb",
        "query_model": "gnb",
        "strategy": name,
        "protocol": "standard",
        "trial": 0,
        "status": status,
        "seconds": 1.0,
        "metrics": ",".join(f"{m}@1" for m in sorted(scores)) or METRICS,
    }
    given = scores or {"accuracy": 0.5}
    rounds = [
        {
            "run": name,
            "round": r,
            "n_labeled": 2 + r,
            "cost": 2.0 + r,
            "picks": [2 * r, 2 * r + 1],
            "labels": [0, None],
            "seconds_fit": 0.1,
            **{m: v + r / 10 for m, v in given.items()},
        }
        for r in range(2)
    ]
    return run, rounds if status == "done" else []


def filled(folder: Path, *made: tuple[dict[str, Any], list[Any]]) -> Store:
    """A store with one shard for each run."""
    store = Store(folder)
    for run, rounds in made:
        store.add([run], rounds)
    return store


def test_shards_and_packed_tables_read_alike(tmp_path: Path) -> None:
    store = filled(tmp_path, rows("b"), rows("a"))
    before = store.read()
    store.pack(suite="s")
    assert not store.shard_keys()
    for one, other in zip(before, Store(tmp_path).read(), strict=True):
        pd.testing.assert_frame_equal(one, other)
    runs, rounds = Store(tmp_path).read()
    assert runs["run"].tolist() == ["a", "b"]
    assert rounds["picks"].iloc[1].tolist() == [2, 3]
    assert np.isnan(rounds["labels"].iloc[0][1])
    assert store.manifest["suite"] == "s"


@pytest.mark.parametrize("part", ["runs", "rounds"])
@pytest.mark.parametrize("damage", ["truncate", "alter", "delete"])
def test_a_damaged_shard_is_set_aside(tmp_path: Path, part: str, damage: str) -> None:
    store = filled(tmp_path, rows("a"), rows("b"))
    file = next(store.shards.glob(f"*.{part}.parquet"))
    content = file.read_bytes()
    if damage == "delete":
        file.unlink()
    else:
        changed = content[:-20] if damage == "truncate" else content[:40] + b"x" + content[41:]
        file.write_bytes(changed)
    # without its `runs` file a shard was never complete, so there is nothing to report
    told = 0 if (part, damage) == ("runs", "delete") else 1
    before, said = files(tmp_path), list[str]()
    for _ in range(2):
        assert len(Store(tmp_path, said.append).runs()) == 1
    assert files(tmp_path) == before
    assert ["is damaged: its files do not match" in s for s in said] == [True] * told * 2
    said.clear()
    Store(tmp_path, said.append).pack()
    assert ["set aside" in s for s in said] == [True] * told
    assert len(list(tmp_path.rglob("*.damaged"))) == (told if damage == "delete" else 2)
    assert len(Store(tmp_path, said.append).read()[0]) == 1


def test_an_altered_packed_table_is_refused(tmp_path: Path) -> None:
    store = filled(tmp_path, rows("a"))
    store.pack(suite="s")
    file = tmp_path / "rounds.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(BadResults, match=r"rounds.parquet does not match its checksum"):
        Store(tmp_path).read()


@pytest.mark.parametrize("step", range(6))
def test_a_packing_cut_short_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    store = filled(tmp_path, rows("a"))
    store.pack(suite="s")
    run, rounds = rows("b")
    store.add([run], rounds)
    calls, replace = [0], os.replace

    def dies(source: Any, target: Any) -> None:
        calls[0] += 1
        if calls[0] > step:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dies)
    monkeypatch.setattr(Path, "replace", lambda self, target: dies(self, target))
    with contextlib.suppress(KeyboardInterrupt):
        store.pack(suite="s")
    monkeypatch.undo()
    left = files(tmp_path)
    runs, rounds_read = Store(tmp_path).read()
    assert runs["run"].tolist() == ["a", "b"]
    assert len(rounds_read) == 4
    assert files(tmp_path) == left
    with Store(tmp_path).writing():
        assert not (tmp_path / "packing.json").exists()
        assert not list(tmp_path.rglob("*.new"))
    for one, other in zip(Store(tmp_path).read(), (runs, rounds_read), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = filled(tmp_path, rows("a"))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    run, rounds = rows("b")
    with pytest.raises(BadResults, match="no space left on the disk; what is stored stays valid"):
        store.add([run], rounds)
    monkeypatch.undo()
    assert Store(tmp_path).runs()["run"].tolist() == ["a"]
    assert not list(store.shards.glob(".writing-*"))


def test_union_commutes_and_can_be_repeated(tmp_path: Path) -> None:
    filled(tmp_path / "one", sound(*rows("a")), sound(*rows("b")))
    filled(tmp_path / "two", sound(*rows("b")), sound(*rows("c", "failed")))
    frames = []
    for order in (["one", "two"], ["two", "one"], ["one", "two", "one"]):
        target = tmp_path / "-".join(order)
        merge([tmp_path / name for name in order], target)
        frames.append(Store(target).read())
    for other in frames[1:]:
        for a, b in zip(frames[0], other, strict=True):
            pd.testing.assert_frame_equal(a, b)
    assert sorted(frames[0][0]["strategy"]) == ["a", "b", "c"]


def test_contradictions_are_refused_by_name(tmp_path: Path) -> None:
    filled(tmp_path / "one", sound(*rows("a", accuracy=0.5)))
    filled(tmp_path / "two", sound(*rows("a", accuracy=0.6)))
    with pytest.raises(
        Contradiction, match=rf"run {spec('a').id}, round 0: accuracy is 0\.5 .* 0\.6"
    ):
        merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")


def with_nan(folder: Path, score: float) -> None:
    """A store of one run whose accuracy is this number, as another program may write it."""
    run, rounds = sound(*rows("a", accuracy=0.5))
    table = tables.rounds_table(rounds)
    column = pa.array([score, 0.25], from_pandas=False)
    table = table.set_column(table.column_names.index("accuracy"), "accuracy", column)
    listed = pa.array([[score, 0.5]] * 2, type=table.schema.field("probability").type)
    table = table.set_column(table.column_names.index("probability"), "probability", listed)
    Store(folder).write_shard(tables.runs_table([run]), table)


def test_a_score_that_is_no_number_equals_itself(tmp_path: Path) -> None:
    for name, score in (("one", np.nan), ("two", np.nan), ("three", 0.5)):
        with_nan(tmp_path / name, score)
    merged = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both")
    rounds = merged.arrow()[1]
    assert rounds is not None
    assert rounds["accuracy"].null_count == 0
    assert np.isnan(rounds["accuracy"][0].as_py())
    assert rounds["accuracy"][1].as_py() == 0.25
    with pytest.raises(
        Contradiction, match=rf"run {spec('a').id}, round 0: \w+ is .*nan.* and .*0\.5"
    ):
        merge([tmp_path / "one", tmp_path / "three"], tmp_path / "all")


def test_sources_of_a_merge_are_left_as_they_are(tmp_path: Path) -> None:
    filled(tmp_path / "one", sound(*rows("a")))
    two = filled(tmp_path / "two", sound(*rows("b")), sound(*rows("c")))
    damaged = two.shard_files(two.shard_keys()[0])[1]
    damaged.write_bytes(damaged.read_bytes() + b"x")
    before = {p: p.read_bytes() for name in ("one", "two") for p in files(tmp_path / name)}
    said: list[str] = []
    merge([tmp_path / "one", tmp_path / "two"], tmp_path / "both", said.append)
    assert {p: p.read_bytes() for name in ("one", "two") for p in files(tmp_path / name)} == before
    assert len(Store(tmp_path / "both").runs()) == 2
    assert len(said) == 1
    assert "two: shard" in said[0]
    assert said[0].endswith("its runs are left out")


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def test_metrics_of_two_parts_are_joined(tmp_path: Path) -> None:
    filled(tmp_path, rows("a", accuracy=0.5), rows("a", brier=0.2))
    runs, rounds = Store(tmp_path).read()
    assert runs["metrics"].tolist() == ["accuracy@1,brier@1"]
    assert rounds["accuracy"].tolist() == [0.5, 0.6]
    np.testing.assert_allclose(rounds["brier"], [0.2, 0.3])


def test_done_outranks_failed(tmp_path: Path) -> None:
    filled(tmp_path, rows("a", "failed"), rows("a"), rows("a", "timeout"))
    runs, rounds = Store(tmp_path).read()
    assert runs["status"].tolist() == ["done"]
    assert len(rounds) == 2


def test_many_shards_become_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("albench.results.store.MOST_SHARDS", 4)
    store = Store(tmp_path)
    for name in "abcdefg":
        run, rounds = rows(name)
        store.add([run], rounds)
        store.compact()
    assert len(store.shard_keys()) < 4
    assert store.runs()["run"].tolist() == list("abcdefg")


def test_a_stranger_s_folder(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": 99}))
    with pytest.raises(BadResults, match="schema version"):
        _ = Store(tmp_path).manifest
    (tmp_path / "manifest.json").write_text("not JSON")
    with pytest.raises(BadResults, match="no JSON"):
        _ = Store(tmp_path).manifest


def test_readers_refuse_holes_and_doubles() -> None:
    run, rounds = rows("a")
    runs = tables.runs_table([run]).to_pandas()
    whole = tables.rounds_table(rounds).to_pandas()
    tables.checked(runs, whole)
    with pytest.raises(BadResults, match="stand twice"):
        tables.checked(pd.concat([runs, runs]), whole)
    with pytest.raises(BadResults, match="missing or doubled rounds"):
        tables.checked(runs, whole[whole["round"] == 1])
    with pytest.raises(BadResults, match="have no rounds"):
        tables.checked(runs, whole[:0])


def test_packed_tables_are_equal_to_what_was_written_and_counting_is_cheap() -> None:
    table = pa.table({"round": list(range(5000)) * 4, "picks": [[1, 2], [3]] * 10_000})
    data = parquet_bytes(table)
    assert data == parquet_bytes(table)
    assert pq.read_table(io.BytesIO(data)).equals(table)
    counts = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0)
    assert counts.total_compressed_size < 2000


def test_one_writer_for_results_and_cache(tmp_path: Path) -> None:
    from albench.core import files
    from albench.datasets import _cache as cache

    for replacing in (files.replacing, cache.replacing):
        target = tmp_path / replacing.__module__ / "table.bin"
        with replacing(target) as written:
            written.write_bytes(b"old")
            assert not target.exists()
        assert target.stat().st_mode & 0o777 == 0o644
        with contextlib.suppress(KeyError), replacing(target) as written:
            written.write_bytes(b"half")
            raise KeyError
        assert target.read_bytes() == b"old"
        assert list(target.parent.iterdir()) == [target]
