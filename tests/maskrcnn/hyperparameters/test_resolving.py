"""Hyperparameters: strings over presets, and refusals that name the fix."""

from __future__ import annotations

import dataclasses
import itertools
import typing

import pytest
from maskrcnn import hyperparameters
from maskrcnn.hyperparameters import augmentations
from maskrcnn.program import JobError
from maskrcnn.training.config import Settings
from maskrcnn.training.presets import PRESETS


def refusal(**given: str) -> str:
    with pytest.raises(JobError) as caught:
        hyperparameters.resolve(given)
    assert caught.value.code == "CONFIG_INVALID"
    return str(caught.value)


def test_nothing_given_means_the_r50_preset():
    resolved = hyperparameters.resolve({})
    assert resolved.preset == "r50"
    assert resolved.settings == PRESETS["r50"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("end", [{"lr_epoch_schedule": "[(2, 0.1), (3, None)]"}, {"lr_schedule": "2x"}, {"epochs": "7"},
                                 {"TRAIN_SEQ": '[{"epochs":250,"layers":"all","lr":0.0035}]'}, {"num_steps": "100"}])
def test_resolved_values_resolve_to_the_same_settings(preset, end):
    given = {"preset": preset, "base_lr": "0.02", **end, "LOSS_WEIGHTS": '{"rpn_class": 0.8}'}
    resolved = hyperparameters.resolve(given)
    again = hyperparameters.resolve(resolved.as_strings())
    assert again.settings == resolved.settings
    assert all(len(value) <= 256 for value in resolved.as_strings().values())  # SageMaker's limit


def test_names_known_from_other_systems_reach_their_settings():
    settings = hyperparameters.resolve({
        "resnet_arch": "resnet101", "batch_norm": "GN", "batch_size_per_gpu": "4", "mode_fpn": "True",
        "lr_schedule": "[240000, 320000, 360000]", "images_per_epoch": "120000", "eval_period": "2",
        "config:RPN.ANCHOR_SIZES": "(16, 32, 64, 128, 256)", "config:FRCNN.BATCH_PER_IM": "256",
        "config:RPN.TEST_PER_LEVEL_NMS_TOPK": "500", "sagemaker_program": "ignored",
    }).settings
    assert settings.model.backbone.blocks == (3, 4, 23, 3)
    assert settings.training.batch_size_per_gpu == 4
    assert settings.training.lr_schedule == (240000, 320000, 360000)
    assert settings.training.images_per_epoch == 120000
    assert settings.model.rpn.anchor_sizes_px == (16.0, 32.0, 64.0, 128.0, 256.0)
    assert settings.model.box.samples == 256
    assert (settings.model.rpn.candidates, settings.model.rpn.proposals) == (500, 500)


def test_lr_epoch_schedule_of_aws_samples():
    training = hyperparameters.resolve({"lr_epoch_schedule": "[(16, 0.1), (20, 0.01), (24, None)]"}).settings.training
    assert training.lr_epoch_schedule == ((16, 0.1), (20, 0.01), (24, None))


def test_sdk_style_quotes_are_taken_off():
    assert hyperparameters.resolve({"preset": '"demo"'}).preset == "demo"
    given = {"anchor_sizes": '"[4, 8, 16, 32, 64]"', "flip_vertical": "true"}
    settings = hyperparameters.resolve(given).settings
    assert settings.model.rpn.anchor_sizes_px == (4.0, 8.0, 16.0, 32.0, 64.0)
    assert settings.training.flip_vertical is True


@pytest.mark.parametrize("source", ["backbone_weights", "load_model"])
def test_frozen_statistics_are_allowed_where_weights_are_loaded(source):
    settings = hyperparameters.resolve({"batch_norm": "FreezeBN", source: "w.npz"}).settings
    assert settings.model.backbone.norm == "FreezeBN"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bacth_size_per_gpu": "2"}, ("bacth_size_per_gpu", "did you mean batch_size_per_gpu")),
        ({"zzzzqqq": "1"}, ("zzzzqqq", "docs/hyperparameters.md")),
        ({"preset": "huge"}, ("preset", "demo, cpu, gpu, edge, r50, r101")),
        ({"base_lr": "fast"}, ("base_lr", '"fast"', "must be a number", "0.01")),
        ({"epochs": "1.5"}, ("epochs", "whole number")),
        ({"epochs": "0"}, ("epochs", "at least 1")),
        ({"momentum": "1.5"}, ("momentum", "at most 0.9999")),
        ({"flip_horizontal": "yes"}, ("flip_horizontal", "True or False")),
        ({"batch_norm": "BN"}, ("batch_norm", "FreezeBN, SyncBN, GN, None")),
        ({"anchor_sizes": "[8, 16]"}, ("anchor_sizes", "5 sizes")),
        ({"anchor_sizes": "[8, 16, 0, 64, 128]"}, ("anchor_sizes", "at least 1")),
        ({"batch_norm": "FreezeBN"}, ("FreezeBN", "backbone_weights or load_model", "GN")),
        ({"fc6_rows": "WHC"}, ("fc6_rows", "auto, CHW, HWC")),
        ({"config:RPN.ANCHOR_SIZE": "[8]"}, ("did you mean config:RPN.ANCHOR_SIZES",)),
        ({"TRAIN.BASE_LR": "0.1"}, ("did you mean config:TRAIN.BASE_LR",)),
        ({"config:Train.Base_lr": "0.1"}, ("did you mean config:TRAIN.BASE_LR",)),
        ({"images_per_gpu": "2"}, ("did you mean IMAGES_PER_GPU",)),
        ({"learning_rate": "0.1"}, ("did you mean learning-rate",)),
        ({"config:FPN.CASCADE": "True", "mode_fpn": "False"}, ("config:FPN.CASCADE", "mode_fpn")),
        ({"box_norm": "GN"}, ("box_norm", "4conv1fc")),
        ({"config:BACKBONE.FREEZE_AFFINE": "True"}, ("config:BACKBONE.FREEZE_AFFINE", "FreezeBN", "GN")),
        ({"cascade_ious": "[0.5, 0.6]"}, ("cascade_ious", "needs 3")),
        ({"pixel_std": "[1, 1]"}, ("pixel_std", "needs 3")),
        ({"anchor_ratios": "[]"}, ("anchor_ratios", "at least one")),
        ({"rpn_negative_iou": "0.9"}, ("rpn_negative_iou", "rpn_positive_iou")),
        ({"epochs": "3", "num_steps": "100"}, ("num_steps and epochs", "keep one")),
        ({"lr_schedule": "[20, 10]"}, ("lr_schedule", "rising")),
        ({"lr_schedule": "0x"}, ("lr_schedule", "a list")),
        ({"lr_epoch_schedule": "[(2, None), (3, None)]"}, ("lr_epoch_schedule", "rising")),
        ({"train_seq": "[]"}, ("did you mean TRAIN_SEQ",)),
        ({"TRAIN_SEQ": '[{"epochs": 20, "layers": "heads"}]'}, ("TRAIN_SEQ", "objects with epochs, layers, lr")),
        ({"TRAIN_SEQ": '[{"epochs": "20", "layers": "heads", "lr": 0.1}]'}, ("TRAIN_SEQ", "objects with")),
        ({"TRAIN_SEQ": '[{"epochs": 2, "layers": "all", "lr": 0.1}, {"epochs": 2, "layers": "all", "lr": 0.1}]'},
         ("TRAIN_SEQ", "rising")),
        ({"TRAIN_SEQ": '[{"epochs": 2, "layers": "(", "lr": 0.1}]'}, ("TRAIN_SEQ", "no regex")),
        ({"TRAIN_SEQ": '[{"epochs": 2, "layers": "all", "lr": 0}]'}, ("TRAIN_SEQ", "above 0")),
        ({"TRAIN_SEQ": '[{"epochs": 2, "layers": "all", "lr": 0.1}]', "lr_schedule": "1x"},
         ("lr_schedule and TRAIN_SEQ", "keep one")),
        ({"mask_target": "0.3", "mode_mask": "False"}, ("mask_target", "mode_mask")),
        ({"config:PREPROC.TRAIN_SHORT_EDGE_SIZE": "[800, 640]"}, ("TRAIN_SHORT_EDGE_SIZE", "smallest and the largest")),
        ({"train_short_edge": "[640, 1400]"}, ("train_short_edge", "max_size (1333)")),
        ({"predefined_padding": "True", "padding_shapes": "[(800, 1000)]"}, ("padding_shapes", "800 x 1333")),
        ({"padding_shapes": "[(1000, 800)]"}, ("padding_shapes", "height at most width")),
        ({"AUG_PREST": "1", "flip_vertical": "False"}, ("flip_vertical", "same setting as AUG_PREST")),
        ({"batch_halvings": "-1"}, ("batch_halvings", "whole number")),
        ({"resnet_arch": "resnet18"}, ("resnet_arch", "resnet50, resnet101")),
        ({"base_lr": "0.1", "config:TRAIN.BASE_LR": "0.2"}, ("config:TRAIN.BASE_LR", "same setting as base_lr")),
        ({"lr_schedule": "[10, 20]", "lr_epoch_schedule": "[(1, None)]"}, ("lr_schedule", "keep one")),
        ({"lr_epoch_schedule": "[(1, 0.1)]"}, ("lr_epoch_schedule", "(epoch, None)")),
        ({"image_size": "900", "max_size": "800"}, ("max_size", "image_size (900)")),
    ],
)
def test_refusals_name_the_value_the_rule_and_the_fix(given, words):
    message = refusal(**given)
    for word in words:
        assert word in message


