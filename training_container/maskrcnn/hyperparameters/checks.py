"""Values that are each allowed and make no sense together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence

from maskrcnn.hyperparameters.entries import invalid
from maskrcnn.hyperparameters.values import render
from maskrcnn.model.config import SEAM_PX, ModelConfig
from maskrcnn.program import JobError
from maskrcnn.training.config import Settings, TrainingConfig

PYRAMID_LEVELS = 5
LARGEST_SMALL_PX = 32
"""COCO's small objects are up to 32 x 32."""
SMALLEST_TILE_PX = 128
CASCADE_STAGES = 3
ENDS = ("total_images", "lr_schedule", "lr_epoch_schedule", "stages")
"""Each says when training ends; without any of them epochs does."""

Refuse = Callable[[str, object, str], JobError]
"""(own name, value, rule) -> refusal under the name that the user wrote."""


def check_together(settings: Settings, preset: Settings, given: Mapping[str, str]) -> None:
    """Refuse settings that contradict each other or lack what they need.

    Args:
        settings: Preset and values.
        preset: Without them.
        given: Own names that were set -> the names that the user wrote.

    Raises:
        JobError: CONFIG_INVALID.
    """
    def refuse(name: str, value: object, rule: str) -> JobError:
        return invalid(given.get(name, name), render(value), rule)

    _check_end(settings.training, preset.training, given)
    _check_course(settings.training, refuse)
    _check_lengths(settings.model, refuse)
    _check_architecture(settings.model, refuse)
    _check_sizes(settings, refuse)
    _check_tiles(settings.model, refuse)
    _check_start(settings, refuse)


def _check_end(training: TrainingConfig, preset: TrainingConfig, given: Mapping[str, str]) -> None:
    ends = [given.get(name, name) for name in ENDS if getattr(training, name)]
    if training.epochs != preset.epochs and "epochs" in given:
        ends.append(given["epochs"])
    if len(ends) > 1:
        raise JobError("CONFIG_INVALID", f"hyperparameters {' and '.join(ends)}: both say when to end: keep one")


def _check_course(training: TrainingConfig, refuse: Refuse) -> None:
    pairs, steps, stages = training.lr_epoch_schedule, training.lr_schedule, training.stages
    if pairs and pairs[-1][1] is not None:
        raise refuse("lr_epoch_schedule", pairs, "must end with (epoch, None)")
    if any(factor is None for _, factor in pairs[:-1]) or not _rising([epoch for epoch, _ in pairs]):
        raise refuse("lr_epoch_schedule", pairs, "needs rising epochs, each with a factor but the last")
    if not _rising(steps):
        raise refuse("lr_schedule", steps, "needs rising steps")
    if not _rising([stage.epochs for stage in stages]) or any(stage.epochs < 1 for stage in stages):
        raise refuse("stages", stages, "needs rising epochs: they count from the start of training")
    if any(stage.lr <= 0 for stage in stages):
        raise refuse("stages", stages, "needs an lr above 0 in every stage")
    for stage in stages:
        try:
            re.compile(stage.layers)
        except re.error as error:
            raise refuse("stages", stages, f'"{stage.layers}" is no regex ({error}): use heads, 3+, 4+, 5+ or all'
                         ) from error


def _rising(numbers: list[int] | tuple[int, ...]) -> bool:
    return all(first < second for first, second in itertools.pairwise(numbers))


def _check_lengths(model: ModelConfig, refuse: Refuse) -> None:
    levels = len(model.rpn.anchor_sizes_px)
    if model.feature_pyramid and levels != PYRAMID_LEVELS:
        raise refuse("anchor_sizes", model.rpn.anchor_sizes_px, f"needs 5 sizes, for p2 to p6, has {levels}")
    lengths = (
        ("resnet_blocks", model.backbone.blocks, 4, "counts"), ("pixel_mean", model.input.pixel_mean, 3, "numbers"),
        ("pixel_std", model.input.pixel_std, 3, "numbers"), ("cascade_ious", model.box.cascade_ious, 3, "numbers"),
        ("box_regression_weights", model.box.regression_weights, 4, "numbers"),
        ("cascade_regression_weights", model.box.cascade_regression_weights, 3, "lists"),
        *(("cascade_regression_weights", row, 4, "numbers") for row in model.box.cascade_regression_weights),
    )
    for name, value, length, what in lengths:
        if len(value) != length:
            raise refuse(name, value, f"needs {length} {what}, has {len(value)}")
    for name, value in (("anchor_sizes", model.rpn.anchor_sizes_px), ("anchor_ratios", model.rpn.anchor_ratios)):
        if not value:
            raise refuse(name, value, "needs at least one number")


