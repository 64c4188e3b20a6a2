"""Without a network: what is said, how fast, and what runs all the same."""

import json
import socket
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from albench.cli import app
from albench.core.errors import Unavailable
from albench.datasets import _download as download
from albench.runner import open_store, run, worker
from albench.runner.plan import plan
from albench.suite.toml import load_suite

SUITE = """
title = "t"
protocol = {{use = "standard", budget = 30}}
datasets = [{datasets}]
models = ["logreg"]
strategies = ["random", "margin"]
trials = 2
metrics = ["accuracy"]
primary = "accuracy"
baseline = "random"
"""
LOST = '{{use = "csv", url = "https://nowhere.invalid/{i}.csv", sha256 = "{i:064d}", target = "y", name = "lost{i}"}}'  # noqa: E501


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBENCH_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("ALBENCH_MIRROR", raising=False)
    monkeypatch.setattr(download, "SILENT", {})
    monkeypatch.setattr(worker, "datasets", {})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts whose address was asked for; none has one."""
    hosts: list[str] = []

    def no_address(host: str, *rest: Any) -> Any:
        hosts.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_address)
    return hosts


def suite(tmp_path: Path, *datasets: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.format(datasets=", ".join(datasets)))
    return path


def test_fetch_asks_a_host_without_address_once(tmp_path: Path, asked: list[str]) -> None:
    path = suite(tmp_path, *(LOST.format(i=i) for i in range(40)))
    begin = time.perf_counter()
    done = CliRunner().invoke(app, ["data", "fetch", str(path)])
    assert time.perf_counter() - begin < 5
    assert isinstance(done.exception, Unavailable)  # which the command line ends with 1
    assert asked == ["nowhere.invalid"]
    assert "40 of 40 datasets could not be had" in str(done.exception)
    assert "albench data import DIR" in str(done.exception)


def test_a_host_where_nothing_listens_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/x"
    fetch = download.Resuming(Path("unused.part"), retries=2, pause=0.01)
    with pytest.raises(requests.ConnectionError):
        fetch(url, "unused", None)
    with pytest.raises(Unavailable, match="refused"):
        download.permitted(url)
    download.permitted("http://127.0.0.1:1/x")  # another port is another host


def test_what_is_here_runs_and_the_rest_is_recorded(tmp_path: Path, asked: list[str]) -> None:
    loaded = load_suite(suite(tmp_path, '"iris"', LOST.format(i=1)))
    done = run(loaded, tmp_path / "results", jobs=1)
    runs = open_store(loaded, tmp_path / "results").read()[0]
    status = pd.crosstab(runs["dataset"].str.startswith("csv"), runs["status"])
    assert done.counts == {"done": 6}
    assert status.loc[False].to_dict() == {"done": 6, "failed": 0}
    assert status.loc[True].to_dict() == {"done": 0, "failed": 6}
    reasons = runs.loc[runs["status"] == "failed", "reason"].unique()
    assert len(reasons) == 1
    assert "nowhere.invalid cannot be reached" in reasons[0]
    assert set(runs["reason_code"].dropna()) == {"data_missing"}
    again = run(loaded, tmp_path / "results", jobs=1)  # failed runs are tried again
    assert again.total == 0


def test_a_dry_run_asks_no_network_and_estimates_from_the_registered_size(
    tmp_path: Path, asked: list[str]
) -> None:
    loaded = load_suite(suite(tmp_path, '"iris"', '"sonar"', LOST.format(i=1)))
    planned = plan(loaded, open_store(loaded, tmp_path / "results"), None, lambda words: None)
    rows = {row["dataset"]: row for row in planned["rows"]}
    assert asked == []
    assert [rows[name]["data"] for name in ("iris", "sonar")] == ["here", "to be fetched"]
    assert rows["sonar"]["rounds"] == rows["iris"]["rounds"] > 0
    assert rows["sonar"]["hours"] > 0
    assert planned["unknown"] == ["lost1"]
    assert planned["runs"] == 18
    done = CliRunner().invoke(
        app, ["run", str(loaded.path), "--dry-run", "--results", str(tmp_path / "results")]
    )
    assert done.exit_code == 0
    assert "without those on lost1 (unknown until fetched)" in done.output
    assert "2 datasets are not here" in done.output


def test_a_suite_without_any_data_says_so_once(tmp_path: Path, asked: list[str]) -> None:
    loaded = load_suite(suite(tmp_path, *(LOST.format(i=i) for i in range(3))))
    with pytest.raises(Unavailable) as error:
        run(loaded, tmp_path / "results", jobs=1)
    assert str(error.value).startswith("none of the 3 datasets of suite 'mine' can be had: ")
    assert f"`albench data list {loaded.path} --urls`" in str(error.value)
    assert not list((tmp_path / "results").rglob("*.parquet"))


def test_files_are_named_with_address_and_checksum_and_taken_from_a_folder(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    content = b"a,y\n" + b"".join(b"%d.5,%d\n" % (i * 7 % 11, i % 2) for i in range(60))
    digest = hashlib.sha256(content).hexdigest()
    there = (
        f'{{use = "csv", url = "https://nowhere.invalid/t.csv", sha256 = "{digest}", target = "y"}}'
    )
    thin = '{use = "imbalanced", base = "sonar", positive = "1", name = "thin"}'
    path = suite(tmp_path, there, thin, "{use = 'openml', id = 61, md5 = 'ab'}", '"iris"')
    command = ["data", "list", str(path), "--urls", "--format", "json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert [row["file"] for row in rows] == ["t.csv", "sonar-svmstyle.txt", "OpenML 61"]
    assert rows[0]["address"] == "https://nowhere.invalid/t.csv"
    assert rows[0]["sha256"] == digest
    assert rows[1]["dataset"] == "thin"
    assert rows[2] == {**rows[2], "address": "https://www.openml.org/d/61", "md5": "ab"}
    assert [row["where"] for row in rows] == ["absent"] * 3
    folder = tmp_path / "stick"
    folder.mkdir()
    (folder / "t.csv").write_bytes(content)
    monkeypatch.setenv("ALBENCH_MIRROR", "")
    fetched = CliRunner().invoke(
        app, ["data", "fetch", str(path), "--only", "dataset=t", "--from", str(folder)]
    )
    assert fetched.exit_code == 0, fetched.output
    assert CliRunner().invoke(app, [*command[:2], "--urls"]).exit_code == 0
    wrong = CliRunner().invoke(app, ["data", "fetch", str(path), "--from", "nowhere"])
    assert "no such folder" in str(wrong.exception)
