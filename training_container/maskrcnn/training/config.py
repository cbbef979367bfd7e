"""How the network is trained: frozen settings."""

from __future__ import annotations

import dataclasses
from typing import Literal

from maskrcnn.model.config import ModelConfig, Precision

REFERENCE_BATCH = 8
"""lr_schedule counts steps of this many images, as in tensorpack."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of training that moves some layers at a rate of its own."""

    epochs: int
    """Ends after this many epochs from the start of training."""
    layers: str
    """heads, 3+, 4+, 5+, all, or a regex over layer names: see maskrcnn.training.stages."""
    lr: float
    """Learning rate of a step, whatever the batch."""


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Factors of the five losses in the sum that training minimises, under Mask_RCNN's names."""

    rpn_class_loss: float = 1.0
    rpn_bbox_loss: float = 1.0
    mrcnn_class_loss: float = 1.0
    mrcnn_bbox_loss: float = 1.0
    mrcnn_mask_loss: float = 1.0


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Everything that decides the course of training but the network itself."""

    epochs: int = 24
    images_per_epoch: int = 0
    """0: all training images."""
    total_images: int = 0
    """Length of training in images; 0: epochs decide."""
    batch_size_per_gpu: int = 1
    gpus: int = 0
    """How many of a host's GPUs train; 0: all, or the CPU where there is none."""
    replicas: int = 1
    """Devices of all hosts that train; found at the start, never given."""
    base_lr: float = 0.01
    """For lr_reference_batch images a step; scaled to the real batch."""
    lr_reference_batch: int = 8
    """0: base_lr is the rate of a step, whatever the batch."""
    warmup: int = 1000
    """Steps of linear growth from warmup_init_lr to the full rate."""
    warmup_init_lr: float = 1e-5
    lr_decay: Literal["step", "cosine"] = "step"
    lr_schedule: tuple[int, ...] = ()
    """Steps of 8 images at which the rate falls to a tenth; the last one is the end."""
    lr_epoch_schedule: tuple[tuple[int, float | None], ...] = ()
    """(epoch, factor on base_lr) pairs; the last one, with None, is the end."""
    stages: tuple[Stage, ...] = ()
    """Instead of epochs and schedules."""
    loss_weights: LossWeights = LossWeights()
    optimizer: Literal["sgd", "adamw"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 1e-4
    gradient_clip: float = 10.0
    """Largest global norm of the gradients; 0 is no limit."""
    eval_period: int = 1
    """Epochs between evaluations; the last epoch is always followed by one."""
    box_target: float = 0.0
    """Training ends early once the validation box AP and mask AP have reached their targets; 0 asks for nothing."""
    mask_target: float = 0.0
    class_names: tuple[str, ...] = ()
    """The classes that the data set must have; empty: whatever it has."""
    class_count: int = 0
    """How many classes the data set must have; 0: any number."""
    seed: int = 1234
    precision: Precision = "auto"
    augmentation: Literal["custom", "none", "light", "medium", "heavy"] = "custom"
    """Which strengths the settings from here to cutout, and copy_paste, were set to; custom: each by itself."""
    flip_horizontal: bool = True
    flip_vertical: bool = False
    quarter_turns: bool = False
    brightness: float = 0.0
    """Largest random change of brightness and contrast, as a share."""
    rotation_degrees: float = 0.0
    """Largest random turn, shear, change of size (a share) and shift (a share of the side)."""
    shear_degrees: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    gamma: float = 0.0
    """Largest random exponent of the brightness is 1 + gamma, the smallest 1 / (1 + gamma)."""
    blur: float = 0.0
    """Largest standard deviation of a Gaussian blur in pixels."""
    noise: float = 0.0
    """Largest standard deviation of Gaussian noise, as a share of the full brightness."""
    cutout: int = 0
    """Most squares that are blanked."""
    short_edge_range_px: tuple[int, ...] = ()
    """(smallest, largest) short edge of training images, drawn for each; empty: as in inference."""
    predefined_padding: bool = False
    """Training images are padded to the first of padding_shapes that holds them: few shapes, few compilations."""
    padding_shapes: tuple[tuple[int, ...], ...] = ((800, 1000), (800, 1200), (800, 1350))
    """(height, width) of landscape images, growing; portrait ones are turned."""
    filter_empty: bool = False
    """Leave images without objects out of training."""
    mosaic: float = 0.0
    """Share of the images that are four close-ups around objects instead."""
    class_balance: float = 0.0
    """Images of classes in fewer than this share of the images are shown more often; 0: none is."""
    copy_paste: float = 0.0
    """Share of the images onto which defects of another training image are pasted."""
    anchor_fit: bool = False
    """Anchors are fitted to the training boxes before training begins; the settings then have the fitted ones."""
    tile_share: float = 0.7
    """Where the model looks at tiles: share of the images of which a random tile is shown; of the others all is."""
    backbone_weights: str = ""
    """Weights in any known format whose backbone training starts from; what does not fit is skipped."""
    load_model: str = ""
    """Weights of a whole model to fine-tune from, in any known format; what does not fit is skipped."""
    fc6_rows: Literal["auto", "CHW", "HWC"] = "auto"
    """Order in which the loaded fc6 reads the pooled features; auto: as the recognised format writes them."""
    quantize: bool = False
    """Write a LiteRT model in int8 beside the weights."""
    checkpoint_seconds: float = 300.0
    keep_checkpoints: int = 2
    log_seconds: float = 20.0
    deterministic: bool = False
    xla: bool = False
    """Let XLA compile the parts of the step whose shapes are fixed; for GPUs."""

    @property
    def batch(self) -> int:
        """Images a step, over all devices of all hosts."""
        return self.batch_size_per_gpu * self.replicas


@dataclasses.dataclass(frozen=True)
class Settings:
    """A whole training: preset with the hyperparameters laid over it."""

    model: ModelConfig = dataclasses.field(default_factory=ModelConfig)
    training: TrainingConfig = dataclasses.field(default_factory=TrainingConfig)
