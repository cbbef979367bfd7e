"""COCO 2017 in a folder, laid out as AWS's distributed Mask R-CNN examples have it.

train2017/  val2017/  annotations/  pretrained-models/ (on request)  .staging/ (archives and listings)
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.staging.catalogue import COCO_2017, IMAGENET_R50, WEIGHTS_FOLDER, Archive, RemoteFile
from app.staging.download import Downloader
from app.staging.errors import StagingError
from app.staging.progress import Track, silent
from app.staging.unpack import Listing, entries, unpack

WORK_FOLDER = ".staging"
HEADROOM_BYTES = 1 << 30
"""Left free: a full disk harms more than this program."""


@dataclasses.dataclass(frozen=True)
class Staged:
    """What a call did.

    Attributes:
        folder: Where the data set is.
        already: What was complete before.
        fetched: What this call fetched and unpacked.
    """

    folder: Path
    already: tuple[str, ...]
    fetched: tuple[str, ...]


class CocoFolder:
    """The data set in one folder.

    Args:
        root: The folder; made when absent.
        track: Told what happens.
        archives: What belongs into it.
        weights: The file of `pretrained-models`; None leaves it out.
        keep_archives: Whether the zips stay after they were unpacked.
    """

    def __init__(
        self,
        root: Path,
        track: Track = silent,
        archives: tuple[Archive, ...] = COCO_2017,
        weights: RemoteFile | None = IMAGENET_R50,
        *,
        keep_archives: bool = False,
    ) -> None:
        self._root, self._track = root, track
        self._archives, self._weights, self._keep = archives, weights, keep_archives

    def stage(self, downloader: Downloader) -> Staged:
        """Do what is missing.

        Raises:
            StagingError: the disk is too small, or a file cannot be had or is damaged.
        """
        missing = [archive for archive in self._archives if not self._listing(archive).is_complete(self._root)]
        weights = self._weights if self._weights and not self._weights_path.exists() else None
        self._check_disk(missing)
        for archive in missing:
            self._stage(archive, downloader)
        if weights:
            self._fetch_weights(weights, downloader)
        fetched = (*(a.folder for a in missing), *([WEIGHTS_FOLDER] if weights else []))
        wanted = (*(a.folder for a in self._archives), *([WEIGHTS_FOLDER] if self._weights else []))
        already = tuple(name for name in wanted if name not in fetched)
        return Staged(self._root, already, fetched)

    @property
    def _weights_path(self) -> Path:
        return self._root / WEIGHTS_FOLDER / (self._weights.name if self._weights else "")

    def _listing(self, archive: Archive) -> Listing:
        return Listing(self._root / WORK_FOLDER / f"{archive.folder}.tsv")

    def _zip(self, archive: Archive) -> Path:
        return self._root / WORK_FOLDER / archive.file.name

    def _stage(self, archive: Archive, downloader: Downloader) -> None:
        zipped = self._zip(archive)
        with self._track(archive.file.name, archive.file.size_bytes) as on_bytes:
            downloader.fetch(archive.file, zipped, on_bytes)
        found = entries(zipped, archive.folder)
        with self._track(f"{archive.folder}/", sum(entry.size_bytes for entry in found)) as on_bytes:
            unpack(zipped, self._root, found, on_bytes)
        self._listing(archive).write(found)
        if not self._keep:
            zipped.unlink()

    def _fetch_weights(self, weights: RemoteFile, downloader: Downloader) -> None:
        try:
            with self._track(weights.name, weights.size_bytes) as on_bytes:
                downloader.fetch(weights, self._weights_path, on_bytes)
        except StagingError as error:
            raise StagingError(f"{error} (the data set itself is complete: --no-weights goes on without)") from error

    def _check_disk(self, missing: Iterable[Archive]) -> None:
        """Room for everything unpacked and for the largest archive, less what is there already."""
        needs = [
            max(0, archive.unpacked_bytes - _bytes_below(self._root / archive.folder)) for archive in missing
        ]
        rests = [
            max(0, (archive.file.size_bytes or 0) - self._fetched_bytes(archive)) for archive in missing
        ]
        if not needs:
            return
        needed = sum(needs) + (sum(rests) if self._keep else max(rests)) + HEADROOM_BYTES
        existing = next(p for p in (self._root.absolute(), *self._root.absolute().parents) if p.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            raise StagingError(f"{self._root}: {free / 1e9:.1f} GB are free and {needed / 1e9:.1f} GB are needed: name "
                               "another disk with --folder")

    def _fetched_bytes(self, archive: Archive) -> int:
        zipped = self._zip(archive)
        found = (p for p in (zipped, zipped.with_name(f"{zipped.name}.part")) if p.exists())
        return sum(path.stat().st_size for path in found)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def staged_files(root: Path) -> Iterator[tuple[Path, str]]:
    """(file, name below the root) of everything that belongs to the data set, without archives and listings."""
    for folder in (*(archive.folder for archive in COCO_2017), WEIGHTS_FOLDER):
        for path in (root / folder).rglob("*"):
            if path.is_file() and not path.name.startswith("."):
                yield path, path.relative_to(root).as_posix()
