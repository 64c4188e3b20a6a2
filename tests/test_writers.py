"""One writer at a time in a store, and readers that change nothing and see all of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from albench.core.errors import BadResults
from albench.results import lock, reading
from albench.results.lock import WriterLock
from albench.results.store import Store

METRICS = "accuracy@1"


def row(name: str) -> dict[str, Any]:
    """A made-up run."""
    return {
        "run": name,
        "spec": "{}",
        "dataset": "iris",
        "model": "gnb",
        "query_model": "gnb",
        "strategy": name,
        "protocol": "standard",
        "trial": 0,
        "status": "done",
        "seconds": 1.0,
        "metrics": METRICS,
    }


def bought(name: str) -> list[dict[str, Any]]:
    """Its two rounds."""
    return [
        {"run": name, "round": r, "n_labeled": 2 + r, "cost": 2.0, "picks": [r], "labels": [0]}
        | {"accuracy": 0.5 + r / 10}
        for r in range(2)
    ]


def filled(folder: Path, *names: str) -> Store:
    """A store with a shard for each of these runs."""
    store = Store(folder)
    for name in names:
        store.add([row(name)], bought(name))
    return store


def contents(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


PACKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_writers import row, bought
from albench.results.store import Store
store = Store(sys.argv[1])
with store.writing():
    number = 24
    while not (Path(sys.argv[1]) / "stop").exists():
        for _ in range(6):
            store.add([row(f"r{number:04d}")], bought(f"r{number:04d}"))
            number += 1
        store.pack(suite="s")
print(number)
"""


def test_readers_beside_a_packer_see_every_run_that_was_there(tmp_path: Path) -> None:
    """Each reading holds the runs of the last one; none is lost, doubled or half there."""
    filled(tmp_path, *(f"r{i:04d}" for i in range(24)))
    words = [sys.executable, "-c", PACKER, str(tmp_path), str(Path(__file__).parent)]
    packer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    seen, readings = 24, 0
    deadline = time.monotonic() + 90
    while (seen < 60 or readings < 20) and time.monotonic() < deadline:
        runs, rounds = Store(tmp_path).read()
        assert runs["run"].tolist() == [f"r{i:04d}" for i in range(len(runs))]
        assert len(runs) >= seen
        assert (rounds.groupby("run").size() == 2).all()
        assert rounds["run"].nunique() == len(runs)
        seen, readings = len(runs), readings + 1
    (tmp_path / "stop").touch()
    out, _ = packer.communicate(timeout=60)
    assert len(Store(tmp_path).runs()) == int(out) >= seen >= 60


def between(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
    """Act once, just after the reader's method of this name has returned."""
    method, done = getattr(reading.Reader, name), list[bool]()

    def then(self: Any, *args: Any) -> Any:
        found = method(self, *args)
        if not done:
            done.append(True)
            act()
        return found

    monkeypatch.setattr(reading.Reader, name, then)


@pytest.mark.parametrize("moment", ["shard_keys", "shard", "state", "stated", "planned"])
def test_a_packing_at_each_moment_of_a_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    store = filled(tmp_path, "a", "b")
    store.pack(suite="s")
    store.add([row("c")], bought("c"))
    store.add([row("d")], bought("d"))
    reader = Store(tmp_path)

    def other() -> None:
        code = f"from albench.results.store import Store; Store({str(tmp_path)!r}).pack(suite='s')"
        subprocess.run([sys.executable, "-c", code], check=True)

    between(monkeypatch, moment, other)
    runs, rounds = reader.read()
    assert not reader.shard_keys()
    assert runs["run"].tolist() == list("abcd")
    assert rounds["accuracy"].tolist() == [0.5, 0.6] * 4


def test_readers_change_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path, "a", "b")
    shard = store.shard_files(store.shard_keys()[0])[1]
    shard.write_bytes(shard.read_bytes()[:-1])
    for name in ("runs.parquet.new", "shards/.writing-abc"):
        (tmp_path / name).write_bytes(b"half")
    before = contents(tmp_path)
    assert len(Store(tmp_path, lambda said: None).runs()) == 1
    assert Store(tmp_path).manifest == {}
    assert contents(tmp_path) == before
    with store.writing():
        assert not (tmp_path / "runs.parquet.new").exists()
        assert not (tmp_path / "shards/.writing-abc").exists()


