"""Every architecture: tensorpack's names and shapes, detections in any image, and a training step that learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn.model.config import (
    BackboneConfig,
    BoxHeadConfig,
    MaskHeadConfig,
    ModelConfig,
    RpnConfig,
)
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import objective
from maskrcnn.training.examples import MASK_CROP, Example

REFERENCE = Path(__file__).parents[4] / "shared/reference"
SEED = tf.constant([3, 4], tf.int64)
BASE = ModelConfig(
    backbone=BackboneConfig(blocks=(1, 1, 1, 1), stem_channels=8, width=8, norm="SyncBN"),
    fpn_channels=16,
    rpn=RpnConfig(channels=8, c4_channels=24, anchor_sizes_px=(8.0, 16.0, 24.0, 32.0, 48.0), samples=64,
                  train_candidates=30, train_proposals=30, candidates=20, proposals=10, joint_train_candidates=60,
                  joint_train_proposals=30, joint_candidates=40, joint_proposals=10),
    box=BoxHeadConfig(channels=16, conv_channels=8, samples=16, score_threshold=0.0, detections=5),
    mask=MaskHeadConfig(channels=8, convolutions=2),
)
C4 = {"feature_pyramid": False}
BOX_GN = dataclasses.replace(BASE.box, head="4conv1fc", norm="GN")
CASCADE = dataclasses.replace(BASE.box, cascade=True)
GN = {"backbone": dataclasses.replace(BASE.backbone, norm="GN"), "fpn_norm": "GN", "box": BOX_GN,
      "mask": dataclasses.replace(BASE.mask, norm="GN")}
ARCHITECTURES = {
    "fpn": {},
    "c4": C4,
    "c4 of odd images in keras padding": {
        **C4, "backbone": dataclasses.replace(BASE.backbone, padding="symmetric", stride_in_1x1=True)},
    "faster": {"masks": False},
    "c4 faster": {**C4, "masks": False},
    "cascade": {"box": CASCADE},
    "cascade with convolutions": {"box": dataclasses.replace(BOX_GN, cascade=True)},
    "gn": GN,
    "4conv1fc": {"box": dataclasses.replace(BASE.box, head="4conv1fc")},
    "joint": {"proposal_mode": "Joint"},
    "huber": {"box": dataclasses.replace(BASE.box, regression_loss="huber")},
    "no norm": {"backbone": dataclasses.replace(BASE.backbone, norm="None")},
    "frozen affine": {"backbone": dataclasses.replace(BASE.backbone, freeze_affine=True)},
    "mobilenet": {"backbone": dataclasses.replace(BASE.backbone, kind="mobilenet_v2", mobilenet_width=0.25)},
    "same padding": {"backbone": dataclasses.replace(BASE.backbone, padding="same")},
}


@pytest.fixture
def make():
    def built(name: str) -> MaskRCNN:
        tf.random.set_seed(1)
        return MaskRCNN(dataclasses.replace(BASE, **ARCHITECTURES[name]), class_count=2)

    return built


def shapes(model: MaskRCNN) -> dict[str, tuple[int, ...]]:
    return {name: tuple(variable.shape) for name, variable in model.named_variables().items()}


def example(height: int = 64, width: int = 64) -> Example:
    """Two bright rectangles on grey, one of each class."""
    image = np.full((1, height, width, 3), 60, np.uint8)
    boxes = np.array([[6, 6, 40, 38], [36, 42, 60, 62]], np.float32)
    for value, (x1, y1, x2, y2) in zip((150, 240), boxes.astype(int), strict=True):
        image[0, y1:y2, x1:x2] = value
    masks = tf.fill([1, 2, MASK_CROP, MASK_CROP], tf.constant(255, tf.uint8))
    return Example(tf.constant(image), tf.constant([[height, width]]), tf.constant(boxes[None]),
                   tf.constant([[1, 2]]), masks, tf.fill([1, 2], True), tf.constant(["two"]))


def losses_and_gradients(model: MaskRCNN, batch: Example) -> tuple[dict[str, tf.Tensor], tf.Tensor, list[tf.Tensor]]:
    with tf.GradientTape() as tape:
        figures = objective.compute(model, batch, SEED)
        total = tf.add_n([figures[name] for name in objective.LOSSES])
    return figures, total, tape.gradient(total, model.trained_variables())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_trained_variable_gets_a_gradient(make, name):
    model = make(name)
    _, _, gradients = losses_and_gradients(model, example())
    missing = [v.name for v, g in zip(model.trained_variables(), gradients, strict=True) if g is None]
    assert missing == []
    assert all(np.isfinite(tf.norm(tf.convert_to_tensor(g))) for g in gradients)


@pytest.mark.parametrize("name", ["fpn", "c4", "faster", "cascade", "gn", "joint"])
def test_steps_lower_the_loss(make, name):
    model, batch = make(name), example()

    @tf.function(autograph=False)
    def step() -> tf.Tensor:
        _, total, gradients = losses_and_gradients(model, batch)
        gradients, _ = tf.clip_by_global_norm(gradients, 1.0)
        for variable, gradient in zip(model.trained_variables(), gradients, strict=True):
            variable.assign_sub(0.05 * gradient)
        return total

    costs = [float(step()) for _ in range(25)]
    # Not by more: the proposals that the heads are asked about change with every step, and the cost with them.
    assert np.mean(costs[-5:]) < 0.9 * costs[0]


@pytest.mark.parametrize("name", ["fpn", "c4", "faster", "cascade", "gn", "joint"])
def test_an_image_without_objects_trains_too(make, name):
    model, full = make(name), example()
    figures, total, gradients = losses_and_gradients(model, full._replace(class_ids=tf.zeros([1, 2], tf.int32)))
    assert np.isfinite(total)
    assert float(figures["fastrcnn_losses/num_fg_label"]) == 0.0
    assert float(figures["fastrcnn_losses/box_loss"]) == float(figures["rpn_losses/box_loss"]) == 0.0
    assert float(figures["maskrcnn_loss/maskrcnn_loss"]) == 0.0
    assert float(figures["fastrcnn_losses/label_loss"]) > 0.0
    assert all(np.isfinite(tf.norm(tf.convert_to_tensor(g))) for g in gradients)


@pytest.mark.parametrize("shape", [(1, 1), (97, 203), (7, 130)])
@pytest.mark.parametrize("name", ["fpn", "c4", "c4 of odd images in keras padding", "faster", "cascade"])
def test_detects_in_images_of_any_shape(make, name, shape):
    model = make(name)
    raw = model.detect(tf.constant(np.random.default_rng(0).integers(0, 255, (*shape, 3)), tf.uint8))
    count = len(raw.scores)
    assert 0 < count <= 5
    assert raw.boxes.shape == (count, 4)
    side = {"faster": 0, "c4": 14, "c4 of odd images in keras padding": 14}.get(name, 28)
    assert raw.masks.shape == (count, side, side)
    assert (raw.boxes.numpy() >= 0).all()
    assert (raw.boxes.numpy()[:, [2, 3, 0, 1]] <= [*shape[::-1], *shape[::-1]]).all()
    assert np.isfinite(raw.scores).all()


def without(names: dict[str, tuple[int, ...]], *beginnings: str) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in names.items() if not name.startswith(beginnings)}


def test_c4_names_and_shapes(make):
    """As tensorpack's ResNetC4Model: no pyramid, heads on 4 * 8 * width channels behind the last group."""
    assert without(shapes(make("c4")), "conv0", "group") == {
        "rpn/conv0/W": (3, 3, 128, 24), "rpn/conv0/b": (24,), "rpn/class/W": (1, 1, 24, 15), "rpn/class/b": (15,),
        "rpn/box/W": (1, 1, 24, 60), "rpn/box/b": (60,),
        "fastrcnn/class/W": (256, 3), "fastrcnn/class/b": (3,), "fastrcnn/box/W": (256, 12), "fastrcnn/box/b": (12,),
        "maskrcnn/deconv/W": (2, 2, 8, 256), "maskrcnn/deconv/b": (8,), "maskrcnn/conv/W": (1, 1, 8, 2),
        "maskrcnn/conv/b": (2,)}
    backbone = {name for name in shapes(make("c4")) if name.startswith(("conv0", "group"))}
    assert backbone == {name for name in shapes(make("fpn")) if name.startswith(("conv0", "group"))}


