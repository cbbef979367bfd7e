"""Keys of tensorpack's examples/FasterRCNN and of aws-samples/mask-rcnn-tensorflow, each behind `config:`."""

from __future__ import annotations

from maskrcnn.hyperparameters import values
from maskrcnn.hyperparameters.dialect import Foreign, choice, fixed, idle, same, translated, whole

BOX_HEADS = {"fastrcnn_2fc_head": ("2fc", "None"), "fastrcnn_4conv1fc_head": ("4conv1fc", "None"),
             "fastrcnn_4conv1fc_gn_head": ("4conv1fc", "GN"), "boxclass_2fc_head": ("2fc", "None"),
             "boxclass_4conv1fc_head": ("4conv1fc", "None"), "boxclass_4conv1fc_gn_head": ("4conv1fc", "GN")}
MASK_HEADS = {"maskrcnn_up4conv_head": "None", "maskrcnn_up4conv_gn_head": "GN"}
PER_IMAGE = "for 8 images, as in tensorpack; aws-samples states it for one: then set `lr_reference_batch` to 1"
CHANNELS = "the job's channels train and val hold the data"


def images_per_epoch(text: str, batch: int) -> dict[str, str]:
    """An epoch of so many steps."""
    return {"images_per_epoch": str(whole(text, 1) * batch)}


def class_names(text: str, batch: int) -> dict[str, str]:
    """Class names without the background, from a list or from an object of number -> name."""
    literal = values.plain(text)
    names = [literal[key] for key in sorted(literal, key=int)] if isinstance(literal, dict) else list(literal)
    if not all(isinstance(name, str) for name in names):
        raise ValueError("must be a list of names")
    return {"class_names": str(names[1:] if names[:1] == ["BG"] else names)}


def _box_head(text: str, batch: int) -> dict[str, str]:
    if text not in BOX_HEADS:
        raise ValueError(f"must be one of {', '.join(BOX_HEADS)}")
    head, norm = BOX_HEADS[text]
    return {"box_head": head, "box_norm": norm}


def _gpus(text: str, batch: int) -> dict[str, str]:
    return {"gpus": "0" if text == "None" else str(whole(text, 1))}


def _category_count(text: str, batch: int) -> dict[str, str]:
    return {"class_count": "0" if text in ("-1", "0") else str(whole(text, 1))}


def _short_edge(text: str, batch: int) -> dict[str, str]:
    return {"train_short_edge": f"[{text}, {text}]" if text.isdecimal() else text}


