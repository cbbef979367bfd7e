"""Matterport's Mask R-CNN (mask_rcnn_coco.h5 and what was trained from it) to ours.

Exact up to how that network reads its features: its first pooling starts one pixel later, ROIAlign takes one sample
a bin at the bins' corners, boxes are rounded. So its weights are a start for fine-tuning and not the same detector.

What is converted: batch norms of the heads go into their layers (a head has none here); the softmax over background
and object of the RPN becomes the logit object - background; boxes come as y, x and in units of a deviation of .1 and
.2; anchor ratios count width over height there, so the anchors of a cell come in the other order; the mask of the
background is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskrcnn.weights import keras_resnet
from maskrcnn.weights.arrays import Arrays
from maskrcnn.weights.keras_resnet import DEFAULT_EPSILON, Pixels

PIXELS = Pixels((123.7, 116.8, 103.9))
"""MEAN_PIXEL of its configuration; the images are RGB."""
DEVIATIONS = np.array([0.1, 0.1, 0.2, 0.2], np.float32)
"""RPN_BBOX_STD_DEV and BBOX_STD_DEV, of y, x, height and width."""
_XY = [1, 0, 3, 2]

Layer = tuple[NDArray[Any], NDArray[Any]]
"""Kernel [..., inputs, outputs] and bias [outputs]."""


def is_matterport(layers: set[str]) -> bool:
    """Whether these are the layers of that network, with its heads or without."""
    return {"fpn_c5p5", "fpn_p2"} <= layers and keras_resnet.is_caffe_named(layers)


def to_ours(arrays: Mapping[str, NDArray[Any]], ours: Pixels, regression_weights: Sequence[float]) -> Arrays:
    """The whole network under our names; parts that the file does not have are left out.

    Args:
        arrays: `layer/kind`.
        ours: Input of our network.
        regression_weights: By which our box head's deltas tx, ty, tw, th are divided.
    """
    result = keras_resnet.to_ours(arrays, PIXELS, ours, DEFAULT_EPSILON)
    for scope, (kernel, bias) in _heads(arrays, regression_weights).items():
        result[f"{scope}/W"], result[f"{scope}/b"] = kernel, bias
    return result


def _heads(arrays: Mapping[str, NDArray[Any]], regression_weights: Sequence[float]) -> dict[str, Layer]:
    pyramid = {f"fpn/lateral_1x1_c{i}": f"fpn_c{i}p{i}" for i in range(2, 6)}
    pyramid |= {f"fpn/posthoc_3x3_p{i}": f"fpn_p{i}" for i in range(2, 6)}
    plain = pyramid | {"rpn/conv0": "rpn_conv_shared", "fastrcnn/outputs/class": "mrcnn_class_logits",
                       "maskrcnn/deconv": "mrcnn_mask_deconv"}
    normed = {"fastrcnn/fc6": "mrcnn_class_%s1", "fastrcnn/fc7": "mrcnn_class_%s2"}
    normed |= {f"maskrcnn/fcn{i}": f"mrcnn_mask_%s{i + 1}" for i in range(4)}
    found = {scope: _layer(arrays, name) for scope, name in plain.items() if f"{name}/kernel" in arrays}
    for scope, name in normed.items():
        if f"{name % 'conv'}/kernel" in arrays:
            found[scope] = folded(_layer(arrays, name % "conv"), arrays, name % "bn")
    for scope in {"fastrcnn/fc6", "fastrcnn/fc7"} & found.keys():
        kernel, bias = found[scope]
        found[scope] = kernel.reshape(-1, kernel.shape[-1]), bias
    if "rpn_class_raw/kernel" in arrays:
        found["rpn/class"] = objectness(_layer(arrays, "rpn_class_raw"))
        found["rpn/box"] = deltas(_layer(arrays, "rpn_bbox_pred"), DEVIATIONS, backwards=True)
    if "mrcnn_bbox_fc/kernel" in arrays:
        scale = DEVIATIONS * np.array(regression_weights, np.float32)[_XY]
        found["fastrcnn/outputs/box"] = deltas(_layer(arrays, "mrcnn_bbox_fc"), scale)
    if "mrcnn_mask/kernel" in arrays:
        kernel, bias = _layer(arrays, "mrcnn_mask")
        found["maskrcnn/conv"] = kernel[..., 1:], bias[1:]
    return found


def folded(layer: Layer, arrays: Mapping[str, NDArray[Any]], norm: str) -> Layer:
    """A layer with the batch norm behind it in its kernel and bias."""
    kernel, bias = layer
    deviation = np.sqrt(arrays[f"{norm}/moving_variance"] + np.float32(DEFAULT_EPSILON))
    scale = arrays[f"{norm}/gamma"] / deviation
    shift = arrays[f"{norm}/beta"] - arrays[f"{norm}/moving_mean"] * scale
    return kernel * scale, bias * scale + shift


def objectness(layer: Layer) -> Layer:
    """From [A, 2] outputs, background before object, to A logits: the sigmoid of ours is the softmax of theirs."""
    def logit(values: NDArray[np.float32]) -> NDArray[np.float32]:
        pairs = values.reshape(*values.shape[:-1], -1, 2)
        return (pairs[..., 1] - pairs[..., 0])[..., ::-1]

    return logit(layer[0]), logit(layer[1])


def deltas(layer: Layer, scale: NDArray[np.float32], *, backwards: bool = False) -> Layer:
    """From outputs [N, 4] of y, x, height, width to x, y, width, height, each times its scale.

    Args:
        layer: Outputs run over N, then the four.
        scale: Of y, x, height, width.
        backwards: Turn the order of N around.
    """
    def turned(values: NDArray[np.float32]) -> NDArray[np.float32]:
        boxes = (values.reshape(*values.shape[:-1], -1, 4) * scale)[..., _XY]
        return (boxes[..., ::-1, :] if backwards else boxes).reshape(values.shape)

    return turned(layer[0]), turned(layer[1])


def _layer(arrays: Mapping[str, NDArray[Any]], name: str) -> Layer:
    return arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
