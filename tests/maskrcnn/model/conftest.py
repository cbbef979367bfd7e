"""Networks small enough to build in a test."""

from __future__ import annotations

import dataclasses

import pytest
from maskrcnn.model.config import BackboneConfig, BoxHeadConfig, MaskHeadConfig, ModelConfig, RpnConfig

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
