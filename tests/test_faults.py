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

from albench import strategy
from albench.core.errors import RunError


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


PLACES: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _plugin(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The plugin, at one place: a process refuses a name that two files register."""
    PLACES[:] = [tmp_path_factory.mktemp("faults") / "plugin.py"]
    PLACES[0].write_text(PLUGIN)


def suite_of(folder: Path, strategies: str = '"random", "margin"') -> Suite:
    """The tiny suite with these strategies."""
    text = TINY.replace('"random", "margin"', strategies)
    (folder / "tiny.toml").write_text(text + f'plugins = ["{PLACES[0]}"]\n')
    return load_suite(folder / "tiny.toml")


BASES = ("interrupts", "exits", "base", "leaves", "evil")


@pytest.mark.parametrize("in_process", [False, True])
def test_exceptions_outside_exception_cost_their_run_only(tmp_path: Path, in_process: bool) -> None:
    options = Options(("accuracy",), in_process=in_process)
    names = ", ".join(f'"{name}"' for name in BASES)
    suite = suite_of(tmp_path, f'"random", {names}')
    done = run(suite, tmp_path / "r", jobs=2, options=options)
    assert done.counts == {"done": 4, "failed": 10}
    runs = Store(tmp_path / "r").runs()
    said = runs[runs["trial"] == 0].set_index("strategy")["reason"]
    assert said["interrupts"].strip().endswith("KeyboardInterrupt")
    assert said["exits"].strip().endswith("GeneratorExit: of mine")
    assert said["base"].strip().endswith("BaseException: of mine")
    assert said["leaves"].strip().endswith("SystemExit: 0")
    assert said["evil"] == "evil: Evil"


def test_an_interrupt_of_the_user_is_none_of_the_strategy(tmp_path: Path) -> None:
    """Beside the data: the one costs a run, the other ends the command."""
    suite = suite_of(tmp_path, '"random", "interrupts", "swallows"')
    specs = {spec.strategy.name: spec for spec in suite.specs if spec.trial == 0}
    before = signal.getsignal(signal.SIGINT)
    here = Options(("accuracy",), in_process=True)
    assert run_one(specs["interrupts"], here).run["status"] == "failed"
    with pytest.raises(KeyboardInterrupt):
        run_one(specs["swallows"], here)
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
    suite_of(tmp_path, '"busy", "random"')
    busy = tmp_path / "busy"
    busy.mkdir()
    words = ("run", str(tmp_path / "tiny.toml"), "--results", str(tmp_path / "r"), "--jobs", "2")
    with albench(*words, "--in-process", ALBENCH_BUSY=str(busy)) as process:
        assert until(lambda: len(list(busy.iterdir())) > 0, 60)
        workers = [int(file.name) for file in busy.iterdir()]
        assert all(map(there, workers))
        process.send_signal(number)
        assert until(lambda: not any(map(there, workers)), 8)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in out


def test_a_block_gives_back_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = suite_of(tmp_path, '"late", "random"')
    late = next(spec for spec in suite.specs if spec.strategy.name == "late")
    quick = next(spec for spec in suite.specs if spec.strategy.name == "random")
    options = Options(("accuracy",), plugins=suite.plugins, in_process=True)
    assert len(run_block([quick] * 5, options, hold=60.0)) == 5
    # a run of `late` takes 0.3 s, so the next may take 0.6 s
    assert len(run_block([late] * 5, options, hold=0.5)) == 1
    assert 1 < len(run_block([late] * 20, options, hold=2.0)) < 8
    monkeypatch.setattr("albench.runner.crew.HOLD", 0.5)
    stored: list[int] = []
    done = run(
        suite,
        tmp_path / "r",
        jobs=1,
        options=options,
        on_progress=lambda p: stored.append(p.done),
    )
    assert done.counts == {"done": 6}
    assert len(stored) > 3  # more often than by the two blocks


def test_a_shard_without_runs_is_an_empty_store_that_can_be_merged(tmp_path: Path) -> None:
    suite = suite_of(tmp_path).with_trials(1)
    said: list[str] = []
    folders = [tmp_path / "p1", tmp_path / "p2"]
    totals = [
        run(suite, folder, jobs=1, shard=(i, 2), report=said.append).total
        for i, folder in enumerate(folders, 1)
    ]
    assert sorted(totals) == [0, len(suite.specs)]
    empty = totals.index(0)
    assert f"--shard {empty + 1}/2 has none of the runs that are missing" in said
    for folder in folders:
        assert {"manifest.json", "runs.parquet", "rounds.parquet"} <= {*os.listdir(folder)}
        assert Store(folder).manifest["suite"] == "tiny"
    assert Store(folders[empty]).runs().empty
    merged = merge(folders, tmp_path / "all")
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
