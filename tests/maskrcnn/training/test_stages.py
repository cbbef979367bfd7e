"""Stages choose layers by matterport's words and names, and really hold the others still."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import tensorflow as tf
from maskrcnn import hyperparameters
from maskrcnn.layout import Layout
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.program import JobError
from maskrcnn.programs import train as program
from maskrcnn.training import loop, stages
from maskrcnn.training.config import Stage
from maskrcnn.training.optimizer import AdamW, Sgd
from maskrcnn.training.stages import Staging, chosen, matterport_layer

SCOPES = ("conv0/W", "conv0/bn/gamma", "group0/block0/conv1/W", "group1/block1/conv2/bn/beta", "group2/block22/conv3/W",
          "group3/block0/convshortcut/W", "fpn/lateral_1x1_c4/W", "rpn/class/b", "fastrcnn/fc6/W",
          "maskrcnn/fcn3/gn/beta")


@pytest.mark.parametrize(
    ("variable", "layer"),
    [
        ("conv0/W", "conv1"), ("conv0/bn/mean/EMA", "bn_conv1"), ("group0/block0/conv1/W", "res2a_branch2a"),
        ("group1/block3/conv2/bn/variance/EMA", "bn3d_branch2b"), ("group2/block22/conv3/gn/beta", "bn4w_branch2c"),
        ("group3/block0/convshortcut/W", "res5a_branch1"), ("fpn/lateral_1x1_c5/b", "fpn_c5p5"),
        ("fpn/posthoc_3x3_p2/W", "fpn_p2"), ("rpn/conv0/W", "rpn_conv_shared"), ("rpn/box/b", "rpn_bbox_pred"),
        ("fastrcnn/fc7/W", "mrcnn_class_conv2"), ("fastrcnn/outputs/class/W", "mrcnn_class_logits"),
        ("maskrcnn/fcn0/W", "mrcnn_mask_conv1"), ("maskrcnn/fcn3/gn/beta", "mrcnn_mask_conv4"),
        ("maskrcnn/conv/W", "mrcnn_mask"), ("something/W", "something/W"),
    ],
)
def test_variables_have_the_layer_names_of_matterport(variable, layer):
    assert matterport_layer(variable) == layer


@pytest.mark.parametrize(
    ("layers", "first"), [("all", 0), ("3+", 3), ("4+", 4), ("5+", 5), ("heads", 6)])
def test_words_choose_the_backbone_from_a_stage_on_and_always_the_heads(layers, first):
    assert chosen(layers, SCOPES) == set(SCOPES[first:])


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (r"mrcnn\_.*", {"fastrcnn/fc6/W", "maskrcnn/fcn3/gn/beta"}),
        (r"(res5.*)|(bn5.*)|(rpn\_.*)", {"group3/block0/convshortcut/W", "rpn/class/b"}),
        (r"group[01]/.*", {"group0/block0/conv1/W", "group1/block1/conv2/bn/beta"}),
    ],
)
def test_regex_must_match_a_whole_name_of_either_kind(layers, expected):
    assert chosen(layers, SCOPES) == expected


def test_layers_that_match_nothing_are_refused_with_names_that_exist():
    with pytest.raises(JobError, match=r'layers "mrcnn" match no layer') as caught:
        chosen("mrcnn", SCOPES)
    assert "heads, 3+, 4+, 5+, all" in str(caught.value)
    assert "bn3b_branch2b" in str(caught.value)


class Nothing:
    """A model without batch norms."""

    submodules = ()


@pytest.fixture
def variables():
    return [tf.Variable([1.0], name=name) for name in ("group0/block0/conv1/W", "rpn/class/W")]


@pytest.mark.parametrize("make", [lambda v: Sgd(v, 0.9, 0.0, 0.0), lambda v: AdamW(v, 0.0, 0.0)])
def test_stage_moves_its_own_variables_alone_and_begins_without_momentum(variables, make):
    optimizer = make(variables)
    fresh = {name: slot.numpy() for name, slot in optimizer.named_slots().items()}
    staging = Staging((Stage(2, "heads", 0.1), Stage(3, "all", 0.1)), 5, Nothing(), optimizer)
    assert staging.enter(0)
    assert [v.name for v in optimizer.trained] == ["rpn/class/W:0"]
    optimizer.apply([tf.constant([1.0])], tf.constant(0.1))
    assert variables[0].numpy() == [1.0]
    assert variables[1].numpy() < [1.0]
    assert not staging.enter(9)
    assert any((slot.numpy() != fresh[name]).any() for name, slot in optimizer.named_slots().items())
    assert staging.enter(10)
    assert optimizer.trained == variables
    assert all((slot.numpy() == fresh[name]).all() for name, slot in optimizer.named_slots().items())


def test_stage_entered_in_its_middle_keeps_the_restored_momentum(variables):
    optimizer = Sgd(variables, 0.9, 0.0, 0.0)
    optimizer.named_slots()["rpn/class/W/Momentum"].assign([0.5])
    staging = Staging((Stage(2, "heads", 0.1), Stage(4, "all", 0.1)), 5, Nothing(), optimizer)
    assert staging.enter(11)
    assert optimizer.named_slots()["rpn/class/W/Momentum"].numpy() == [0.5]


STAGED = {"TRAIN_SEQ": '[{"epochs": 1, "layers": "heads", "lr": 0.01},'
          '{"epochs": 3, "layers": "5+", "lr": 0.002}]'}
"""Two steps an epoch: steps 0 and 1 move the heads, 2 to 5 also the last group."""


def checkpoint_after(layout: Layout, monkeypatch: pytest.MonkeyPatch, step: int) -> dict[str, np.ndarray]:
    """Train until interrupted after this step; what the checkpoint holds."""
    take = loop.Trainer._take_step

    def take_and_ask_to_end(trainer, compiled, batch):
        figures = take(trainer, compiled, batch)
        if trainer.state.step == step:
            trainer.interruption.requested = True
        return figures

    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "_take_step", take_and_ask_to_end)
        program.train(layout)
    newest = max(layout.checkpoints.glob("checkpoint-*.npz"))
    with np.load(newest) as arrays:
        return {name: arrays[name] for name in arrays.files}


@pytest.mark.slow
def test_variables_outside_the_stage_do_not_move_and_a_resumed_run_equals_a_straight_one(
        make_job, tmp_path, monkeypatch, caplog):
    """Given stages, when interrupted within and at the end of one, then each moved what it may, and all is the same."""
    straight = make_job(tmp_path / "straight", **STAGED)
    settings = json.loads(straight.hyperparameters.read_text())
    del settings["epochs"]  # the stages say when training ends
    straight.hyperparameters.write_text(json.dumps(settings))
    stopped = make_job(tmp_path / "stopped", **STAGED)
    stopped.hyperparameters.write_text(json.dumps(settings))
    caplog.set_level(logging.INFO, "castline")
    program.train(straight)

    first = checkpoint_after(stopped, monkeypatch, 1)
    boundary = checkpoint_after(stopped, monkeypatch, 2)
    later = checkpoint_after(stopped, monkeypatch, 4)
    program.train(stopped)

    def moved(before, after):
        kinds = {name.split("/")[0] for name in before if name in after and not name.endswith(
            ("Momentum", "Adam", "Adam_1", "_power", ".json")) and not np.array_equal(before[name], after[name])}
        return {kind for kind in kinds if not kind.startswith("beta")}

    heads = {"fpn", "rpn", "fastrcnn", "maskrcnn"}
    assert moved(first, boundary) == heads
    assert moved(boundary, later) == heads | {"group3"}
    with np.load(straight.model / "weights.npz") as expected, np.load(stopped.model / "weights.npz") as resumed:
        for name in expected.files:
            np.testing.assert_array_equal(expected[name], resumed[name], err_msg=name)
    rates = [float(message.split(": ")[1]) for message in caplog.messages if message.startswith("learning_rate: ")]
    assert rates[2] == pytest.approx(0.002)
    assert "Stage 2 of 2 from step 2: layers 5+" in caplog.text


def test_batch_norms_outside_the_stage_normalise_by_their_running_statistics(tiny):
    settings = hyperparameters.resolve(tiny | {"batch_norm": "SyncBN"}).settings
    model = MaskRCNN(settings.model, 2)
    Staging((Stage(1, "heads", 0.1),), 1, model, Sgd(model.trained_variables(), 0.9, 0.0, 0.0)).enter(0)
    before = {name: v.numpy() for name, v in model.named_variables().items() if name.endswith("EMA")}
    image = tf.random.stateless_uniform([2, 64, 64, 3], [1, 2], 0.0, 255.0)
    sizes = tf.constant([[64, 64]] * 2)
    training = model.pyramid(image, sizes, training=True)
    inference = model.pyramid(image, sizes, training=False)
    assert before
    for name, value in before.items():
        np.testing.assert_array_equal(model.named_variables()[name], value, err_msg=name)
    for one, other in zip(training, inference, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_words_are_those_of_matterport():
    assert list(stages.FIRST_GROUP) == ["heads", "3+", "4+", "5+", "all"]
