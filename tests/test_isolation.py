"""A strategy from a file runs in a process that holds no data, and hurts nobody there."""

import gc
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from albench.core import registry
from albench.core.spec import Protocol, RunSpec
from albench.runner import forking, isolation
from albench.runner.clock import one_thread
from albench.runner.worker import Finished, Options, run_one
from albench.simulation.task import Task

pytestmark = pytest.mark.skipif(not forking.possible(), reason="this system cannot fork")
RULES = Protocol(start=8, batch=4, budget=20)
LOOKED = ("random", "margin", "entropy", "qbc", "batch_bald", "badge", "expected_gradient_length")
LOOKED += ("eer_01", "kcenter", "typiclust", "probcover", "albl", "galaxy", "hierarchical", "bait")
LOOKED += ("softmax", "seals", "mcm", "uherding", "leaf_sampling", "clue", "same_as")
PLUGIN = """
import ctypes, gc, json, os, socket, subprocess, sys, threading, time

import numpy as np

import albench
from albench.runner import worker
from albench.simulation.task import Task


def honest(query):
    return query.top(-query.margins)


@albench.strategy("iso-margin")
def margin(query):
    return honest(query)


@albench.strategy("iso-looks")
def looks(query):
    tasks = [o for o in gc.get_objects() if isinstance(o, Task)]
    print(json.dumps({
        "environ": dict(os.environ),
        "argv": sys.argv,
        "files": sorted(os.readlink(f"/proc/self/fd/{n}") for n in range(3, 40)
                        if os.path.exists(f"/proc/self/fd/{n}")),
        "datasets": len(worker.datasets),
        "labels": sorted({int(v) for t in tasks for v in t.y if len(t.X) == len(query.X)}),
        "tests": float(sum(abs(t.X_test).sum() for t in tasks)),
        "threads": threading.active_count(),
    }))
    return honest(query)


@albench.strategy("iso-exits")
def exits(query):
    os._exit(3)


@albench.strategy("iso-killed")
def killed(query):
    os.kill(os.getpid(), 11)


@albench.strategy("iso-hangs")
def hangs(query):
    while True:
        time.sleep(1)


@albench.strategy("iso-busy")
def busy(query):
    while True:
        pass


@albench.strategy("iso-eats")
def eats(query):
    return np.ones(1 << 31)


@albench.strategy("iso-raises")
def raises(query):
    print("about to raise")
    raise KeyError("mine")


@albench.strategy("iso-system-exit")
def leaves(query):
    raise SystemExit(0)


@albench.strategy("iso-chatter")
def chatter(query):
    for _ in range(64):
        print("x" * (1 << 16))
        os.write(2, b"y" * (1 << 16))
    print("the end")
    return honest(query)


@albench.strategy("iso-patches")
def patches(query):
    picks = honest(query)
    np.argsort = np.partition = albench.core.registry.build = None
    os.chdir("/")
    os.environ["ISO"] = "1"
    return picks


@albench.strategy("iso-children")
def children(query):
    line = [sys.executable, "-c", "import time; time.sleep(100)"]
    one = subprocess.Popen(line)
    other = subprocess.Popen(line, start_new_session=True)
    threading.Thread(target=time.sleep, args=(100,)).start()
    print(json.dumps([one.pid, other.pid]), flush=True)
    return honest(query)


@albench.strategy("iso-garbage")
def garbage(query):
    for number in range(3, 40):
        try:
            os.write(number, b"\\xff" * 64)
        except OSError:
            pass
    return honest(query)


@albench.strategy("iso-writes")
def writes(query):
    query.X.flags.writeable = True
    return honest(query)


@albench.strategy("iso-overwrites")
def overwrites(query):
    ctypes.memset(query.X.ctypes.data, 0, 8)


@albench.strategy("iso-keeps")
class Keeps:
    seen = []

    def __call__(self, query):
        self.seen.append(1)
        print(len(self.seen))
        return honest(query)


@albench.strategy("iso-asks", sequential=True)
def asks(query):
    print([query.ask(int(position)) for position in query.pool[: query.n]])
    try:
        query.tell(int(query.pool[-1]))
    except Exception as error:
        print(error)
    return query.pool[: query.n]


@albench.strategy("iso-odd")
def odd(query):
    return [0.5] * query.n


@albench.strategy("iso-skips")
def skips(query):
    raise albench.Skip("does not apply here")
"""


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    before = {kind: dict(entries) for kind, entries in registry.ENTRIES.items()}
    file = tmp_path_factory.mktemp("plugin") / "plugin.py"
    file.write_text(textwrap.dedent(PLUGIN))
    registry.load_plugin(file)
    with one_thread():
        yield
    forking.kept.drop()
    registry.ENTRIES.update(before)


