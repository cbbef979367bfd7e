"""A model folder as training leaves it, with a tiny network that finds something everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.model_card import ModelCard
from maskrcnn.predictor import write_artifact

from app.contracts.dataset import ClassDefinition

GIVEN = {
    "preset": "r50", "image_size": "64", "max_size": "128", "resnet_blocks": "[1, 1, 1, 1]", "resnet_width": "8",
    "resnet_stem_channels": "8", "fpn_channels": "8", "rpn_channels": "8", "box_channels": "16", "mask_channels": "8",
    "mask_convolutions": "1", "candidates": "60", "proposals": "30", "score_threshold": "0.0", "detections": "9",
    "rpn_min_size": "2",
}
CLASSES = tuple(ClassDefinition(number, name, "defect") for number, name in enumerate(("chip", "hole", "burr"), 1))


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory) -> Path:
    resolved = hyperparameters.resolve(GIVEN)
    tf.random.set_seed(1)
    model = MaskRCNN(resolved.settings.model, len(CLASSES))
    for name, variable in model.named_variables().items():
        if name.endswith("/W") and name.startswith(("rpn/", "fastrcnn/outputs/", "maskrcnn/")):
            variable.assign(variable * 4.0)  # outputs that differ from box to box
    folder = tmp_path_factory.mktemp("model")
    write_artifact(model, ModelCard("run-1", "v1", CLASSES, "r50", resolved.as_strings(), 10), folder)
    return folder


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)


@pytest.fixture
def tiny_given() -> dict[str, str]:
    return dict(GIVEN)
