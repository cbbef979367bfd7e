"""A folder that answers like S3, as far as the program `prepare` asks: for trying the image without network.

No authentication, no versions, no multipart uploads; only on the loopback interface and only for the check.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape


def serve(folder: Path) -> str:
    """Serve the folder in the background and return the address of the endpoint."""

    class FolderHandler(Handler):
        root = folder

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FolderHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    """GET, HEAD and PUT of objects, and the list of a prefix; keys are paths below `root`/bucket."""

    root: Path
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send an object, or the list of a prefix."""
        address = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(address.query)
        if "list-type" in query:
            self._answer(200, self._listing(address.path, query.get("prefix", [""])[0]).encode())
        elif not self._file.is_file():
            self._answer(404, b"<Error><Code>NoSuchKey</Code><Message>absent</Message></Error>")
        else:
            self._answer(200, self._file.read_bytes())

    do_HEAD = do_GET  # noqa: N815

    def do_PUT(self) -> None:
        """Write an object."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_bytes(body)
        self._answer(200, b"")

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the programs' own log is what the reader wants to see."""

    @property
    def _file(self) -> Path:
        return self.root / urllib.parse.unquote(urllib.parse.urlsplit(self.path).path).lstrip("/")

    def _listing(self, bucket: str, prefix: str) -> str:
        base = self.root / bucket.strip("/")
        keys = sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())
        found = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys if key.startswith(prefix))
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"')
        self.send_header("Last-Modified", self.date_time_string())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
