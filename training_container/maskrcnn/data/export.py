"""Write a data-set version in another format: `python -m maskrcnn.data.export SOURCE FORMAT TARGET`.

SOURCE is a bucket, s3://castings, or a folder that `python -m maskrcnn.data.local` wrote. The version is the
committed one unless --version names another.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import SPLITS, DatasetHead, LabelRecord, Member, Split, VersionManifest
from maskrcnn.data.exporters import EXPORTERS
from maskrcnn.data.exporters.items import items_of, names_of
from maskrcnn.data.local import LOCAL_MANIFEST
from maskrcnn.data.members import read_members
from maskrcnn.data.whole_folder import whole_folder
from maskrcnn.local_store import LocalStore
from maskrcnn.program import JobError, by_hand
from maskrcnn.storage import ObjectNotFoundError, S3Store, Store

log = logging.getLogger("castline")


def export(store: Store, version: str, format_name: str, target: Path) -> VersionManifest:
    """Write every image of a version with its label; images are in memory one at a time.

    Args:
        store: The bucket.
        version: Name of the version.
        format_name: Name of an exporter.
        target: A new or empty folder; stays as it is when something goes wrong.

    Raises:
        JobError: CONFIG_INVALID: the target holds something, or the format cannot say what the version holds;
            DATA_INVALID: there is no such version.
    """
    exporter = next(exporter for exporter in EXPORTERS if exporter.name == format_name)
    try:
        manifest = documents.from_json(VersionManifest, store.read(keys.version_manifest(version)))
    except ObjectNotFoundError as problem:
        raise JobError("DATA_INVALID", f"version {version}: {problem}: name a version that was published") from problem

    def load(member: Member) -> tuple[LabelRecord, bytes]:
        record = documents.from_json(LabelRecord, store.read(keys.label(member.label_sha256)))
        return record, store.read(keys.image(member.image_sha256, member.image_extension))

    began = time.monotonic()
    with whole_folder(target) as folder:
        names = names_of(read_members(store, version))
        items = {s: items_of(_of_split(store, version, s), names, load) for s in SPLITS}
        exporter.write(folder, manifest.classes, items)
    log.info("version %s: %d images as %s into %s in %.1f s", version, len(names), format_name, target,
             time.monotonic() - began)
    return manifest


def _of_split(store: Store, version: str, split: Split) -> Iterator[Member]:
    return (member for member in read_members(store, version) if member.split == split)


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m maskrcnn.data.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", help="s3://<bucket>, or a local folder with dataset/")
    parser.add_argument("format", choices=[exporter.name for exporter in EXPORTERS])
    parser.add_argument("target", type=Path, help="folder to make")
    parser.add_argument("--version", help="name of a version; the newest committed one unless given")
    arguments = parser.parse_args()

    def work() -> None:
        store = _store(arguments.source)
        export(store, arguments.version or _newest(store), arguments.format, arguments.target)

    return by_hand(work)


def _store(source: str) -> Store:
    if source.startswith("s3://"):
        return S3Store(source.removeprefix("s3://").strip("/"))
    if not Path(source).is_dir():
        raise JobError("CONFIG_INVALID", f"{source}: no such folder: name a bucket as s3://<bucket>, or a folder")
    return LocalStore(Path(source))


def _newest(store: Store) -> str:
    """The committed version; a local folder has its last manifest instead."""
    try:
        if store.exists(keys.DATASET_HEAD):
            return documents.from_json(DatasetHead, store.read(keys.DATASET_HEAD)).version
        return documents.from_json(VersionManifest, store.read(LOCAL_MANIFEST)).version
    except ObjectNotFoundError as problem:
        raise JobError("DATA_INVALID", f"{problem}: no version was committed yet: name one by --version") from problem


if __name__ == "__main__":
    sys.exit(main())
