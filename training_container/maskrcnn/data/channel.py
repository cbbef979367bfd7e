"""A channel of shards: exactly a split's own when S3 filled it, all shards there are when it is a file system."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from app.contracts.dataset import VersionManifest

_SUFFIX = ".tfrecord"


def shard_names(manifest: VersionManifest, split: str) -> tuple[str, ...]:
    """What belongs into the channel of a split."""
    return tuple(shard.name for shard in manifest.shards.get(split, ()))


def shard_paths(folder: Path, names: Collection[str] = ()) -> list[Path]:
    """The shards of a channel by name.

    Args:
        folder: The channel.
        names: The shards that count; none counts all.

    Raises:
        ValueError: one of them is not there.
    """
    by_name = {path.name.removesuffix(_SUFFIX): path for path in sorted(folder.rglob(f"*{_SUFFIX}"))}
    missing = sorted(set(names) - by_name.keys())
    if missing:
        raise ValueError(f"{folder}: {len(missing)} of {len(names)} shards are missing, {missing[0]} for one: copy or "
                         "prepare the version again")
    return [path for name, path in by_name.items() if not names or name in names]
