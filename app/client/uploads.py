"""Put a folder of photographs and labels into the inbox, completely or not at all.

The marker that starts a run goes last: whatever breaks before it, the gate waits and nothing is trained on half
an upload; uploading again under the same name completes it.
"""

from __future__ import annotations

import dataclasses
import mimetypes
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime
from pathlib import Path

from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents, keys
from app.contracts.uploads import (
    IMAGE_SUFFIXES,
    NOTE_NAME,
    TAR_SUFFIXES,
    ZIP_SUFFIXES,
    UploadNote,
    is_archive,
)

LABEL_SUFFIXES = frozenset({".json", ".jsonl", ".manifest", ".txt", ".names", ".xml", ".csv", ".yaml", ".yml"})
THREADS = 8


@dataclasses.dataclass(frozen=True)
class UploadPlan:
    """Which file goes where.

    Attributes:
        name: Folder in the inbox.
        files: (local file, S3 key).
        images: How many of the files are photographs.
        archives: How many are archives, which are unpacked when the run prepares them.
        skipped: Files of other kinds, which stay where they are.
        note: What goes beside them as castline.json, if anything.
    """

    name: str
    files: tuple[tuple[Path, str], ...]
    images: int
    archives: int
    skipped: tuple[Path, ...]
    note: UploadNote | None = None

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(path.stat().st_size for path, _ in self.files)


def plan(path: Path, name: str | None, now: datetime, note: UploadNote | None = None) -> UploadPlan:
    """Decide what to upload from a file or folder.

    Args:
        path: A photograph, an archive, or a folder that holds photographs and labels of any supported format.
        name: Folder in the inbox; None makes one of the path's name and the time.
        now: The time for that.
        note: What its labels do not say themselves; None when they say all.

    Raises:
        PipelineError: the path does not exist or holds no photograph, the name cannot be part of a key, or the
            folder has a note of its own.
    """
    if not path.exists():
        raise PipelineError(f"{path}: no such file or folder: check the spelling")
    root = path if path.is_dir() else path.parent
    found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    visible = [p for p in found if not any(part.startswith(".") for part in p.relative_to(root).parts)]
    wanted = [p for p in visible if p.suffix.lower() in IMAGE_SUFFIXES | LABEL_SUFFIXES or _is_archive(p)]
    images = sum(p.suffix.lower() in IMAGE_SUFFIXES for p in wanted)
    archives = sum(_is_archive(p) for p in wanted)
    if not images + archives:
        raise PipelineError(f"{path}: holds no photograph ({', '.join(sorted(IMAGE_SUFFIXES))}) and no archive "
                            f"({', '.join(ZIP_SUFFIXES + TAR_SUFFIXES)}): name the folder that holds images and labels")
    if note and root / NOTE_NAME in wanted:
        raise PipelineError(f"{root / NOTE_NAME}: says already how to read the upload: change it, or leave out "
                            "--format and --class")
    name = name or f"{_as_key(path.resolve().stem.removesuffix('.tar') or 'upload')}-{now:%Y%m%d-%H%M%S}"
    if _as_key(name) != name:
        raise PipelineError(f"{name!r}: an upload's name has only letters, digits, dots and hyphens: "
                            f"for example --name {_as_key(name)}")
    files = tuple((p, f"{keys.INBOX}{name}/{p.relative_to(root).as_posix()}") for p in wanted)
    return UploadPlan(name, files, images, archives, tuple(p for p in visible if p not in set(wanted)), note)


def upload(pipeline: Pipeline, upload_plan: UploadPlan, *, ready: bool, on_file: Callable[[Path], None]) -> None:
    """Carry out a plan; the marker, when wanted, goes last.

    Args:
        pipeline: Where to.
        upload_plan: What.
        ready: Whether to say that the upload is complete, so that a run starts without waiting for a quiet inbox.
        on_file: Called after each file.
    """
    s3 = pipeline.client("s3")

    def put(path: Path, key: str) -> Path:
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        s3.upload_file(str(path), pipeline.bucket, key, ExtraArgs={"ContentType": content_type})
        return path

    if upload_plan.note:
        key = f"{keys.INBOX}{upload_plan.name}/{NOTE_NAME}"
        s3.put_object(Bucket=pipeline.bucket, Key=key, Body=documents.to_json(upload_plan.note).encode())
    with ThreadPoolExecutor(THREADS) as pool:
        for done in as_completed([pool.submit(put, path, key) for path, key in upload_plan.files]):
            on_file(done.result())
    if ready:
        mark_ready(pipeline)


def mark_ready(pipeline: Pipeline) -> None:
    """Say that the upload is complete."""
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=keys.READY_MARKER, Body=b"")


def _is_archive(path: Path) -> bool:
    return is_archive(path.name)


def _as_key(name: str) -> str:
    """The name with everything but letters, digits, dots and hyphens replaced by hyphens."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "upload"
