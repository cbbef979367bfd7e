"""tensorpack's names and layouts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from maskrcnn.model.config import BackboneConfig, ModelConfig
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.weights import tensorpack

NAMES = Path(__file__).parents[4] / "shared/reference"


def test_stem_turns_from_bgr_to_rgb():
    kernel = np.arange(2 * 3).reshape(1, 1, 3, 2)
    ours = tensorpack.to_ours({"conv0/W": kernel}, "CHW", 7)["conv0/W"]
    assert ours.tolist() == [[[[4, 5], [2, 3], [0, 1]]]]


def test_first_dense_layer_turns_from_channels_first_to_channels_last():
    """Given 2 channels of 2x2 features, row c * 4 + y * 2 + x must become row (y * 2 + x) * 2 + c."""
    rows = np.array([[0], [1], [2], [3], [10], [11], [12], [13]])
    ours = tensorpack.to_ours({"fastrcnn/fc6/W": rows}, "CHW", 2)["fastrcnn/fc6/W"]
    assert ours[:, 0].tolist() == [0, 10, 1, 11, 2, 12, 3, 13]


def test_a_dense_layer_reads_the_same_features_as_in_tensorpack():
    rng = np.random.default_rng(0)
    features, kernel = rng.normal(size=(5, 3, 4, 4)), rng.normal(size=(48, 6))
    theirs = features.reshape(5, -1) @ kernel
    ours = tensorpack.to_ours({"fastrcnn/fc6/W": kernel}, "CHW", 4)["fastrcnn/fc6/W"]
    np.testing.assert_allclose(features.transpose(0, 2, 3, 1).reshape(5, -1) @ ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["fastrcnn/fc6/W", "fastrcnn/fc/W", "cascade_rcnn_stage2/head/fc6/W"])
def test_rows_stay_where_the_file_has_ours(name):
    rows = np.arange(8).reshape(8, 1)
    assert tensorpack.to_ours({name: rows}, "HWC", 2)[name][:, 0].tolist() == list(range(8))
    assert tensorpack.to_ours({name: rows}, "CHW", 2)[name][:, 0].tolist() != list(range(8))


def test_other_dense_layers_stay():
    rows = np.arange(8).reshape(8, 1)
    for name in ("fastrcnn/fc7/W", "fastrcnn/outputs/class/W"):
        assert tensorpack.to_ours({name: rows}, "CHW", 2)[name][:, 0].tolist() == list(range(8))


def test_names_with_an_output_number_are_known_and_what_training_leaves_is_not():
    zero = np.zeros(1)
    noise = ["linear/W:0", "linear/b", "global_step:0", "learning_rate", "conv0/W/Momentum", "rpn/box/b/Momentum:0",
             "AccumGrad/conv0/W", "apply/AccumGrad_1"]
    arrays = dict.fromkeys(noise, zero) | {"rpn/box/W:0": zero, "group0/block0/conv1/bn/mean/EMA:0": zero}
    assert set(tensorpack.to_ours(arrays, "CHW", 7)) == {"rpn/box/W", "group0/block0/conv1/bn/mean/EMA"}


@pytest.mark.parametrize("rows", ["CHW", "HWC"])
def test_there_and_back_is_exact(filled, values, rows):
    ours = values(filled())
    theirs = tensorpack.from_ours(ours, rows, 2)
    again = tensorpack.to_ours(theirs, rows, 2)
    assert again.keys() == ours.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(again[name], value)
    assert (theirs["fastrcnn/fc6/W"] != ours["fastrcnn/fc6/W"]).any() == (rows == "CHW")
    assert (theirs["conv0/W"] != ours["conv0/W"]).any()


@pytest.mark.parametrize(("depth", "blocks", "count", "digest"), [
    (50, (3, 4, 6, 3), 307, "7609f0efb09d9bd73062639eec48d2bcbf3521e70cea11ac49382e30a75bd0f7"),
    (101, (3, 4, 23, 3), 562, "1422aa8bdd6862997b40830cef0d8c67cbe8a8d6d7b382e57271cdb94c8a36a6"),
])
def test_our_names_and_shapes_are_tensorpacks(depth, blocks, count, digest):
    """The digest is of tensorpack's table, one sorted line a variable; the table itself says what differs."""
    model = MaskRCNN(ModelConfig(backbone=BackboneConfig(blocks=blocks, norm="FreezeBN")), class_count=80)
    ours = {f"{name}\t{','.join(str(side) for side in v.shape)}" for name, v in model.named_variables().items()}
    path = NAMES / f"tensorpack_variables_R{depth}_FPN.tsv"
    if path.exists():
        assert ours == set(path.read_text().splitlines())
    assert len(ours) == count
    assert hashlib.sha256("".join(f"{line}\n" for line in sorted(ours)).encode()).hexdigest() == digest
