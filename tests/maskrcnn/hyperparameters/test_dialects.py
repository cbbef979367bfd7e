"""Names of other systems reach the settings that mean the same here."""

from __future__ import annotations

import pytest
from maskrcnn import hyperparameters
from maskrcnn.hyperparameters import resolving
from maskrcnn.hyperparameters.dialects import FOREIGN
from maskrcnn.hyperparameters.values import get
from maskrcnn.program import JobError

from lambdas.decisions import ladder

TENSORPACK_KEYS = """
TRAINER MODE_MASK MODE_FPN
DATA.BASEDIR DATA.TRAIN DATA.VAL DATA.NUM_CATEGORY DATA.CLASS_NAMES DATA.ABSOLUTE_COORD
DATA.FILTER_EMPTY_ANNOTATIONS DATA.NUM_WORKERS
BACKBONE.WEIGHTS BACKBONE.RESNET_NUM_BLOCKS BACKBONE.FREEZE_AFFINE BACKBONE.NORM BACKBONE.FREEZE_AT
BACKBONE.TF_PAD_MODE BACKBONE.STRIDE_1X1
TRAIN.NUM_GPUS TRAIN.WEIGHT_DECAY TRAIN.BASE_LR TRAIN.WARMUP TRAIN.WARMUP_INIT_LR TRAIN.STEPS_PER_EPOCH
TRAIN.STARTING_EPOCH TRAIN.LR_SCHEDULE TRAIN.EVAL_PERIOD TRAIN.CHECKPOINT_PERIOD
PREPROC.TRAIN_SHORT_EDGE_SIZE PREPROC.PREDEFINED_PADDING PREPROC.PADDING_SHAPES TEST.BOX_TARGET TEST.MASK_TARGET
PREPROC.TEST_SHORT_EDGE_SIZE PREPROC.MAX_SIZE PREPROC.PIXEL_MEAN PREPROC.PIXEL_STD
RPN.ANCHOR_STRIDE RPN.ANCHOR_SIZES RPN.ANCHOR_RATIOS RPN.POSITIVE_ANCHOR_THRESH RPN.NEGATIVE_ANCHOR_THRESH
RPN.FG_RATIO RPN.BATCH_PER_IM RPN.MIN_SIZE RPN.PROPOSAL_NMS_THRESH RPN.CROWD_OVERLAP_THRESH RPN.HEAD_DIM
RPN.TRAIN_PRE_NMS_TOPK RPN.TRAIN_POST_NMS_TOPK RPN.TEST_PRE_NMS_TOPK RPN.TEST_POST_NMS_TOPK
RPN.TRAIN_PER_LEVEL_NMS_TOPK RPN.TEST_PER_LEVEL_NMS_TOPK
FRCNN.BATCH_PER_IM FRCNN.BBOX_REG_WEIGHTS FRCNN.FG_THRESH FRCNN.FG_RATIO
FPN.ANCHOR_STRIDES FPN.PROPOSAL_MODE FPN.NUM_CHANNEL FPN.NORM FPN.FRCNN_HEAD_FUNC FPN.FRCNN_CONV_HEAD_DIM
FPN.FRCNN_FC_HEAD_DIM FPN.MRCNN_HEAD_FUNC FPN.CASCADE
MRCNN.HEAD_DIM MRCNN.ACCURATE_PASTE CASCADE.IOUS CASCADE.BBOX_REG_WEIGHTS
TEST.FRCNN_NMS_THRESH TEST.RESULT_SCORE_THRESH TEST.RESULT_SCORE_THRESH_VIS TEST.RESULTS_PER_IM
TRAIN.LR_EPOCH_SCHEDULE TRAIN.BATCH_SIZE_PER_GPU TRAIN.SEED TRAIN.GRADIENT_CLIP TEST.BATCH_SIZE_PER_GPU
"""
"""Every key of tensorpack's table, and those that aws-samples adds."""


@pytest.mark.parametrize("key", TENSORPACK_KEYS.split())
def test_every_key_of_tensorpack_is_known(key):
    assert f"config:{key}" in FOREIGN


