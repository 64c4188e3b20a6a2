"""Replayed runs, altered results, and files that strangers prepared."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from albench.cli import exit_code
from albench.core import registry
from albench.core.errors import BadResults, CheckFailed, Unavailable
from albench.core.files import sha256
from albench.results import intake, provenance
from albench.results.store import Store
from albench.runner import run, worker
from albench.suite.toml import load_suite
from albench.testing import replay as replays
from albench.testing import verify as replay
from albench.testing.verify import sampled, verify

SUITE = """
datasets = ["iris", "wine"]
models = ["gnb"]
strategies = ["random", "margin", "kcenter"]
trials = 3
metrics = ["accuracy", "log_loss"]
protocol = {use = "standard", budget = 50}
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    (folder / "s.toml").write_text(SUITE)
    run(load_suite(folder / "s.toml"), folder / "results", jobs=1)
    return folder / "results"


@pytest.fixture
def results(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "results"))


def forged(folder: Path, table: str, change: Callable[[pd.DataFrame], None]) -> None:
    """Change a table and make checksums and seal fit, as a careful cheat would."""
    path = folder / f"{table}.parquet"
    found = pq.read_table(path)
    frame = found.to_pandas()
    change(frame)
    pq.write_table(pa.Table.from_pandas(frame, schema=found.schema, preserve_index=False), path)
    rewritten(folder, lambda m: m["sha256"].update({table: sha256(path)}))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(intake.sealed(manifest))


def test_untouched_results_are_the_same(results: Path) -> None:
    found = verify(results, 0)
    assert found.passed
    assert set(found.runs["verdict"]) == {"same"}
    assert len(found.runs) == 2 * 3 * 4
    assert exit_code(["verify", str(results), "--sample", "2"]) == 0


def add(column: str, amount: float) -> Callable[[pd.DataFrame], None]:
    def change(frame: pd.DataFrame) -> None:
        frame.loc[7, column] += amount

    return change


def swap_picks(frame: pd.DataFrame) -> None:
    frame.at[7, "picks"] = frame.at[7, "picks"][::-1].copy()


def flip_label(frame: pd.DataFrame) -> None:
    labels = frame.at[7, "labels"].copy()
    labels[0] = 1 - min(labels[0], 1)
    frame.at[7, "labels"] = labels


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (add("accuracy", 1e-8), "accuracy"),
        (add("log_loss", -1e-7), "log_loss"),
        (add("cost", 1.0), "cost"),
        (add("n_labeled", 1), "n_labeled"),
        (swap_picks, "picks"),
        (flip_label, "labels"),
    ],
    ids=["accuracy", "log_loss", "cost", "n_labeled", "picks", "labels"],
)
def test_one_altered_number_is_found(
    results: Path, change: Callable[[pd.DataFrame], None], named: str
) -> None:
    forged(results, "rounds", change)
    run_id = pq.read_table(results / "rounds.parquet")["run"][7].as_py()
    found = verify(results, 0)
    wrong = found.runs[found.runs["verdict"] == "differs"]
    assert wrong["run"].tolist() == [run_id]
    assert named in wrong["found"].iloc[0]
    assert not found.passed


def test_a_difference_below_the_tolerance_is_none(results: Path) -> None:
    forged(results, "rounds", add("accuracy", 1e-11))
    assert verify(results, 0).passed


def test_other_scores_of_the_same_picks_are_no_matter_of_environment(results: Path) -> None:
    forged(results, "rounds", add("accuracy", 1e-3))
    rewritten(results, lambda m: m["machine"].update(cpu="Another CPU"))
    found = verify(results, 0, allow_environment=True)
    assert (found.runs["verdict"] == "differs").sum() == 1
    assert not found.passed
    assert any("Another CPU" in note for note in found.notes)