def spec(name: str, model: str = "logreg", rules: Protocol = RULES) -> RunSpec:
    ref = registry.resolve("model", model)
    data, strategy = registry.resolve("dataset", "iris"), registry.resolve("strategy", name)
    return RunSpec(data, strategy, ref, ref, rules)


def run(name: str, timeout: float | None = 60, **fields: Any) -> Finished:
    return run_one(spec(name, **fields), Options(("accuracy",), timeout=timeout))


def picks(done: Finished) -> list[list[int]]:
    assert done.run["status"] == "done", done.run["reason"]
    return [row["picks"] for row in done.rounds]


@contextmanager
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the processes of runs print."""
    heard: list[str] = []
    close = isolation.Isolated.close

    def closing(self: isolation.Isolated) -> None:
        self.chatter.drain()
        heard.append(self.chatter.said)
        close(self)

    monkeypatch.setattr(isolation.Isolated, "close", closing)
    yield heard
    monkeypatch.setattr(isolation.Isolated, "close", close)


@pytest.mark.parametrize("name", LOOKED)
def test_picks_are_the_same_as_in_process(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = run(name)
    monkeypatch.setattr(isolation, "isolates", lambda spec, in_process: True)
    apart = run(name)
    assert picks(here) == picks(apart)
    assert [r["n_tied"] for r in here.rounds] == [r["n_tied"] for r in apart.rounds]
    assert [r["accuracy"] for r in here.rounds] == [r["accuracy"] for r in apart.rounds]


@pytest.mark.parametrize("model", ["svc-rbf", "svc-linear-libsvm", "gnb", "knn", "forest"])
def test_whatever_the_model(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = run("margin", model=model)
    monkeypatch.setattr(isolation, "isolates", lambda spec, in_process: True)
    assert picks(here) == picks(run("margin", model=model))


@pytest.mark.parametrize(
    "fields",
    [
        {"ties": "random"},
        {"ties": "row"},
        {"delay": 1},
        {"audit": 9},
        {"start": 0},
        {"scale": "labeled"},
    ],
)
def test_whatever_the_protocol(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Protocol(**{"start": 8, "batch": 4, "budget": 20, **fields})
    here = run("margin", model="knn", rules=rules)
    monkeypatch.setattr(isolation, "isolates", lambda spec, in_process: True)
    assert picks(here) == picks(run("margin", model="knn", rules=rules))


def test_a_file_says_the_same_as_albench(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not isolation.isolates(spec("margin"), False)
    assert isolation.isolates(spec("iso-margin"), False)
    assert not isolation.isolates(spec("iso-margin"), True)
    assert picks(run("margin")) == picks(run("iso-margin"))


@pytest.mark.skipif(sys.platform != "linux", reason="files are read from /proc")
def test_the_process_holds_nothing_of_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALBENCH_DATA", "/where/iris/is")
    forking.kept.drop()  # so that the template begins with this environment
    with listening(monkeypatch) as heard:
        run("iso-looks")
    assert [template.threads for template in forking.kept.held.values()] == [1]
    held = json.loads(heard[0].splitlines()[-1])
    assert not [name for name in held["environ"] if name.startswith("ALBENCH")]
    assert "iris" not in json.dumps(held)
    held["files"].remove("/memfd:features (deleted)")
    assert len(held["files"]) == 1
    assert held["files"][0].startswith("socket:")
    assert (held["datasets"], held["labels"], held["tests"]) == (0, [-1], 0.0)
    assert held["threads"] == 1
    assert any(isinstance(o, Task) and (o.y >= 0).all() for o in gc.get_objects())  # here it is


@pytest.mark.parametrize(
    ("name", "status", "code", "said"),
    [
        ("exits", "failed", "worker_died", "exit code 3"),
        ("killed", "failed", "worker_died", "signal SIGSEGV"),
        ("raises", "failed", "exception", "KeyError: 'mine'"),
        ("raises", "failed", "exception", "it printed: about to raise"),
        ("system-exit", "failed", "exception", "SystemExit"),
        ("garbage", "failed", "worker_died", "its process ended"),
        ("writes", "failed", "exception", "WRITEABLE"),
        ("overwrites", "failed", "worker_died", "signal SIG"),
        ("odd", "failed", "contract_broken", "round 1: it returned an array of shape (4,)"),
        ("skips", "skipped", "does_not_apply", "does not apply here"),
    ],
)
def test_what_goes_wrong_costs_that_run(name: str, status: str, code: str, said: str) -> None:
    done = run(f"iso-{name}")
    assert (done.run["status"], done.run["reason_code"]) == (status, code)
    assert said in done.run["reason"]
    assert picks(run("iso-margin")) == picks(run("margin"))


def test_a_hang_ends_with_the_time_limit() -> None:
    begin = time.monotonic()
    done = run("iso-hangs", timeout=0.5)
    assert (done.run["status"], done.run["reason_code"]) == ("timeout", "timeout")
    assert time.monotonic() - begin < 20
    assert picks(run("iso-margin")) == picks(run("margin"))


@pytest.mark.skipif(sys.platform != "linux", reason="sizes are read from /proc")
def test_memory_is_limited_there_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "memory_of_machine", lambda: 64 << 20)
    done = run("iso-eats")
    assert done.run["status"] == "failed"
    assert "MemoryError" in done.run["reason"]
    np.ones(1 << 24).sum()


def test_chatter_is_taken_and_cut(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with listening(monkeypatch) as heard:
        assert picks(run("iso-chatter")) == picks(run("margin"))
    assert len(heard[0]) <= 4000
    assert heard[0].endswith("the end")
    assert capfd.readouterr() == ("", "")


def test_nothing_passes_to_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, argsort = os.getcwd(), np.argsort
    with listening(monkeypatch) as heard:
        first, second = run("iso-keeps"), run("iso-keeps")
        assert picks(first) == picks(second)
        assert heard[0] == heard[1] == "1\n2\n3"
    run("iso-patches")
    assert (os.getcwd(), np.argsort) == (folder, argsort)
    assert "ISO" not in os.environ
    assert picks(run("iso-margin")) == picks(run("margin"))


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are found through /proc")
def test_what_a_run_starts_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as heard:
        run("iso-children", rules=Protocol(start=8, batch=4, budget=12))
    [*forking.kept.held.values()][-1].settled()
    numbers = json.loads(heard[0].splitlines()[0])
    assert len(numbers) == 2
    assert not [n for n in numbers if Path(f"/proc/{n}").exists()]


def test_labels_are_told_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(monkeypatch) as heard:
        done = run("iso-asks")
    told = heard[0].splitlines()
    assert json.loads(told[0]) == done.rounds[1]["labels"]
    assert "more labels than the 4 rows due" in told[1]


def test_a_wrapper_around_a_file_is_isolated_too() -> None:
    wrapped = RunSpec(
        **vars(spec("margin"))
        | {"strategy": registry.resolve("strategy", {"use": "softmax", "base": "iso-margin"})}
    )
    assert isolation.isolates(wrapped, False)
    assert isolation.files_of(wrapped)


def test_a_file_may_import_what_lies_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "iso_helpers.py").write_text("def first(query):\n    return query.pool[:query.n]\n")
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the current folder')\n")
    plugin = tmp_path / "two_files.py"
    plugin.write_text(
        "import albench, iso_helpers\nalbench.strategy('iso-two')(iso_helpers.first)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(forking.tempfile, "gettempdir", lambda: str(tmp_path))
    registry.load_plugin(plugin)
    assert len(picks(run("iso-two"))) == 4


def test_what_needs_more_stays_and_says_why() -> None:
    def mine(query: Any) -> Any:
        return query.pool[: query.n]

    here = spec(registry.adopt(mine))
    assert isolation.beside_data([here, spec("margin"), spec("iso-margin")], False) == {
        "mine": "strategy 'mine' is defined in no file that another process could load"
    }
    assert isolation.beside_data([spec("iso-margin")], True) == {
        "iso-margin": "asked for by --in-process"
    }


BUSY = """
import sys, threading

