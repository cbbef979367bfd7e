"""What training starts from: found, recognised, loaded, logged."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
from maskrcnn.layout import Layout
from maskrcnn.model.config import ModelConfig
from maskrcnn.program import JobError
from maskrcnn.training.config import TrainingConfig
from maskrcnn.weights import own, start, tensorpack
from maskrcnn.weights.formats import norm_of
from maskrcnn.weights.locate import locate

KERAS = ["conv1_conv/kernel", "conv1_bn/gamma", "conv2_block1_1_conv/kernel"]


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "ml")


@pytest.fixture
def keras_start(layout):
    layout.root.mkdir()
    np.savez(layout.root / "resnet50.npz", **{name: np.zeros(1) for name in KERAS})
    return start.find(layout, TrainingConfig(backbone_weights="resnet50.npz"))


@pytest.mark.parametrize("folder", ["", "input/data/weights", "input/data/pretrained",
                                    "input/data/train/pretrained-models"])
@pytest.mark.parametrize("file", ["w.npz", "model-90000.index"])
def test_names_below_the_root_and_the_channels_are_found(layout, folder, file):
    path = layout.root / folder / "r50" / file
    path.parent.mkdir(parents=True)
    path.touch()
    assert locate(layout, "load_model", f"r50/{file.removesuffix('.index')}") == path.with_suffix(
        "" if file.endswith(".index") else ".npz")


def test_absolute_names_are_found(layout, tmp_path):
    (tmp_path / "w.npz").touch()
    assert locate(layout, "load_model", str(tmp_path / "w.npz")) == tmp_path / "w.npz"


def test_a_missing_file_says_where_it_was_looked_for(layout):
    with pytest.raises(JobError, match=r'hyperparameter load_model = "w.npz": no such file .*input/data/weights/w.npz'
                                       r".*channel weights") as caught:
        locate(layout, "load_model", "w.npz")
    assert caught.value.code == "CONFIG_INVALID"


def test_an_unusable_file_names_its_hyperparameter(layout):
    layout.root.mkdir()
    (layout.root / "w.npz").write_text("<html>not found</html>")
    with pytest.raises(JobError, match=r"hyperparameter backbone_weights: .*w.npz: neither .npz") as caught:
        start.find(layout, TrainingConfig(backbone_weights="w.npz"))
    assert caught.value.code == "CONFIG_INVALID"


def test_nothing_named_nothing_loaded(layout):
    assert start.find(layout, TrainingConfig()) == []


def test_the_network_becomes_what_the_weights_were_made_for(keras_start, caplog):
    caplog.set_level(logging.INFO, "castline")
    adapted = start.adapted(ModelConfig(), keras_start)
    assert adapted.backbone.stride_in_1x1
    assert adapted.backbone.padding == "symmetric"
    assert adapted.input.pixel_mean == (123.68, 116.779, 103.939)
    assert adapted.rpn == ModelConfig().rpn
    assert "stride_in_1x1 = True, because resnet50.npz has weights of keras.applications" in caplog.text
    assert start.adapted(adapted, keras_start) == adapted


def test_what_was_chosen_otherwise_stays_with_a_warning(keras_start, caplog):
    chosen = dataclasses.replace(ModelConfig(), input=dataclasses.replace(ModelConfig().input, pixel_mean=(0, 0, 0)))
    adapted = start.adapted(chosen, keras_start)
    assert adapted.input.pixel_mean == (0, 0, 0)
    assert adapted.backbone.stride_in_1x1
    assert "pixel_mean = (0, 0, 0), and the weights of resnet50.npz" in caplog.text


@pytest.mark.parametrize(("now", "chosen", "then", "warns"), [
    ("GN", [], "FreezeBN", False),
    ("GN", ["batch_norm"], "GN", True),
    ("SyncBN", ["batch_norm"], "SyncBN", False),
    ("None", [], "None", True),
])
def test_batch_norm_statistics_bring_their_norm(keras_start, caplog, now, chosen, then, warns):
    config = dataclasses.replace(ModelConfig(), backbone=dataclasses.replace(ModelConfig().backbone, norm=now))
    assert start.adapted(config, keras_start, chosen).backbone.norm == then
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING and "batch_norm = " in r.getMessage()]
    assert bool(warnings) == warns


@pytest.mark.parametrize(("names", "norm"), [
    (["conv0/bn/gamma"], "FreezeBN"), (["bn2a_branch2a/gamma:0"], "FreezeBN"), (["conv0/W", "fpn/gn_c5/W"], None),
    (["conv0/W", "group0/block0/conv1/gn/gamma"], "GN"), (["conv0/W", "fastrcnn/conv0/gn/gamma"], None),
])
def test_the_norm_is_read_off_the_names(names, norm):
    assert norm_of(names) == norm


def test_backbone_first_then_the_whole_model(layout, filled, values, tiny, caplog):
    """Given a backbone of tensorpack and a whole model of ours with other classes: the model overrules."""
    caplog.set_level(logging.INFO, "castline")
    layout.root.mkdir()
    whole = values(filled(class_count=3))
    backbone = {name: value + 1 for name, value in whole.items()} | {"linear/W": np.zeros(1)}
    np.savez(layout.root / "backbone.npz", **tensorpack.from_ours(backbone, "CHW", 2))
    own.save(filled(class_count=3), layout.root / "whole.npz")

    model = filled(class_count=5)
    for variable in model.variables:
        variable.assign(np.zeros_like(variable))
    start.load(model, start.find(layout, TrainingConfig(backbone_weights="backbone.npz")), TrainingConfig())
    np.testing.assert_array_equal(values(model)["conv0/W"], backbone["conv0/W"])
    assert not values(model)["fpn/lateral_1x1_c2/W"].any()
    assert "format tensorpack" in caplog.text

    starts = start.find(layout, TrainingConfig(backbone_weights="backbone.npz", load_model="whole.npz"))
    start.load(model, starts, TrainingConfig())
    assert starts == []
    np.testing.assert_array_equal(values(model)["conv0/W"], whole["conv0/W"])
    np.testing.assert_array_equal(values(model)["fastrcnn/fc6/W"], whole["fastrcnn/fc6/W"])
    assert not values(model)["fastrcnn/outputs/class/W"].any()
    assert "Not loaded: fastrcnn/outputs/class/W: (16, 4) in the file, (16, 6) here" in caplog.text


def test_weights_of_another_width_are_refused_when_nothing_fits(layout, filled, tiny):
    layout.root.mkdir()
    np.savez(layout.root / "w.npz", **{"conv0/W": np.zeros((7, 7, 3, 64))})
    starts = start.find(layout, TrainingConfig(load_model="w.npz"))
    with pytest.raises(JobError, match=r"hyperparameter load_model: .*w.npz: \d+ of \d+ weights do not fit"):
        start.load(filled(), starts, TrainingConfig())


def test_fitted_anchors_need_an_rpn_with_as_many(layout, filled):
    """Given a model with other anchor ratios, when anchors are fitted, then its RPN would be lost: refused."""
    layout.root.mkdir()
    own.save(filled(), layout.root / "w.npz")
    with np.load(layout.root / "w.npz") as stored:
        other = {**stored, "rpn/class/W": np.concatenate([stored["rpn/class/W"]] * 2, -1)}
    np.savez(layout.root / "other.npz", **other)
    for name in ("w.npz", "other.npz"):
        start.load(filled(), start.find(layout, TrainingConfig(load_model=name)), TrainingConfig())
    fitting = TrainingConfig(anchor_fit=True)
    start.load(filled(), start.find(layout, TrainingConfig(load_model="w.npz")), fitting)
    start.load(filled(), start.find(layout, TrainingConfig(backbone_weights="other.npz")), fitting)
    with pytest.raises(JobError, match=r"RPN of load_model other.npz does not fit .*as many anchor_ratios") as caught:
        start.load(filled(), start.find(layout, TrainingConfig(load_model="other.npz")), fitting)
    assert caught.value.code == "CONFIG_INVALID"
