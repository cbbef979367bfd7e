"""A bucket on the local disk, for work without S3; like storage, it needs no TensorFlow."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from maskrcnn.storage import ObjectNotFoundError


class LocalStore:
    """A Store on the local disk: a key is a path below the root. It knows no versions.

    As in S3, an object is there whole or not at all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> bytes:
        """See Store."""
        path = self._root / key
        if not path.is_file():
            raise ObjectNotFoundError(f"{path}: no such file")
        return path.read_bytes()

    def download(self, key: str, target: Path, version_id: str = "") -> None:
        """See Store; the version is ignored."""
        target.write_bytes(self.read(key))

    def write(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        """See Store."""
        path = self._path(key)
        half = self._half(path)
        half.write_bytes(body)
        half.replace(path)

    def upload(self, key: str, source: Path) -> None:
        """See Store."""
        path = self._path(key)
        half = self._half(path)
        shutil.copyfile(source, half)
        half.replace(path)

    def exists(self, key: str) -> bool:
        """See Store."""
        return (self._root / key).is_file()

    def keys(self, prefix: str) -> Iterator[str]:
        """See Store."""
        found = (path.relative_to(self._root).as_posix() for path in self._root.rglob("*") if path.is_file())
        return iter(sorted(key for key in found if key.startswith(prefix)))

    def uri(self, key: str) -> str:
        """See Store."""
        return f"{self._root.resolve().as_uri()}/{key}"

    @staticmethod
    def _half(path: Path) -> Path:
        """A name that no other thread or process writes to."""
        return path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.half")

    def _path(self, key: str) -> Path:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
