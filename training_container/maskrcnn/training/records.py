"""Random access to TFRecord shards, so that the order of training is a function of seed and position alone."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Collection, Sequence
from pathlib import Path

import tensorflow as tf

from maskrcnn.data import schema
from maskrcnn.data.channel import shard_paths
from maskrcnn.program import JobError

HEADER = struct.Struct("<QI")  # length of the payload, its masked CRC
FOOTER_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Record:
    """Where one example lies."""

    path: Path
    offset: int
    length: int

    def read(self) -> bytes:
        """The serialised tf.train.Example."""
        with self.path.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.length)


def scan(folder: Path, names: Collection[str] = ()) -> list[Record]:
    """Every record below a folder, shard by shard in the order of their names.

    Args:
        folder: A channel.
        names: Of the shards that count, where the channel is a folder of all shards there are; none counts all.

    Raises:
        ValueError: a shard is missing, cut off or no TFRecord.
    """
    return [record for path in shard_paths(folder, names) for record in _scan_shard(path)]


def require(folder: Path, names: Collection[str] = (), *, missing: str = "no *.tfrecord shards") -> list[Record]:
    """As scan, for a channel of training images that must hold some.

    Args:
        folder: A channel.
        names: As in scan.
        missing: What to say of a channel without any.

    Raises:
        JobError: DATA_INVALID: a shard is missing or damaged; DATA_TOO_FEW: there is no image.
    """
    try:
        found = scan(folder, names)
    except ValueError as error:
        raise JobError("DATA_INVALID", str(error)) from error
    if not found:
        raise JobError("DATA_TOO_FEW", f"{folder}: {missing}: the version needs training images")
    return found


def with_objects(records: Sequence[Record]) -> list[Record]:
    """Those whose image has an object that is no crowd."""
    return [record for record in records if _has_object(record)]


def _has_object(record: Record) -> bool:
    feature = tf.train.Example.FromString(record.read()).features.feature
    objects = len(feature[schema.CLASS_LABEL].int64_list.value)
    return bool(objects > sum(feature[schema.IS_CROWD].int64_list.value))


def _scan_shard(path: Path) -> list[Record]:
    records: list[Record] = []
    position, size = 0, path.stat().st_size
    with path.open("rb") as file:
        while position < size:
            file.seek(position)
            header = file.read(HEADER.size)
            length = HEADER.unpack(header)[0] if len(header) == HEADER.size else size
            end = position + HEADER.size + length + FOOTER_BYTES
            if end > size:
                raise ValueError(f"{path}: record {len(records)} is cut off at byte {size}: write the shard again")
            records.append(Record(path, position + HEADER.size, length))
            position = end
    return records
