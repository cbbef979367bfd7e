"""Hyperparameters: every known name, its meaning and its place in the settings.

SageMaker hands a training job an object of strings. `resolve` lays them over a preset and refuses what it does
not know before any work is done; `python -m maskrcnn.hyperparameters` prints docs/hyperparameters.md.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import sys
import typing
from collections.abc import Mapping
from typing import Any

from maskrcnn.program import JobError
from maskrcnn.training.config import Settings
from maskrcnn.training.presets import PRESETS

DEFAULT_PRESET = "r50"
IGNORED_PREFIX = "sagemaker_"  # the SageMaker SDK adds these to every job


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """One name that a user may set.

    Attributes:
        name: As in hyperparameters.json.
        paths: Where the value goes in Settings; the first one gives the type and the default.
        meaning: What it does, for the table.
        aliases: Other names of the same thing (`config:KEY` is a tensorpack key).
        low, high: Allowed range of a number, and of each number in a list.
    """

    name: str
    paths: tuple[str, ...]
    meaning: str
    aliases: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


def _known(name: str, path: str, meaning: str, *aliases: str, low: float | None = None,
           high: float | None = None) -> Hyperparameter:
    return Hyperparameter(name, tuple(path.split()), meaning, aliases, low, high)


TABLE = (
    _known("epochs", "training.epochs", "Passes over images_per_epoch images", low=1, high=100_000),
    _known("images_per_epoch", "training.images_per_epoch", "Images that count as an epoch; 0: all", low=0),
    _known("batch_size_per_gpu", "training.batch_size_per_gpu", "Images a step",
           "config:TRAIN.BATCH_SIZE_PER_GPU", low=1, high=64),
    _known("base_lr", "training.base_lr", "Learning rate for 8 images a step; scaled to the batch",
           "config:TRAIN.BASE_LR", low=0, high=10),
    _known("warmup", "training.warmup", "Steps of linear warm-up", "config:TRAIN.WARMUP", low=0),
    _known("warmup_init_lr", "training.warmup_init_lr", "Learning rate of the first step",
           "config:TRAIN.WARMUP_INIT_LR", low=0, high=10),
    _known("lr_decay", "training.lr_decay", "With epochs: a tenth after 2/3 and 8/9 of them, or a cosine"),
    _known("lr_schedule", "training.lr_schedule", "Steps of 8 images with a tenth of the rate; the last is the end",
           "config:TRAIN.LR_SCHEDULE", low=1),
    _known("lr_epoch_schedule", "training.lr_epoch_schedule", "(epoch, factor) pairs; None ends",
           "config:TRAIN.LR_EPOCH_SCHEDULE"),
    _known("optimizer", "training.optimizer", "sgd with momentum, or adamw (base_lr near 0.002)"),
    _known("momentum", "training.momentum", "Of SGD", low=0, high=0.9999),
    _known("weight_decay", "training.weight_decay", "On kernels only", "config:TRAIN.WEIGHT_DECAY", low=0, high=1),
    _known("gradient_clip", "training.gradient_clip", "Largest global norm of the gradients; 0: none",
           "config:TRAIN.GRADIENT_CLIP", low=0),
    _known("eval_period", "training.eval_period", "Epochs between evaluations on the validation images",
           "config:TRAIN.EVAL_PERIOD", low=1),
    _known("seed", "training.seed", "Of weights, order, augmentation and sampling", "config:SEED", low=0,
           high=2**31 - 1),
    _known("precision", "training.precision", "Of convolutions; auto: bfloat16 where the machine is fast at it"),
    _known("flip_horizontal", "training.flip_horizontal", "Mirror half of the images"),
    _known("flip_vertical", "training.flip_vertical", "Turn half of the images upside down"),
    _known("quarter_turns", "training.quarter_turns", "Turn by 0, 90, 180 or 270 degrees: for round parts"),
    _known("brightness", "training.brightness", "Largest random change of brightness and contrast", low=0, high=0.9),
    _known("mosaic", "training.mosaic", "Share of images made of four close-ups around objects: for small defects",
           low=0, high=1),
    _known("backbone_weights", "training.backbone_weights", "File whose backbone training starts from: docs/weights.md",
           "config:BACKBONE.WEIGHTS"),
    _known("load_model", "training.load_model", "Whole model to fine-tune from; what does not fit is skipped"),
    _known("fc6_rows", "training.fc6_rows", "Row order of a loaded fc6; HWC for models of aws-samples' TF2 branch"),
    _known("checkpoint_seconds", "training.checkpoint_seconds", "Between checkpoints", low=0.1),
    _known("keep_checkpoints", "training.keep_checkpoints", "How many of the newest are kept", low=1, high=100),
    _known("log_seconds", "training.log_seconds", "Between progress lines", low=0.1),
    _known("deterministic", "training.deterministic", "Bitwise repeatable operations; slower"),
    _known("image_size", "model.input.short_edge_px", "Short edge that images are resized to",
           "config:PREPROC.TEST_SHORT_EDGE_SIZE", low=32, high=8192),
    _known("max_size", "model.input.max_size_px", "Longest edge that images are resized to",
           "config:PREPROC.MAX_SIZE", low=32, high=8192),
    _known("resnet_blocks", "model.backbone.blocks", "Blocks a group; resnet_arch sets it",
           "config:BACKBONE.RESNET_NUM_BLOCKS", low=1, high=64),
    _known("batch_norm", "model.backbone.norm", "Normalisation; FreezeBN learns only from loaded weights",
           "config:BACKBONE.NORM"),
    _known("freeze_at", "model.backbone.freeze_at", "Groups without training: 1 stem, 2 stem and first group",
           "config:BACKBONE.FREEZE_AT", low=0, high=2),
    _known("resnet_stem_channels", "model.backbone.stem_channels", "Channels of the stem", low=8, high=1024),
    _known("resnet_width", "model.backbone.width", "Channels of the 3x3 in the first group", low=8, high=1024),
    _known("fpn_channels", "model.fpn_channels", "Channels of the pyramid", "config:FPN.NUM_CHANNEL", low=8, high=2048),
    _known("rpn_channels", "model.rpn.channels", "Hidden channels of the RPN", low=8, high=2048),
    _known("anchor_sizes", "model.rpn.anchor_sizes_px", "Anchor size on p2 to p6, pixels", "config:RPN.ANCHOR_SIZES",
           low=1, high=8192),
    _known("anchor_ratios", "model.rpn.anchor_ratios", "Height over width", "config:RPN.ANCHOR_RATIOS", low=0.01,
           high=100),
    _known("rpn_positive_iou", "model.rpn.positive_iou", "Anchors from here on are objects",
           "config:RPN.POSITIVE_ANCHOR_THRESH", low=0, high=1),
    _known("rpn_negative_iou", "model.rpn.negative_iou", "Anchors below are background",
           "config:RPN.NEGATIVE_ANCHOR_THRESH", low=0, high=1),
    _known("rpn_loss", "model.rpn.loss", "Over a random sample of anchors, or focal over all: for tiny objects"),
    _known("rpn_samples", "model.rpn.samples", "Anchors an image in the loss", "config:RPN.BATCH_PER_IM", low=2),
    _known("rpn_positive_share", "model.rpn.positive_share", "At most this share are objects", "config:RPN.FG_RATIO",
           low=0, high=1),
    _known("rpn_inside_only", "model.rpn.inside_only", "Label only anchors fully inside the image"),
    _known("rpn_keep_best", "model.rpn.keep_best", "The best anchor of an object stays positive; for tiny objects"),
    _known("rpn_nms_iou", "model.rpn.nms_iou", "Overlap that drops a proposal", "config:RPN.PROPOSAL_NMS_THRESH",
           low=0, high=1),
    _known("rpn_min_size", "model.rpn.min_size_px", "Smaller proposals are dropped, pixels", "config:RPN.MIN_SIZE",
           low=0),
    _known("train_candidates", "model.rpn.train_candidates", "Boxes a level into NMS, training", low=1),
    _known("train_proposals", "model.rpn.train_proposals", "Proposals an image, training", low=1),
    _known("candidates", "model.rpn.candidates", "Boxes a level into NMS, inference", low=1),
    _known("proposals", "model.rpn.proposals", "Proposals an image, inference", low=1),
    _known("roi_samples", "model.roi_samples", "Bilinear samples a bin and axis in ROIAlign", low=1, high=4),
    _known("box_channels", "model.box.channels", "Width of the two dense layers", "config:FPN.FRCNN_FC_HEAD_DIM",
           low=8, high=8192),
    _known("box_samples", "model.box.samples", "Proposals an image in the loss", "config:FRCNN.BATCH_PER_IM", low=4),
    _known("box_positive_iou", "model.box.positive_iou", "Proposals from here on are objects",
           "config:FRCNN.FG_THRESH", low=0, high=1),
    _known("box_positive_share", "model.box.positive_share", "At most this share are objects",
           "config:FRCNN.FG_RATIO", low=0, high=1),
    _known("box_regression_weights", "model.box.regression_weights", "Scale of tx, ty, tw, th",
           "config:FRCNN.BBOX_REG_WEIGHTS", low=0.01),
    _known("score_threshold", "model.box.score_threshold", "Detections below are dropped",
           "config:TEST.RESULT_SCORE_THRESH", low=0, high=1),
    _known("nms_iou", "model.box.nms_iou", "Overlap that drops a detection of the same class",
           "config:TEST.FRCNN_NMS_THRESH", low=0, high=1),
    _known("detections", "model.box.detections", "Most detections an image", "config:TEST.RESULTS_PER_IM", low=1,
           high=1000),
    _known("mask_channels", "model.mask.channels", "Channels of the mask head", "config:MRCNN.HEAD_DIM", low=8,
           high=2048),
    _known("mask_convolutions", "model.mask.convolutions", "3x3 convolutions of the mask head", low=1, high=8),
)

PER_LEVEL_NMS = {
    "config:RPN.TRAIN_PER_LEVEL_NMS_TOPK": ("train_candidates", "train_proposals"),
    "config:RPN.TEST_PER_LEVEL_NMS_TOPK": ("candidates", "proposals"),
}
"""tensorpack uses one number for the boxes into and out of a level's NMS."""

