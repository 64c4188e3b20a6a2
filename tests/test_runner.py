"""Runs in parallel: equal to the bit whatever the jobs, the back end or the interruptions."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from albench.results.store import Store
from albench.runner import Workers, open_store, run
from albench.runner.grid import labelled, merge, missing
from albench.runner.worker import Options, run_one
from albench.suite import Suite
from albench.suite.toml import load_suite

SUITE = """
datasets = ["iris", "wine"]
models = ["gnb", "logreg"]
strategies = ["random", "margin", "kcenter"]
trials = 3
metrics = ["accuracy", "log_loss"]
protocol = {start = 10, batch = 10, budget = 40}
"""
PLUGIN = """
import os
import time

import numpy as np

from albench import strategy


@strategy("killer")
def killer(query):
    os.kill(os.getpid(), 9)


@strategy("endless")
def endless(query):
    while True:
        time.sleep(0.01)


@strategy("broken")
def broken(query):
    raise KeyError("a key of mine")


@strategy("twin")
def twin(query):
    return query.top(-query.margins)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the suite and the plugin."""
    path = tmp_path_factory.mktemp("runner")
    (path / "small.toml").write_text(SUITE)
    (path / "plugin.py").write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def suite(folder: Path) -> Suite:
    return load_suite(folder / "small.toml")


@pytest.fixture(scope="module")
def reference(folder: Path, suite: Suite) -> Path:
    """The results with one job."""
    done = run(suite, folder / "reference", jobs=1)
    assert done.counts == {"done": 48}
    return folder / "reference"


def tables(results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables without what may differ."""
    runs, rounds = Store(results).read()
    return (
        runs.drop(columns=["seconds"]),
        rounds.drop(columns=["seconds_fit", "seconds_query"]),
    )


def assert_equal(one: Path, other: Path) -> None:
    for a, b in zip(tables(one), tables(other), strict=True):
        pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_two_jobs(folder: Path, suite: Suite, reference: Path) -> None:
    run(suite, folder / "two", jobs=2)
    assert_equal(reference, folder / "two")
    assert run(suite, folder / "two", jobs=2).total == 0


def test_dask(folder: Path, suite: Suite, reference: Path) -> None:
    pytest.importorskip("distributed")
    run(suite, folder / "dask", jobs=Workers(2, "dask"))
    assert_equal(reference, folder / "dask")


def test_two_shards_merged(folder: Path, suite: Suite, reference: Path) -> None:
    parts = [folder / f"part{i}" for i in (1, 2)]
    totals = [run(suite, p, jobs=1, shard=(i + 1, 2)).total for i, p in enumerate(parts)]
    assert sum(totals) == 48
    assert min(totals) > 0
    merge(parts, folder / "merged")
    assert_equal(reference, folder / "merged")
    merge(parts[::-1], folder / "merged2")
    assert_equal(reference, folder / "merged2")


def test_killed_and_restarted(folder: Path, suite: Suite, reference: Path) -> None:
    command = [sys.executable, "-m", "albench", "run", str(folder / "small.toml")]
    command += ["--results", str(folder / "killed"), "--jobs", "2"]
    for pause in (1.5, 2.5, 3.0, 2.0, 3.5):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    run(suite, folder / "killed", jobs=1)
    assert_equal(reference, folder / "killed")


def test_adding_and_permuting_changes_no_other_run(
    folder: Path, suite: Suite, reference: Path
) -> None:
    text = SUITE.replace('["iris", "wine"]', '["wine", "wdbc", "iris"]').replace(
        "trials = 3", "trials = 1"
    )
    text = text.replace(
        '["random", "margin", "kcenter"]', '["kcenter", "entropy", "random", "margin"]'
    )
    (folder / "other.toml").write_text(text)
    run(load_suite(folder / "other.toml"), folder / "other", jobs=1)
    for one, other in zip(tables(reference), tables(folder / "other"), strict=True):
        keys = [k for k in ("run", "round") if k in one]
        shared = one[one["run"].isin(other["run"])].sort_values(keys, ignore_index=True)
        again = other[other["run"].isin(one["run"])].sort_values(keys, ignore_index=True)
        assert shared["run"].nunique() == 16
        pd.testing.assert_frame_equal(shared, again, check_exact=True)


def test_reuse_takes_runs_over(folder: Path, suite: Suite, reference: Path) -> None:
    assert run(suite, folder / "reused", jobs=1, reuse=[reference]).total == 0
    assert_equal(reference, folder / "reused")


