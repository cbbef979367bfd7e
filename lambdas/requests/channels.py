"""Input channels of training: objects of the bucket, or directories of the file system."""

from __future__ import annotations

from typing import Literal

from app.contracts import file_system, keys
from lambdas.environment import Environment
from lambdas.requests.common import Request, source

LOG_CHANNEL = "log"
SPLITS = ("train", "val")
"""What training may see: the test split is no channel."""


def shards(environment: Environment, version: str, *, on_file_system: bool) -> list[Request]:
    """The channels `train` and `val`.

    On the file system both are the folder of all shards: training opens those that the manifest lists.
    """
    mode = environment.settings.training.input_mode
    return [
        directory(environment, split, file_system.directory(keys.SHARDS), "ro")
        if on_file_system
        else objects(environment, split, keys.version_channel(version, split), mode)
        for split in SPLITS
    ]


def weights(environment: Environment) -> list[Request]:
    """The channel `weights`: SageMaker refuses a job whose channel is empty, so it is only for jobs that need it."""
    return [objects(environment, "weights", keys.WEIGHTS)]


def log(environment: Environment) -> list[Request]:
    """The channel `log`, when the settings name its directory."""
    path = environment.settings.training.file_system.log_directory
    return [directory(environment, LOG_CHANNEL, path, "rw")] if path else []


def objects(
    environment: Environment, name: str, key: str, mode: Literal["File", "FastFile"] = "File"
) -> Request:
    """A channel of the objects whose keys begin with `key`, or which the list at `key` names."""
    replicated = {**source(environment, key), "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": replicated}, "InputMode": mode}


def directory(environment: Environment, name: str, path: str, access: Literal["ro", "rw"]) -> Request:
    """A channel that mounts a directory of the file system; it must exist. SageMaker takes it in File mode only."""
    mounted = {
        "FileSystemId": environment.file_system,
        "FileSystemType": "EFS",
        "FileSystemAccessMode": access,
        "DirectoryPath": path,
    }
    return {"ChannelName": name, "DataSource": {"FileSystemDataSource": mounted}, "InputMode": "File"}


def on_file_system(channel: Request) -> bool:
    """Whether the channel is a mounted directory.

    SageMaker says nowhere that a container may be isolated from the network that its file system needs.
    """
    return "FileSystemDataSource" in channel["DataSource"]