ARCHITECTURES = {"resnet50": "[3, 4, 6, 3]", "resnet101": "[3, 4, 23, 3]"}
ONLY_TRUE = {"mode_fpn": "the network has a feature pyramid", "mode_mask": "the network predicts masks",
             "config:MODE_FPN": "the network has a feature pyramid", "config:MODE_MASK": "the network predicts masks"}
MAY_CHANGE = frozenset({"log_seconds", "checkpoint_seconds", "keep_checkpoints", "eval_period", "batch_size_per_gpu",
                        "precision", "deterministic", "score_threshold", "nms_iou", "detections", "candidates",
                        "proposals", "backbone_weights", "load_model", "fc6_rows"})
"""What a resumed run may set anew, because it does not bend what was learned so far. The batch is among them:
running out of memory is answered by halving it."""
IDENTITY = ("run_id", "version")
"""Passed by the pipeline; they name the model and decide nothing."""


@dataclasses.dataclass(frozen=True)
class Resolved:
    """Checked hyperparameters."""

    preset: str
    settings: Settings
    run_id: str
    version: str

    def as_strings(self) -> dict[str, str]:
        """Every decided value by its primary name; resolving them again gives the same settings."""
        values = {entry.name: str(_get(self.settings, entry.paths[0])) for entry in TABLE}
        return {"preset": self.preset, **values}


