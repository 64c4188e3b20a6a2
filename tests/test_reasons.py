"""Why a run was skipped or failed: a code, and nothing that hangs on the wording."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sound import sound

from albench.cli import exit_code
from albench.core.errors import (
    AlbenchError,
    BadData,
    BadResults,
    BadValue,
    RunTimeout,
    Skip,
    StrategyError,
    TrialSkip,
    Unavailable,
)
from albench.core.reasons import MEANING, Reason, in_old_words
from albench.core.spec import Ref, RunSpec
from albench.core.tables import ROUNDS, RUNS, Column, rounds_table, runs_table
from albench.datasets._cut import cut
from albench.datasets._dataset import Dataset
from albench.results import intake
from albench.results.store import Store, digest
from albench.runner import worker
from albench.runner.grid import skipped_in
from albench.runner.worker import Options, run_one
from albench.suite.protocols import protocol
from albench.suite.toml import load_suite
from albench.testing.verify import difference

R = Ref("gnb")
SUITE = """
datasets = ["iris"]
models = ["gnb"]
protocol = {use = "standard", budget = 22}
strategies = ["random", "positive_greedy"]
trials = 2
"""


def spec(name: str = "random", trial: int = 0) -> RunSpec:
    return RunSpec(Ref("iris"), Ref(name), R, R, protocol("lu2023"), trial)


def test_every_code_has_a_sentence() -> None:
    assert set(MEANING) == set(Reason)
    assert all(text.endswith(".") for text in MEANING.values())


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (TrialSkip("no start"), "skipped", Reason.trial_skipped),
        (Skip("trial: said by a strategy"), "skipped", Reason.does_not_apply),
        (RunTimeout("took longer than 1 s"), "timeout", Reason.timeout),
        (StrategyError("trial: two rows"), "failed", Reason.contract_broken),
        (Unavailable("no network"), "failed", Reason.data_missing),
        (BadData("a hole"), "failed", Reason.data_unusable),
        (BadValue("no such version"), "failed", Reason.refused),
        (AlbenchError("another"), "failed", Reason.refused),
        (KeyError("x"), "failed", Reason.exception),
        (SystemExit(3), "failed", Reason.exception),
    ],
)
def test_what_is_raised_in_a_run_has_its_code(
    error: BaseException, status: str, code: Reason, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(*_: object) -> None:
        raise error

    monkeypatch.setattr(worker, "cut", raising)
    row = run_one(spec(), Options(("accuracy",))).run
    assert (row["status"], row["reason_code"]) == (status, code)
    assert str(error) in row["reason"]
    assert type(row["reason_code"]) is str


def test_a_run_that_is_done_has_no_code() -> None:
    row = run_one(replace(spec(), protocol=protocol("standard")), Options(("accuracy",))).run
    assert (row["status"], row["reason"], row["reason_code"]) == ("done", None, None)


def test_a_cut_without_a_class_skips_the_trial() -> None:
    rare = Dataset(np.zeros((103, 2)), (np.arange(103) < 1).astype(np.intp), ("a", "b"))
    for trial in range(4):
        with pytest.raises(TrialSkip, match="the start lacks 1 of 2 classes"):
            cut(rare, spec(trial=trial))


def test_which_trials_are_skipped_hangs_on_the_code_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        SUITE.replace("trials = 2", 'trials = {seeds = "0-2", take = 1}')
    )
    suite = load_suite(tmp_path / "mine.toml")
    first = next(iter(suite.specs))
    said = {"trial: such words": "does_not_apply", "other words": "trial_skipped"}
    for words, code in said.items():
        row = {
            "run": first.id,
            "spec": first.json,
            "status": "skipped",
            "reason": words,
            "reason_code": code,
        }
        gone = skipped_in(suite, pd.DataFrame([row])).skipped
        assert bool(gone) is (code == "trial_skipped")


def test_a_replay_compares_codes_and_no_words() -> None:
    again = run_one(replace(spec("positive_greedy"), protocol=protocol("standard")), Options(()))
    assert again.run["reason_code"] == "does_not_apply"
    stored = again.run | {"reason": "put in other words"}
    assert difference(stored, None, again, ()) == ""
    stored["reason_code"] = "trial_skipped"
    assert difference(stored, None, again, ()) == (
        "it is stored as trial_skipped, the replay is does_not_apply"
    )


OLD = [
    ("done", None, None),
    ("skipped", "trial: the start lacks 1 of 2 classes", "trial_skipped"),
    ("skipped", "needs probabilities; svc-rbf has none", "does_not_apply"),
    ("timeout", "took longer than 1.5 s", "timeout"),
    ("failed", "the dataset cannot be had: no network", "data_missing"),
    ("failed", "killed its worker process 2 times (SIGKILL(-9))", "worker_died"),
    ("failed", "Traceback (most recent call last):\nKeyError: 'x'", "exception"),
    ("failed", "mine: round 3: it bought a row twice", "refused"),
]


def of_schema_1(table: pa.Table, known: dict[str, Column] = RUNS) -> pa.Table:
    """The table without the columns that came later."""
    return table.drop_columns([name for name, column in known.items() if column.since > 1])


def test_a_file_of_schema_1_gets_its_codes_when_it_is_read(tmp_path: Path) -> None:
    assert [in_old_words(status, words) for status, words, _ in OLD] == [code for *_, code in OLD]
    rows = [
        sound({"strategy": f"s{i}", "status": s, "reason": w}, [])[0]
        for i, (s, w, _) in enumerate(OLD)
    ]
    old = of_schema_1(runs_table(rows))
    path = tmp_path / "runs.parquet"
    pq.write_table(old, path)
    codes = [code for *_, code in OLD]
    whole = intake.parquet(path, "runs")
    assert whole.column_names == runs_table([]).column_names
    assert whole["reason_code"].to_pylist() == codes
    few = intake.parquet(path, "runs", ["run", "reason_code"])
    assert few.column_names == ["run", "reason_code"]
    assert few["reason_code"].to_pylist() == codes
    assert intake.parquet(path, "runs", ["run", "status"]).column_names == ["run", "status"]


def test_a_code_that_there_is_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.parquet"
    table = runs_table(
        [sound({"strategy": "r", "status": "failed", "reason_code": "bad_luck"}, [])[0]]
    )
    pq.write_table(intake.stamped(table), path)
    with pytest.raises(BadResults, match="has the reason code 'bad_luck'"):
        intake.parquet(path, "runs")


def test_old_and_new_results_are_one_table(tmp_path: Path) -> None:
    one = sound({"strategy": "a", "status": "skipped", "reason": "trial: no"}, [])[0]
    old = runs_table([one])
    table = of_schema_1(old).replace_schema_metadata(None)
    pq.write_table(table, tmp_path / "runs")
    bare = of_schema_1(rounds_table([]), ROUNDS).replace_schema_metadata(None)
    pq.write_table(bare, tmp_path / "rounds")
    runs_bytes, rounds_bytes = ((tmp_path / n).read_bytes() for n in ("runs", "rounds"))
    shard = tmp_path / "shards" / digest(runs_bytes, rounds_bytes)
    shard.parent.mkdir()
    Path(f"{shard}.runs.parquet").write_bytes(runs_bytes)
    Path(f"{shard}.rounds.parquet").write_bytes(rounds_bytes)
    store = Store(tmp_path)
    new = {"strategy": "b", "status": "skipped", "reason": "no", "reason_code": "does_not_apply"}
    store.write_shard(runs_table([sound(new, [])[0]]), rounds_table([]))
    runs = store.runs(["strategy", "reason_code"]).set_index("strategy")["reason_code"]
    assert runs.to_dict() == {"a": "trial_skipped", "b": "does_not_apply"}
    store.pack()
    held = Store(tmp_path).read()[0].set_index("strategy")["reason_code"]
    assert held.to_dict() == {"a": "trial_skipped", "b": "does_not_apply"}


def test_status_shows_the_code_and_what_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(SUITE)
    place = [str(tmp_path / "mine.toml"), "--results", str(tmp_path / "out")]
    assert exit_code(["run", *place, "--jobs", "1"]) == 0
    capsys.readouterr()
    assert exit_code(["status", *place, "--failed", "--format", "json"]) == 0
    out = capsys.readouterr().out
    assert '"reason_code": "does_not_apply"' in out
    assert f"2 runs does_not_apply: {MEANING[Reason.does_not_apply]}" in out


def test_same_reasons_are_one_row_with_where_they_were() -> None:
    from albench.cli.status import grouped

    bad = pd.DataFrame(
        {
            "strategy": ["a"] * 5 + ["b"],
            "model": "m",
            "status": "skipped",
            "reason_code": "does_not_apply",
            "reason": ["binary only"] * 5 + [None],
            "dataset": ["d1", "d1", "d2", "d3", "d4", "d1"],
        }
    )
    found = grouped(bad)
    assert found["runs"].tolist() == [5, 1]
    assert found["datasets"].tolist() == ["d1, d2, d3 and 1 more", "d1"]