def test_a_run_that_lacks_a_metric_is_run_again(folder: Path, reference: Path) -> None:
    (folder / "more.toml").write_text(SUITE.replace('"log_loss"', '"brier"'))
    more = load_suite(folder / "more.toml")
    assert len(missing(more, Store(reference))) == 48


def test_two_names_for_one_function_pick_alike(folder: Path) -> None:
    text = SUITE.replace('"kcenter"', '"twin"').replace("trials = 3", "trials = 1")
    (folder / "twins.toml").write_text(text + 'plugins = ["plugin.py"]\n')
    twins = load_suite(folder / "twins.toml")
    run(twins, folder / "twins", jobs=1)
    runs, rounds = labelled(twins, open_store(twins, folder / "twins"))
    merged = runs.merge(rounds, on="run")
    margin, twin = (
        merged[merged["strategy"] == s].sort_values(["dataset", "model", "round"])
        for s in ("margin", "twin")
    )
    for a, b in zip(margin["picks"], twin["picks"], strict=True):
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize(("jobs", "in_process"), [(1, True), (2, True), (2, False)])
def test_what_goes_wrong_costs_its_run_only(folder: Path, jobs: int, in_process: bool) -> None:
    text = SUITE.replace('"kcenter"', '"killer", "endless", "broken"').replace(
        "trials = 3", "trials = 1"
    )
    (folder / "bad.toml").write_text(text.replace(', "logreg"', "") + 'plugins = ["plugin.py"]\n')
    bad = load_suite(folder / "bad.toml")
    results = folder / f"bad{jobs}{in_process}"
    options = Options(bad.metrics, timeout=1.5, in_process=in_process)
    done = run(bad, results, jobs=jobs, options=options)
    assert done.counts == {"done": 6, "failed": 4, "timeout": 2}
    runs, _ = labelled(bad, open_store(bad, results))
    reasons = runs.set_index(["strategy", "dataset"])["reason"]
    if in_process:
        assert "killed its worker process 2 times (SIGKILL(-9))" in reasons["killer", "iris"]
    else:
        assert (
            "its process ended in the middle of the run: signal SIGK" in reasons["killer", "iris"]
        )
    sides = Store(results).manifest.get("in_process", {})
    assert sorted(sides) == (["broken", "endless", "killer"] if in_process else [])
    assert reasons["endless", "wine"] == "took longer than 1.5 s"
    assert "KeyError: 'a key of mine'" in reasons["broken", "iris"]
    codes = runs.set_index("strategy")["reason_code"].dropna().to_dict()
    assert codes == {"killer": "worker_died", "endless": "timeout", "broken": "exception"}
    assert len(missing(bad, Store(results))) == 6


def test_the_tables_hold_what_the_loop_did(suite: Suite, reference: Path) -> None:
    runs, rounds = Store(reference).read()
    spec = next(s for s in suite.specs if s.strategy.name == "margin")
    finished = run_one(spec, Options(suite.metrics))
    stored = rounds[rounds["run"] == spec.id].sort_values("round")
    assert [r["picks"] for r in finished.rounds] == [p.tolist() for p in stored["picks"]]
    assert [r["accuracy"] for r in finished.rounds] == stored["accuracy"].tolist()
    assert stored["n_labeled"].tolist() == [10, 20, 30, 40]
    assert runs["status"].eq("done").all()


def test_svc_has_no_log_loss(folder: Path) -> None:
    (folder / "svc.toml").write_text(
        SUITE.replace('"gnb", "logreg"', '"svc-rbf"').replace("trials = 3", "trials = 1")
    )
    svc = load_suite(folder / "svc.toml")
    run(svc, folder / "svc", jobs=1)
    _, rounds = labelled(svc, open_store(svc, folder / "svc"))
    assert rounds["log_loss"].isna().all()
    assert rounds["accuracy"].notna().all()
    assert run(svc, folder / "svc", jobs=1).total == 0


THREADS = """
from albench.runner.clock import one_thread
with one_thread():
    import sklearn.ensemble, sklearn.linear_model, sklearn.svm
    import threadpoolctl
    libraries = threadpoolctl.threadpool_info()
    print(len(libraries), max(one["num_threads"] for one in libraries))
"""


def test_libraries_loaded_in_a_run_keep_to_one_thread() -> None:
    free = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", THREADS], env=free, capture_output=True, text=True, check=True
    )
    libraries, threads = map(int, done.stdout.split())
    assert libraries >= 2
    assert threads == 1