def test_other_picks_in_another_environment_fail_unless_allowed(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged(results, "rounds", swap_picks)
    rewritten(results, lambda m: m["machine"].update(cpu="Another CPU"))
    assert exit_code(["verify", str(results), "--sample", "0"]) == 1
    assert "1 more in another environment" in capsys.readouterr().err
    assert exit_code(["verify", str(results), "--sample", "0", "--allow-environment"]) == 0


def test_a_column_is_compared_whatever_the_run_claims(results: Path) -> None:
    forged(results, "runs", lambda f: f.__setitem__("metrics", "log_loss@1"))
    forged(results, "rounds", add("accuracy", 0.01))
    found = verify(results, 0)
    assert (found.runs["verdict"] == "differs").sum() == 1
    forged(results, "runs", lambda f: f.__setitem__("metrics", "accuracy@99,log_loss@1"))
    found = verify(results, 0)
    assert (found.runs["verdict"] == "differs").sum() == 1
    assert "metric 'accuracy' is version 1 here, 99 there" in found.faults


def renamed(old: str, new: str) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.rename_columns([new if c == old else c for c in t.column_names])


def test_numbers_of_an_unknown_metric_are_a_fault(results: Path) -> None:
    path = results / "rounds.parquet"
    table = pq.read_table(path)
    other = renamed("accuracy", "acuracy")(table)
    pq.write_table(other.replace_schema_metadata(table.schema.metadata), path)
    rewritten(results, lambda m: m["sha256"].update(rounds=sha256(path)))
    found = verify(results, 1)
    assert any("acuracy are unknown here" in fault for fault in found.faults)
    assert not found.passed


def negative(frame: pd.DataFrame) -> None:
    frame.loc[3, "seconds_fit"] = -1.0


def doubled(frame: pd.DataFrame) -> None:
    picks = frame.at[2, "picks"].copy()
    picks[0] = frame.at[1, "picks"][0]
    frame.at[2, "picks"] = picks


def null(frame: pd.DataFrame) -> None:
    frame.at[2, "picks"] = None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (negative, "negative seconds_fit"),
        (doubled, "bought a row twice"),
    ],
)
def test_what_no_run_can_hold_is_a_fault(
    results: Path, change: Callable[[pd.DataFrame], None], named: str
) -> None:
    forged(results, "rounds", change)
    found = verify(results, 1, 3)
    assert any(named in fault for fault in found.faults)
    assert not found.passed


def test_null_picks_are_refused_in_a_sentence(results: Path) -> None:
    forged(results, "rounds", null)
    with pytest.raises(CheckFailed, match="rounds in which picks is null"):
        verify(results, 1)
    assert exit_code(["verify", str(results)]) == 1


def test_a_foreign_spec_is_named_and_the_others_are_replayed(results: Path) -> None:
    def change(frame: pd.DataFrame) -> None:
        frame.at[0, "spec"] = frame.at[1, "spec"]

    forged(results, "runs", change)
    found = verify(results, 2, 1)
    assert any("its spec has the digest" in fault for fault in found.faults)
    assert len(found.runs) == 2


def test_the_seed_is_drawn_and_told_and_the_sample_is_judged(results: Path) -> None:
    one, other = verify(results, 1), verify(results, 1)
    assert one.seed != other.seed
    assert any(f"--seed {one.seed}" in note for note in one.notes)
    assert any("1 forged run 4.2%" in note for note in one.notes)


@pytest.mark.parametrize(("total", "seen", "forged"), [(20, 5, 1), (20, 5, 3), (9, 9, 1)])
def test_the_chance_is_that_of_drawing_without_replacement(
    total: int, seen: int, forged: int
) -> None:
    from scipy.stats import hypergeom

    from albench.testing.compared import chance

    right = 1 - hypergeom(total, forged, seen).pmf(0)
    assert chance(total, seen, forged) == pytest.approx(right, abs=1e-12)


def test_what_the_suite_lacks_is_listed(results: Path) -> None:
    held = Store(results).runs(["status"])["run"].tolist()
    found = verify(results, 1, 1, expected=[*held[1:], "feed" * 6])
    assert any("1 of the 24 runs of the suite are missing: feedfeed" in n for n in found.notes)
    assert any(f"1 runs are none of the suite's: {held[0]}" in n for n in found.notes)