def _check_architecture(model: ModelConfig, refuse: Refuse) -> None:
    box = model.box
    of_pyramid = {
        "cascade": (box.cascade, False), "box_head": (box.head, "2fc"), "fpn_norm": (model.fpn_norm, "None"),
        "proposal_mode": (model.proposal_mode, "Level"), "backbone": (model.backbone.kind, "resnet"),
    }
    for name, (value, usual) in of_pyramid.items():
        if not model.feature_pyramid and value != usual:
            raise refuse(name, value, "needs a feature pyramid: set mode_fpn to True, or leave it out")
    if box.norm != "None" and box.head != "4conv1fc":
        raise refuse("box_norm", box.norm, "is of the convolutions of box_head 4conv1fc")
    if model.backbone.freeze_affine and model.backbone.norm != "FreezeBN":
        raise refuse("freeze_affine", True, f"needs batch_norm FreezeBN, which is {model.backbone.norm}")
    if model.rpn.negative_iou > model.rpn.positive_iou:
        raise refuse("rpn_negative_iou", model.rpn.negative_iou,
                     f"must be at most rpn_positive_iou ({model.rpn.positive_iou})")


def _check_sizes(settings: Settings, refuse: Refuse) -> None:
    size = settings.model.input
    if size.max_size_px < size.short_edge_px:
        raise refuse("max_size", size.max_size_px, f"must be at least image_size ({size.short_edge_px})")

    _check_training_sizes(settings, refuse)


def _check_tiles(model: ModelConfig, refuse: Refuse) -> None:
    tiles = model.tiles
    if not tiles.size_px:
        return
    if tiles.size_px < SMALLEST_TILE_PX:
        raise refuse("tile_size", tiles.size_px, f"must be 0, or at least {SMALLEST_TILE_PX}")
    if tiles.size_px >= model.input.max_size_px:
        raise refuse("tile_size", tiles.size_px, f"must be below max_size ({model.input.max_size_px}), the longest "
                     "edge of the resized image: raise image_size and max_size, or set tile_size to 0")
    least = LARGEST_SMALL_PX + 2 * SEAM_PX
    if not least <= tiles.overlap_px <= tiles.size_px // 2:
        raise refuse("tile_overlap", tiles.overlap_px, f"must be from {least}, so that some tile shows a small object "
                     f"at a seam whole, to half of tile_size ({tiles.size_px // 2})")


def _check_training_sizes(settings: Settings, refuse: Refuse) -> None:
    size, training = settings.model.input, settings.training
    edges = training.short_edge_range_px
    if edges and (len(edges) != 2 or edges[0] > edges[1]):
        raise refuse("train_short_edge", edges, "needs the smallest and the largest, for example [640, 800]")
    if edges and edges[1] > size.max_size_px:
        raise refuse("train_short_edge", edges, f"must be at most max_size ({size.max_size_px})")
    shapes, short = training.padding_shapes, max((size.short_edge_px, *edges))
    if any(len(shape) != 2 or shape[0] > shape[1] for shape in shapes):
        raise refuse("padding_shapes", shapes, "needs pairs (height, width) with height at most width")
    if training.predefined_padding and not any(
            shape[0] >= short and shape[1] >= size.max_size_px for shape in shapes):
        raise refuse("padding_shapes", shapes, f"needs one that holds {short} x {size.max_size_px}, the largest image")


def _check_start(settings: Settings, refuse: Refuse) -> None:
    training = settings.training
    if settings.model.backbone.norm == "FreezeBN" and not (training.backbone_weights or training.load_model):
        raise refuse("batch_norm", "FreezeBN", "needs backbone_weights or load_model: random weights with frozen "
                     "statistics learn nothing: use GN to train from scratch")
    if training.mask_target and not settings.model.masks:
        raise refuse("mask_target", training.mask_target, "needs masks: set mode_mask to True, or box_target instead")
    if training.quantize and not settings.model.feature_pyramid:
        raise refuse("quantize", True, "needs a feature pyramid: LiteRT has no C4 model: set mode_fpn to True")


def check_classes(training: TrainingConfig, names: Sequence[str]) -> None:
    """Refuse a data set whose classes, without background, are not those that were asked for.

    Raises:
        JobError: CONFIG_INVALID.
    """
    found = f"the data set has {', '.join(names)}: correct the value, or upload data with these classes"
    if training.class_names and sorted(training.class_names) != sorted(names):
        raise invalid("class_names", ", ".join(training.class_names), found)
    if training.class_count and training.class_count != len(names):
        raise invalid("class_count", str(training.class_count), found)
