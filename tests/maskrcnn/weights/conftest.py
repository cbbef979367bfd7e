"""Networks small enough to build in a test, and weights for them."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import pytest
from maskrcnn.model.config import BackboneConfig, BoxHeadConfig, MaskHeadConfig, ModelConfig, RpnConfig
from maskrcnn.model.mask_rcnn import MaskRCNN

TINY = ModelConfig(
    backbone=BackboneConfig(blocks=(1, 1, 1, 1), stem_channels=8, width=8, norm="FreezeBN"),
    fpn_channels=8,
    rpn=RpnConfig(channels=8, candidates=20, proposals=10),
    box=BoxHeadConfig(pool_size=2, channels=16, score_threshold=0.0, detections=5),
    mask=MaskHeadConfig(channels=8, convolutions=1),
)


@pytest.fixture
def tiny():
    """A tiny configuration with another backbone where it is asked for."""

    def make(**backbone) -> ModelConfig:
        return dataclasses.replace(TINY, backbone=dataclasses.replace(TINY.backbone, **backbone))

    return make


@pytest.fixture
def filled():
    """A network whose every variable has values that depend on its name alone, variances above 0."""

    def make(config: ModelConfig = TINY, class_count: int = 3) -> MaskRCNN:
        model = MaskRCNN(config, class_count)
        for name, variable in model.named_variables().items():
            values = np.random.default_rng(zlib.crc32(name.encode())).normal(0, 0.2, variable.shape)
            variable.assign(np.abs(values) + 0.5 if name.endswith(("variance/EMA", "gamma")) else values)
        return model

    return make


@pytest.fixture
def values():
    """The variables of a network as arrays."""

    def read(model: MaskRCNN) -> dict[str, np.ndarray]:
        return {name: variable.numpy() for name, variable in model.named_variables().items()}

    return read
