"""Images and labels by hash: from the scratch folder when this run brought them, else from the store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import LabelRecord, Member
from maskrcnn.data.ahead import ahead
from maskrcnn.data.intake import Accepted
from maskrcnn.data.scratch import Scratch
from maskrcnn.storage import DOWNLOAD_THREADS, Store


class Library:
    """All that a version may consist of; what is read from the store is not kept.

    Args:
        store: The bucket.
        scratch: What this run brought.
    """

    def __init__(self, store: Store, scratch: Scratch) -> None:
        self._store, self._scratch = store, scratch

    def label(self, label_sha256: str) -> LabelRecord:
        """A label record."""
        if self._scratch.label(label_sha256).exists():
            return self._scratch.read_label(label_sha256)
        return documents.from_json(LabelRecord, self._store.read(keys.label(label_sha256)))

    def member(self, member: Member) -> tuple[LabelRecord, bytes]:
        """The label record and the image bytes of a member."""
        return self.label(member.label_sha256), self.image(member.image_sha256, member.image_extension)

    def image(self, sha256: str, extension: str) -> bytes:
        """The bytes of an image."""
        local = self._scratch.image(sha256, extension)
        return local.read_bytes() if local.exists() else self._store.read(keys.image(sha256, extension))

    def add(self, items: Iterable[Accepted]) -> None:
        """Store the images and labels that lie here; both are named by their content and never rewritten."""
        files = (file for item in items for file in self._files(item) if file[1].exists())
        deque(ahead(self._upload_once, files, threads=DOWNLOAD_THREADS, most=2 * DOWNLOAD_THREADS), maxlen=0)

    def _files(self, item: Accepted) -> tuple[tuple[str, Path], ...]:
        sha256, extension = item.image_sha256, item.image_extension
        return (
            (keys.image(sha256, extension), self._scratch.image(sha256, extension)),
            (keys.label(item.label_sha256), self._scratch.label(item.label_sha256)),
        )

    def _upload_once(self, file: tuple[str, Path]) -> None:
        key, source = file
        if not self._store.exists(key):
            self._store.upload(key, source)
