"""What lies on the EFS file system, by the notes that copying leaves in the bucket."""

from __future__ import annotations

from app.contracts import keys
from app.contracts.file_system import FileSystemCopy
from lambdas.aws.documents import Bucket
from lambdas.environment import Environment


def holds(environment: Environment, version: str) -> bool:
    """Whether training is to read the version's shards from the file system: it may, and they were copied to it.

    A version that was not copied, or to another file system, comes from S3: training never waits for a copy.
    """
    if not environment.settings.training.file_system.data:
        return False
    found = Bucket(environment.bucket).find(FileSystemCopy, keys.version_copy(version))
    return found is not None and found.document.file_system_id == environment.file_system
