"""Input channels of training jobs: objects of S3, or directories of EFS, for which folders on this machine stand."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from app.embedded.sagemaker.cloud import Cloud
from app.embedded.sagemaker.errors import validation
from app.embedded.sagemaker.shapes import Record
from app.embedded.settings import EmbeddedSettings

WRITE_BITS = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def check(request: Record) -> None:
    """Raise ApiError where SageMaker would refuse a channel."""
    for channel in request.get("InputDataConfig", []):
        name, source = channel["ChannelName"], channel["DataSource"].get("FileSystemDataSource")
        if source is None:
            continue
        if not request.get("VpcConfig"):
            raise validation(f"VpcConfig is required: the channel {name} uses a file system")
        if channel.get("InputMode", "File") != "File":
            raise validation(f"InputMode must be File: the channel {name} uses a file system")
        path = PurePosixPath(source["DirectoryPath"])
        if not path.is_absolute() or ".." in path.parts or str(path) != source["DirectoryPath"]:
            raise validation(f"DirectoryPath must be normalized and absolute: {source['DirectoryPath']} of the "
                             f"channel {name} is not")


def provide(cloud: Cloud, channel: Record, folder: Path) -> str:
    """Put a channel where the program looks for it; returns the failure reason, if any."""
    name, source = channel["ChannelName"], channel["DataSource"]
    if "FileSystemDataSource" in source:
        return _mount(cloud.settings, source["FileSystemDataSource"], name, folder)
    objects = source["S3DataSource"]
    if not cloud.transfers.fetch(objects, folder):
        return (f"ClientError: Data download failed: No S3 objects found under S3 URL {objects['S3Uri']} given in "
                f"input data source of the channel {name}")
    return ""


def directory(settings: EmbeddedSettings, file_system_id: str, path: str) -> Path:
    """The folder on this machine that stands for a directory of an EFS file system."""
    return settings.state / "file-systems" / file_system_id / path.lstrip("/")


def remove(root: Path) -> None:
    """Delete the folders of a job with all that is read-only in them; mounted directories stay."""

    def in_a_writable_folder(delete: Callable[[str], Any], path: str, _error: Any) -> None:
        Path(path).parent.chmod(0o700)
        delete(path)

    shutil.rmtree(root, onerror=in_a_writable_folder)


def _mount(settings: EmbeddedSettings, source: Record, name: str, folder: Path) -> str:
    place = directory(settings, source["FileSystemId"], source["DirectoryPath"])
    if not place.is_dir():
        return (f"ClientError: Unable to mount file system: {source['FileSystemId']}, directory path: "
                f"{source['DirectoryPath']} of the channel {name}: No such file or directory ({place})")
    folder.parent.mkdir(parents=True, exist_ok=True)
    if source["FileSystemAccessMode"] == "rw":
        folder.unlink(missing_ok=True)
        folder.symlink_to(place)
    else:
        # A copy: what a program writes in spite of the permissions, as root may, never reaches the file system.
        shutil.copytree(place, folder, dirs_exist_ok=True)
        for path in (*folder.rglob("*"), folder):
            path.chmod(path.stat().st_mode & ~WRITE_BITS)
    return ""
