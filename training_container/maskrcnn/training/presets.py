"""Starting points that hyperparameters refine."""

from __future__ import annotations

import dataclasses

from maskrcnn.model.config import (
    BackboneConfig,
    BoxHeadConfig,
    InputConfig,
    MaskHeadConfig,
    ModelConfig,
    RpnConfig,
)
from maskrcnn.training.config import Settings, TrainingConfig

R50 = Settings()

R101 = dataclasses.replace(
    R50, model=dataclasses.replace(R50.model, backbone=BackboneConfig(blocks=(3, 4, 23, 3))))

DEMO = Settings(
    # From scratch in minutes on two cores: a slim network at full resolution, because most defects are under 32 pixels;
    # AdamW and a focal RPN, which learn rare tiny objects in few steps. Expected: docs/performance.md.
    model=ModelConfig(
        input=InputConfig(short_edge_px=512, max_size_px=768),
        backbone=BackboneConfig(blocks=(2, 2, 2, 2), stem_channels=16, width=16, norm="SyncBN"),
        fpn_channels=64,
        rpn=RpnConfig(channels=48, anchor_sizes_px=(14.0, 28.0, 64.0, 160.0, 400.0), samples=128, loss="focal",
                      inside_only=False, keep_best=True, positive_iou=0.5, negative_iou=0.4, min_size_px=2.0,
                      train_candidates=500, train_proposals=300, candidates=300, proposals=200),
        box=BoxHeadConfig(channels=256, samples=128),
        mask=MaskHeadConfig(convolutions=2, channels=64),
        roi_samples=1,
    ),
    training=TrainingConfig(
        epochs=12, images_per_epoch=240, batch_size_per_gpu=4, optimizer="adamw", base_lr=0.004, weight_decay=0.02,
        gradient_clip=5.0, warmup=60, warmup_init_lr=1e-3, lr_decay="cosine", eval_period=4, flip_vertical=True,
        quarter_turns=True, brightness=0.2, mosaic=0.3, checkpoint_seconds=20.0, log_seconds=5.0,
    ),
)

CPU = Settings(
    # From scratch in an hour on two cores: the demo's network with ten times as many images. Why not larger ones, and
    # what to expect: docs/performance.md.
    model=DEMO.model,
    training=dataclasses.replace(DEMO.training, epochs=120, eval_period=6, warmup=200, anchor_fit=True,
                                 checkpoint_seconds=60.0, log_seconds=20.0),
)

GPU = Settings(
    # For one GPU of 24 GB or more: ResNet-50 at twice the photograph's size, learning as the demo does. Give it
    # backbone_weights or load_model where you have them (docs/weights.md). Nobody has measured it yet.
    model=dataclasses.replace(
        R50.model,
        input=InputConfig(short_edge_px=1024, max_size_px=1536),
        rpn=dataclasses.replace(DEMO.model.rpn, channels=256, anchor_sizes_px=(28.0, 56.0, 128.0, 320.0, 800.0),
                                train_candidates=1000, train_proposals=1000, candidates=500, proposals=300),
        box=BoxHeadConfig(samples=256),
    ),
    training=dataclasses.replace(DEMO.training, epochs=100, images_per_epoch=480, base_lr=5e-4, weight_decay=0.05,
                                 eval_period=5, warmup=500, warmup_init_lr=1e-5, anchor_fit=True,
                                 checkpoint_seconds=300.0, log_seconds=20.0),
)

EDGE = Settings(
    # For small devices: quantize writes the .tflite that they run. A backbone of depthwise convolutions whose
    # activations end at 6, slim heads, and few proposals and detections, because LiteRT computes all of them for every
    # image. Expected: docs/exports.md.
    model=dataclasses.replace(
        DEMO.model,
        backbone=BackboneConfig(kind="mobilenet_v2", mobilenet_width=0.5, norm="SyncBN"),
        fpn_channels=48,
        rpn=dataclasses.replace(DEMO.model.rpn, candidates=150, proposals=80),
        box=BoxHeadConfig(channels=128, samples=128, detections=40),
        mask=MaskHeadConfig(convolutions=2, channels=48),
    ),
    training=dataclasses.replace(DEMO.training, quantize=True),
)

PRESETS = {"demo": DEMO, "cpu": CPU, "gpu": GPU, "edge": EDGE, "r50": R50, "r101": R101}
