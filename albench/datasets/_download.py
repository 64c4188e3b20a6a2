"""Downloading one file: resumed where it broke off, retried, with progress on a terminal.

A host that has no address, or where nothing listens, is asked once and not again by the
same process: a suite of a hundred datasets says within seconds that there is no network.
"""

import os
import socket
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from albench.core.errors import Unavailable
from albench.core.files import take_place

STALE = 600.0
TIMEOUT = float(os.environ.get("ALBENCH_TIMEOUT", "30"))
Answer = TypeVar("Answer")
SLOWEST = 2000  # bytes a second: what comes more slowly on the whole is given up
SILENT: dict[str, str] = {}  # host -> why it is not asked again
FETCHING = ContextVar("fetching", default=True)
CONNECTING = ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


@contextmanager
def offline() -> Iterator[None]:
    """Nothing is fetched in this block: what would have to be raises Unavailable."""
    before = FETCHING.set(False)
    try:
        yield
    finally:
        FETCHING.reset(before)


def permitted(url: str) -> None:
    """Raises Unavailable for an address that is not asked.

    That is any inside `offline`, one of another scheme (a `file:` would read this machine), and
    those of a host that has no address or that did not let this process connect before.
    """
    import requests

    host = urlsplit(url).netloc
    if urlsplit(url).scheme not in ("http", "https"):
        raise Unavailable(f"{url} is not fetched: only http and https addresses are")
    if not FETCHING.get():
        raise Unavailable(f"{url} is not here, and nothing is fetched now")
    if host not in SILENT and not requests.utils.get_environ_proxies(url):
        try:
            socket.getaddrinfo(urlsplit(url).hostname, None)
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or error
            SILENT[host] = f"no address of this host: {str(why).lower()}"
    if host in SILENT:
        raise Unavailable(f"{host} cannot be reached ({SILENT[host]})")


def remember(url: str, error: Exception) -> None:
    """Take note of a host that lets nobody connect, so that it is not asked again."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    if type(cause).__name__ in CONNECTING:
        SILENT[urlsplit(url).netloc] = str(cause).rsplit(": ", 1)[-1]


def within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns or raises; raises Unavailable if that takes longer than `seconds`.

    A limit for the whole of it, whatever comes in drips: those of sockets start anew with each
    byte. What was asked goes on in a thread of its own and is forgotten.
    """
    found: list[Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            found.append(ask())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not found:
        raise Unavailable(f"no whole answer within {seconds:g} s; given up")
    return found[0]


def limited_session() -> Any:
    """A session of `requests` with limits: `TIMEOUT` seconds of silence, four times that in all."""
    import requests
    from requests.adapters import HTTPAdapter

    class Limited(HTTPAdapter):  # type: ignore[misc]
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
            return super().send(request, *args, **kwargs)

    class Whole(requests.Session):  # type: ignore[misc]
        def send(self, request: Any, **kwargs: Any) -> Any:
            return within(4 * TIMEOUT, partial(super().send, request, **kwargs))

    session = Whole()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Limited())
    return session


@contextmanager
def limited_sessions(module: Any) -> Iterator[None]:
    """The sessions that one module of another package opens in this block have a time limit.

    `requests` itself stays as it is, for all others. A module that does not hold `requests`
    by name is left alone, and a warning says that its requests may wait for ever.
    """
    import requests

    if getattr(module, "requests", None) is not requests:
        warnings.warn("requests to OpenML have no time limit here", RuntimeWarning, stacklevel=2)
        yield
        return
    own = {**vars(requests), "Session": limited_session}
    module.requests = SimpleNamespace(**own)
    try:
        yield
    finally:
        module.requests = requests


class Resuming:
    """A pooch downloader that keeps what it has and asks for the rest."""

    def __init__(self, partial: Path, retries: int, pause: float = 0.5) -> None:
        self.partial, self.retries, self.pause = partial, retries, pause

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> bool:
        """Write the file of an address to `output_file`; raises what requests raises."""
        import requests

        for attempt in range(self.retries):
            try:
                self.attempt(url)
                break
            except requests.HTTPError as error:
                response = error.response
                given_up = response is not None and response.status_code < 500
                if given_up or attempt + 1 == self.retries:
                    raise
            except requests.RequestException as error:
                if attempt + 1 == self.retries:
                    remember(url, error)
                    raise
            time.sleep(self.pause * 2**attempt)
        take_place(self.partial, output_file)
        return True

    def attempt(self, url: str) -> None:
        """Append what is missing to the partial file."""
        import requests

        have = self.partial.stat().st_size if self.partial.exists() else 0
        headers = {"Range": f"bytes={have}-"} if have else {}
        asked = partial(requests.get, url, headers=headers, stream=True, timeout=TIMEOUT)
        with within(2 * TIMEOUT, asked) as response:
            if response.status_code == 416:
                self.partial.unlink()
                raise requests.ConnectionError("the partial download does not fit the file")
            response.raise_for_status()
            resumed = response.status_code == 206
            due = int(response.headers.get("Content-Length", 0))
            got = 0
            with self.partial.open("ab" if resumed else "wb") as stream, paced(response, due):
                for block in shown(response.iter_content(1 << 16), due, Path(url).name):
                    got += stream.write(block)
            if due and got < due and not response.headers.get("Content-Encoding"):
                raise requests.ConnectionError(f"broke off after {got} of {due} bytes")


@contextmanager
def paced(response: Any, due: int) -> Iterator[None]:
    """Raise Unavailable where a body of `due` bytes comes more slowly than `SLOWEST` allows.

    A body of unknown length may take as long as one of 2 GB.
    """
    seconds = TIMEOUT + (due or 2**31) / SLOWEST
    over: list[bool] = []

    def cut() -> None:
        over.append(True)
        with suppress(Exception):  # whatever layer it is at, the reader below finds it closed
            response.raw.connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        if over:
            raise Unavailable(f"not whole after {seconds:.3g} s; given up") from error
        raise
    finally:
        timer.cancel()


def shown(blocks: Iterator[bytes], due: int, name: str) -> Iterator[bytes]:
    """The blocks as they come, with a progress bar where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield from blocks
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=due or None)
        for block in blocks:
            progress.advance(task, len(block))
            yield block


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the right to download `target`; others wait. A lock left behind expires."""
    lock = target.with_name(f".{target.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            try:
                if time.time() - lock.stat().st_mtime > STALE:
                    lock.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
            time.sleep(0.1)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
