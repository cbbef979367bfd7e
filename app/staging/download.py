"""One large file over HTTP: resumed where it broke off, retried within bounds, and never taken unchecked."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, MaxRetryError
from urllib3.util import Retry

from app.staging.catalogue import RemoteFile
from app.staging.errors import StagingError
from app.staging.progress import OnBytes

BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = (10.0, 60.0)
"""To connect; between two blocks."""
FETCHES = 2
"""How often a file that turned out wrong is fetched before the server is given up."""
POLICY = Retry(
    total=10,
    backoff_factor=1.0,
    backoff_jitter=0.5,
    status_forcelist=(408, 429, 500, 502, 503, 504),
    respect_retry_after_header=True,
)
"""For connections, for statuses, and for bodies that break off; waits 0, 2, 4, ... 120 s."""

ENOUGH_BYTES = 64 << 20
"""A connection that brought this much before it broke off uses up no tries: a long way may have many breaks."""

log = logging.getLogger("castline.staging")


class Downloader:
    """Fetches files one after the other over kept connections; proxies are taken from the environment.

    Args:
        policy: How often and how long to try again; each file starts with all tries.
    """

    def __init__(self, policy: Retry = POLICY) -> None:
        self._policy = policy
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=policy))
        # A compressed transfer could not be resumed by position.
        self._session.headers["Accept-Encoding"] = "identity"

    def fetch(self, file: RemoteFile, target: Path, on_bytes: OnBytes = lambda _: None) -> None:
        """Make `target` the checked file; what an interrupted call left as `.part` is used.

        Args:
            file: Which.
            target: Where; its folder is made.
            on_bytes: Told how many bytes have come, first what is there already.

        Raises:
            StagingError: the server does not have it, keeps breaking off, or has another file.
        """
        if target.exists():
            on_bytes(target.stat().st_size)
            if not (wrong := _what_is_wrong(file, target)):
                return
            _discard(target, wrong, on_bytes)
        part = target.with_name(f"{target.name}.part")
        part.parent.mkdir(parents=True, exist_ok=True)
        on_bytes(_size(part))
        wrong = ""
        for _ in range(FETCHES):
            self._complete(file, part, on_bytes)
            if not (wrong := _what_is_wrong(file, part)):
                part.replace(target)
                return
            _discard(part, wrong, on_bytes)
        raise StagingError(f"{file.url}: {wrong}, twice: the server has another file now, or a proxy changes it: "
                           f"fetch it another way, check it, and put it at {target}")

    def _complete(self, file: RemoteFile, part: Path, on_bytes: OnBytes) -> None:
        """Append what is missing, over as many connections as the policy allows."""
        tries = self._policy
        while file.size_bytes is None or _size(part) < file.size_bytes:
            before = _size(part)
            try:
                self._append(file, part, on_bytes)
                return
            except _BrokeOffError as error:
                log.info("%s: broke off after %d bytes: %s", file.name, _size(part), error)
                if _size(part) - before >= ENOUGH_BYTES:
                    tries = self._policy
                tries = _one_try_less(tries, file, error)
                tries.sleep()

    def _append(self, file: RemoteFile, part: Path, on_bytes: OnBytes) -> None:
        have = _size(part)
        with self._ask(file.url, have) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                return  # all that the server has is here; whether it is the file, the checks say
            if not answer.ok:
                raise StagingError(f"{file.url}: the server answers {answer.status_code} {answer.reason}: look whether "
                                   "the address still holds")
            resumed = answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            if have and not resumed:
                on_bytes(-have)  # no ranges here: from the start
            promised = (have if resumed else 0) + int(answer.headers.get("Content-Length", 0))
            with part.open("ab" if resumed else "wb") as out:
                for block in _blocks(answer):
                    out.write(block)
                    on_bytes(len(block))
        if _size(part) < (file.size_bytes or promised):
            raise _BrokeOffError(f"the answer ended at byte {_size(part)}")

    def _ask(self, url: str, have: int) -> requests.Response:
        headers = {"Range": f"bytes={have}-"} if have else {}
        try:
            return self._session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise StagingError(f"{url}: no answer ({_cause(error)}): check the network and call again; what has come "
                               "is kept") from error


def _discard(path: Path, wrong: str, on_bytes: OnBytes) -> None:
    log.warning("%s: %s: deleted, and fetched again", path, wrong)
    on_bytes(-_size(path))
    path.unlink()


def _what_is_wrong(file: RemoteFile, path: Path) -> str:
    """Why this cannot be the file; empty when it is, or when nobody says what it should be."""
    size = _size(path)
    if file.size_bytes is not None and size != file.size_bytes:
        return f"{size} bytes instead of {file.size_bytes}"
    if file.sha256:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != file.sha256:
            return f"SHA-256 {found} instead of {file.sha256}"
    elif file.name.endswith(".npz"):
        return _damage(path)
    return ""


def _damage(path: Path) -> str:
    """What is damaged in a file of arrays, each of which brings its own CRC; empty when nothing is."""
    try:
        with zipfile.ZipFile(path) as arrays:
            damaged = arrays.testzip()
    except zipfile.BadZipFile as error:
        return f"no file of arrays ({error})"
    return f"{damaged} in it is damaged" if damaged else ""


class _BrokeOffError(HTTPError):
    """The body ended before the file did; what came is written."""


def _blocks(answer: requests.Response) -> Iterator[bytes]:
    """As they arrive: a block that waited to be full would be lost when the connection breaks off."""
    try:
        while block := answer.raw.read1(BLOCK_BYTES):
            yield block
    except HTTPError as error:
        raise _BrokeOffError(str(error)) from error


def _one_try_less(tries: Retry, file: RemoteFile, error: _BrokeOffError) -> Retry:
    try:
        return tries.increment("GET", file.url, error=error)
    except MaxRetryError as over:
        raise StagingError(f"{file.url}: the connection keeps breaking off ({error}): check the network and call "
                           "again; what has come is kept") from over


def _cause(error: Exception) -> str:
    """The innermost reason, without the addresses of objects around it."""
    reason = error.args[0] if error.args else error
    return str(getattr(reason, "reason", None) or reason)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
