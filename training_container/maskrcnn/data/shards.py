"""TFRecord shards in the TF Object Detection schema (data/schema.py): same labels, same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from pycocotools import mask as coco_mask

from app.contracts.dataset import LabelRecord, Rle
from maskrcnn.data import schema
from maskrcnn.data.shard_plan import SHARD_BYTES

_FORMATS = {"jpg": b"jpeg", "png": b"png"}


def write_examples(examples: Iterable[bytes], folder: Path, shard_bytes: int = SHARD_BYTES) -> list[Path]:
    """Write serialised examples, in the given order, to `shard-00000.tfrecord` and on.

    Args:
        examples: What `encode` gives.
        folder: Where the shards go; exists.
        shard_bytes: A new shard begins before this size would be passed.
    """
    paths: list[Path] = []
    writer, written = None, 0
    try:
        for example in examples:
            if writer is None or written + len(example) > shard_bytes:
                if writer is not None:
                    writer.close()
                paths.append(folder / f"shard-{len(paths):05d}.tfrecord")
                writer, written = tf.io.TFRecordWriter(str(paths[-1])), 0
            writer.write(example)
            written += len(example)
    finally:
        if writer is not None:
            writer.close()
    return paths


def encode(record: LabelRecord, body: bytes, class_ids: Mapping[str, int]) -> bytes:
    """One serialised tf.train.Example; deterministic."""
    boxes = np.array([i.bbox for i in record.instances], np.float64).reshape(-1, 4)
    features = {
        schema.HEIGHT: _ints([record.height]),
        schema.WIDTH: _ints([record.width]),
        schema.FILE_NAME: _bytes([record.file_name.encode()]),
        schema.SOURCE_ID: _bytes([record.image_sha256.encode()]),
        schema.ENCODED: _bytes([body]),
        schema.FORMAT: _bytes([_FORMATS[record.image_extension]]),
        schema.XMIN: _floats(boxes[:, 0] / record.width),
        schema.XMAX: _floats((boxes[:, 0] + boxes[:, 2]) / record.width),
        schema.YMIN: _floats(boxes[:, 1] / record.height),
        schema.YMAX: _floats((boxes[:, 1] + boxes[:, 3]) / record.height),
        schema.CLASS_LABEL: _ints([class_ids[i.class_name] for i in record.instances]),
        schema.CLASS_TEXT: _bytes([i.class_name.encode() for i in record.instances]),
        schema.IS_CROWD: _ints([int(i.is_crowd) for i in record.instances]),
        schema.AREA: _floats([float(i.area_px) for i in record.instances]),
        schema.MASK: _bytes([mask_png(i.mask) if i.mask else b"" for i in record.instances]),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    serialised: bytes = example.SerializeToString(deterministic=True)
    return serialised


def mask_png(rle: Rle) -> bytes:
    """A full-size 1-bit grey PNG of one mask."""
    mask = coco_mask.decode({"size": list(rle.size), "counts": rle.counts.encode("ascii")})
    rows = cv2.transpose(mask.T)  # column by column into row by row, ten times as fast as NumPy
    done, png = cv2.imencode(".png", rows * np.uint8(255), [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not done:
        raise RuntimeError(f"OpenCV did not encode a mask of {rle.size}")
    return bytes(png.tobytes())


def _ints(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=list(values)))


def _floats(values: Iterable[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=list(values)))


def _bytes(values: Iterable[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=list(values)))
