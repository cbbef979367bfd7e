"""Keras ResNets to ours: keras.applications (`conv2_block1_1_conv`) and the older Caffe names (`res2a_branch2a`).

Three things differ. Convolutions carry a bias before the batch norm: it goes into the mean. Epsilon differs: it goes
into the variance. Images come in Caffe's way, centred but not scaled: centre and scale go into the stem. What cannot
be converted is a setting of the network (formats says which): stride 2 in the first 1x1 of a block, symmetric padding.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskrcnn.model.layers import EPSILON
from maskrcnn.weights.arrays import Arrays, shift_variance

RGB = tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Pixels:
    """How an image becomes the network's input: (value - mean) / std, in RGB order.

    Attributes:
        mean: Of red, green, blue, 0 to 255.
        std: Likewise.
        bgr: The stem's input channels are blue, green, red.
    """

    mean: RGB
    std: RGB = (1.0, 1.0, 1.0)
    bgr: bool = False


CAFFE = Pixels((123.68, 116.779, 103.939), bgr=True)
"""keras.applications.imagenet_utils.preprocess_input, mode "caffe"."""

APPLICATIONS_EPSILON, DEFAULT_EPSILON = 1.001e-5, 1e-3
_APPLICATIONS = re.compile(r"conv(?P<group>[2-5])_block(?P<block>\d+)_(?P<part>[0-3])_(?P<kind>conv|bn)")
_CAFFE = re.compile(r"(?P<kind>res|bn)(?P<group>[2-5])(?P<block>[a-z])_branch(?P<part>1|2[abc])")
_STEMS = {"conv1_conv": "conv", "conv1_bn": "bn", "conv1": "conv", "bn_conv1": "bn"}
_PARTS = {"0": "convshortcut", "1": "conv1", "2": "conv2", "3": "conv3"}
_BRANCHES = {"1": "convshortcut", "2a": "conv1", "2b": "conv2", "2c": "conv3"}


def is_applications(layers: set[str]) -> bool:
    """Whether these are the layers of a keras.applications ResNet (version 1: version 2 norms before it convolves)."""
    return {"conv1_conv", "conv1_bn", "conv2_block1_1_conv"} <= layers


def is_caffe_named(layers: set[str]) -> bool:
    """Whether there is a ResNet under the older names in it."""
    return {"conv1", "bn_conv1", "res2a_branch2a"} <= layers


def to_ours(arrays: Mapping[str, NDArray[Any]], theirs: Pixels, ours: Pixels, epsilon: float) -> Arrays:
    """The backbone under our names.

    Args:
        arrays: `layer/kind` of a Keras model; layers that are no part of a ResNet are passed over.
        theirs: Input of the model.
        ours: Input of our network; a difference in the mean is exact but at the border, which is padded with it.
        epsilon: Of the model's batch norms.
    """
    scopes = {layer: place for layer in {name.rpartition("/")[0] for name in arrays} if (place := _place(layer))}
    convolutions = {scope: layer for layer, (scope, kind) in scopes.items() if kind == "conv"}
    norms = {scope: layer for layer, (scope, kind) in scopes.items() if kind == "bn"}
    result: Arrays = {}
    for scope, layer in convolutions.items():
        kernel = arrays[f"{layer}/kernel"]
        bias = arrays.get(f"{layer}/bias", np.zeros(kernel.shape[-1], np.float32))
        if scope == "conv0":
            kernel, offset = stem(kernel, theirs, ours)
            bias = bias + offset
        result[f"{scope}/W"] = kernel
        if scope in norms:
            result |= _norm(scope, arrays, norms[scope], bias, epsilon)
    return result


def stem(kernel: NDArray[np.float32], theirs: Pixels, ours: Pixels) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Kernel [k, k, 3, C] for our input, and what it gives less than theirs everywhere [C]."""
    if theirs.bgr:
        kernel = kernel[:, :, ::-1]
    scale = np.divide(ours.std, theirs.std).astype(np.float32)
    shift = (np.subtract(ours.mean, theirs.mean) / theirs.std).astype(np.float32)
    return kernel * scale[:, None], np.einsum("hwio,i->o", kernel, shift)


def _norm(scope: str, arrays: Mapping[str, NDArray[Any]], layer: str, bias: NDArray[np.float32],
          epsilon: float) -> Arrays:
    variance = shift_variance(arrays[f"{layer}/moving_variance"], epsilon, EPSILON)
    return {f"{scope}/bn/gamma": arrays[f"{layer}/gamma"], f"{scope}/bn/beta": arrays[f"{layer}/beta"],
            f"{scope}/bn/mean/EMA": arrays[f"{layer}/moving_mean"] - bias, f"{scope}/bn/variance/EMA": variance}


def _place(layer: str) -> tuple[str, str] | None:
    """(our scope, conv or bn) of a layer."""
    if layer in _STEMS:
        return "conv0", _STEMS[layer]
    if match := _APPLICATIONS.fullmatch(layer):
        block, part = int(match["block"]) - 1, _PARTS[match["part"]]
    elif match := _CAFFE.fullmatch(layer):
        block, part = ord(match["block"]) - ord("a"), _BRANCHES[match["part"]]
    else:
        return None
    return f"group{int(match['group']) - 2}/block{block}/{part}", "bn" if match["kind"] == "bn" else "conv"
