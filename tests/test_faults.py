"""Faults from outside and inside a campaign: what they cost, and what they leave."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from albench.cli import exit_code
from albench.results.store import Store
from albench.runner import run
from albench.runner.grid import merge
from albench.runner.worker import Options, run_block, run_one
from albench.suite import Suite
from albench.suite.toml import load_suite

TINY = """
datasets = ["iris"]
models = ["gnb"]
strategies = ["random", "margin"]
trials = 2
metrics = ["accuracy"]
protocol = {start = 10, batch = 20, budget = 50}
"""
PLUGIN = """
import os
import signal
import time
from pathlib import Path

from albench import RunError, strategy


class Evil(RunError):
    def __str__(self):
        raise KeyboardInterrupt


@strategy("interrupts")
def interrupts(query):
    raise KeyboardInterrupt


@strategy("exits")
def exits(query):
    raise GeneratorExit("of mine")


@strategy("base")
def base(query):
    raise BaseException("of mine")


@strategy("leaves")
def leaves(query):
    raise SystemExit(0)


@strategy("evil")
def evil(query):
    raise Evil


@strategy("dies")
def dies(query):
    os._exit(3)


@strategy("busy")
def busy(query):
    Path(os.environ["ALBENCH_BUSY"], str(os.getpid())).touch()
    while True:
        pass


@strategy("swallows")
def swallows(query):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except BaseException:
        pass
    return query.pool[: query.n]


@strategy("late")
def late(query):
    time.sleep(0.15)
    return query.pool[: query.n]
"""


def suite_of(folder: Path, strategies: str = '"random", "margin"') -> Suite:
    """The tiny suite with these strategies."""
    (folder / "plugin.py").write_text(PLUGIN)
    text = TINY.replace('"random", "margin"', strategies)
    (folder / "tiny.toml").write_text(text + 'plugins = ["plugin.py"]\n')
    return load_suite(folder / "tiny.toml")


BASES = ("interrupts", "exits", "base", "leaves", "evil")


def test_exceptions_outside_exception_cost_their_run_only(tmp_path: Path) -> None:
    names = ", ".join(f'"{name}"' for name in BASES)
    suite = suite_of(tmp_path, f'"random", {names}')
    assert run(suite, tmp_path / "r", jobs=2).counts == {"done": 4, "failed": 10}
    runs = Store(tmp_path / "r").runs()
    said = runs[runs["trial"] == 0].set_index("strategy")["reason"]
    assert said["interrupts"].strip().endswith("KeyboardInterrupt")
    assert said["exits"].strip().endswith("GeneratorExit: of mine")
    assert said["base"].strip().endswith("BaseException: of mine")
    assert said["leaves"].strip().endswith("SystemExit: 0")
    assert said["evil"] == "evil: Evil"


def test_an_interrupt_of_the_user_is_none_of_the_strategy(tmp_path: Path) -> None:
    """In process, as `verify` replays: the one costs a run, the other ends the command."""
    suite = suite_of(tmp_path, '"interrupts", "swallows"')
    specs = {spec.strategy.name: spec for spec in suite.specs if spec.trial == 0}
    before = signal.getsignal(signal.SIGINT)
    assert run_one(specs["interrupts"], Options(("accuracy",))).run["status"] == "failed"
    with pytest.raises(KeyboardInterrupt):
        run_one(specs["swallows"], Options(("accuracy",)))
    assert signal.getsignal(signal.SIGINT) is before


def albench(*words: str, **env: str) -> subprocess.Popen[str]:
    """A command of its own session, so that its group can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "albench", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=os.environ | env,
    )


