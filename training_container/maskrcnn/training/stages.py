"""Staged training: which layers move, and at which rate, for how many epochs (matterport's `layers` and `epochs`).

Layers are chosen by the words heads (all but the backbone), 3+, 4+, 5+ (the heads and the backbone from that stage
on; He et al. 2015 count the groups 2 to 5) and all, or by a regex that a whole name must match: a layer name as in
matterport's Mask_RCNN (`mrcnn_mask_conv1`, `res5a_branch2b`, `bn5a_branch2b`) or one of our variables
(`maskrcnn/fcn0/W`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence

from maskrcnn.model.layers import BatchNorm
from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.program import JobError
from maskrcnn.training.config import Stage
from maskrcnn.training.optimizer import Optimizer

log = logging.getLogger("castline")

FIRST_GROUP = {"heads": 4, "3+": 1, "4+": 2, "5+": 3, "all": 0}
"""Word -> the first group of the backbone that moves; `all` moves the stem too."""
PARTS = {
    "rpn/conv0": "rpn_conv_shared", "rpn/class": "rpn_class_raw", "rpn/box": "rpn_bbox_pred",
    "fastrcnn/fc6": "mrcnn_class_conv1", "fastrcnn/fc7": "mrcnn_class_conv2",
    "fastrcnn/outputs/class": "mrcnn_class_logits", "fastrcnn/outputs/box": "mrcnn_bbox_fc",
    "maskrcnn/deconv": "mrcnn_mask_deconv", "maskrcnn/conv": "mrcnn_mask",
    **{f"maskrcnn/fcn{number}": f"mrcnn_mask_conv{number + 1}" for number in range(4)},
    **{f"fpn/lateral_1x1_c{level}": f"fpn_c{level}p{level}" for level in (2, 3, 4, 5)},
    **{f"fpn/posthoc_3x3_p{level}": f"fpn_p{level}" for level in (2, 3, 4, 5)},
}
"""Scopes of our variables -> matterport's layers."""
BLOCK = re.compile(r"group(?P<group>\d)/block(?P<block>\d+)/conv(?P<conv>\d|shortcut)(?P<norm>/bn|/gn)?/\w+(/EMA)?")


def matterport_layer(variable: str) -> str:
    """The layer that holds this variable in matterport's Mask_RCNN, or the variable's own name."""
    if variable.startswith("conv0/"):
        return "conv1" if variable == "conv0/W" else "bn_conv1"
    if block := BLOCK.fullmatch(variable):
        branch = "1" if block["conv"] == "shortcut" else f"2{'abc'[int(block['conv']) - 1]}"
        kind = "bn" if block["norm"] else "res"
        return f"{kind}{int(block['group']) + 2}{chr(ord('a') + int(block['block']))}_branch{branch}"
    scope = variable.rpartition("/")[0].removesuffix("/gn").removesuffix("/bn")
    return PARTS.get(scope, variable)


def chosen(layers: str, variables: Iterable[str]) -> set[str]:
    """The names of the variables that a stage moves.

    Raises:
        JobError: CONFIG_INVALID: the regex matches nothing.
    """
    names = set(variables)
    if layers in FIRST_GROUP:
        return {name for name in names if _group(name) >= FIRST_GROUP[layers]}
    pattern = re.compile(layers)
    found = {name for name in names if pattern.fullmatch(matterport_layer(name)) or pattern.fullmatch(name)}
    if not found:
        near = ", ".join(sorted({matterport_layer(name) for name in names})[:3])
        raise JobError("CONFIG_INVALID", f'hyperparameter stages: layers "{layers}" match no layer that is trained: '
                       f"use {', '.join(FIRST_GROUP)}, or a regex over names such as {near}")
    return found


def _group(variable: str) -> int:
    """0 to 3 in the backbone, where the stem is 0; 4 in the heads."""
    if variable.startswith("conv0/"):
        return 0
    return int(variable[len("group")]) if variable.startswith("group") else 4


class Staging:
    """Lets the right variables move at every step.

    A stage begins with an empty optimizer, as a newly compiled model does in matterport: momentum from before would
    move layers by gradients of another rate. Batch norms outside the stage keep their statistics.

    Args:
        stages: In order; none means one stage over all layers.
        steps_per_epoch: Unit of the stages' ends.
        model: Its batch norms are frozen with their layers.
        optimizer: Of all variables that are trained in any stage.

    Raises:
        JobError: CONFIG_INVALID: a stage has no layers.
    """

    def __init__(self, stages: Sequence[Stage], steps_per_epoch: int, model: MaskRCNN, optimizer: Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        ends = [stage.epochs * steps_per_epoch for stage in stages]
        self._starts = [0, *ends[:-1]]
        self._layers = [stage.layers for stage in stages] or ["all"]
        self._names = [chosen(layers, optimizer.names) for layers in self._layers]
        self._current = -1

    def enter(self, step: int) -> bool:
        """Prepare for the step with this number; True when the set of moving variables is another than before."""
        stage = max(index for index, start in enumerate(self._starts) if step >= start)
        if stage == self._current:
            return False
        self._current = stage
        names = self._names[stage]
        self.optimizer.focus(names)
        if step == self._starts[stage]:
            self.optimizer.reset()
        if len(self._starts) > 1 or self._layers != ["all"]:
            log.info("Stage %d of %d from step %d: layers %s, %d of %d variables move", stage + 1, len(self._starts),
                     step, self._layers[stage], len(names), len(self.optimizer.names))
            self._freeze_statistics(names)
        return True

    def _freeze_statistics(self, names: set[str]) -> None:
        for module in self.model.submodules:
            if isinstance(module, BatchNorm):
                module.frozen = str(module.gamma.name).removesuffix(":0") not in names
