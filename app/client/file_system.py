"""The EFS file system that training may read from: what is copied to it from the bucket, and how."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import ClientError

from app.client.pipeline import Pipeline, PipelineError
from app.client.runs import read_object
from app.contracts import documents, keys, names
from app.contracts.dataset import VersionManifest
from app.contracts.file_system import FileSystemCopy, directory

POLL_SECONDS = 10.0
FILTER_CHARACTERS = 102_400
"""The longest filter that DataSync takes."""
OVER = ("SUCCESS", "ERROR")


@dataclasses.dataclass(frozen=True)
class FileSystem:
    """The file system of a deployment.

    Attributes:
        file_system_id: Its id.
        task_arn: The DataSync task that copies to it; empty on the embedded AWS, where a folder stands for it.
        log_directory: Where training writes its logs; empty when it does not.
    """

    file_system_id: str
    task_arn: str
    log_directory: str


def find(pipeline: Pipeline) -> FileSystem:
    """The file system, from the outputs of the data stack.

    Raises:
        PipelineError: the stack is not deployed, or without the task.
    """
    stack = names.stack(pipeline.environment, "data")
    try:
        answer = pipeline.client("cloudformation").describe_stacks(StackName=stack)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":
            raise
        raise PipelineError(f"the stack {stack} is not deployed: python -m app deploy") from error
    outputs = {o["OutputKey"]: o["OutputValue"] for o in answer["Stacks"][0].get("Outputs", [])}
    if not pipeline.embedded and "CopyTaskArn" not in outputs:
        raise PipelineError(f'{stack} has no DataSync task: set "storage": {{"datasync": true}} in cdk.json and deploy')
    return FileSystem(outputs["FileSystemId"], outputs.get("CopyTaskArn", ""), outputs.get("LogDirectory", ""))


def copy(
    pipeline: Pipeline, target: FileSystem, keys_or_prefixes: Sequence[str], on_bytes: Callable[[int], None],
) -> None:
    """Copy objects to the file system, where their keys are paths; what is there already is not sent again.

    Args:
        pipeline: The deployment.
        target: Its file system.
        keys_or_prefixes: What; a prefix ends with a slash.
        on_bytes: Told how many more bytes are there.

    Raises:
        PipelineError: DataSync failed.
    """
    if target.log_directory:  # SageMaker mounts only a directory that exists
        readme = f"{target.log_directory.strip('/')}/README.txt"
        body = b"Logs of training, one folder a run.\n"
        pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=readme, Body=body)
        keys_or_prefixes = (*keys_or_prefixes, readme)
    if pipeline.embedded:
        _copy_here(pipeline, target, keys_or_prefixes, on_bytes)
    else:
        _copy_by_datasync(pipeline, target, keys_or_prefixes, on_bytes)


def copy_version(pipeline: Pipeline, version: str, on_bytes: Callable[[int], None]) -> FileSystemCopy:
    """Copy the shards that training reads of a version, and note it: from then on it is read from there.

    Raises:
        PipelineError: there is no such version, or as `copy`.
    """
    target = find(pipeline)
    copy(pipeline, target, training_shards(pipeline, version), on_bytes)
    note = FileSystemCopy(target.file_system_id, datetime.now(UTC).isoformat(timespec="seconds"))
    body = documents.to_json(note, indent=2).encode()
    pipeline.client("s3").put_object(Bucket=pipeline.bucket, Key=keys.version_copy(version), Body=body,
                                     ContentType="application/json")
    return note


def training_shards(pipeline: Pipeline, version: str) -> list[str]:
    """Keys of the shards of train and val.

    Raises:
        PipelineError: the version is not whole.
    """
    text = read_object(pipeline, keys.version_manifest(version))
    if text is None:
        raise PipelineError(f"version {version} is not whole: python -m app data list shows those that are")
    manifest = documents.from_json(VersionManifest, text)
    return [keys.shard(shard.name) for split in ("train", "val") for shard in manifest.shards[split]]


def sizes(pipeline: Pipeline, keys_or_prefixes: Sequence[str]) -> Iterator[tuple[str, int, str]]:
    """(key, bytes, ETag) of the objects."""
    paginator = pipeline.client("s3").get_paginator("list_objects_v2")
    for prefix in keys_or_prefixes:
        for page in paginator.paginate(Bucket=pipeline.bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield item["Key"], item["Size"], item["ETag"].strip('"')


def _copy_here(
    pipeline: Pipeline, target: FileSystem, keys_or_prefixes: Sequence[str], on_bytes: Callable[[int], None]
) -> None:
    from app.embedded.sagemaker import channels  # here: only the embedded AWS needs its parts
    from app.embedded.settings import EmbeddedSettings, default_state

    root: Path = channels.directory(EmbeddedSettings(default_state()), target.file_system_id, "/")
    for key, size, _ in sizes(pipeline, keys_or_prefixes):
        path = root / key
        if not (path.is_file() and path.stat().st_size == size):
            path.parent.mkdir(parents=True, exist_ok=True)
            pipeline.client("s3").download_file(pipeline.bucket, key, str(path))
        on_bytes(size)


def _copy_by_datasync(
    pipeline: Pipeline, target: FileSystem, keys_or_prefixes: Sequence[str], on_bytes: Callable[[int], None]
) -> None:
    datasync, told = pipeline.client("datasync"), 0
    started = datasync.start_task_execution(
        TaskArn=target.task_arn,
        Includes=[{"FilterType": "SIMPLE_PATTERN", "Value": _filter(keys_or_prefixes)}],
    )["TaskExecutionArn"]
    while True:
        now = datasync.describe_task_execution(TaskExecutionArn=started)
        on_bytes(now.get("BytesWritten", 0) - told)
        told = now.get("BytesWritten", 0)
        if now["Status"] in OVER:
            break
        time.sleep(POLL_SECONDS)
    if now["Status"] == "ERROR":
        result = now.get("Result", {})
        raise PipelineError(f"DataSync failed ({result.get('ErrorCode', 'no code')}): "
                            f"{result.get('ErrorDetail', started)}: mend it and call again; what was copied stays")


def _filter(keys_or_prefixes: Sequence[str]) -> str:
    """One pattern for all; whole folders where the names of the files would be too long."""
    pattern = "|".join(directory(name) for name in keys_or_prefixes)
    if len(pattern) > FILTER_CHARACTERS:
        folders = {name if name.endswith("/") else f"{name.rpartition('/')[0]}/" for name in keys_or_prefixes}
        pattern = "|".join(sorted(directory(folder) for folder in folders))
    return pattern