def resolve(given: Mapping[str, str]) -> Resolved:
    """Lay hyperparameters over their preset.

    Raises:
        JobError: CONFIG_INVALID: an unknown name (with the nearest known one), a wrong type, out of range, or
            two values that contradict each other.
    """
    values = {name: value.strip().strip('"') for name, value in given.items()
              if not name.startswith(IGNORED_PREFIX)}
    identity = {name: values.pop(name, "") for name in IDENTITY}
    preset = values.pop("preset", DEFAULT_PRESET)
    if preset not in PRESETS:
        raise _invalid("preset", preset, f"must be one of {', '.join(PRESETS)}")
    settings = PRESETS[preset]
    for name, entry, text in _entries(values):
        value = _parse(entry, name, text)
        for path in entry.paths:
            settings = _set(settings, path, value)
    _check_together(settings, set(values))
    return Resolved(preset, settings, identity["run_id"], identity["version"])


def _entries(values: Mapping[str, str]) -> list[tuple[str, Hyperparameter, str]]:
    """(name as given, entry, value) for each value, with names that stand for others replaced."""
    by_name = {name: entry for entry in TABLE for name in (entry.name, *entry.aliases)}
    found: list[tuple[str, Hyperparameter, str]] = []
    for name, text in values.items():
        if name in ONLY_TRUE:
            if text != "True":
                raise _invalid(name, text, f"must be True: {ONLY_TRUE[name]}")
        elif name == "resnet_arch":
            if text not in ARCHITECTURES:
                raise _invalid(name, text, f"must be one of {', '.join(ARCHITECTURES)}")
            found.append((name, by_name["resnet_blocks"], ARCHITECTURES[text]))
        elif name in PER_LEVEL_NMS:
            found.extend((name, by_name[target], text) for target in PER_LEVEL_NMS[name])
        elif name in by_name:
            found.append((name, by_name[name], text))
        else:
            raise _unknown(name, [*by_name, *PER_LEVEL_NMS, *ONLY_TRUE, *IDENTITY, "preset", "resnet_arch"])
    _refuse_twice(found)
    return found


