"""Operations of the reference network."""

from __future__ import annotations

import pytest

from benchmarks import flops


def test_inference_at_512_costs_what_the_layers_add_up_to():
    share = flops.per_image(512, proposals=1000, masks=100, classes=2)
    # 7x7 stem at 256x256, then three bottlenecks at 128x128, the first with its shortcut.
    stem = 256 * 256 * 147 * 64
    group = 128 * 128 * (64 * 64 + 2 * 256 * 64 + 3 * (9 * 64 * 64 + 64 * 256) + 64 * 256)
    assert share.frozen == 2 * (stem + group)
    # fc6, fc7, and for each of 3 classes a score and four box sides.
    assert share.box == 2 * 1000 * (7 * 7 * 256 * 1024 + 1024 * 1024 + 1024 * 15)
    # Four 3x3, the doubling as 1x1 to four times the channels, the outputs of two classes at 28x28.
    assert share.mask == 2 * 100 * (4 * 14 * 14 * 9 * 256 * 256 + 14 * 14 * 256 * 1024 + 28 * 28 * 256 * 2)
    assert share.inference() == pytest.approx(229e9, rel=1e-3)


def test_training_goes_back_through_trained_layers_only():
    share = flops.Share(frozen=1.0, backbone=2.0, pyramid=3.0, rpn=4.0, box=5.0, mask=6.0)
    assert share.training(freeze=False) == 63.0
    assert share.training(freeze=True) == 61.0
    assert share.training(freeze=True, rpn_backward=False) == 53.0


def test_convolutions_in_the_box_head_replace_its_second_layer():
    plain, deep = (flops.per_image(64, proposals=1, masks=0, classes=1, box_head=head) for head in ("2fc", "4conv1fc"))
    assert deep.box - plain.box == 2 * (4 * 49 * 9 * 256 * 256 - 1024 * 1024)