_DATA = (
    idle("config:TRAINER", "the devices of all hosts train together"),
    same("config:MODE_MASK", "mode_mask"),
    same("config:MODE_FPN", "mode_fpn"),
    idle("config:DATA.BASEDIR", CHANNELS),
    idle("config:DATA.TRAIN", CHANNELS),
    idle("config:DATA.VAL", CHANNELS),
    translated("config:DATA.NUM_CATEGORY", "`class_count`; -1 and 0: not checked", ("class_count",), _category_count),
    translated("config:DATA.CLASS_NAMES", "`class_names`; a leading BG is dropped", ("class_names",), class_names),
    idle("config:DATA.ABSOLUTE_COORD", "prepare reads the labels and knows their coordinates"),
    same("config:DATA.FILTER_EMPTY_ANNOTATIONS", "filter_empty"),
    idle("config:DATA.NUM_WORKERS", "as many as the machine has cores"),
)
_BACKBONE = (
    same("config:BACKBONE.WEIGHTS", "backbone_weights"),
    same("config:BACKBONE.RESNET_NUM_BLOCKS", "resnet_blocks"),
    same("config:BACKBONE.FREEZE_AFFINE", "freeze_affine"),
    same("config:BACKBONE.NORM", "batch_norm"),
    same("config:BACKBONE.FREEZE_AT", "freeze_at"),
    choice("config:BACKBONE.TF_PAD_MODE", "backbone_padding", {"True": "same", "False": "aligned"}),
    same("config:BACKBONE.STRIDE_1X1", "stride_in_1x1"),
)
_TRAIN = (
    translated("config:TRAIN.NUM_GPUS", "`gpus`; None: all", ("gpus",), _gpus),
    same("config:TRAIN.WEIGHT_DECAY", "weight_decay"),
    same("config:TRAIN.BASE_LR", "base_lr", note=PER_IMAGE),
    same("config:TRAIN.WARMUP", "warmup"),
    same("config:TRAIN.WARMUP_STEPS", "warmup"),
    same("config:TRAIN.WARMUP_INIT_LR", "warmup_init_lr", note="the rate of a step, whatever the batch"),
    translated("config:TRAIN.STEPS_PER_EPOCH", "`images_per_epoch`: so many times the images of a step",
               ("images_per_epoch",), images_per_epoch),
    fixed("config:TRAIN.STARTING_EPOCH", (1,), "an interrupted run goes on from its own checkpoint"),
    same("config:TRAIN.LR_SCHEDULE", "lr_schedule"),
    same("config:TRAIN.LR_EPOCH_SCHEDULE", "lr_epoch_schedule"),
    same("config:TRAIN.EVAL_PERIOD", "eval_period"),
    idle("config:TRAIN.CHECKPOINT_PERIOD", "checkpoint_seconds says how often; a checkpoint is small work"),
    same("config:TRAIN.BATCH_SIZE_PER_GPU", "batch_size_per_gpu"),
    same("config:TRAIN.SEED", "seed"),
    same("config:SEED", "seed"),
    same("config:TRAIN.GRADIENT_CLIP", "gradient_clip"),
    idle("config:TRAIN.NCHW", "TensorFlow chooses the layout for the device"),
)
_PREPROC = (
    translated("config:PREPROC.TRAIN_SHORT_EDGE_SIZE", "`train_short_edge`; one number or two", ("train_short_edge",),
               _short_edge),
    same("config:PREPROC.TEST_SHORT_EDGE_SIZE", "image_size"),
    same("config:PREPROC.MAX_SIZE", "max_size"),
    same("config:PREPROC.PIXEL_MEAN", "pixel_mean"),
    same("config:PREPROC.PIXEL_STD", "pixel_std"),
    same("config:PREPROC.PREDEFINED_PADDING", "predefined_padding"),
    same("config:PREPROC.PADDING_SHAPES", "padding_shapes"),
)
_RPN = (
    fixed("config:RPN.ANCHOR_STRIDE", (16,), "c4 has 16 pixels a feature"),
    same("config:RPN.ANCHOR_SIZES", "anchor_sizes"),
    same("config:RPN.ANCHOR_RATIOS", "anchor_ratios"),
    same("config:RPN.POSITIVE_ANCHOR_THRESH", "rpn_positive_iou"),
    same("config:RPN.NEGATIVE_ANCHOR_THRESH", "rpn_negative_iou"),
    same("config:RPN.FG_RATIO", "rpn_positive_share"),
    same("config:RPN.BATCH_PER_IM", "rpn_samples"),
    same("config:RPN.MIN_SIZE", "rpn_min_size"),
    same("config:RPN.PROPOSAL_NMS_THRESH", "rpn_nms_iou"),
    same("config:RPN.CROWD_OVERLAP_THRESH", "rpn_crowd_overlap"),
    same("config:RPN.HEAD_DIM", "c4_rpn_channels"),
    same("config:RPN.TRAIN_PRE_NMS_TOPK", "joint_train_candidates"),
    same("config:RPN.TRAIN_POST_NMS_TOPK", "joint_train_proposals"),
    same("config:RPN.TEST_PRE_NMS_TOPK", "joint_candidates"),
    same("config:RPN.TEST_POST_NMS_TOPK", "joint_proposals"),
    same("config:RPN.TRAIN_PER_LEVEL_NMS_TOPK", "train_candidates", "train_proposals"),
    same("config:RPN.TEST_PER_LEVEL_NMS_TOPK", "candidates", "proposals"),
    fixed("config:RPN.TOPK_PER_IMAGE", (True,), "proposals are chosen within each image"),
    fixed("config:RPN.UNQUANTIZED_ANCHOR", (True,), "anchors are not rounded"),
    fixed("config:RPN.SLOW_ACCURATE_MASK", (True,), "mask targets are cut accurately"),
)
_HEADS = (
    same("config:FRCNN.BATCH_PER_IM", "box_samples"),
    same("config:FRCNN.BBOX_REG_WEIGHTS", "box_regression_weights"),
    same("config:FRCNN.FG_THRESH", "box_positive_iou"),
    same("config:FRCNN.FG_RATIO", "box_positive_share"),
    fixed("config:FPN.ANCHOR_STRIDES", ((4, 8, 16, 32, 64),), "the strides of p2 to p6"),
    same("config:FPN.PROPOSAL_MODE", "proposal_mode"),
    same("config:FPN.NUM_CHANNEL", "fpn_channels", "rpn_channels"),
    same("config:FPN.NORM", "fpn_norm"),
    *(translated(f"config:FPN.{key}", f"`box_head` and `box_norm`: {words}", ("box_head", "box_norm"), _box_head)
      for key, words in (("FRCNN_HEAD_FUNC", "fastrcnn_2fc_head, fastrcnn_4conv1fc_head, fastrcnn_4conv1fc_gn_head"),
                         ("BOXCLASS_HEAD_FUNC", "boxclass_2fc_head, boxclass_4conv1fc_head, "
                          "boxclass_4conv1fc_gn_head"))),
    same("config:FPN.FRCNN_CONV_HEAD_DIM", "box_conv_channels"),
    same("config:FPN.BOXCLASS_CONV_HEAD_DIM", "box_conv_channels"),
    same("config:FPN.FRCNN_FC_HEAD_DIM", "box_channels"),
    same("config:FPN.BOXCLASS_FC_HEAD_DIM", "box_channels"),
    choice("config:FPN.MRCNN_HEAD_FUNC", "mask_norm", MASK_HEADS),
    same("config:FPN.CASCADE", "cascade"),
    same("config:MRCNN.HEAD_DIM", "mask_channels"),
    fixed("config:MRCNN.ACCURATE_PASTE", (True,), "masks are pasted with their fraction of a pixel"),
    same("config:CASCADE.IOUS", "cascade_ious"),
    same("config:CASCADE.BBOX_REG_WEIGHTS", "cascade_regression_weights"),
)
_TEST = (
    same("config:TEST.FRCNN_NMS_THRESH", "nms_iou"),
    same("config:TEST.RESULT_SCORE_THRESH", "score_threshold"),
    idle("config:TEST.RESULT_SCORE_THRESH_VIS", "pictures are drawn by the reports and the console"),
    same("config:TEST.RESULTS_PER_IM", "detections"),
    idle("config:TEST.BATCH_SIZE_PER_GPU", "validation takes image by image; its results do not depend on it"),
    same("config:TEST.BOX_TARGET", "box_target"),
    same("config:TEST.MASK_TARGET", "mask_target"),
)

TENSORPACK: tuple[Foreign, ...] = (*_DATA, *_BACKBONE, *_TRAIN, *_PREPROC, *_RPN, *_HEADS, *_TEST)
