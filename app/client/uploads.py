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
from app.contracts import keys

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
LABEL_SUFFIXES = frozenset({".json", ".txt", ".xml", ".csv"})
THREADS = 8


@dataclasses.dataclass(frozen=True)
class UploadPlan:
    """Which file goes where.

    Attributes:
        name: Folder in the inbox.
        files: (local file, S3 key).
        images: How many of the files are photographs.
        skipped: Files of other kinds, which stay where they are.
    """

    name: str
    files: tuple[tuple[Path, str], ...]
    images: int
    skipped: tuple[Path, ...]

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(path.stat().st_size for path, _ in self.files)


def plan(path: Path, name: str | None, now: datetime) -> UploadPlan:
    """Decide what to upload from a file or folder.

    Args:
        path: A photograph, or a folder that holds photographs and labels of any supported format.
        name: Folder in the inbox; None makes one of the path's name and the time.
        now: The time for that.

    Raises:
        PipelineError: the path does not exist or holds no photograph, or the name cannot be part of a key.
    """
    if not path.exists():
        raise PipelineError(f"{path}: no such file or folder: check the spelling")
    root = path if path.is_dir() else path.parent
    found = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    visible = [p for p in found if not any(part.startswith(".") for part in p.relative_to(root).parts)]
    wanted = [p for p in visible if p.suffix.lower() in IMAGE_SUFFIXES | LABEL_SUFFIXES]
    images = sum(p.suffix.lower() in IMAGE_SUFFIXES for p in wanted)
    if not images:
        raise PipelineError(f"{path}: holds no photograph ({', '.join(sorted(IMAGE_SUFFIXES))}): "
                            "name the folder that holds images and labels")
    name = name or f"{_as_key(path.resolve().stem or 'upload')}-{now:%Y%m%d-%H%M%S}"
    if _as_key(name) != name:
        raise PipelineError(f"{name!r}: an upload's name has only letters, digits, dots and hyphens: "
                            f"for example --name {_as_key(name)}")
    files = tuple((p, f"{keys.INBOX}{name}/{p.relative_to(root).as_posix()}") for p in wanted)
    return UploadPlan(name, files, images, tuple(p for p in visible if p not in set(wanted)))


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

    with ThreadPoolExecutor(THREADS) as pool:
        for done in as_completed([pool.submit(put, path, key) for path, key in upload_plan.files]):
            on_file(done.result())
    if ready:
        mark_ready(pipeline)


def mark_ready(pipeline: Pipeline) -> None:
    """Say that the upload is complete."""
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=keys.READY_MARKER, Body=b"")


def _as_key(name: str) -> str:
    """The name with everything but letters, digits, dots and hyphens replaced by hyphens."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-") or "upload"
