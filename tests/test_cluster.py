"""dask: a scheduler and workers as processes of their own, that die, vanish or differ."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from albench.core.errors import BadResults, Unavailable
from albench.results.store import Store
from albench.runner import Workers, cluster, run
from albench.runner.worker import Options
from albench.suite import Suite
from albench.suite.toml import load_suite

pytest.importorskip("distributed")
pytestmark = pytest.mark.slow

SUITE = """
datasets = ["iris"]
models = ["gnb"]
strategies = ["random", "dask_dies"]
trials = 1
metrics = ["accuracy"]
protocol = {start = 10, batch = 20, budget = 50}
"""
PLUGIN = """
import os
import time
from pathlib import Path

from albench import strategy


@strategy("dask_dies")
def dies(query):
    os._exit(3)


@strategy("dask_slow")
def slow(query):
    Path(os.environ["ALBENCH_SLOW"]).touch()
    time.sleep(0.5)
    return query.pool[: query.n]
"""


class Cluster:
    """A scheduler and its workers, each started by a command, as on several nodes."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "scheduler.json"
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start(
            "dask_scheduler",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(self.file),
            DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0",
        )
        self.address = ""

    def start(self, program: str, *words: str, **env: str) -> subprocess.Popen[bytes]:
        """Start a process of dask."""
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *words],
            env=os.environ | env,
            cwd=self.folder,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def worker(self, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, with its nanny."""
        words = ["--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard"]
        return self.start("dask_worker", *words, "--nworkers", "1", **env)

    def ready(self, workers: int) -> str:
        """The scheduler's address, once so many workers are there."""
        from distributed import Client

        deadline = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with Client(scheduler_file=str(self.file), timeout=30, set_as_default=False) as client:
            while len(client.nthreads()) != workers and time.monotonic() < deadline:
                time.sleep(0.1)
            assert len(client.nthreads()) == workers
            return str(client.scheduler.address)

    def stop(self) -> None:
        """End all of it."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    with ExitStack() as stack:
        stack.callback(made.stop)
        yield made


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "plugin.py"
    path.write_text(PLUGIN)
    return path


def suite_of(plugin: Path, folder: Path, strategies: str = '"random", "dask_dies"') -> Suite:
    text = SUITE.replace('"random", "dask_dies"', strategies)
    (folder / "nodes.toml").write_text(text + f'plugins = ["{plugin}"]\n')
    return load_suite(folder / "nodes.toml")


def test_a_worker_that_dies_costs_the_run_that_killed_it(
    plugin: Path, tmp_path: Path, nodes: Cluster
) -> None:
    suite = suite_of(plugin, tmp_path)
    nodes.worker()
    nodes.worker()
    address = nodes.ready(2)
    here = Options(suite.metrics, in_process=True)
    workers = Workers(backend="dask", scheduler=address)
    done = run(suite, tmp_path / "r", jobs=workers, options=here)
    assert done.counts == {"done": 2, "failed": 1}
    runs = Store(tmp_path / "r").runs().set_index("strategy")
    assert runs.loc["dask_dies", "reason"] == "killed its worker process 2 times"
    alone = run(suite, tmp_path / "one", jobs=1, options=here)
    assert alone.counts == done.counts
    for one, other in zip(
        Store(tmp_path / "r").read(), Store(tmp_path / "one").read(), strict=True
    ):
        kept = [c for c in one if not c.startswith("seconds") and c != "reason"]
        assert one[kept].equals(other[kept])


def test_a_lost_scheduler_is_one_message_and_finished_runs_stay(
    plugin: Path, tmp_path: Path, nodes: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = tmp_path / "begun"
    suite = suite_of(plugin, tmp_path, '"random", "dask_slow"')
    monkeypatch.setattr(cluster, "LOST", 2.0)
    monkeypatch.setattr(cluster, "HOLD", 0.01)
    nodes.worker(ALBENCH_SLOW=str(begun))
    address = nodes.ready(1)

    def after(progress: object) -> None:
        if getattr(progress, "done", 0):
            os.killpg(nodes.scheduler.pid, signal.SIGKILL)

    with pytest.raises(Unavailable, match=r"scheduler at tcp://\S+ was lost; finished runs are"):
        run(
            suite,
            tmp_path / "r",
            jobs=Workers(backend="dask", scheduler=address),
            options=Options(suite.metrics, in_process=True),
            on_progress=after,
        )
    kept = len(Store(tmp_path / "r").runs())
    assert kept > 0
    monkeypatch.setenv("ALBENCH_SLOW", str(begun))
    again = run(suite, tmp_path / "r", jobs=1, options=Options(suite.metrics, in_process=True))
    assert again.total == len(suite.specs) - kept


def test_workers_that_differ_are_refused_by_name(
    plugin: Path, tmp_path: Path, nodes: Cluster
) -> None:
    suite = suite_of(plugin, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text(
        'import albench.core.version\nalbench.core.version.VERSION = "9.9"\n'
    )
    path = os.pathsep.join([str(other), os.environ.get("PYTHONPATH", "")])
    worker = nodes.worker(PYTHONPATH=path)
    address = nodes.ready(1)
    said = r"the dask worker tcp://\S+ is refused: albench 9\.9 there, \S+ here; workers need"
    with pytest.raises(BadResults, match=said):
        run(suite, tmp_path / "r", jobs=Workers(backend="dask", scheduler=address))
    nodes.worker()
    nodes.ready(2)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    nodes.ready(1)
    text = plugin.read_text()
    plugin.rename(plugin.with_name("moved.py"))
    try:
        with pytest.raises(BadResults, match=r"is refused: plugin .*: no such file"):
            cluster_only(suite, address)
        plugin.write_text(text + "\n# another\n")
        with pytest.raises(BadResults, match=r"is refused: plugin \S+ sha256:\w+ there, sha256"):
            cluster_only(suite, address, text)
    finally:
        plugin.write_text(text)


def cluster_only(suite: Suite, address: str, text: str = "") -> None:
    """The first look at the workers, with the stamp of the plugin as the coordinator knew it."""
    from albench.runner.worker import Options

    crew: cluster.DaskCrew | None = None
    before = cluster.stamp
    try:
        cluster.stamp = lambda plugins: before(()) | {f"plugin {p}": "sha256:0" for p in plugins}
        crew = cluster.DaskCrew(address, 1, Options(suite.metrics, plugins=suite.plugins))
    finally:
        cluster.stamp = before
        if crew is not None:
            crew.close()
