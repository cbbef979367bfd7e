"""Formats are recognised by what is in a file, and converted for the network that they go into."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn.model.config import ModelConfig
from maskrcnn.weights import formats, own, tensorpack
from maskrcnn.weights.arrays import WeightsError

RESNET = ["conv1", "bn_conv1", "res2a_branch2a"]
CASES = {
    "Castline": ["conv0/W", own.MARKER],
    "tensorpack": ["conv0/W:0", "global_step:0"],
    "Keras ResNet with Caffe's names": [f"{layer}/kernel" for layer in RESNET],
    "Matterport Mask R-CNN": [f"{layer}/kernel" for layer in (*RESNET, "fpn_c5p5", "fpn_p2")],
    "keras.applications ResNet": ["conv1_conv/kernel", "conv1_bn/gamma", "conv2_block1_1_conv/kernel"],
}


@pytest.mark.parametrize("name", CASES)
def test_format_is_recognised_by_the_names_in_the_file(tmp_path, name):
    path = tmp_path / "anything.npz"
    np.savez(path, **{array: np.zeros(1) for array in CASES[name]})
    assert formats.open_source(path).format.name == name


@pytest.mark.parametrize("names", [
    ["dense/kernel", "dense/bias"],
    ["conv1_conv/kernel", "conv2_block1_preact_bn/gamma", "post_bn/gamma"],  # version 2 of ResNet
])
def test_other_networks_are_refused(tmp_path, names):
    path = tmp_path / "other.npz"
    np.savez(path, **{array: np.zeros(1) for array in names})
    with pytest.raises(WeightsError, match=r"other.npz: arrays of an unknown network .*docs/weights.md"):
        formats.open_source(path)


@pytest.mark.parametrize(("choice", "rows"), [("auto", "CHW"), ("CHW", "CHW"), ("HWC", "HWC")])
def test_tensorpack_weights_become_ours(filled, values, tmp_path, choice, rows):
    model = filled()
    np.savez(tmp_path / "w.npz", **tensorpack.from_ours(values(model), rows, 2))
    converted = formats.open_source(tmp_path / "w.npz").convert(model.config, choice)
    assert converted.keys() == values(model).keys()
    for name, value in values(model).items():
        np.testing.assert_array_equal(converted[name], value)


def test_our_own_weights_stay_as_they_are(filled, values, tmp_path):
    own.save(filled(), tmp_path / "w.npz")
    converted = formats.open_source(tmp_path / "w.npz").convert(ModelConfig(), "CHW")
    for name, value in values(filled()).items():
        np.testing.assert_array_equal(converted[name], value)
