"""Data-set versions as the command line sees them; everything but `members` reads one small document a version."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from botocore.exceptions import ClientError

from app.client.pipeline import Pipeline, PipelineError
from app.client.runs import read_object
from app.contracts import documents, keys
from app.contracts import members as contract
from app.contracts.dataset import ClassDefinition, DatasetHead, Member, VersionManifest

HEAD = "head"
"""What a person may say instead of the name of the newest committed version."""
THREADS = 16
_NAMED = 10


@dataclasses.dataclass(frozen=True)
class Version:
    """One line of the list of versions."""

    version: str
    parent: str | None
    made_at: str
    """UTC, ISO 8601: when its manifest was written."""
    images: dict[str, int]
    """split -> number of images."""
    classes: tuple[ClassDefinition, ...]
    added: int
    relabelled: int
    removed: int
    run_id: str
    """The run that wrote it first; empty where none is recorded."""


def head(pipeline: Pipeline) -> DatasetHead | None:
    """The committed version that the next run builds on; None before the first."""
    text = read_object(pipeline, keys.DATASET_HEAD)
    return documents.from_json(DatasetHead, text) if text is not None else None


def names(pipeline: Pipeline) -> list[str]:
    """Names of all versions, sorted; those of runs that failed later are among them."""
    pages = pipeline.client("s3").get_paginator("list_objects_v2").paginate(
        Bucket=pipeline.bucket, Prefix=keys.VERSIONS, Delimiter="/")
    folders = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ()))
    return sorted(folder.rstrip("/").rpartition("/")[2] for folder in folders)


def resolve(pipeline: Pipeline, name: str) -> str:
    """Turn `head`, a name or the beginning of one into the name of a version.

    Raises:
        PipelineError: none or several begin like that; the message names those there are.
    """
    if name == HEAD:
        committed = head(pipeline)
        if committed is None:
            raise PipelineError("no data-set version was committed yet: upload images first: python -m app upload "
                                "FOLDER")
        return committed.version
    known = names(pipeline)
    if not known:
        raise PipelineError(f"{name}: there is no data-set version yet: upload images first: python -m app upload "
                            "FOLDER")
    matching = [k for k in known if k.startswith(name)] if name else []
    if len(matching) != 1:
        said = f"several versions begin like that: {_some(matching)}" if matching else (
            f"no such version: there are {_some(known)}")
        raise PipelineError(f"{name}: {said}: python -m app data list shows them")
    return matching[0]


def find(pipeline: Pipeline, version: str) -> Version | None:
    """What the manifest of a version says; None while prepare still writes it, or after it died."""
    try:
        answer = pipeline.client("s3").get_object(Bucket=pipeline.bucket, Key=keys.version_manifest(version))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            return None
        raise
    manifest = documents.from_json(VersionManifest, answer["Body"].read())
    return Version(manifest.version, manifest.parent, answer["LastModified"].isoformat(), manifest.images,
                   manifest.classes, manifest.added, manifest.relabelled, manifest.removed, manifest.run_id)


def newest_first(pipeline: Pipeline) -> list[Version]:
    """All whole versions."""
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(functools.partial(find, pipeline), names(pipeline)))
    return sorted((v for v in found if v), key=lambda v: (v.made_at, v.version), reverse=True)


def rollbacks(pipeline: Pipeline) -> set[tuple[str, str]]:
    """All rollbacks there ever were: (from, to)."""
    pages = pipeline.client("s3").get_paginator("list_objects_v2").paginate(
        Bucket=pipeline.bucket, Prefix=keys.rollbacks())
    parts = (PurePosixPath(item["Key"]) for page in pages for item in page.get("Contents", ()))
    return {(part.stem, part.parent.name) for part in parts}


def lineage(pipeline: Pipeline, version: str, known: Iterable[Version]) -> set[str]:
    """The versions that were committed: this one, its ancestors, and what was rolled back to one of them.

    Only these agree on the split of every image; a version of a run that failed may not.
    """
    parents = {entry.version: entry.parent for entry in known}
    undone = rollbacks(pipeline)
    committed: set[str] = set()
    ahead = {version}
    while ahead:
        name = ahead.pop()
        committed.add(name)
        parent = parents.get(name)
        ahead |= ({origin for origin, target in undone if target == name} | ({parent} if parent else set())) - committed
    return committed


def members(pipeline: Pipeline, version: str) -> Iterator[Member]:
    """The images of a version by hash, one in memory at a time: read them again rather than keep millions.

    The one place of the client that knows where they are kept.

    Raises:
        PipelineError: there is no such version, or not yet.
    """
    try:
        answer = pipeline.client("s3").get_object(Bucket=pipeline.bucket, Key=keys.version_members(version))
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
            raise PipelineError(f"version {version} has no members: the run that made it did not end well: "
                                "python -m app data list shows the whole ones") from error
        raise
    with answer["Body"] as packed:
        yield from contract.read(packed)


def _some(found: Iterable[str]) -> str:
    listed = list(found)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return ", ".join(listed[:_NAMED]) + more
