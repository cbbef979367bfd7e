"""Where the images come from: a bucket, a bucket on the local disk, or uploads that are prepared on the fly."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from app.contracts import documents, keys
from app.contracts.dataset import DatasetHead, LabelRecord, Member, VersionManifest
from app.contracts.settings import DataSettings
from app.contracts.uploads import is_archive
from maskrcnn.data.members import read_members
from maskrcnn.local_store import LocalStore
from maskrcnn.program import JobError
from maskrcnn.storage import DOWNLOAD_THREADS, ObjectNotFoundError, S3Store, Store

PREPARED = "dataset/manifest.json"
"""Where `python -m maskrcnn.data.local` leaves the manifest of what it prepared last."""
_AHEAD = 4 * DOWNLOAD_THREADS


@dataclasses.dataclass(frozen=True)
class Source:
    """One version in one store."""

    title: str
    store: Store
    manifest: VersionManifest

    @property
    def total(self) -> int:
        """Number of images."""
        return sum(self.manifest.images.values())

    def label(self, member: Member) -> LabelRecord:
        """The label of an image."""
        return documents.from_json(LabelRecord, self.store.read(keys.label(member.label_sha256)))

    def image(self, member: Member) -> bytes:
        """The bytes of an image."""
        return self.store.read(keys.image(member.image_sha256, member.image_extension))

    def stream(self, wants_image: Callable[[Member], bool]) -> Iterator[tuple[Member, LabelRecord, bytes | None]]:
        """All images by hash, loaded by threads a few ahead, so that memory does not grow with their number."""

        def load(member: Member) -> tuple[Member, LabelRecord, bytes | None]:
            return member, self.label(member), self.image(member) if wants_image(member) else None

        loading: deque[Future[tuple[Member, LabelRecord, bytes | None]]] = deque()
        with ThreadPoolExecutor(DOWNLOAD_THREADS) as pool:
            for member in read_members(self.store, self.manifest.version):
                loading.append(pool.submit(load, member))
                if len(loading) >= _AHEAD:
                    yield loading.popleft().result()
            while loading:
                yield loading.popleft().result()


def open_source(where: str, version: str, work: Path) -> Source:
    """Open what the command line names.

    Args:
        where: s3://<bucket>, a folder that `python -m maskrcnn.data.local` made, or a folder or archive of uploads.
        version: A version of the bucket; the newest one when empty.
        work: A folder for uploads that are prepared on the fly.

    Raises:
        JobError: there is no such folder, bucket or version; or the uploads cannot be prepared.
    """
    if where.startswith("s3://"):
        bucket = where.removeprefix("s3://").strip("/")
        return _of_store(S3Store(bucket), version, f"bucket {bucket}")
    path = Path(where)
    if not path.exists():
        raise JobError("CONFIG_INVALID", f"{path}: no such folder or archive: name one, or a bucket as s3://<bucket>")
    if version or (path / PREPARED).is_file() or (path / keys.DATASET_HEAD).is_file():
        return _of_store(LocalStore(path), version, path.resolve().name)
    return _of_store(LocalStore(_prepared(path, work)), "", path.resolve().name)


def _of_store(store: Store, version: str, title: str) -> Source:
    try:
        key = keys.version_manifest(version or _newest(store))
        return Source(title, store, documents.from_json(VersionManifest, store.read(key)))
    except ObjectNotFoundError as problem:
        raise JobError("DATA_INVALID", f"{title}: {problem}: name a version that was published") from problem


def _newest(store: Store) -> str:
    if store.exists(keys.DATASET_HEAD):
        return documents.from_json(DatasetHead, store.read(keys.DATASET_HEAD)).version
    return documents.from_json(VersionManifest, store.read(PREPARED)).version


def _prepared(path: Path, work: Path) -> Path:
    """A bucket on the local disk with what prepare makes of uploads; what it refuses is left out, however much."""
    from maskrcnn.data.local import prepare_folder  # here, because the shards it writes bring TensorFlow

    inbox = path
    if path.is_file():
        if not is_archive(path.name):
            raise JobError("CONFIG_INVALID", f"{path}: neither a folder nor a zip or tar: name one of them")
        inbox = work / "inbox"
        inbox.mkdir(parents=True)
        (inbox / path.name).symlink_to(path.resolve())
    prepare_folder(inbox, work / "bucket", DataSettings(max_bad_share=0.999))
    return work / "bucket"
