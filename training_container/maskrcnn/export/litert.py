"""LiteRT (.tflite): the network for images of one size, in LiteRT's own operations: for devices without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn.export import dynamic_int8, selective_int8
from maskrcnn.export.static_network import StaticNetwork

Quantization = Literal["float32", "float16", "dynamic", "int8"]
"""float16: weights of half the size; dynamic: weights of dense layers and convolutions in int8, the rest in float32;
int8: the network computes in int8, calibrated on images, and what chooses boxes stays float32."""
Samples = Callable[[], Iterable[NDArray[np.uint8]]]
"""Images [height, width, 3] of the network's size, the same at each call."""


def convert(network: StaticNetwork, quantization: Quantization, samples: Samples) -> bytes:
    """The .tflite of a network; its inputs and outputs are the same in every quantisation.

    Args:
        network: What to convert.
        quantization: Number type of weights and arithmetic.
        samples: What int8 finds the ranges of its numbers on; other quantisations leave them alone.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.image.get_concrete_function()], network)
    if quantization == "int8":
        return selective_int8.convert(converter, samples)
    if quantization == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    model: bytes = converter.convert()
    return dynamic_int8.quantize(model) if quantization == "dynamic" else model