@pytest.mark.parametrize(
    ("name", "text", "path", "value"),
    [
        ("mode_mask", "False", "model.masks", False),
        ("mode_fpn", "False", "model.feature_pyramid", False),
        ("config:MODE_FPN", "False", "model.feature_pyramid", False),
        ("resnet_arch", "resnet101", "model.backbone.blocks", (3, 4, 23, 3)),
        ("lr_schedule", "1x", "training.lr_schedule", (120_000, 160_000, 180_000)),
        ("config:TRAIN.LR_SCHEDULE", "3x", "training.lr_schedule", (420_000, 500_000, 540_000)),
        ("config:DATA.CLASS_NAMES", "['BG', 'holes', 'disk']", "training.class_names", ("holes", "disk")),
        ("config:DATA.NUM_CATEGORY", "-1", "training.class_count", 0),
        ("config:BACKBONE.TF_PAD_MODE", "True", "model.backbone.padding", "same"),
        ("config:BACKBONE.STRIDE_1X1", "True", "model.backbone.stride_in_1x1", True),
        ("config:PREPROC.PIXEL_MEAN", "[100, 110, 120]", "model.input.pixel_mean", (100.0, 110.0, 120.0)),
        ("config:PREPROC.TRAIN_SHORT_EDGE_SIZE", "640", "training.short_edge_range_px", (640, 640)),
        ("config:PREPROC.TRAIN_SHORT_EDGE_SIZE", "[640, 800]", "training.short_edge_range_px", (640, 800)),
        ("config:DATA.FILTER_EMPTY_ANNOTATIONS", "True", "training.filter_empty", True),
        ("config:TEST.BOX_TARGET", "0.377", "training.box_target", 0.377),
        ("AUG_PREST", "0", "training.rotation_degrees", 30.0),
        ("AUG_PREST", "0", "training.cutout", 0),
        ("AUG_PREST", "2", "training.cutout", 10),
        ("config:RPN.HEAD_DIM", "512", "model.rpn.c4_channels", 512),
        ("config:RPN.TEST_PRE_NMS_TOPK", "99", "model.rpn.joint_candidates", 99),
        ("config:FPN.NUM_CHANNEL", "128", "model.rpn.channels", 128),
        ("config:FPN.NUM_CHANNEL", "128", "model.fpn_channels", 128),
        ("config:FPN.FRCNN_HEAD_FUNC", "fastrcnn_4conv1fc_gn_head", "model.box.head", "4conv1fc"),
        ("config:FPN.FRCNN_HEAD_FUNC", "fastrcnn_4conv1fc_gn_head", "model.box.norm", "GN"),
        ("config:FPN.BOXCLASS_HEAD_FUNC", "boxclass_2fc_head", "model.box.head", "2fc"),
        ("config:FPN.MRCNN_HEAD_FUNC", "maskrcnn_up4conv_gn_head", "model.mask.norm", "GN"),
        ("config:FPN.CASCADE", "True", "model.box.cascade", True),
        ("config:CASCADE.IOUS", "[0.4, 0.5, 0.6]", "model.box.cascade_ious", (0.4, 0.5, 0.6)),
        ("config:TRAIN.WARMUP_STEPS", "7", "training.warmup", 7),
        ("CLASS_NAMES", '{"2": "holes", "10": "disk", "1": "chipping"}', "training.class_names",
         ("chipping", "holes", "disk")),
        ("NUM_CLASSES", "5", "training.class_count", 4),
        ("BACKBONE", "resnet101", "model.backbone.blocks", (3, 4, 23, 3)),
        ("RPN_ANCHOR_RATIOS", "[0.5, 1, 4]", "model.rpn.anchor_ratios", (2.0, 1.0, 0.25)),
        ("BBOX_STD_DEV", "[0.1, 0.1, 0.2, 0.2]", "model.box.regression_weights", (10.0, 10.0, 5.0, 5.0)),
        ("MEAN_PIXEL", "[123.7, 116.8, 103.9]", "model.input.pixel_std", (1.0, 1.0, 1.0)),
        ("PRE_NMS_LIMIT", "6000", "model.proposal_mode", "Joint"),
        ("PRE_NMS_LIMIT", "6000", "model.rpn.joint_candidates", 6000),
        ("POST_NMS_ROIS_INFERENCE", "500", "model.rpn.joint_proposals", 500),
        ("TRAIN_BN", "None", "model.backbone.norm", "SyncBN"),
        ("LEARNING_RATE", "0.0035", "training.lr_reference_batch", 0),
        ("learning-rate", "0.0035", "training.base_lr", 0.0035),
        ("batch-size", "3", "training.batch_size_per_gpu", 3),
        ("GPU_COUNT", "4", "training.gpus", 4),
        ("config:TRAIN.NUM_GPUS", "2", "training.gpus", 2),
        ("weight-decay", "0.002", "training.weight_decay", 0.002),
        ("optimizer", "adam", "training.optimizer", "adamw"),
        ("image_size", "300", "model.input.short_edge_px", 300),
    ],
)
def test_name_reaches_its_setting(name, text, path, value):
    assert get(hyperparameters.resolve({name: text}).settings, path) == value