def _refuse_twice(found: list[tuple[str, Hyperparameter, str]]) -> None:
    given: dict[str, str] = {}
    for name, entry, text in found:
        if entry.name in given:
            raise _invalid(name, text, f"says the same as {given[entry.name]}: keep one of the two")
        given[entry.name] = name


def _unknown(name: str, known: list[str]) -> JobError:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else "docs/hyperparameters.md lists the known ones"
    return JobError("CONFIG_INVALID", f"hyperparameter {name}: unknown: {hint}")


def _invalid(name: str, text: str, rule: str) -> JobError:
    return JobError("CONFIG_INVALID", f'hyperparameter {name} = "{text}": {rule}')


def _parse(entry: Hyperparameter, name: str, text: str) -> Any:
    """The value in the type that its field has, checked against the entry's range."""
    hint = _hint(entry.paths[0])
    if typing.get_origin(hint) is typing.Literal:
        choices = typing.get_args(hint)
        if text not in choices:
            raise _invalid(name, text, f"must be one of {', '.join(choices)}")
        return text
    if hint is str:
        return text
    try:
        value = _converted(hint, ast.literal_eval(text))
    except (ValueError, TypeError, SyntaxError) as error:
        default = _get(PRESETS[DEFAULT_PRESET], entry.paths[0])
        raise _invalid(name, text, f"must be {_kind(hint)}; for example {default or entry.low or '[]'}") from error
    for number in value if isinstance(value, tuple) else (value,):
        if isinstance(number, int | float) and not isinstance(number, bool):
            _check_range(entry, name, text, number)
    return value


def _check_range(entry: Hyperparameter, name: str, text: str, number: float) -> None:
    if entry.low is not None and number < entry.low:
        raise _invalid(name, text, f"must be at least {entry.low:g}")
    if entry.high is not None and number > entry.high:
        raise _invalid(name, text, f"must be at most {entry.high:g}")


def _converted(hint: Any, plain: Any) -> Any:
    """Turn a Python literal into the type `hint`; ValueError when it is another one."""
    if hint is float and isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    if hint in (int, bool) and type(plain) is hint:
        return plain
    if typing.get_origin(hint) is tuple and isinstance(plain, list | tuple):
        arguments = typing.get_args(hint)
        if arguments[1] is Ellipsis:
            return tuple(_converted(arguments[0], item) for item in plain)
        if len(arguments) == len(plain):
            return tuple(_converted(kind, item) for kind, item in zip(arguments, plain, strict=True))
    if plain is None and type(None) in typing.get_args(hint):
        return None
    if type(None) in typing.get_args(hint):
        return _converted(typing.get_args(hint)[0], plain)
    raise ValueError(f"{plain!r} is not {hint}")


def _kind(hint: Any) -> str:
    names = {int: "a whole number", float: "a number", bool: "True or False"}
    return names.get(hint, "a list")


