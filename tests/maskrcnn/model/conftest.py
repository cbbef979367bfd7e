"""Networks small enough to build in a test."""

from __future__ import annotations

import dataclasses
import runpy
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.model.config import BackboneConfig, BoxHeadConfig, MaskHeadConfig, ModelConfig, RpnConfig
from maskrcnn.model.mask_rcnn import MaskRCNN

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
    """A network with the weights behind the fixtures: tensorpack's stem takes BGR, its fc6 rows run C, H, W."""

    def make(config: ModelConfig) -> MaskRCNN:
        weight = runpy.run_path(str(FIXTURES / "weights.py"))["weight"]
        network = MaskRCNN(config, class_count=2)
        for name, variable in network.named_variables().items():
            value = weight(name, tuple(variable.shape))
            if name == "conv0/W":
                value = value[:, :, ::-1]
            if name == "fastrcnn/fc6/W":
                value = value.reshape(256, 7, 7, -1).transpose(1, 2, 0, 3).reshape(value.shape)
            variable.assign(value)
        return network

    return make