def test_the_recorded_environment_can_be_rebuilt(results: Path) -> None:
    def older(frame: pd.DataFrame) -> None:
        then = json.loads(frame["versions"].iloc[0]) | {"numpy": "1.26.4", "scipy": "$(rm -r x)"}
        frame["versions"] = json.dumps(then)

    forged(results, "runs", older)
    (line,) = [n for n in verify(results, 1, 1).notes if "pip install" in n]
    assert "numpy==1.26.4" in line
    assert "albench==" in line
    assert "rm -r" not in line


PATCHED = """
import albench
import sklearn.metrics as m
import numpy as np
real = np.mean
np.mean = lambda *a, **k: 1.0
from sklearn.naive_bayes import GaussianNB
GaussianNB.predict_proba = lambda self, X: np.full((len(X), len(self.classes_)), 0.5)
@albench.strategy("patches")
def patches(query):
    return query.pool[: query.n]
"""


def test_a_patched_library_does_not_confirm_itself(tmp_path: Path) -> None:
    import subprocess
    import sys

    (tmp_path / "s.toml").write_text(SUITE.replace('"margin", "kcenter"', '"patches"'))
    (tmp_path / "p.py").write_text(PATCHED)
    words = [sys.executable, "-m", "albench"]
    more = ["--plugin", str(tmp_path / "p.py")]
    suite, out = str(tmp_path / "s.toml"), str(tmp_path / "r")
    made = [*words, "run", suite, "--results", out, "--jobs", "1", *more]
    assert subprocess.run(made, capture_output=True, cwd=tmp_path).returncode == 0
    check = [*words, "verify", out, "--sample", "6", "--seed", "1", "--format", "csv", *more]
    done = subprocess.run(check, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count(",differs,") == 6  # those of `random` and of all rows as well


def test_a_spec_that_is_not_the_runs_own_is_a_fault(results: Path) -> None:
    forged(results, "runs", lambda f: f.__setitem__("strategy", f["strategy"].iloc[::-1].values))
    found = verify(results, 1)
    assert any("strategy does not follow from its spec" in fault for fault in found.faults)
    assert not found.passed


@pytest.mark.parametrize("name", ["runs.parquet", "rounds.parquet", "manifest.json"])
def test_an_altered_file_is_always_found(results: Path, name: str) -> None:
    path = results / name
    if name == "manifest.json":
        path.write_text(path.read_text().replace('"version": "1"', '"version": "2"', 1))
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    with pytest.raises(CheckFailed, match=r"checksum|seal"):
        verify(results, 1)
    assert exit_code(["verify", str(results)]) == 1


def test_a_damaged_shard_is_reported_and_left_alone(original: Path, tmp_path: Path) -> None:
    runs, rounds = Store(original).arrow()
    store = Store(tmp_path / "shards-only")
    key = store.write_shard(runs, rounds)
    good = Path(shutil.copytree(store.folder, tmp_path / "good"))
    assert verify(good, 1).passed
    file = store.shard_files(key)[1]
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(BadResults, match="no runs"):
        verify(store.folder, 1)
    assert file.exists()


def test_a_strategy_from_outside_is_the_verifiers(results: Path) -> None:
    forged(results, "runs", rename_strategy)
    found = verify(results, 0)
    open_ones = found.runs[found.runs["strategy"] == "theirs"]
    assert set(open_ones["verdict"]) == {"not replayed"}
    assert open_ones["found"].str.contains("'theirs' is unknown here.*--plugin").all()
    assert set(found.runs.loc[found.runs["strategy"] == "random", "verdict"]) == {"same"}
    assert any("6 sampled runs not replayed: strategy 'theirs'" in note for note in found.notes)
    assert "18 of 24 finished runs were replayed" in found.notes


def rename_strategy(frame: pd.DataFrame) -> None:
    from albench.core.spec import RunSpec

    for i in frame.index[frame["strategy"] == "margin"]:
        text = frame.at[i, "spec"].replace('"use":"margin"', '"use":"theirs"')
        frame.loc[i, ["spec", "strategy"]] = [text, "theirs"]
        frame.loc[i, "run"] = RunSpec.from_json(text).id


def test_another_version_of_an_entry_is_not_replayed(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = registry.ENTRIES["strategy"]
    monkeypatch.setitem(entries, "margin", replace(entries["margin"], version="99"))
    found = verify(results, 0).runs
    assert set(found.loc[found["strategy"] == "margin", "verdict"]) == {"not replayed"}
    assert found["found"].str.contains("'margin' is version 99 here, 1 there").sum() == 6
    assert exit_code(["verify", str(results), "--sample", "0"]) == 0


def test_nothing_replayed_is_nothing_verified(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = registry.ENTRIES["model"]
    monkeypatch.setitem(entries, "gnb", replace(entries["gnb"], version="99"))
    assert exit_code(["verify", str(results), "--sample", "4"]) == 1
    assert "none of the 4 sampled runs could be replayed" in capsys.readouterr().err


def test_a_dataset_that_cannot_be_had_is_no_difference(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline() -> Any:
        raise Unavailable("no network")

    entries = registry.ENTRIES["dataset"]
    monkeypatch.setitem(entries, "iris", replace(entries["iris"], make=offline))
    monkeypatch.setattr(worker, "datasets", {})
    here = lambda jobs, plugins: map(replays.replay, jobs)  # noqa: E731
    monkeypatch.setattr(replays, "apart", here)  # another process would not be offline
    found = verify(results, 0)
    there = found.runs[found.runs["dataset"] == "iris"]
    assert set(there["verdict"]) == {"not replayed"}
    assert there["found"].str.contains("no network").all()
    assert found.passed


def test_parameters_out_of_range_are_no_run_of_ours(results: Path) -> None:
    def change(frame: pd.DataFrame) -> None:
        from albench.core.spec import RunSpec

        for i in frame.index:
            text = frame.at[i, "spec"].replace(
                '"gnb","version":"1"', '"gnb","version":"1","with":{"var_smoothing":-1.0}'
            )
            frame.loc[i, ["run", "spec"]] = [RunSpec.from_json(text).id, text]

    forged(results, "runs", change)
    found = verify(results, 0)
    assert set(found.runs["verdict"]) == {"differs"}
    assert found.runs["found"].str.contains("greater than 0").all()


def test_the_sample_is_seeded_and_covers_datasets_and_strategies(original: Path) -> None:
    runs = Store(original).runs(["spec", "dataset", "strategy", "trial"])
    four = sampled(runs, 4, 0)
    assert set(four["strategy"]) == {"random", "margin", "kcenter", "all"}
    assert set(four["dataset"]) == {"iris", "wine"}
    assert four["run"].tolist() == sampled(runs, 4, 0)["run"].tolist()
    assert four["run"].tolist() != sampled(runs, 4, 1)["run"].tolist()
    assert len(sampled(runs, 8, 0).drop_duplicates(["dataset", "strategy"])) == 8


def frame_of(results: Path, table: str) -> pa.Table:
    return pq.read_table(results / f"{table}.parquet")


def without(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns([name])


def recast(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    at = table.column_names.index(name)
    return table.set_column(at, name, pa.nulls(len(table), kind))


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("runs", lambda t: without(t, "spec"), "lacks the column 'spec'"),
        ("runs", lambda t: t.append_column("code", t["spec"]), "does not have"),
        ("rounds", lambda t: t.append_column("../x", t["cost"]), "does not have"),
        ("rounds", lambda t: recast(t, "picks", pa.binary()), "list<.*int32> is due"),
        ("rounds", lambda t: recast(t, "accuracy", pa.string()), "double is due"),
        ("runs", lambda t: recast(t, "status", pa.string()), "has the status 'None'"),
        ("runs", lambda t: recast(t, "run", pa.string()), "rows without a run"),
        ("runs", lambda t: t.append_column("seconds", t["seconds"]), "two columns of one name"),
        (
            "runs",
            lambda t: t.set_column(2, "dataset", pa.array(["\x1b[2J"] * len(t))),
            "is no name",
        ),
    ],
)
def test_tables_of_another_schema_are_refused(
    results: Path, table: Any, change: Callable[[pa.Table], pa.Table], said: str
) -> None:
    path = results / "forged.parquet"
    pq.write_table(change(frame_of(results, table)), path)
    with pytest.raises(BadResults, match=said):
        intake.parquet(path, table)


def test_sizes_are_bounded(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = results / "rounds.parquet"
    for bound in ("MOST_BYTES", "MOST_UNPACKED", "MOST_ROWS"):
        with monkeypatch.context() as patch:
            patch.setattr(intake, bound, 10)
            with pytest.raises(BadResults, match="at most 10"):
                intake.parquet(path, "rounds")
    with monkeypatch.context() as patch:
        patch.setattr(intake, "MOST_MANIFEST", 10)
        with pytest.raises(BadResults, match="at most 10"):
            intake.manifest_of(results / "manifest.json")


def test_links_out_of_the_folder_are_not_followed(results: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.parquet"
    shutil.move(results / "runs.parquet", outside)
    (results / "runs.parquet").symlink_to(outside)
    with pytest.raises(CheckFailed, match="not a plain file"):
        verify(results, 1)
    (results / "runs.parquet").unlink()
    os.mkfifo(results / "runs.parquet")
    with pytest.raises(CheckFailed, match="not a plain file"):
        verify(results, 1)


def test_a_prepared_journal_deletes_nothing_outside(results: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.runs.parquet"
    victim.write_text("mine")
    journal = {"manifest": {"schema": 1}, "shards": ["../../victim"]}
    (results / "packing.json").write_text(json.dumps(journal))
    with pytest.raises(BadResults, match="not the key of a shard"):
        Store(results).runs()
    with pytest.raises(BadResults, match="not the key of a shard"), Store(results).writing():
        pass
    assert victim.read_text() == "mine"
    with pytest.raises(CheckFailed, match="not the key of a shard"):
        verify(results, 1)


@pytest.mark.parametrize(
    "manifest",
    [
        [],
        {"schema": 99},
        {"schema": 1, "suite": {"a": 1}},
        {"schema": 1, "added": "x"},
        {"schema": 1, "entries": {"strategy:a": "x"}},
        {"schema": 1, "sha256": {"runs": "../../etc/passwd"}},
        {"schema": 1, "also": {"machine": "x"}},
        {"schema": 1, "machine": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {}}}}}}}}}},
    ],
    ids=str,
)
def test_manifests_of_another_shape_are_refused(tmp_path: Path, manifest: Any) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BadResults):
        intake.manifest_of(tmp_path / "manifest.json")


def test_no_pickle_anywhere() -> None:
    import albench

    for path in Path(albench.__file__).parent.rglob("*.py"):
        text = path.read_text()
        assert "import pickle" not in text, path
        assert "allow_pickle=True" not in text, path
        assert "joblib.load" not in text, path


def test_results_of_an_older_albench_are_not_excused_by_it() -> None:
    now = provenance.versions()
    row = {"versions": json.dumps(now | {"albench": "0.1.0"})}
    assert not replay.elsewhere(row, {})
    assert "albench: 0.1.0 there" in " ".join(
        replay.environment({}, pd.DataFrame([row | {"metrics": None}]))
    )
    assert replay.elsewhere({"versions": json.dumps(now | {"numpy": "1.0"})}, {})


def test_the_version_stands_in_one_place() -> None:
    import tomllib

    import albench
    from albench.core.version import VERSION

    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "albench/core/version.py"
    assert albench.__version__ == VERSION == provenance.versions()["albench"]
    assert f"\nversion: {VERSION}\n" in (root / "CITATION.cff").read_text()
    assert (root / "CHANGELOG.md").read_text().split("## ")[1].startswith(VERSION.rsplit(".", 1)[0])
