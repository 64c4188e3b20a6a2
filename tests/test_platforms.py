"""Other systems and other versions: what is not there is gone round, and said when asked for.

macOS and Windows are stood in for by deleting what they lack and naming the system; private
names of other packages by deleting the name.
"""

import importlib
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from albench.core import files
from albench.core.errors import RunTimeout
from albench.datasets import _download as download
from albench.datasets import openml
from albench.results.store import Store
from albench.runner import clock, loky
from albench.testing import watch


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder can be opened, no alarm, no `resource`, and the system's name."""
    opened = os.open

    def files_only(path: Any, *args: Any, **kwargs: Any) -> int:
        if os.path.isdir(path):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", files_only)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(signal, "SIGALRM")
    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.setitem(sys.modules, "resource", None)  # type: ignore[arg-type]


def test_windows_writes_without_opening_a_folder(windows: None, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file"
    for content in (b"one", b"two"):
        files.write_atomic(target, content)
        assert target.read_bytes() == content
    assert [p.name for p in target.parent.iterdir()] == ["file"]


def test_windows_replaces_a_file_that_is_open_for_a_moment(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, refusals = os.replace, [1, 2]

    def held(source: Any, target: Any) -> None:
        if refusals:
            refusals.pop()
            raise PermissionError(13, "the file is in use", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", held)
    files.write_atomic(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert not refusals
    refusals.extend([1] * 9)
    monkeypatch.setattr(files, "PAUSES", (0.0, 0.0))
    with pytest.raises(files.BadResults, match=r"cannot write .*file: the file is in use"):
        files.write_atomic(tmp_path / "file", b"other")
    assert (tmp_path / "file").read_bytes() == b"content"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_damaged_shard_is_set_aside_twice(tmp_path: Path) -> None:
    key = "0" * 24  # Windows renames over no file, so this must not be a rename
    said: list[str] = []
    store = Store(tmp_path, said.append)
    for text in ("one", "two"):
        for file in store.shard_files(key):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        with store.writing():
            assert store.shard(key) is None
        for file in store.shard_files(key):
            assert file.with_name(f"{file.name}.damaged").read_text() == text
    assert len(said) == 2


def spin(seconds: float) -> None:
    """Python code that lasts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(range(1000))


def test_a_time_limit_holds_without_an_alarm_signal(windows: None) -> None:
    begin = time.monotonic()
    with pytest.raises(RunTimeout, match=r"took longer than 0\.05 s"), clock.limited(0.05):
        spin(20)
    assert time.monotonic() - begin < 10
    with clock.limited(30):
        spin(0.0)


def test_what_windows_lacks_is_said_when_it_is_asked_for(windows: None) -> None:
    assert clock.peak_memory() is None
    assert clock.wanting(None, False) == []
    limit, memory = clock.wanting(10.0, True)
    assert "no alarm signal" in limit
    assert "peak memory" in memory


def test_what_is_there_is_not_said_to_be_wanting() -> None:
    assert clock.wanting(10.0, True) == []


def test_peak_memory_is_in_megabytes_on_both(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(ru_maxrss=512 << 20)
    stand_in = SimpleNamespace(RUSAGE_SELF=0, getrusage=lambda who: usage)
    monkeypatch.setitem(sys.modules, "resource", stand_in)  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert clock.peak_memory() == 512.0
    usage.ru_maxrss = 512 << 10
    monkeypatch.setattr(sys, "platform", "linux")
    assert clock.peak_memory() == 512.0


def test_the_guard_knows_paths_with_backslashes() -> None:
    assert watch.slashed(r"C:\env\Lib\inspect.py", "\\").endswith(watch.ASKED_BY_OTHERS)
    assert watch.slashed("/odd\\name.py", "/") == "/odd\\name.py"  # a name of its own there
    assert all("\\" not in folder for folder in watch.libraries())


def frozen_code(file: str) -> Any:
    return compile("0", file, "exec")


def test_the_guard_knows_an_import_where_its_code_has_moved(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretended = frozen_code("<frozen importlib._bootstrap>")
    assert watch.import_code() is watch.IMPORT is not None
    assert watch.importing(watch.IMPORT)
    assert not watch.importing(pretended)
    with monkeypatch.context() as changed:
        changed.delattr(importlib._bootstrap, "_find_and_load")  # type: ignore[attr-defined]
        gone = watch.import_code()
    assert gone is None
    monkeypatch.setattr(watch, "IMPORT", None)
    assert watch.importing(pretended)
    assert not watch.importing(frozen_code("mine.py"))


def test_a_pool_without_loky(monkeypatch: pytest.MonkeyPatch) -> None:
    import joblib.externals.loky as real

    monkeypatch.delattr(real, "ProcessPoolExecutor")
    executor = loky.pool(1, os.getpid, (), {})
    assert type(executor).__module__ == "concurrent.futures.process"
    try:
        assert executor.submit(os.getpid).result(60) != os.getpid()
        with pytest.raises(loky.BrokenProcessPool):
            executor.submit(os._exit, 3).result(60)
    finally:
        loky.end_pool(executor)
    busy = loky.pool(1, os.getpid, (), {})
    busy.submit(time.sleep, 600)
    (process,) = busy._processes.values()
    loky.end_pool(busy)
    process.join(30)  # another thread may have reaped it: then only its number tells
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_the_dead_worker_of_loky_is_the_error_we_catch() -> None:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    assert issubclass(TerminatedWorkerError, loky.BrokenProcessPool)


def test_requests_itself_is_left_alone() -> None:
    module, send = SimpleNamespace(requests=requests), requests.Session.request
    with download.limited_sessions(module):
        assert requests.Session.request is send
        inside = module.requests.Session()
        assert module.requests.exceptions is requests.exceptions
    assert module.requests is requests
    assert inside.get_adapter("https://x").__class__.__name__ == "Limited"
    assert type(requests.Session().get_adapter("https://x")) is requests.adapters.HTTPAdapter


def test_a_request_of_the_session_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def send(self: Any, request: Any, **kwargs: Any) -> requests.Response:
        seen.append(kwargs["timeout"])
        answer = requests.Response()
        answer.status_code = 200
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    monkeypatch.setattr(download, "TIMEOUT", 7.0)
    with download.limited_session() as session:
        session.get("http://localhost:9/")
        session.get("http://localhost:9/", timeout=2)
    assert seen == [7.0, 2]


def test_openml_without_its_private_module_says_that_nothing_limits_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import openml as package

    assert openml.calls_of(package).requests is requests
    monkeypatch.delattr(package, "_api_calls")
    with (
        pytest.warns(RuntimeWarning, match="no time limit"),
        download.limited_sessions(openml.calls_of(package)),
    ):
        pass
