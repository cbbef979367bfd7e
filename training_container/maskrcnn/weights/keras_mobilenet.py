"""MobileNetV2 of keras.applications to ours.

Its images go from -1 to 1: centre and scale go into the stem. Its epsilon goes into the variance. What cannot be
converted is a setting of the network (formats says which): the spare row and column of stride 2 come after the image.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from maskrcnn.model.layers import EPSILON
from maskrcnn.model.mobilenet import GROUPS
from maskrcnn.weights.arrays import Arrays, shift_variance
from maskrcnn.weights.keras_resnet import Pixels, stem

PIXELS = Pixels((127.5,) * 3, (127.5,) * 3)
"""keras.applications.imagenet_utils.preprocess_input, mode "tf"."""
THEIR_EPSILON = 1e-3
_BLOCK = re.compile(r"(?:expanded_conv|block_(?P<number>\d+))_(?P<part>expand|depthwise|project)(?P<norm>_BN)?")
_PLACES = [f"group{group}/block{block}" for group, rows in enumerate(GROUPS)
           for block in range(sum(count for _, _, count, _ in rows))]
"""Where their blocks, counted through, are in our network."""


def is_mobilenet_v2(layers: set[str]) -> bool:
    """Whether these are the layers of a keras.applications MobileNetV2."""
    return {"Conv1", "expanded_conv_depthwise", "block_16_project"} <= layers


def to_ours(arrays: Mapping[str, NDArray[Any]], ours: Pixels) -> Arrays:
    """The backbone under our names; the last 1x1 and the classifier are passed over.

    Args:
        arrays: `layer/kind` of the Keras model.
        ours: Input of our network; a difference in the mean is exact but at the border, which is padded with it.
    """
    kernel, shift = stem(arrays["Conv1/kernel"], PIXELS, ours)
    result: Arrays = {"conv0/W": kernel, **_norm("conv0", arrays, "bn_Conv1")}
    result["conv0/bn/mean/EMA"] = result["conv0/bn/mean/EMA"] - shift
    for name in arrays:
        layer, _, kind = name.rpartition("/")
        match = _BLOCK.fullmatch(layer)
        if not match:
            continue
        scope = f"{_PLACES[int(match['number'] or 0)]}/{match['part']}"
        if kind in ("kernel", "depthwise_kernel"):
            result[f"{scope}/W"] = arrays[name]
        elif kind == "gamma":
            result |= _norm(scope, arrays, layer)
    return result


def _norm(scope: str, arrays: Mapping[str, NDArray[Any]], layer: str) -> Arrays:
    variance = shift_variance(arrays[f"{layer}/moving_variance"], THEIR_EPSILON, EPSILON)
    return {f"{scope}/bn/gamma": arrays[f"{layer}/gamma"], f"{scope}/bn/beta": arrays[f"{layer}/beta"],
            f"{scope}/bn/mean/EMA": arrays[f"{layer}/moving_mean"], f"{scope}/bn/variance/EMA": variance}