def test_a_second_writer_waits_or_is_refused_by_name(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\nfrom albench.results.store import Store\n"
            f"with Store({str(tmp_path)!r}).writing():\n"
            "    print('held', flush=True)\n    time.sleep(float(sys.stdin.readline()))",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    said = rf"is being written by .* \(process {holder.pid} on {socket.gethostname()}, since "
    with pytest.raises(BadResults, match=said), Store(tmp_path).writing(wait=0.2):
        pass
    assert Store(tmp_path).runs().empty  # a reader needs no lock
    holder.stdin.write("0.3\n")
    holder.stdin.flush()
    filled(tmp_path, "a")  # waits until the other has ended
    holder.wait(timeout=10)
    holder.stdin.close()
    holder.stdout.close()
    assert not (tmp_path / lock.RECORD).exists()
    assert Store(tmp_path).runs()["run"].tolist() == ["a"]


def test_the_lock_of_a_killed_writer_is_free_at_once(tmp_path: Path) -> None:
    code = f"""
import os, signal
from albench.results.store import Store
with Store({str(tmp_path)!r}).writing():
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code])
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / lock.RECORD).exists()
    store = Store(tmp_path)
    with store.writing(wait=0.0):
        assert store.lock.left is not None
        assert store.lock.left["host"] == socket.gethostname()


def elsewhere(folder: Path, age: float) -> None:
    """The record of a writer on another host, renewed so many seconds ago."""
    told = {"owner": "ada", "host": "elsewhere", "process": 7, "since": "2026-01-01 00:00:00 UTC"}
    record = folder / lock.RECORD
    record.write_text(json.dumps(told))
    then = time.time() - age
    os.utime(record, (then, then))


def test_a_writer_on_another_host_whose_lock_does_not_reach_here(tmp_path: Path) -> None:
    filled(tmp_path, "a")
    elsewhere(tmp_path, lock.FRESH / 2)
    with (
        pytest.raises(BadResults, match=r"written by ada \(process 7 on elsewhere, since 2026"),
        Store(tmp_path).writing(wait=0.2),
    ):
        pass
    elsewhere(tmp_path, lock.FRESH + 1)
    store = Store(tmp_path)
    with store.writing(wait=0.2):
        # and should it wake up, it finds that the store is no longer its own
        elsewhere(tmp_path, 0)
        with pytest.raises(BadResults, match="another process took over"):
            store.pack()
    assert len(Store(tmp_path).runs()) == 1
    assert store.shard_keys()


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import filelock

    class Without(filelock.FileLock):  # type: ignore[misc, valid-type]
        def acquire(self, *args: Any, **kwargs: Any) -> Any:
            raise NotImplementedError

    monkeypatch.setattr(filelock, "FileLock", Without)
    one, two = WriterLock(tmp_path), WriterLock(tmp_path)
    one.acquire(0)
    with pytest.raises(BadResults, match="is being written by"):
        two.acquire(0.2)
    one.release()
    two.acquire(0)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], **PIPED)
    two.over.set()
    told = json.loads(two.text) | {"process": int(gone.stdout)}
    two.record.write_text(json.dumps(told))
    one.acquire(0)
    assert one.left == told
    one.release()


PIPED: Any = {"capture_output": True, "text": True, "check": True}

NOBODY = """
import os, sys, tempfile
import filelock
from albench.core.errors import BadResults
from albench.results.store import Store
with tempfile.TemporaryDirectory() as warm:  # what is imported late may not be readable
    Store(warm).pack()
    Store(warm).runs()
os.setgid(65534); os.setuid(65534)
try:
    store = Store(sys.argv[1])
    print(sorted(store.runs()["run"]), store.manifest["suite"])
    store.pack(suite="other")
except BadResults as error:
    print(error)
"""


def as_nobody(folder: Path) -> list[str]:
    """What a user without rights reads in the folder, then is told when writing."""
    if not hasattr(os, "getuid") or os.getuid() != 0:
        pytest.skip("needs root, to give up its rights")
    done = subprocess.run([sys.executable, "-c", NOBODY, str(folder)], **PIPED)
    lines: list[str] = done.stdout.splitlines()
    return lines


@pytest.fixture
def shared(tmp_path: Path) -> Any:
    """A store in a folder that everyone may enter."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"albench-store-{os.getpid()}"
    store = filled(folder, "a", "b")
    store.pack(suite="s")
    store.add([row("c")], bought("c"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_what_may_not_be_written_can_be_read(shared: Path) -> None:
    before = contents(shared)
    read, told = as_nobody(shared)
    assert read == "['a', 'b', 'c'] s"
    assert told == (
        f"cannot write in {shared}: permission denied; what is stored there can be read, but "
        "nothing can be added"
    )
    assert contents(shared) == before


@pytest.mark.parametrize(
    ("name", "mode"),
    [("runs.parquet", 0), ("manifest.json", 0), ("shards", 0o311), ("", 0o300), ("shard", 0)],
)
def test_missing_permissions_are_named(shared: Path, name: str, mode: int) -> None:
    path = shared / name
    if name == "shard":
        path = next((shared / "shards").glob("*.rounds.parquet"))
    path.chmod(mode)
    told = as_nobody(shared)
    shown = shared / "shards" if not name else path
    assert told == [f"{shown} cannot be read: permission denied"]


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="mounts need root")
def test_a_read_only_mount(tmp_path: Path) -> None:
    store = filled(tmp_path / "store", "a")
    store.pack(suite="s")
    store.add([row("b")], bought("b"))
    words = ["unshare", "--mount", "sh", "-c"]
    script = (
        f'mount --bind "{store.folder}" "{store.folder}" && mount -o remount,ro,bind '
        f'"{store.folder}" || exit 77; exec "$@"'
    )
    reader = NOBODY.replace("os.setgid(65534); os.setuid(65534)", "")
    last = [sys.executable, "-c", reader, str(store.folder)]
    done = subprocess.run([*words, script, "sh", *last], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no mounts here: {done.stderr.strip()[:80]}")
    read, told = done.stdout.splitlines()
    assert read == "['a', 'b'] s"
    assert told.startswith(f"cannot write in {store.folder}: read-only file system")


def test_a_shard_goes_only_when_the_tables_hold_its_runs(tmp_path: Path) -> None:
    """A plan that names a shard which the tables do not hold deletes nothing of it."""
    store = filled(tmp_path, "a")
    store.pack(suite="s")
    store.add([row("b")], bought("b"))
    plan = {"manifest": store.manifest, "shards": store.shard_keys()}
    (tmp_path / "packing.json").write_text(json.dumps(plan))
    with store.writing():
        assert len(store.shard_keys()) == 1
    assert store.runs()["run"].tolist() == ["a", "b"]


def test_tables_that_come_back_changed_drop_no_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path, "a", "b")
    write = "albench.results.store.write_atomic"
    from albench.core.files import write_atomic

    def flips(path: Path, content: bytes) -> None:
        turned = content[:50] + bytes([content[50] ^ 1]) + content[51:]
        write_atomic(path, turned if path.name == "rounds.parquet.new" else content)

    monkeypatch.setattr(write, flips)
    with pytest.raises(BadResults, match="read back with other bytes"):
        store.pack(suite="s")
    monkeypatch.undo()
    assert len(store.shard_keys()) == 2
    assert Store(tmp_path).runs()["run"].tolist() == ["a", "b"]
    store.pack(suite="s")
    runs, _ = Store(tmp_path).read()
    pd.testing.assert_series_equal(runs["run"], pd.Series(["a", "b"], name="run"))
    assert not store.shard_keys()
