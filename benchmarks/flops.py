"""Floating-point operations of R50-FPN Mask R-CNN: two for each multiplication with its addition.

Only convolutions and matrix products count; they are 99 % of the work.
"""

from __future__ import annotations

import dataclasses

BLOCKS, WIDTHS, PYRAMID, ANCHORS = (3, 4, 6, 3), (64, 128, 256, 512), 256, 3
BOX_BINS, MASK_BINS, FC = 7, 14, 1024
BACKWARD = 2
"""Gradients to inputs and to weights: each as much work as the forward pass."""


@dataclasses.dataclass(frozen=True)
class Share:
    """What one image costs in each part, in operations of a forward pass."""

    frozen: float
    """Stem and first group."""
    backbone: float
    """The other three groups."""
    pyramid: float
    rpn: float
    box: float
    mask: float

    def inference(self) -> float:
        """One image, forward."""
        return self.frozen + self._trained()

    def training(self, *, freeze: bool, rpn_backward: bool = True) -> float:
        """One image, forward and backward; nothing goes back into frozen layers.

        Args:
            freeze: Stem and first group get no gradient.
            rpn_backward: The gradient of the RPN's loss runs through whole levels.
        """
        nominal = self.frozen * (1 if freeze else 1 + BACKWARD) + self._trained() * (1 + BACKWARD)
        return nominal if rpn_backward else nominal - BACKWARD * self.rpn

    def _trained(self) -> float:
        return self.backbone + self.pyramid + self.rpn + self.box + self.mask


def per_image(size: int, *, proposals: int, masks: float, classes: int, box_head: str = "2fc") -> Share:
    """Operations for one square image.

    Args:
        size: Side in pixels.
        proposals: Boxes through the box head.
        masks: Boxes through the mask head.
        classes: Without background.
        box_head: "2fc", or "4conv1fc" as tf-models-official has it by default.
    """
    sides = [size // stride for stride in (4, 8, 16, 32)]
    pixels = sum(side**2 for side in sides)
    groups = _backbone(size)
    laterals = sum(side**2 * 4 * width * PYRAMID for side, width in zip(sides, WIDTHS, strict=True))
    rpn = (pixels + (size // 64) ** 2) * PYRAMID * (9 * PYRAMID + 5 * ANCHORS)
    flat = BOX_BINS**2 * PYRAMID
    hidden = FC * FC if box_head == "2fc" else 4 * BOX_BINS**2 * 9 * PYRAMID**2
    box = proposals * (flat * FC + hidden + FC * 5 * (classes + 1))
    mask = masks * MASK_BINS**2 * (4 * 9 * PYRAMID**2 + 4 * PYRAMID**2 + 4 * PYRAMID * classes)
    return Share(2.0 * groups[0], 2.0 * sum(groups[1:]), 2.0 * (laterals + pixels * 9 * PYRAMID**2), 2.0 * rpn,
                 2.0 * box, 2.0 * mask)


def _backbone(size: int) -> list[float]:
    """Multiplications of the four groups of ResNet-50; the stem counts with the first."""
    groups = []
    side, inputs = size // 4, WIDTHS[0]
    for index, (count, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True)):
        work = float((size // 2) ** 2 * 7 * 7 * 3 * WIDTHS[0]) if index == 0 else 0.0
        for block in range(count):
            entering, side = side, side // 2 if index and block == 0 else side
            work += entering**2 * inputs * width + side**2 * 13 * width**2
            work += side**2 * inputs * 4 * width if block == 0 else 0.0
            inputs = 4 * width
        groups.append(work)
    return groups
