"""A model folder as training leaves it, with a tiny network that finds something everywhere."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.data import shards
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import Predictor, write_artifact
from maskrcnn.serving.answer import all_instances

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord

with warnings.catch_warnings():  # pycocotools 2.0.11 says something about NumPy 2 at its first import
    warnings.simplefilter("ignore")
    import pycocotools.cocoeval  # noqa: F401

GIVEN = {
    "preset": "r50", "image_size": "64", "max_size": "128", "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8",
    "resnet_stem_channels": "8", "fpn_channels": "8", "rpn_channels": "8", "box_channels": "16", "mask_channels": "8",
    "mask_convolutions": "1", "candidates": "60", "proposals": "30", "score_threshold": "0.0", "detections": "9",
    "rpn_min_size": "2",
}
CLASSES = tuple(ClassDefinition(number, name, "defect") for number, name in enumerate(("chip", "hole", "burr"), 1))


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory) -> Path:
    return written(GIVEN, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def mobile_dir(tmp_path_factory) -> Path:
    """A model with depthwise convolutions."""
    mobile = {"backbone": "mobilenet_v2", "mobilenet_width": "0.35", "batch_norm": "SyncBN"}
    return written(GIVEN | mobile, tmp_path_factory.mktemp("mobile"))


@pytest.fixture(scope="session")
def tiled_dir(tmp_path_factory) -> Path:
    """A model that sees an image of 256 x 256 in nine tiles of 128, and as a whole at exactly half its size.

    An untrained network finds boxes of nearly equal scores: it answers the same only where it is shown the same.
    """
    tiles = {"image_size": "256", "max_size": "280", "tile_size": "128", "tile_overlap": "40"}
    return written(GIVEN | tiles, tmp_path_factory.mktemp("tiled"))


def written(given: dict[str, str], folder: Path) -> Path:
    resolved = hyperparameters.resolve(given)
    tf.random.set_seed(1)
    model = MaskRCNN(resolved.settings.model, len(CLASSES))
    for name, variable in model.named_variables().items():
        if name.endswith("/W") and name.startswith(("rpn/", "fastrcnn/outputs/", "maskrcnn/")):
            variable.assign(variable * 4.0)  # outputs that differ from box to box
    write_artifact(model, ModelCard("run-1", "v1", CLASSES, "r50", resolved.as_strings(), 10), folder)
    return folder


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)


@pytest.fixture
def tiny_given() -> dict[str, str]:
    return dict(GIVEN)


@pytest.fixture(scope="session")
def data_dir(model_dir, tmp_path_factory) -> Path:
    return version_of(model_dir, tmp_path_factory.mktemp("data"), (64, 96), train=6, test=4)


@pytest.fixture(scope="session")
def tiled_data_dir(tiled_dir, tmp_path_factory) -> Path:
    return version_of(tiled_dir, tmp_path_factory.mktemp("tiled-data"), (256, 256), test=2)


def version_of(model_dir: Path, folder: Path, size: tuple[int, int], **counts: int) -> Path:
    """A version whose labels are what the network finds itself, so that its own average precision is high."""
    predictor = Predictor.load(model_dir, "float32")
    for split, count in counts.items():
        (folder / split).mkdir()
        rng = np.random.default_rng({"train": 1, "test": 2}[split])
        rough = [rng.integers(0, 255, (size[0] // 8, size[1] // 8, 3)).astype(np.uint8) for _ in range(count)]
        # Even blocks, so that half the size is exact, however it is computed.
        halves = [cv2.resize(picture, (size[1] // 2, size[0] // 2)) for picture in rough]
        pictures = [half.repeat(2, 0).repeat(2, 1) for half in halves]
        shards.write_examples([_labelled(predictor, picture) for picture in pictures], folder / split)
    return folder


def _labelled(predictor: Predictor, picture: np.ndarray) -> bytes:
    body = cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes()
    found = all_instances(predictor.predict(picture), predictor.card)
    labels = tuple(LabelInstance(i.class_name, i.bbox, i.mask, i.area_px) for i in found)
    sha256 = hashlib.sha256(body).hexdigest()
    record = LabelRecord(sha256, "png", f"{sha256[:8]}.png", picture.shape[1], picture.shape[0], labels)
    return shards.encode(record, body, {c.name: c.id for c in CLASSES})