def test_cascade_names_and_shapes(make):
    found = shapes(make("cascade"))
    stages = {name: shape for name, shape in found.items() if name.startswith("cascade")}
    assert stages == {
        f"cascade_rcnn_stage{number}/{name}": shape for number in (1, 2, 3) for name, shape in {
            "head/fc6/W": (7 * 7 * 16, 16), "head/fc6/b": (16,), "head/fc7/W": (16, 16), "head/fc7/b": (16,),
            "outputs/class/W": (16, 3), "outputs/class/b": (3,), "outputs/box/W": (16, 4), "outputs/box/b": (4,),
        }.items()}
    assert without(found, "cascade") == without(shapes(make("fpn")), "fastrcnn")


def test_4conv1fc_names_and_shapes(make):
    found = {name: shape for name, shape in shapes(make("4conv1fc")).items() if name.startswith("fastrcnn/")}
    convolutions = {f"fastrcnn/conv{i}/{part}": shape for i in range(4)
                    for part, shape in {"W": (3, 3, 8 if i else 16, 8), "b": (8,)}.items()}
    assert found == {
        **convolutions, "fastrcnn/fc/W": (7 * 7 * 8, 16), "fastrcnn/fc/b": (16,), "fastrcnn/outputs/class/W": (16, 3),
        "fastrcnn/outputs/class/b": (3,), "fastrcnn/outputs/box/W": (16, 12), "fastrcnn/outputs/box/b": (12,)}