def _check_together(settings: Settings, given: set[str]) -> None:
    """Refuse values that are each allowed and make no sense together."""
    training, model = settings.training, settings.model
    ends = [name for name in ("epochs", "lr_schedule", "lr_epoch_schedule") if name in given
            and (name == "epochs" or getattr(training, name))]
    if len(ends) > 1 and "epochs" not in ends:
        raise JobError("CONFIG_INVALID", f"hyperparameters {' and '.join(ends)}: both say when to end: keep one")
    levels = len(model.rpn.anchor_sizes_px)
    if levels != 5:
        raise _invalid("anchor_sizes", str(model.rpn.anchor_sizes_px), f"needs 5 sizes, for p2 to p6, has {levels}")
    if len(model.backbone.blocks) != 4:
        raise _invalid("resnet_blocks", str(model.backbone.blocks), "needs 4 counts")
    if len(model.box.regression_weights) != 4:
        raise _invalid("box_regression_weights", str(model.box.regression_weights), "needs 4 numbers")
    if model.input.max_size_px < model.input.short_edge_px:
        raise _invalid("max_size", str(model.input.max_size_px),
                       f"must be at least image_size ({model.input.short_edge_px})")
    if model.backbone.norm == "FreezeBN" and not (training.backbone_weights or training.load_model):
        raise _invalid("batch_norm", "FreezeBN", "needs backbone_weights or load_model: random weights with frozen "
                       "statistics learn nothing: use GN to train from scratch")
    end = training.lr_epoch_schedule[-1:]
    if end and end[0][1] is not None:
        raise _invalid("lr_epoch_schedule", str(training.lr_epoch_schedule), "must end with (epoch, None)")


def _hint(path: str) -> Any:
    """Type annotation of the field at a dotted path of Settings."""
    kind: Any = Settings
    for part in path.split("."):
        kind = typing.get_type_hints(kind)[part]
    return kind


def _get(document: Any, path: str) -> Any:
    for part in path.split("."):
        document = getattr(document, part)
    return document


def _set(document: Any, path: str, value: Any) -> Any:
    """A copy of nested frozen dataclasses with one field changed."""
    head, _, rest = path.partition(".")
    return dataclasses.replace(document, **{head: _set(getattr(document, head), rest, value) if rest else value})


def table() -> str:
    """The Markdown table of all names."""
    presets = list(PRESETS)
    lines = [f"| name | meaning | {' | '.join(presets)} | values | also known as |", "|---" * (len(presets) + 4) + "|"]
    for entry in TABLE:
        defaults = " | ".join(f"`{_get(PRESETS[preset], entry.paths[0])}`" for preset in presets)
        aliases = ", ".join(f"`{alias}`" for alias in entry.aliases)
        lines.append(f"| `{entry.name}` | {entry.meaning} | {defaults} | {_values(entry)} | {aliases} |")
    return "\n".join(lines)


def page() -> str:
    """The whole of docs/hyperparameters.md."""
    return f"""# Hyperparameters of training

Strings, as SageMaker passes them: numbers, `True` or `False`, lists like `[8, 16]`. They are laid over a preset
(`preset`: {", ".join(PRESETS)}; default {DEFAULT_PRESET}); an unknown name, a wrong type or a value out of range
ends the job with CONFIG_INVALID before any work. This page is generated: `python -m maskrcnn.hyperparameters`.

{table()}

Further names: `resnet_arch` ({", ".join(ARCHITECTURES)}) sets `resnet_blocks`;
{_per_level_names()}; {", ".join(f"`{name}`" for name in ONLY_TRUE)} may only be `True`;
{" and ".join(f"`{name}`" for name in IDENTITY)} are passed by the pipeline and name the model.
A run resumes only under the settings it was started with; these may change between attempts:
{", ".join(f"`{name}`" for name in sorted(MAY_CHANGE))}.
"""


def _per_level_names() -> str:
    return "; ".join(f"`{name}` sets {' and '.join(f'`{target}`' for target in targets)}"
                     for name, targets in PER_LEVEL_NMS.items())


def _values(entry: Hyperparameter) -> str:
    hint = _hint(entry.paths[0])
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(typing.get_args(hint))
    low = f", from {entry.low:g}" if entry.low is not None else ""
    high = f" to {entry.high:g}" if entry.high is not None else ""
    return "text" if hint is str else f"{_kind(hint)}{low}{high}"


if __name__ == "__main__":
    sys.stdout.write(page())