def test_every_setting_has_a_name():
    def paths(kind: type, prefix: str) -> set[str]:
        found: set[str] = set()
        for name, hint in typing.get_type_hints(kind).items():
            nested = dataclasses.is_dataclass(hint) and f"{prefix}{name}" not in own
            found |= paths(hint, f"{prefix}{name}.") if nested else {f"{prefix}{name}"}
        return found

    own = {entry.path for entry in hyperparameters.TABLE}
    found = {"model.rpn.anchor_stride_px", "training.replicas"}  # from the backbone, and from the hosts of the job
    assert paths(Settings, "") - own == found
    assert len(own) == len(hyperparameters.TABLE)


def test_classes_must_be_those_that_were_asked_for():
    training = hyperparameters.resolve({"CLASS_NAMES": "['disk', 'holes']", "NUM_CLASSES": "3"}).settings.training
    hyperparameters.check_classes(training, ["holes", "disk"])
    with pytest.raises(JobError, match=r'class_names = "disk, holes": the data set has disk:'):
        hyperparameters.check_classes(training, ["disk"])
    training = hyperparameters.resolve({"class_count": "2"}).settings.training
    with pytest.raises(JobError, match=r'class_count = "2": the data set has disk:'):
        hyperparameters.check_classes(training, ["disk"])


