"""Results stay readable: files of older, this and later schema versions, and what they say."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sound import sound

from albench.cli import exit_code
from albench.core import tables
from albench.core.errors import BadResults, BadValue
from albench.core.files import sha256
from albench.core.tables import LABELS, Column
from albench.results import intake, union
from albench.results.store import Store
from albench.runner import run
from albench.runner.grid import labelled, labels_of, merge
from albench.suite import Suite
from albench.suite.toml import load_suite

ROOT = Path(__file__).parent.parent
SUITE = """
datasets = ["iris", {use = "iris", name = "iris-noisy", protocol = {oracle = {use = "uniform"}}}]
models = [{use = "gnb", name = "naive"}]
strategies = ["random", {use = "margin", name = "gap"}]
trials = 2
protocol = {use = "standard", budget = 30, name = "short"}
"""


def younger(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the next version of albench, with a further column and key, were reading."""
    version = tables.SCHEMA_VERSION + 1
    monkeypatch.setattr(tables, "SCHEMA_VERSION", version)
    monkeypatch.setitem(tables.RUNS, "energy", Column("float64", since=version))
    monkeypatch.setitem(tables.ROUNDS, "asked", Column("list<int32>", since=version))
    monkeypatch.setitem(intake.KEYS, "licence", intake.Key(intake.is_text, since=version))


