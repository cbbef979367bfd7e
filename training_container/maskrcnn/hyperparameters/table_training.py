"""The own names of everything that decides the course of training."""

from __future__ import annotations

import re

from maskrcnn.hyperparameters.entries import Hyperparameter as Known

LONGEST_RUN = 100_000_000
"""Images; far beyond any run, and small enough for every counter."""


def spelled_out(text: str) -> str:
    """`2x` as steps: tensorpack's schedules in multiples of 180k steps of 8 images, `1x` falling earlier."""
    match = re.fullmatch(r"([1-9]\d?)x", text)
    if not match:
        return text
    end = 180_000 * int(match.group(1))
    return str([120_000, 160_000, end] if text == "1x" else [end - 120_000, end - 40_000, end])


TRAINING = (
    Known("epochs", "training.epochs", "Passes over images_per_epoch images", 1, 100_000),
    Known("images_per_epoch", "training.images_per_epoch", "Images that count as an epoch; 0: all", 0),
    Known("total_images", "training.total_images", "Length of training in images; 0: epochs decide", 0, LONGEST_RUN),
    Known("batch_size_per_gpu", "training.batch_size_per_gpu", "Images a step on each device", 1, 64),
    Known("gpus", "training.gpus", "GPUs of each host that train; 0: all, or the CPU where there is none", 0, 64),
    Known("base_lr", "training.base_lr", "Learning rate for lr_reference_batch images a step; scaled to the batch",
          0, 10),
    Known("lr_reference_batch", "training.lr_reference_batch",
          "Images a step that base_lr is for; 0: base_lr is not scaled", 0, 65_536),
    Known("warmup", "training.warmup", "Steps of linear warm-up", 0),
    Known("warmup_init_lr", "training.warmup_init_lr", "Learning rate of the first step", 0, 10),
    Known("lr_decay", "training.lr_decay",
          "With epochs or total_images: a tenth after 2/3 and 8/9 of them, or a cosine"),
    Known("lr_schedule", "training.lr_schedule",
          "Steps of 8 images with a tenth of the rate, the last is the end; or 1x, 2x, 3x ...", 1,
          shorthand=spelled_out),
    Known("lr_epoch_schedule", "training.lr_epoch_schedule", "(epoch, factor) pairs; None ends", 0),
    Known("stages", "training.stages",
          "Instead of epochs: each stage moves its layers (heads, 3+, 4+, 5+, all or a regex) at its rate lr, until so "
          "many epochs from the start", 0),
    Known("loss_weights", "training.loss_weights", "Factors of the losses in total_cost; the losses are logged without",
          0, 1000),
    Known("optimizer", "training.optimizer", "sgd with momentum, or adamw (base_lr near 0.002); adam means adamw",
          shorthand=lambda text: "adamw" if text == "adam" else text),
    Known("momentum", "training.momentum", "Of SGD", 0, 0.9999),
    Known("weight_decay", "training.weight_decay", "On kernels only", 0, 1),
    Known("gradient_clip", "training.gradient_clip", "Largest global norm of the gradients; 0: none", 0),
    Known("eval_period", "training.eval_period", "Epochs between evaluations on the validation images", 1),
    Known("box_target", "training.box_target",
          "Training ends at the first evaluation whose box AP (IoU 0.5:0.95) reaches it and whose mask AP reaches "
          "mask_target; 0 asks for nothing", 0, 1),
    Known("mask_target", "training.mask_target", "The same for the mask AP", 0, 1),
    Known("class_names", "training.class_names", "Refuse a data set with other classes; (): take what it has"),
    Known("class_count", "training.class_count", "Refuse a data set with another number of classes; 0: any", 0, 10_000),
    Known("seed", "training.seed", "Of weights, order, augmentation and sampling", 0, 2**31 - 1),
    Known("precision", "training.precision", "Of convolutions; auto: bfloat16 where the machine is fast at it"),
    Known("augmentation", "training.augmentation",
          "Sets all that changes images at once, see below; what is given too keeps its value; custom: sets nothing"),
    Known("flip_horizontal", "training.flip_horizontal", "Mirror half of the images"),
    Known("flip_vertical", "training.flip_vertical", "Turn half of the images upside down"),
    Known("quarter_turns", "training.quarter_turns", "Turn by 0, 90, 180 or 270 degrees: for round parts"),
    Known("brightness", "training.brightness", "Largest random change of brightness and contrast", 0, 0.9),
    Known("rotation_degrees", "training.rotation_degrees", "Largest random turn; black where nothing was", 0, 180),
    Known("shear_degrees", "training.shear_degrees", "Largest random shear", 0, 45),
    Known("zoom", "training.zoom", "Largest random change of width and of height, a share", 0, 0.9),
    Known("shift", "training.shift", "Largest random shift, a share of the side", 0, 0.9),
    Known("gamma", "training.gamma", "Brightness to a random power between 1 / (1 + gamma) and 1 + gamma", 0, 9),
    Known("blur", "training.blur", "Largest deviation of a Gaussian blur, pixels", 0, 20),
    Known("noise", "training.noise", "Largest deviation of random noise, a share of full brightness", 0, 1),
    Known("cutout", "training.cutout", "Most squares of a twentieth to a tenth of the side that are blanked", 0, 100),
    Known("train_short_edge", "training.short_edge_range_px",
          "Smallest and largest short edge of training images, drawn for each; (): image_size", 32, 8192),
    Known("predefined_padding", "training.predefined_padding",
          "Pad training images to the first of padding_shapes that holds them: few shapes, few compilations"),
    Known("padding_shapes", "training.padding_shapes", "(height, width) of landscape images; portrait ones turned",
          32, 8192),
    Known("filter_empty", "training.filter_empty", "Leave images without objects out of training"),
    Known("mosaic", "training.mosaic", "Share of images made of four close-ups around objects: for small defects",
          0, 1),
    Known("class_balance", "training.class_balance",
          "Repeat factor sampling: images of a class that a share f of all images shows come sqrt(class_balance / f) "
          "times a pass where that is above 1; 0: all once; epochs stay as long", 0, 1),
    Known("copy_paste", "training.copy_paste",
          "Share of images onto which one to three defects of another one are pasted, the rarer their class the more "
          "often; onto the part where parts are outlined", 0, 1),
    Known("anchor_fit", "training.anchor_fit",
          "Fit anchor_sizes and anchor_ratios to the training boxes first; how many there are stays"),
    Known("tile_share", "training.tile_share",
          "With tile_size: share of images of which a random tile is shown, the others as a whole", 0, 1),
    Known("backbone_weights", "training.backbone_weights",
          "File whose backbone training starts from: docs/weights.md"),
    Known("load_model", "training.load_model", "Whole model to fine-tune from; what does not fit is skipped"),
    Known("fc6_rows", "training.fc6_rows", "Row order of a loaded fc6; HWC for models of aws-samples' TF2 branch"),
    Known("quantize", "training.quantize",
          "Also write a LiteRT model in int8, calibrated on training images, if the validation images agree: "
          "docs/exports.md"),
    Known("checkpoint_seconds", "training.checkpoint_seconds", "Between checkpoints", 0.1),
    Known("keep_checkpoints", "training.keep_checkpoints", "How many of the newest are kept", 1, 100),
    Known("log_seconds", "training.log_seconds", "Between progress lines", 0.1),
    Known("deterministic", "training.deterministic", "Bitwise repeatable operations; slower"),
    Known("xla", "training.xla", "XLA compiles what has fixed shapes; ignored on a CPU, where it is slower"),
)
