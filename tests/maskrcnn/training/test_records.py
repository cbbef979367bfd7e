"""Random access to TFRecord shards."""

from __future__ import annotations

import pytest
import tensorflow as tf
from maskrcnn.training import records


def write(path, payloads):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in payloads:
            writer.write(payload)


def test_scan_finds_every_record_in_shard_order(tmp_path):
    write(tmp_path / "shard-00001.tfrecord", [b"third"])
    write(tmp_path / "shard-00000.tfrecord", [b"first", b"", b"second" * 1000])
    assert [record.read() for record in records.scan(tmp_path)] == [b"first", b"", b"second" * 1000, b"third"]


def test_cut_off_shard_is_refused_by_name(tmp_path):
    path = tmp_path / "shard-00000.tfrecord"
    write(path, [b"first", b"second"])
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"shard-00000.tfrecord: record 1 is cut off"):
        records.scan(tmp_path)


def test_empty_folder_has_no_records(tmp_path):
    assert records.scan(tmp_path) == []


def test_images_without_objects_are_told_from_the_others(tmp_path, make_example, make_shard):
    box = (4, 4, 20, 20)
    make_shard(tmp_path, [
        make_example("empty.png", 32, 32, []),
        make_example("one.png", 32, 32, [(1, box, True, False), (2, box, True, True)]),
        make_example("crowd.png", 32, 32, [(1, box, True, True)]),
    ])
    found = records.scan(tmp_path)
    assert records.with_objects(found) == [found[1]]
