"""What is written into a shard is read back exactly."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.data import schema, shards
from pycocotools import mask as coco_mask

from app.contracts.dataset import LabelInstance, LabelRecord, Rle

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def rle_of(mask):
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return Rle(mask.shape, encoded["counts"].decode())


def record_of(masks, n=0, boxes=0):
    instances = [LabelInstance("disk", (1.0, 2.0, 30.0, 40.0), rle_of(m), int(m.sum()), i == 1)
                 for i, m in enumerate(masks)]
    instances += [LabelInstance("burr", (0.0, 0.0, 64.0, 12.0), None, 768)] * boxes
    return LabelRecord(f"{n:064x}", "png", f"ds/img/{n}.png", 64, 48, tuple(instances))


def read(paths):
    return [tf.train.Example.FromString(raw.numpy()).features.feature for raw in tf.data.TFRecordDataset(
        [str(path) for path in paths])]


def write(records, body, folder, **more):
    folder.mkdir(exist_ok=True)
    return shards.write_examples((shards.encode(r, body, {"burr": 1, "disk": 2}) for r in records), folder, **more)


def test_masks_come_back_bit_by_bit_and_boxes_as_shares(tmp_path, picture):
    rng = np.random.default_rng(3)
    masks = [rng.random((48, 64)) > 0.5, np.ones((48, 64), bool), np.zeros((48, 64), bool)]
    masks[2][47, 63] = True
    (feature,) = read(write([record_of(masks, boxes=1)], picture(), tmp_path))
    pngs = feature[schema.MASK].bytes_list.value
    decoded = [tf.io.decode_png(png, channels=1).numpy()[..., 0] > 0 for png in pngs[:3]]
    assert [np.array_equal(a, b) for a, b in zip(decoded, masks, strict=True)] == [True, True, True]
    assert pngs[3] == b""
    assert list(feature[schema.XMIN].float_list.value) == pytest.approx([1 / 64] * 3 + [0.0])
    assert list(feature[schema.XMAX].float_list.value) == pytest.approx([31 / 64] * 3 + [1.0])
    assert list(feature[schema.YMIN].float_list.value) == pytest.approx([2 / 48] * 3 + [0.0])
    assert list(feature[schema.YMAX].float_list.value) == pytest.approx([42 / 48] * 3 + [0.25])


def test_the_image_and_its_labels_come_back(tmp_path, picture):
    body = picture()
    record = record_of([np.ones((48, 64), bool)] * 2, n=5, boxes=1)
    (feature,) = read(write([record], body, tmp_path))
    assert feature[schema.ENCODED].bytes_list.value[0] == body
    assert feature[schema.FORMAT].bytes_list.value[0] == b"png"
    assert feature[schema.SOURCE_ID].bytes_list.value[0] == record.image_sha256.encode()
    assert feature[schema.FILE_NAME].bytes_list.value[0] == b"ds/img/5.png"
    assert (feature[schema.WIDTH].int64_list.value[0], feature[schema.HEIGHT].int64_list.value[0]) == (64, 48)
    assert list(feature[schema.CLASS_LABEL].int64_list.value) == [2, 2, 1]
    assert list(feature[schema.CLASS_TEXT].bytes_list.value) == [b"disk", b"disk", b"burr"]
    assert list(feature[schema.IS_CROWD].int64_list.value) == [0, 1, 0]
    assert list(feature[schema.AREA].float_list.value) == [48 * 64, 48 * 64, 768]


def test_a_background_image_has_empty_lists(tmp_path, picture):
    (feature,) = read(write([record_of([])], picture(), tmp_path))
    assert len(feature[schema.MASK].bytes_list.value) == len(feature[schema.XMIN].float_list.value) == 0


def test_a_new_shard_begins_before_the_limit_is_passed(tmp_path, picture):
    body = picture(width=100, height=100)
    records = [record_of([], n) for n in range(5)]
    paths = write(records, body, tmp_path, shard_bytes=int(2.5 * len(body)))
    assert [path.name for path in paths] == [f"shard-{n:05d}.tfrecord" for n in range(3)]
    assert [len(read([path])) for path in paths] == [2, 2, 1]


def test_the_same_members_give_the_same_bytes(tmp_path, picture):
    records = [record_of([np.eye(48, 64) > 0], n, boxes=2) for n in range(3)]
    (one,), (two,) = (write(records, picture(), tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_no_members_no_shards(tmp_path):
    assert write([], b"", tmp_path) == []
