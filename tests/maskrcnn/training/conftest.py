"""A tiny data set of bright squares in TFRecord shards, and a network small enough to train in a test."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.data import schema
from maskrcnn.layout import Layout

from app.contracts import documents
from app.contracts.dataset import ClassDefinition, VersionManifest

with warnings.catch_warnings():  # pycocotools 2.0.11 says something about NumPy 2 at its first import
    warnings.simplefilter("ignore")
    import pycocotools.cocoeval  # noqa: F401

CLASSES = (ClassDefinition(1, "disk", "part"), ClassDefinition(2, "holes", "defect"))

TINY = {
    "preset": "demo", "run_id": "run-1", "version": "v1", "image_size": "64", "max_size": "96",
    "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8", "resnet_stem_channels": "8", "fpn_channels": "16",
    "rpn_channels": "16", "box_channels": "16", "mask_channels": "8", "mask_convolutions": "1",
    "batch_size_per_gpu": "2", "images_per_epoch": "4", "epochs": "3", "eval_period": "3", "warmup": "1",
    "base_lr": "0.04", "train_candidates": "20", "train_proposals": "20", "candidates": "20", "proposals": "10",
    "box_samples": "16", "rpn_samples": "32", "detections": "5", "precision": "float32", "deterministic": "True",
    "checkpoint_seconds": "1000", "log_seconds": "1000", "anchor_sizes": "[8, 16, 24, 32, 48]",
    "mosaic": "0",
}


Drawn = tuple[int, tuple[int, int, int, int], bool, bool]


def example(name: str, height: int, width: int, objects: list[Drawn]) -> bytes:
    """One serialised example: objects are (class, x1 y1 x2 y2, has a mask, is a crowd), drawn bright on grey."""
    image = np.full((height, width, 3), 60, np.uint8)
    pngs = []
    for class_id, (x1, y1, x2, y2), has_mask, _ in objects:
        image[y1:y2, x1:x2] = 120 + 60 * class_id
        mask = np.zeros((height, width), np.uint8)
        mask[y1:y2, x1:x2] = 255
        pngs.append(cv2.imencode(".png", mask)[1].tobytes() if has_mask else b"")
    boxes = np.array([box for _, box, _, _ in objects], np.float64).reshape(-1, 4) / [width, height, width, height]
    names = {1: b"disk", 2: b"holes"}
    features = {
        schema.HEIGHT: ints([height]), schema.WIDTH: ints([width]), schema.FILE_NAME: texts([name.encode()]),
        schema.SOURCE_ID: texts([name.encode()]), schema.FORMAT: texts([b"png"]),
        schema.ENCODED: texts([cv2.imencode(".png", image[:, :, ::-1])[1].tobytes()]),
        schema.XMIN: floats(boxes[:, 0]), schema.YMIN: floats(boxes[:, 1]),
        schema.XMAX: floats(boxes[:, 2]), schema.YMAX: floats(boxes[:, 3]),
        schema.CLASS_LABEL: ints([o[0] for o in objects]), schema.CLASS_TEXT: texts([names[o[0]] for o in objects]),
        schema.IS_CROWD: ints([int(o[3]) for o in objects]), schema.MASK: texts(pngs),
    }
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def ints(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def texts(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def write_shard(folder: Path, examples: list[bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "shard-00000.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for serialized in examples:
            writer.write(serialized)
    return path


def squares(count: int, seed: int) -> list[bytes]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        x, y = (int(v) for v in rng.integers(4, 20, 2))
        disk, hole = (x, y, x + 36, y + 36), (x + 4, y + 4, x + 16, y + 16)
        made.append(example(f"part_{seed}_{number}.png", 64, 64, [(1, disk, True, False), (2, hole, True, False)]))
    return made


def lay_out(root: Path, **hyperparameters: str) -> Layout:
    """A job folder with data and hyperparameters, as SageMaker makes it."""
    layout = Layout(root)
    write_shard(layout.channel("train"), squares(5, 1))
    write_shard(layout.channel("val"), squares(2, 2))
    manifest = VersionManifest("v1", None, CLASSES, {}, {}, (), 7, 0, 0)
    layout.channel("dataset").mkdir(parents=True)
    (layout.channel("dataset") / "manifest.json").write_text(documents.to_json(manifest))
    set_hyperparameters(layout, **hyperparameters)
    return layout


def set_hyperparameters(layout: Layout, **changes: str) -> None:
    layout.hyperparameters.parent.mkdir(parents=True, exist_ok=True)
    layout.hyperparameters.write_text(json.dumps(TINY | changes))


@pytest.fixture
def make_example():
    return example


@pytest.fixture
def make_squares():
    return squares


@pytest.fixture(scope="session")
def make_job():
    return lay_out


@pytest.fixture
def change_hyperparameters():
    return set_hyperparameters


@pytest.fixture
def make_shard():
    return write_shard


@pytest.fixture
def tiny() -> dict[str, str]:
    return dict(TINY)


@pytest.fixture
def job(tmp_path: Path) -> Layout:
    return lay_out(tmp_path / "ml")