@pytest.mark.parametrize(("given", "words"), [
    ({"tile_size": "100"}, r'tile_size = "100": must be 0, or at least 128'),
    ({"tile_size": "800"}, r'tile_size = "800": must be below max_size \(768\).*raise image_size and max_size'),
    ({"tile_size": "512", "tile_overlap": "39"}, r'tile_overlap = "39": must be from 40, .* tile_size \(256\)'),
    ({"tile_size": "512", "tile_overlap": "257"}, r'tile_overlap = "257": must be from 40'),
])
def test_tiles_that_would_lose_objects_are_refused(given, words):
    with pytest.raises(JobError, match=words):
        hyperparameters.resolve({"preset": "demo"} | given)


def test_tiles_come_back_from_what_is_written_into_the_model():
    given = {"preset": "demo", "tile_size": "512", "tile_overlap": "80", "tile_whole": "False"}
    again = hyperparameters.resolve(hyperparameters.resolve(given).as_strings())
    assert dataclasses.astuple(again.settings.model.tiles) == (512, 80, False)


def test_augmentation_sets_all_strengths_over_those_of_the_preset():
    demo, none, heavy = (hyperparameters.resolve({"preset": "demo"} | given).settings.training for given in (
        {}, {"augmentation": "none"}, {"augmentation": "heavy"}))
    assert (demo.augmentation, demo.brightness, demo.quarter_turns) == ("custom", 0.2, True)
    changed = [name for name in augmentations.NAMES if getattr(none, name)]
    assert changed == []
    assert (heavy.rotation_degrees, heavy.copy_paste, heavy.flip_vertical) == (180.0, 0.5, True)
    assert none.mosaic == demo.mosaic == heavy.mosaic


def test_what_is_given_by_its_own_name_overrules_the_augmentation():
    given = {"augmentation": "heavy", "rotation_degrees": "20", "quarter_turns": "False"}
    resolved = hyperparameters.resolve(given)
    training = resolved.settings.training
    assert (training.rotation_degrees, training.quarter_turns, training.copy_paste) == (20.0, False, 0.5)
    assert hyperparameters.resolve(resolved.as_strings()).settings == resolved.settings
    assert resolved.chosen == given.keys()


def test_augmentations_grow_from_none_to_heavy():
    strengths = [hyperparameters.resolve({"augmentation": name}).settings.training
                 for name in augmentations.AUGMENTATIONS]
    for weaker, stronger in itertools.pairwise(strengths):
        assert all(getattr(weaker, name) <= getattr(stronger, name) for name in augmentations.NAMES)


def test_unknown_augmentation_is_refused_with_the_known_ones():
    assert "must be one of custom, none, light, medium, heavy" in refusal(augmentation="strong")