from albench.core import registry
from albench.core.spec import Protocol, RunSpec
from albench.runner import forking
from albench.runner.worker import Options, run_one

made = forking.Template.__init__


def told(self, plugins):
    made(self, plugins)
    print(self.process.pid, flush=True)


forking.Template.__init__ = told
registry.load_plugin(sys.argv[1])
gnb = registry.resolve("model", "gnb")
data, busy = registry.resolve("dataset", "iris"), registry.resolve("strategy", "iso-busy")
run_one(RunSpec(data, busy, gnb, gnb, Protocol(start=8)), Options(()))
"""


def seconds(number: str) -> float:
    """CPU seconds of a process."""
    try:
        words = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked for in /proc")
def test_the_end_of_this_process_ends_the_others() -> None:
    """Also one that is in the middle of something endless."""
    words = [sys.executable, "-c", BUSY, str(registry.entry("strategy", "iso-busy").plugin)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        template = process.stdout.readline().strip()
        children: list[str] = []
        for _ in range(300):
            children = Path(f"/proc/{template}/task/{template}/children").read_text().split()
            if any(seconds(number) > 0.3 for number in children):
                break
            time.sleep(0.1)
        process.kill()
    left = [Path(f"/proc/{number}") for number in (template, *children)]
    assert len(left) > 1
    for _ in range(100):
        if not any(path.exists() for path in left):
            break
        time.sleep(0.1)
    assert not [path for path in left if path.exists()]


@pytest.fixture
def fenced() -> None:
    """Skip where the kernel keeps no fence."""
    from albench.runner import fence

    if fence.level() < 6:
        pytest.skip(f"the kernel has Landlock in version {fence.level()}; the whole fence needs 6")


def test_files_other_processes_and_the_network_are_out_of_reach(
    fenced: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    import pyarrow.parquet

    table = tmp_path / "rounds.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"labels": [1, 2]}), table)
    server = socket.create_server(("127.0.0.1", 0))
    plugin = tmp_path / "reaches.py"
    plugin.write_text(
        textwrap.dedent(f"""
        import ctypes, os, pathlib, signal, socket

        import albench

        @albench.strategy("iso-reaches")
        def reaches(query):
            import pandas, pyarrow, pyarrow.parquet, sklearn.datasets
            table, here = {str(table)!r}, os.getpid()
            for name, reach in {{
                "read": lambda: open(table).read(1),
                "pandas": lambda: pandas.read_parquet(table),
                "arrow": lambda: pyarrow.parquet.read_table(table),
                "mapped": lambda: pyarrow.memory_map(table),
                "list": lambda: os.listdir({str(tmp_path)!r}),
                "write": lambda: open("left-behind", "w"),
                "published": lambda: sklearn.datasets.load_wine(),
                "environment": lambda: open("/proc/{os.getpid()}/environ").read(),
                "memory": lambda: open("/proc/{os.getpid()}/mem", "rb"),
                "signal": lambda: os.kill({os.getpid()}, 0),
                "network": lambda: socket.create_connection(("127.0.0.1", {{}}), 5),
            }}.items():
                try:
                    reach()
                except OSError:
                    continue
                print("reached", name)
            library = ctypes.CDLL(None)
            if library.open(table.encode(), 0) >= 0:
                print("reached by the C library")
            print("done", len(pathlib.Path("/proc/self/maps").read_text()) > 0)
            return query.pool[: query.n]
        """).replace("{}", str(server.getsockname()[1]))
    )
    registry.load_plugin(plugin)
    with server, listening(monkeypatch) as heard:
        picks(run("iso-reaches", rules=Protocol(start=8, batch=4, budget=12)))
    assert heard[0].splitlines() == ["done True"]