@pytest.mark.parametrize("name", ["config:TRAIN.STEPS_PER_EPOCH", "STEPS_PER_EPOCH"])
@pytest.mark.parametrize("batch_name", ["IMAGES_PER_GPU", "batch_size_per_gpu"])
def test_epoch_in_steps_is_one_in_images_of_the_batch(name, batch_name):
    training = hyperparameters.resolve({name: "500", batch_name: "4"}).settings.training
    assert training.images_per_epoch == 2000


def test_steps_of_other_systems_are_those_of_all_devices_together():
    training = hyperparameters.resolve({"STEPS_PER_EPOCH": "500", "IMAGES_PER_GPU": "2"}, replicas=8).settings.training
    assert (training.images_per_epoch, training.batch_size_per_gpu, training.batch) == (8000, 2, 16)


def test_steps_are_those_of_the_whole_batch_when_memory_made_it_smaller():
    given = {"num_steps": "100", "batch_size_per_gpu": "4"}
    before, after = (hyperparameters.resolve(given | {"batch_halvings": n}).settings.training for n in "01")
    assert (before.total_images, before.batch_size_per_gpu) == (400, 4)
    assert (after.total_images, after.batch_size_per_gpu) == (400, 2)


def test_halving_never_leaves_less_than_one_image():
    assert hyperparameters.resolve({"batch_halvings": "3"}).settings.training.batch_size_per_gpu == 1


@pytest.mark.parametrize("name", ["NAME", "data_train", "config:TRAINER", "config:DATA.NUM_WORKERS",
                                  "config:TRAIN.CHECKPOINT_PERIOD", "VALIDATION_STEPS"])
def test_name_without_effect_changes_nothing_and_says_so(name):
    resolved = hyperparameters.resolve({name: "cast"})
    assert resolved.settings == hyperparameters.resolve({}).settings
    assert len(resolved.notes) == 1
    assert f'hyperparameter {name} = "cast": no effect: ' in resolved.notes[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [("config:TRAIN.NUM_GPUS", "None"), ("BACKBONE_STRIDES", "[4, 8, 16, 32, 64]"),
     ("quantize", "False"), ("quantize", "false"), ("inference_type", "FLOAT"), ("IMAGE_RESIZE_MODE", "square")],
)
def test_value_that_says_what_is_done_anyway_is_accepted(name, text):
    resolved = hyperparameters.resolve({name: text})
    assert resolved.settings == hyperparameters.resolve({}).settings
    assert resolved.notes == ()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("GPU_COUNT", "65", ("must be at most 64",)),
        ("config:TRAIN.NUM_GPUS", "0", ("a whole number from 1",)),
        ("TRAINING_SPLIT", "0.8", ("data.test_share",)),
        ("WEIGHT_DECAY", "0.0001", ("set weight_decay",)),
        ("inference_type", "INT16", ("must be one of FLOAT, QUANTIZED_UINT8",)),
        ("config:FPN.FRCNN_HEAD_FUNC", "my_head", ("fastrcnn_2fc_head",)),
        ("config:BACKBONE.TF_PAD_MODE", "Yes", ("must be one of True, False",)),
        ("BBOX_STD_DEV", "[0.1, 0.1]", ("must be a list of 4 numbers",)),
        ("RPN_ANCHOR_RATIOS", "[0, 1]", ("above 0",)),
        ("AUG_PREST", "3", ("must be 0, 1 or 2",)),
        ("num_steps", "many", ("a whole number from 1",)),
        ("CLASS_NAMES", "7", ()),
        ("CLASS_NAMES", "disk, holes", ()),
        ("config:RPN.ANCHOR_RATIOS", "[0]", ("at least 0.01",)),
    ],
)
def test_refusal_names_the_value_as_it_was_given(name, text, words):
    with pytest.raises(JobError) as caught:
        hyperparameters.resolve({name: text})
    assert caught.value.code == "CONFIG_INVALID"
    assert str(caught.value).startswith(f'hyperparameter {name} = "{text}": ')
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("given", [
    {"quantize": "True"}, {"inference_type": "QUANTIZED_UINT8"},
    {"quantize": "True", "inference_type": "QUANTIZED_UINT8"},
])
def test_quantised_model_is_asked_for_as_in_the_object_detection_api(given):
    assert hyperparameters.resolve(given).settings.training.quantize


def test_quantised_model_that_is_to_stay_float_is_refused():
    with pytest.raises(JobError, match=r'inference_type = "FLOAT": is about the same setting as quantize and says'):
        hyperparameters.resolve({"quantize": "True", "inference_type": "FLOAT"})


def test_pipeline_knows_every_name_of_the_batch_size():
    own = {name for name, entry in FOREIGN.items() if entry.targets == ("batch_size_per_gpu",)}
    assert {*ladder.BATCH_SIZES} == own | {"batch_size_per_gpu"}
    assert ladder.HALVINGS == resolving.HALVINGS