def test_gn_names(make):
    """In the backbone instead of bn; in the pyramid and the heads beside the bias."""
    added = {name for name in shapes(make("gn")) if "/gn" in name and not name.startswith(("conv0", "group"))}
    scopes = ([f"fpn/gn_{kind}{level}" for kind in "cp" for level in (2, 3, 4, 5)]
              + [f"fastrcnn/gn{i}" for i in range(4)] + [f"maskrcnn/gn{i}" for i in range(2)])
    assert added == {f"{scope}/{part}" for scope in scopes for part in ("gamma", "beta")}
    assert {"conv0/gn/gamma", "group3/block0/conv3/gn/beta", "fpn/lateral_1x1_c2/b"} <= set(shapes(make("gn")))
    assert not [name for name in shapes(make("gn")) if "/bn/" in name]


def test_without_masks_the_mask_head_is_all_that_goes(make):
    assert shapes(make("faster")) == without(shapes(make("fpn")), "maskrcnn")
    assert float(losses_and_gradients(make("faster"), example())[0]["maskrcnn_loss/maskrcnn_loss"]) == 0.0


def test_without_norm_the_backbone_has_kernels_alone(make):
    backbone = [name for name in shapes(make("no norm")) if name.startswith(("conv0", "group"))]
    assert all(name.endswith("/W") for name in backbone)


@pytest.mark.parametrize("name", ["frozen affine", "frozen affine c4"])
def test_frozen_affine_keeps_scales_and_shifts_of_the_backbone_out_of_training(name):
    config = dataclasses.replace(BASE, **ARCHITECTURES["frozen affine"], feature_pyramid="c4" not in name)
    model = MaskRCNN(config, 2)
    plain = MaskRCNN(dataclasses.replace(config, backbone=BASE.backbone), 2)
    trained = {v.name for v in model.trained_variables()}
    gone = {v.name for v in plain.trained_variables()} - trained
    assert gone == {v.name for v in plain.trained_variables() if "/bn/" in v.name}
    assert "group3/block0/conv2/W:0" in trained


@pytest.mark.parametrize(("network", "blocks"), [("R50", (3, 4, 6, 3)), ("R101", (3, 4, 23, 3))])
def test_names_and_shapes_are_tensorpacks(network, blocks):
    table = REFERENCE / f"tensorpack_variables_{network}_FPN.tsv"
    if not table.exists():
        pytest.skip(f"needs {table}")
    rows = (line.split("\t") for line in table.read_text().splitlines())
    theirs = {name: tuple(int(side) for side in shape.split(",")) for name, shape in rows}
    model = MaskRCNN(ModelConfig(backbone=BackboneConfig(blocks=blocks, norm="FreezeBN")), class_count=80)
    assert shapes(model) == theirs


def test_a_cascade_needs_the_pyramid_and_a_weight_for_each_stage():
    with pytest.raises(ValueError, match="feature_pyramid"):
        MaskRCNN(dataclasses.replace(BASE, feature_pyramid=False, box=CASCADE), 2)
    box = dataclasses.replace(CASCADE, cascade_ious=(0.5, 0.6))
    with pytest.raises(ValueError, match=r"2 stages .* 3: give both"):
        MaskRCNN(dataclasses.replace(BASE, box=box), 2)
