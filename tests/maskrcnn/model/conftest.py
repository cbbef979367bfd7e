"""Networks small enough to build in a test."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.model.config import BackboneConfig, BoxHeadConfig, MaskHeadConfig, ModelConfig, RpnConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.weights import tensorpack
from maskrcnn.weights.assign import assign

FIXTURES = Path(__file__).parents[4] / "shared/reference/tensorpack_parity"

TINY = ModelConfig(
    backbone=BackboneConfig(blocks=(1, 1, 1, 1), stem_channels=8, width=8, norm="GN"),
    fpn_channels=8,
    rpn=RpnConfig(channels=8, candidates=20, proposals=10),
    box=BoxHeadConfig(channels=16, score_threshold=0.0, detections=5),
    mask=MaskHeadConfig(channels=8, convolutions=1),
)


@pytest.fixture
def tiny():
    """A tiny configuration with another backbone where it is asked for."""

    def make(**backbone) -> ModelConfig:
        return dataclasses.replace(TINY, backbone=dataclasses.replace(TINY.backbone, **backbone))

    return make


@pytest.fixture(scope="session")
def tensorpack_arrays():
    """What tensorpack computed, by the name of its file; the test is skipped where the files are not."""

    def read(name: str) -> dict[str, np.ndarray]:
        if not FIXTURES.exists():
            pytest.skip(f"needs the tensorpack fixtures in {FIXTURES}")
        with np.load(FIXTURES / name) as arrays:
            return dict(arrays)

    return read


@pytest.fixture(scope="session")
def tensorpack_model():
    """A network with the weights behind the fixtures, loaded as a user's tensorpack file is."""

    def make(config: ModelConfig) -> MaskRCNN:
        weight = runpy.run_path(str(FIXTURES / "weights.py"))["weight"]
        network = MaskRCNN(config, class_count=2)
        theirs = {name: weight(name, tuple(v.shape)) for name, v in network.named_variables().items()}
        assign(network, tensorpack.to_ours(theirs, "CHW", config.box.pool_size), "fixtures", strict=True)
        return network

    return make
