"""A small HTTP server on loopback that does what the servers of large files do: ranges, breaks, lies, refusals."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from urllib3.util import Retry

from app.staging.catalogue import RemoteFile
from app.staging.download import Downloader

QUICK = Retry(total=3, backoff_factor=0, status_forcelist=(500, 503), respect_retry_after_header=True)


@dataclasses.dataclass
class Behaviour:
    """How the server answers; each list is used up from its front, one entry a request."""

    ranges: bool = True
    break_after: list[int] = dataclasses.field(default_factory=list)
    """Body bytes after which the connection is dropped, although more was promised."""
    statuses: list[int] = dataclasses.field(default_factory=list)
    bodies: list[bytes] = dataclasses.field(default_factory=list)
    """Other bytes than the file's."""
    hang_after: int = 0
    """Body bytes after which the first answer stops coming, until `go_on`; 0: never."""
    go_on: threading.Event = dataclasses.field(default_factory=threading.Event)


class Server:
    """Files by name, and a protocol of who asked for what."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.does = Behaviour()
        self.asked: list[tuple[str, str]] = []
        """(path, Range header or nothing) of each request."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def put(self, name: str, body: bytes) -> RemoteFile:
        """Offer a file; its entry in the table."""
        self.files[f"/{name}"] = body
        return RemoteFile(self.url(name), len(body), hashlib.sha256(body).hexdigest())

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/{name}"

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own self is the inner one
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: object) -> None:
                pass

            def do_GET(self) -> None:
                asked = self.headers.get("Range", "")
                server.asked.append((self.path, asked))
                does = server.does
                if does.statuses and (status := does.statuses.pop(0)) != 200:
                    return self.answer(status, b"", {})
                if self.path not in server.files:
                    return self.answer(404, b"", {})
                body = does.bodies.pop(0) if does.bodies else server.files[self.path]
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and does.ranges else 0
                if start >= len(body) > 0:
                    return self.answer(416, b"", {"Content-Range": f"bytes */{len(body)}"})
                ranged = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if start else {}
                return self.answer(206 if start else 200, body[start:], ranged)

            def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if hang := server.does.hang_after:
                    server.does.hang_after = 0
                    self.wfile.write(body[:hang])
                    server.does.go_on.wait(60)
                    self.close_connection = True
                elif body and server.does.break_after:
                    self.wfile.write(body[: server.does.break_after.pop(0)])
                    self.close_connection = True
                else:
                    self.wfile.write(body)

        return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Server()
    yield made
    made.close()


@pytest.fixture
def downloader() -> Downloader:
    return Downloader(QUICK)


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return out.getvalue()