@pytest.mark.parametrize("suite", ["leaderboard", "lu2023"])
def test_a_schema_with_one_more_column_reads_what_is_shipped(
    suite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(ROOT / "results" / suite)
    before = store.runs()
    younger(monkeypatch)
    runs = store.runs()
    assert len(runs) == len(before) > 0
    assert runs["energy"].isna().all()
    pd.testing.assert_frame_equal(runs.drop(columns="energy"), before)
    file = store.folder / "rounds.parquet"
    rounds = intake.parquet(file, "rounds", ["run", "asked", "accuracy"])
    assert rounds["asked"].null_count == len(rounds) > len(runs)
    assert rounds["asked"].type == pa.list_(pa.int32())
    assert rounds["accuracy"].equals(pq.read_table(file, columns=["accuracy"])["accuracy"])
    assert store.manifest["licence"] is None


def test_every_column_is_as_old_as_the_schema_at_most() -> None:
    found = [c.since for table in (tables.RUNS, tables.ROUNDS) for c in table.values()]
    found += [key.since for key in intake.KEYS.values()]
    assert min(found) == 1
    assert max(found) == tables.SCHEMA_VERSION


def row(name: str, **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The rows of a made-up run with one round."""
    run = {
        "run": name,
        "spec": "{}",
        "dataset": "iris",
        "model": "gnb",
        "query_model": "gnb",
        "strategy": "random",
        "protocol": "standard",
        "trial": 0,
        "status": "done",
        "metrics": "accuracy@1",
    }
    rounds = [
        {
            "run": name,
            "round": 0,
            "n_labeled": 20,
            "cost": 20.0,
            "picks": [1],
            "labels": [0],
            "accuracy": 0.5,
        }
    ]
    return run | more, rounds


def as_version_one(store: Store) -> None:
    """Make of a packed store what the first schema wrote: no later columns, no stamp."""
    for name, known in (("runs", tables.RUNS), ("rounds", tables.ROUNDS)):
        path = store.folder / f"{name}.parquet"
        table = pq.read_table(path).replace_schema_metadata(None)
        table = table.drop_columns([c for c in known if known[c].since > 1])
        pq.write_table(table, path)
    told = store.manifest | {"schema": 1}
    told["sha256"] = {n: sha256(store.folder / f"{n}.parquet") for n in ("runs", "rounds")}
    (store.folder / "manifest.json").write_text(intake.sealed(told))


def filled(folder: Path, *made: tuple[dict[str, Any], list[Any]], old: bool = False) -> Store:
    store = Store(folder)
    for one, rounds in made:
        store.add([one], rounds)
    store.pack(suite="s")
    if old:
        as_version_one(store)
    return store


LABELLED = dict.fromkeys(LABELS.values(), "L")


def test_what_an_older_file_lacks_is_null(tmp_path: Path) -> None:
    store = filled(tmp_path, row("a"), old=True)
    assert "reason_code" not in pq.read_schema(tmp_path / "runs.parquet").names
    runs, rounds = store.read()
    assert list(runs.columns) == list(tables.RUNS)
    assert runs[["reason_code", *LABELS.values()]].isna().all(axis=None)
    assert rounds["accuracy"].tolist() == [0.5]
    assert store.runs(["dataset_label"])["dataset_label"].isna().all()


def test_an_older_store_goes_on_in_the_present_schema(tmp_path: Path) -> None:
    store = filled(tmp_path, row("a"), old=True)
    store.add([row("b", reason_code="refused", **LABELLED)[0]], row("b")[1])
    mixed = store.read()
    assert mixed[0]["reason_code"].fillna("").tolist() == ["", "refused"]
    store.pack()
    assert json.loads((tmp_path / "manifest.json").read_text())["schema"] == tables.SCHEMA_VERSION
    for one, other in zip(mixed, store.read(), strict=True):
        pd.testing.assert_frame_equal(one, other)


def test_stores_of_two_schemas_merge_in_either_order(tmp_path: Path) -> None:
    filled(
        tmp_path / "old", sound(*row("a", strategy="a")), sound(*row("b", strategy="b")), old=True
    )
    late = sound(*row("c", strategy="c", reason_code="timeout", **LABELLED))
    filled(tmp_path / "new", sound(*row("b", strategy="b", **LABELLED)), late)
    frames = []
    for order in (["old", "new"], ["new", "old"]):
        merge([tmp_path / name for name in order], tmp_path / "-".join(order))
        frames.append(Store(tmp_path / "-".join(order)).read())
    for a, b in zip(*frames, strict=True):
        pd.testing.assert_frame_equal(a, b)
    runs = frames[0][0].set_index("strategy")
    assert runs["dataset_label"].fillna("").to_dict() == {"a": "", "b": "L", "c": "L"}
    assert runs["reason_code"].fillna("").to_dict() == {"a": "", "b": "", "c": "timeout"}


def test_a_run_takes_a_label_but_no_reason_from_a_row_that_gives_way(tmp_path: Path) -> None:
    filled(tmp_path, row("a"), old=True)
    store = Store(tmp_path)
    failed = {"status": "failed", "reason": "no memory", "reason_code": "exception"}
    store.add([row("a", **failed, **LABELLED)[0]], [])
    for runs in (store.read()[0], store.runs()):
        assert runs[["status", "dataset_label"]].values.tolist() == [["done", "L"]]
        assert runs[["reason", "reason_code"]].isna().all(axis=None)


def test_a_later_schema_is_refused_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as later:
        younger(later)
        filled(tmp_path / "packed", row("a"))
        one, rounds = row("a")
        Store(tmp_path / "shards").add([one], rounds)
    said = (
        f"is of schema version {tables.SCHEMA_VERSION + 1}, and this albench reads up to version "
        f"{tables.SCHEMA_VERSION}"
    )
    for name in ("packed", "shards"):
        with pytest.raises(BadResults, match=said):
            Store(tmp_path / name).read()
        assert exit_code(["merge", str(tmp_path / name), "--into", str(tmp_path / "to")]) == 2
        assert said in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("version", [0, -1, "2", True, None, 1.0])
def test_a_manifest_names_a_version(tmp_path: Path, version: object) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"schema": version}))
    with pytest.raises(BadResults, match="schema version"):
        _ = Store(tmp_path).manifest


@pytest.mark.parametrize("stamp", ["x", "", "-1", "0", "1e9", "9" * 5000])
def test_a_stamp_is_a_version(tmp_path: Path, stamp: str) -> None:
    table = tables.runs_table([row("a")[0]]).replace_schema_metadata({intake.STAMP: stamp})
    pq.write_table(table, tmp_path / "runs.parquet")
    with pytest.raises(BadResults, match="schema version"):
        intake.parquet(tmp_path / "runs.parquet", "runs")


def test_a_file_holds_what_its_version_has_no_more_and_no_less(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    table = tables.runs_table([row("a")[0]])
    pq.write_table(table, path)
    with pytest.raises(BadResults, match="'dataset_label', which `runs` does not have in schema v"):
        intake.parquet(path, "runs")
    pq.write_table(intake.stamped(table.drop_columns(["reason_code"])), path)
    with pytest.raises(BadResults, match="lacks the column 'reason_code'"):
        intake.parquet(path, "runs")


def test_a_metric_is_not_taken_for_a_column_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rounds.parquet"
    pq.write_table(intake.stamped(tables.rounds_table([row("a")[1][0] | {"asked": 0.1}])), path)
    assert "asked" in intake.parquet(path, "rounds").column_names
    younger(monkeypatch)
    with pytest.raises(BadResults, match="'asked', which `rounds` does not have"):
        intake.parquet(path, "rounds")


def test_what_is_unknown_does_not_stand_in_a_manifest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path, row("a"))
    younger(monkeypatch)
    assert store.manifest["licence"] is None
    store.note(revision="r")
    text = (tmp_path / "manifest.json").read_text()
    assert "licence" not in text
    assert Store(tmp_path).manifest["revision"] == "r"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, Path]:
    folder = tmp_path_factory.mktemp("labels")
    (folder / "s.toml").write_text(SUITE)
    suite = load_suite(folder / "s.toml")
    run(suite, folder / "results", jobs=1)
    return suite, folder / "results"


def test_the_raw_tables_say_what_the_suite_calls_each_run(ran: tuple[Suite, Path]) -> None:
    suite, folder = ran
    raw = pd.read_parquet(folder / "runs.parquet")
    assert set(raw["dataset"]) == {"iris"}
    key = [*LABELS.values(), "trial"]
    assert not raw.duplicated(key).any()
    assert set(raw["dataset_label"]) == {"iris", "iris-noisy"}
    assert set(raw["strategy_label"]) == {"all", "random", "gap"}
    assert set(raw["model_label"]) == {"naive"}
    assert set(raw["protocol_label"]) == {"short"}
    noisy = raw["spec"].str.contains("uniform")
    assert (noisy == (raw["dataset_label"] == "iris-noisy")).all()
    runs, _ = labelled(suite, Store(folder))
    merged = runs.merge(raw, on="run", suffixes=("", "_raw"))
    for name, column in LABELS.items():
        assert (merged[name] == merged[f"{column}_raw"]).all()
        assert (merged[column] == merged[name]).all()


def test_labels_of_another_suite_and_of_older_files_give_way(
    ran: tuple[Suite, Path], tmp_path: Path
) -> None:
    _, folder = ran
    text = SUITE.replace('"gap"', '"breach"').replace("trials = 2", "trials = 3")
    (tmp_path / "t.toml").write_text(text)
    other = load_suite(tmp_path / "t.toml")
    run(other, tmp_path / "t", jobs=1, reuse=[folder])
    raw = pd.read_parquet(tmp_path / "t" / "runs.parquet")
    assert set(raw["strategy_label"]) == {"all", "random", "breach"}

    store = Store(tmp_path / "t")
    as_version_one(store)
    runs, rounds = labelled(other, store)
    assert set(runs["strategy_label"]) == {"all", "random", "breach"}
    before = (store.folder / "rounds.parquet").read_bytes()
    store.pack(labels_of(other))
    assert (store.folder / "rounds.parquet").read_bytes() == before
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t" / "runs.parquet"), raw)
    pd.testing.assert_frame_equal(labelled(other, store)[1], rounds)


def test_of_two_labels_the_first_is_stored(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(SUITE.replace('"random", {', '"random", "margin", {'))
    suite = load_suite(tmp_path / "s.toml")
    told = labels_of(suite)
    gaps = [cell for cell in suite.cells() if cell.strategy == "gap"]
    assert {told[cell.spec.id]["strategy_label"] for cell in gaps} == {"margin"}


@pytest.mark.parametrize(
    "change",
    [
        ('name = "gap"', r'name = "two\nlines"'),
        ('name = "short"', r'name = "two\nlines"'),
        ('name = "naive"', "name = 5"),
        ('name = "iris-noisy"', f'name = "{"x" * 1001}"'),
    ],
)
def test_a_label_that_no_reader_takes_is_refused_before_it_is_stored(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    (tmp_path / "s.toml").write_text(SUITE.replace(*change))
    with pytest.raises(BadValue, match="is no name"):
        load_suite(tmp_path / "s.toml")


def protocol_table(*rows: tuple[str, str, str]) -> pa.Table:
    """Runs of these ids, protocols as JSON, and stored names."""
    made = [
        row(run, protocol=name, spec=f'{{"protocol":{value},"query_model":1,"trial":{i}}}')[0]
        for i, (run, value, name) in enumerate(rows)
    ]
    return tables.runs_table(made)


def test_one_protocol_has_one_name() -> None:
    plugin = '{"oracle":{"use":"of-a-plugin","version":"1"}}'
    old = protocol_table(
        ("a", '{"budget":140}', "custom-175b67f2"),
        ("b", '{"batch":5}', "custom-b"),
        ("c", plugin, "second"),
        ("d", "{}", "custom-d"),
        ("e", '{"unknown":1}', "of a later albench"),
    )
    new = protocol_table(("f", '{"budget":140}', "standard (budget 140)"), ("g", plugin, "first"))
    both, other = union.united([old, new], None)[0], union.united([new, old], None)[0]
    assert both.equals(other)
    assert dict(zip(both["run"].to_pylist(), both["protocol"].to_pylist(), strict=True)) == {
        "a": "standard (budget 140)",
        "b": "standard (batch 5)",
        "c": "first",
        "d": "standard",
        "e": "of a later albench",
        "f": "standard (budget 140)",
        "g": "first",
    }


def test_a_protocol_is_called_by_its_value_whichever_columns_are_read(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = '{"protocol":{"budget":140},"trial":0}'
    one, rounds = row("a", spec=spec, protocol="custom-175b67f2")
    store.add([one], rounds)
    assert store.runs(["protocol"]).to_dict("records") == [
        {"run": "a", "protocol": "standard (budget 140)", "status": "done"}
    ]
    assert store.read()[0]["protocol"].tolist() == ["standard (budget 140)"]


def test_shipped_tables_read_by_pandas_speak_for_themselves() -> None:
    """One protocol has one name, and no two cells of the grid are one row key."""
    for folder in (ROOT / "results").iterdir():
        if not folder.is_dir():
            continue
        raw = pd.read_parquet(folder / "runs.parquet")
        value = raw["spec"].map(lambda text: json.dumps(json.loads(text)["protocol"]))
        assert (raw.groupby(value)["protocol"].nunique() == 1).all()
        assert (value.groupby(raw["protocol"]).nunique() == 1).all()
        store = Store(folder).runs().set_index("run")
        assert (store.loc[raw["run"], "protocol"].values == raw["protocol"].values).all()
    raw = pd.read_parquet(ROOT / "results" / "leaderboard" / "runs.parquet")
    told = labels_of(load_suite(ROOT / "suites" / "leaderboard.toml"))
    for column in LABELS.values():
        assert raw[column].tolist() == [told[run][column] for run in raw["run"]]
    assert not raw.duplicated([*LABELS.values(), "trial"]).any()
    assert set(raw.loc[raw["dataset"] == "digits", "dataset_label"]) == {"digits", "digits-noisy"}


def test_the_stamp_is_in_every_file_that_is_written(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, rounds = row("a")
    store.add([one], rounds)
    store.pack()
    store.add([one | {"run": "b"}], [rounds[0] | {"run": "b"}])
    files = list(tmp_path.rglob("*.parquet"))
    assert len(files) == 4
    for file in files:
        metadata = pq.read_schema(io.BytesIO(file.read_bytes())).metadata
        assert metadata[intake.STAMP.encode()] == str(tables.SCHEMA_VERSION).encode()
