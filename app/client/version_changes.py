"""What a person may do to the data set besides uploading: go back to an older version, ask images out."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.exceptions import ClientError

from app.client import uploads, versions
from app.client.pipeline import Pipeline, PipelineError
from app.contracts import documents, image_names, keys
from app.contracts.dataset import DatasetHead, Member, Rollback
from app.contracts.uploads import NOTE_NAME, UploadNote

_LISTED = 5
_OVERTAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})


def check_rollback(pipeline: Pipeline, head: DatasetHead, version: str) -> None:
    """Make sure that the head may go to a version.

    Raises:
        PipelineError: it is there already, or the version was never the head nor before it: such a version is of a
            run that failed, and may train on images that the committed versions test on.
    """
    if version == head.version:
        raise PipelineError(f"{version}: is the head already: python -m app data list shows the versions")
    committed = versions.lineage(pipeline, head.version, versions.newest_first(pipeline))
    if version not in committed:
        others = ", ".join(sorted(committed - {head.version})) or "none yet"
        raise PipelineError(f"{version}: was never committed: its run failed, and it may train on what the head tests "
                            f"on: choose one of {others}")


def roll_back(pipeline: Pipeline, head: DatasetHead, rollback: Rollback, run_id: str) -> None:
    """Move the head, if it still is what `head` says; the record goes first, so that no split is ever forgotten.

    Args:
        pipeline: Where.
        head: As it was read.
        rollback: Who, why, from the head's version to which.
        run_id: The run that made the version to go back to.

    Raises:
        PipelineError: the head moved meanwhile; nothing was changed.
    """
    s3 = pipeline.client("s3")
    found = s3.get_object(Bucket=pipeline.bucket, Key=keys.DATASET_HEAD)
    if documents.from_json(DatasetHead, found["Body"].read()) != head:
        raise PipelineError(_moved(head))
    record = keys.rollbacks(rollback.to_version, rollback.from_version)
    s3.put_object(Bucket=pipeline.bucket, Key=record, Body=_json(rollback), ContentType="application/json")
    new = DatasetHead(rollback.to_version, run_id, rollback.at, rollback)
    try:
        s3.put_object(Bucket=pipeline.bucket, Key=keys.DATASET_HEAD, Body=_json(new), IfMatch=found["ETag"],
                      ContentType="application/json")
    except ClientError as error:
        if error.response["Error"]["Code"] in _OVERTAKEN:
            raise PipelineError(_moved(head)) from error
        raise


def find_images(members: Sequence[str], pipeline: Pipeline, version: str) -> list[Member]:
    """The members of a version that people mean by these names.

    Raises:
        PipelineError: a name means no image, or several.
    """
    found = image_names.meant(members, versions.members(pipeline, version))
    for name in members:
        hits = found.get(name, [])
        if not hits:
            raise PipelineError(f"{name}: no image of version {version} is called so: give a file name, a path below "
                                "its data set, a hash, or at least 8 digits of it")
        if len(hits) > 1:
            listed = ", ".join(f"{m.file_name} ({m.image_sha256[:12]})" for m in hits[:_LISTED])
            raise PipelineError(f"{name}: {len(hits)} images are called so: {listed}: give the hash of one")
    return list({found[name][0].image_sha256: found[name][0] for name in members}.values())


def ask_out(pipeline: Pipeline, images: Sequence[Member], name: str, *, ready: bool) -> str:
    """Put the request that images leave the data set into the inbox, where a run obeys it like any upload.

    Returns:
        The key of the request.
    """
    key = f"{keys.INBOX}{name}/{NOTE_NAME}"
    note = UploadNote(remove=tuple(image.image_sha256 for image in images))
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=key, Body=_json(note))
    if ready:
        uploads.mark_ready(pipeline)
    return key


def _json(document: object) -> bytes:
    return documents.to_json(document, indent=2).encode()


def _moved(head: DatasetHead) -> str:
    return f"the head is no longer {head.version}, a run has just moved it: nothing was changed; look again"