def until(true: Callable[[], bool], seconds: float) -> bool:
    """Whether something became true in time."""
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def there(pid: int) -> bool:
    """Whether a process runs (one that ended and is not waited for does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_coordinator_also_in_an_endless_loop(
    tmp_path: Path, number: signal.Signals
) -> None:
    suite_of(tmp_path, '"busy"')
    busy = tmp_path / "busy"
    busy.mkdir()
    words = ("run", str(tmp_path / "tiny.toml"), "--results", str(tmp_path / "r"), "--jobs", "2")
    with albench(*words, ALBENCH_BUSY=str(busy)) as process:
        assert until(lambda: len(list(busy.iterdir())) > 0, 60)
        workers = [int(file.name) for file in busy.iterdir()]
        assert all(map(there, workers))
        process.send_signal(number)
        assert until(lambda: not any(map(there, workers)), 8)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in out


def test_a_block_gives_back_what_is_finished(tmp_path: Path) -> None:
    suite = suite_of(tmp_path, '"late", "random"')
    specs = [spec for spec in suite.specs if spec.trial == 0]
    options = Options(("accuracy",), plugins=suite.plugins)
    assert specs[0].strategy.name == "late"
    assert len(run_block(specs * 3, options, hold=0.2)) < 4  # the next may take 2 x 0.3 s
    assert len(run_block(specs * 3, options, hold=30.0)) == 6 + 6 * (len(specs) - 2) // 2
    assert run(suite, tmp_path / "r", jobs=1).counts == {"done": 6}


def test_a_shard_without_runs_is_an_empty_store_that_can_be_merged(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    said: list[str] = []
    totals = [
        run(suite, tmp_path / f"p{i}", jobs=1, shard=(i, 7), report=said.append).total
        for i in range(1, 8)
    ]
    assert sum(totals) == len(suite.specs)
    empty = totals.index(0) + 1
    assert f"--shard {empty}/7 has none of the runs that are missing" in said
    for i in range(1, 8):
        names = {p.name for p in (tmp_path / f"p{i}").iterdir()}
        assert {"manifest.json", "runs.parquet", "rounds.parquet"} <= names
        assert Store(tmp_path / f"p{i}").manifest["suite"] == "tiny"
    assert Store(tmp_path / f"p{empty}").runs().empty
    merged = merge([tmp_path / f"p{i}" for i in range(1, 8)], tmp_path / "all")
    assert sorted(merged.runs()["run"]) == sorted(spec.id for spec in suite.specs)


def test_reuse_of_everything_leaves_a_store_and_keeps_what_is_added(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    words = ["run", str(tmp_path / "tiny.toml"), "--jobs", "1", "--add", "entropy"]
    assert exit_code([*words, "--results", str(tmp_path / "a")]) == 0
    assert (
        exit_code([*words, "--results", str(tmp_path / "b"), "--reuse", str(tmp_path / "a")]) == 0
    )
    one, other = Store(tmp_path / "a"), Store(tmp_path / "b")
    assert not other.shard_keys()
    assert (tmp_path / "b" / "runs.parquet").exists()
    assert other.manifest["added"] == ["entropy"]
    for key in ("suite", "suite_sha256", "entries", "versions", "machine", "revision"):
        assert one.manifest.get(key) == other.manifest.get(key)
    assert other.runs().equals(one.runs())
    assert len(other.runs()) == len(suite.specs) + 2


def test_what_was_added_can_be_taken_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite_of(tmp_path)
    words = ["run", str(tmp_path / "tiny.toml"), "--jobs", "1", "--results", str(tmp_path / "r")]
    assert exit_code([*words, "--add", "entropy"]) == 0
    held = len(Store(tmp_path / "r").runs())
    assert exit_code([*words, "--remove", "entrpy"]) == 2
    assert "it was not added; did you mean 'entropy'?" in capsys.readouterr().err
    assert exit_code([*words, "--remove", "entropy"]) == 0
    manifest = Store(tmp_path / "r").manifest
    assert manifest["added"] == []
    assert "strategy:entropy" not in manifest["entries"]
    assert "strategy:margin" in manifest["entries"]
    assert len(Store(tmp_path / "r").runs()) == held
    assert (
        exit_code(["compare", str(tmp_path / "tiny.toml"), "--results", str(tmp_path / "r")]) == 0
    )
    assert "entropy" not in capsys.readouterr().out


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    suite = suite_of(tmp_path)
    run(suite, tmp_path / "r", jobs=1)
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files(tmp_path / "r")}
    assert run(suite, tmp_path / "r", jobs=1).total == 0
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in files(tmp_path / "r")} == before


def files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())
