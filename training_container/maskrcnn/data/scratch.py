"""The local folder where prepare keeps canonical images and labels until they are published."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from app.contracts import documents
from app.contracts.dataset import LabelRecord
from maskrcnn.data.images import CanonicalImage
from maskrcnn.data.ledger import Ledger
from maskrcnn.data.versions import label_bytes


class Scratch:
    """Content-addressed files below one folder, so that memory stays flat with the number of images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("images", "labels"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @functools.cached_property
    def ledger(self) -> Ledger:
        """For what is known of each image while the work goes on."""
        return Ledger(self.folder / "ledger.sqlite")

    def image(self, sha256: str, extension: str) -> Path:
        """Where the canonical image lies, if it was kept."""
        return self.folder / "images" / f"{sha256}.{extension}"

    def label(self, label_sha256: str) -> Path:
        """Where the label record lies, if it was kept."""
        return self.folder / "labels" / f"{label_sha256}.json"

    def keep_image(self, image: CanonicalImage) -> None:
        """Keep the canonical bytes."""
        self.image(image.sha256, image.extension).write_bytes(image.body)

    def keep_label(self, record: LabelRecord) -> str:
        """Keep a label record; returns the hash of its bytes."""
        body = label_bytes(record)
        sha256 = hashlib.sha256(body).hexdigest()
        self.label(sha256).write_bytes(body)
        return sha256

    def find_label(self, label_sha256: str) -> LabelRecord | None:
        """A label record, or None when it was not kept here."""
        return self.read_label(label_sha256) if self.label(label_sha256).exists() else None

    def read_label(self, label_sha256: str) -> LabelRecord:
        """A label record that was kept."""
        return documents.from_json(LabelRecord, self.label(label_sha256).read_bytes())
