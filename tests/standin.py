"""A local HTTP server that stands in for OpenML and for any host of files."""

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OML = 'xmlns:oml="http://openml.org/openml"'


class StandIn(ThreadingHTTPServer):
    """Answers from `pages`; `trouble` maps a path to what goes wrong there, one by one.

    Troubles: an int (that status), `cut` (half of the body, then the connection ends),
    `slow` (no answer for a while), `drip` (the body byte by byte), `html` (a page instead).
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.trouble: dict[str, list[object]] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""

    def openml(
        self,
        number: int,
        arff: str,
        *,
        target: str = "class",
        kind: str = "nominal",
        status: str = "active",
        n: int = 0,
        d: int = 0,
        md5: str = "",
    ) -> None:
        """Add a dataset with its description, features, qualities, list entry and file."""
        digest = md5 or hashlib.md5(arff.encode()).hexdigest()
        file = f"/data/v1/download/{number}/table.arff"
        self.pages[file] = arff.encode()
        self.pages[f"/api/v1/xml/data/{number}"] = (
            f"<oml:data_set_description {OML}><oml:id>{number}</oml:id><oml:name>table</oml:name>"
            f"<oml:version>3</oml:version><oml:description>d</oml:description>"
            f"<oml:format>ARFF</oml:format><oml:licence>Public</oml:licence>"
            f"<oml:url>{self.url}{file}</oml:url><oml:file_id>{number}</oml:file_id>"
            f"<oml:default_target_attribute>{target}</oml:default_target_attribute>"
            f"<oml:row_id_attribute>row</oml:row_id_attribute>"
            f"<oml:visibility>public</oml:visibility><oml:status>{status}</oml:status>"
            f"<oml:md5_checksum>{digest}</oml:md5_checksum></oml:data_set_description>"
        ).encode()
        self.pages[f"/api/v1/xml/data/features/{number}"] = (
            f"<oml:data_features {OML}><oml:feature><oml:index>0</oml:index>"
            f"<oml:name>{target}</oml:name><oml:data_type>{kind}</oml:data_type>"
            + ("<oml:nominal_value>a</oml:nominal_value>" if kind == "nominal" else "")
            + "<oml:is_target>true</oml:is_target><oml:is_ignore>false</oml:is_ignore>"
            "<oml:is_row_identifier>false</oml:is_row_identifier>"
            "<oml:number_of_missing_values>0</oml:number_of_missing_values></oml:feature>"
            "</oml:data_features>"
        ).encode()
        self.pages[f"/api/v1/xml/data/qualities/{number}"] = (
            f"<oml:data_qualities {OML}><oml:quality><oml:name>NumberOfInstances</oml:name>"
            f"<oml:value>{n}</oml:value></oml:quality><oml:quality><oml:name>NumberOfFeatures"
            f"</oml:name><oml:value>{d}</oml:value></oml:quality></oml:data_qualities>"
        ).encode()
        listing = f"/api/v1/xml/data/list/status/all/limit/10000/offset/0/data_id/{number}"
        self.pages[listing] = self.listed(number, status)

    @staticmethod
    def listed(number: int, status: str) -> bytes:
        """The entry of a dataset in `data/list`."""
        return (
            f"<oml:data {OML}><oml:dataset><oml:did>{number}</oml:did><oml:name>table</oml:name>"
            f"<oml:version>3</oml:version><oml:status>{status}</oml:status>"
            "<oml:format>ARFF</oml:format></oml:dataset></oml:data>"
        ).encode()


class Handler(BaseHTTPRequestHandler):
    """Serves the pages, with byte ranges and the troubles that were ordered."""

    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: object) -> None:
        """Tests are quiet."""

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        orders = self.server.trouble.get(self.path, [])
        trouble = orders.pop(0) if orders else None
        body = self.server.pages.get(self.path)
        if trouble == "slow":
            time.sleep(1.5)
        if isinstance(trouble, int):
            return self.answer(trouble, b"<html><p>busy</body>")
        if body is None:
            error = f"<oml:error {OML}><oml:code>111</oml:code><oml:message>Unknown dataset"
            return self.answer(412, f"{error}</oml:message></oml:error>".encode())
        if asked and trouble is None:
            return self.answer(206, body[int(asked[6:-1]) :])
        if trouble == "html":
            return self.answer(200, b"<html><body>please log in</body></html>")
        if trouble == "drip":
            return self.drip(body)
        return self.answer(200, body, cut=trouble == "cut")

    def drip(self, body: bytes) -> None:
        """Send a response byte by byte, ten a second, for six seconds at most."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(min(60, len(body))):
            self.wfile.write(body[at : at + 1])
            time.sleep(0.1)
        self.close_connection = True

    def answer(self, status: int, body: bytes, cut: bool = False) -> None:
        """Send a response; XML is compressed, as OpenML does."""
        xml = body.startswith(b"<oml:")
        body = gzip.compress(body) if xml else body
        self.send_response(status)
        if xml:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True


@contextmanager
def serving() -> Iterator[StandIn]:
    """A server that runs for the block."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
