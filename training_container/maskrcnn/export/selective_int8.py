"""Int8 for the layers that multiply, float32 for what chooses boxes.

Eight bits over an image of 512 pixels put a corner on every second one, and over logits make equals of proposals that
are not. So convolutions and dense layers, and what lies between them on the maps of the whole image, compute in int8;
decoding, top-k, NMS and ROIAlign read and write float32.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray
from tensorflow.lite.python import convert as tflite

MULTIPLYING = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})
"""The layers whose arithmetic is the network's cost."""
BETWEEN = frozenset({"ADD", "PAD", "MAX_POOL_2D", "TILE", "RESHAPE"})
"""What maps of the whole image pass through on their way from layer to layer."""
MAP_RANK = 4


def convert(converter: tf.lite.TFLiteConverter, samples: Callable[[], Iterable[NDArray[np.uint8]]]) -> bytes:
    """Calibrate the network of a converter on images, and write it with both kinds of arithmetic.

    Args:
        converter: Of a network with the one input `image`.
        samples: Images in its size.
    """
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ({"image": image} for image in samples())
    # TensorFlow has no public way to quantise a part: its QuantizationDebugger does the same two steps.
    converter._experimental_calibrate_only = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        calibrated = converter.convert()
    kinds, nodes = _float_operations(calibrated)
    quantized: bytes = tflite.mlir_quantize(calibrated, denylisted_ops=kinds, denylisted_nodes=nodes)
    return quantized


def _float_operations(model: bytes) -> tuple[list[str], list[str]]:
    """What stays float32: kinds of operations, and of the other kinds single ones by the names of their outputs."""
    interpreter = Interpreter(model_content=model)
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    operations = interpreter._get_ops_details()
    kinds = {operation["op_name"] for operation in operations} - MULTIPLYING - BETWEEN
    outputs = [tensors[operation["outputs"][0]] for operation in operations if operation["op_name"] in BETWEEN]
    return sorted(kinds), [output["name"] for output in outputs if not _is_map(list(output["shape"]))]


def _is_map(shape: list[int]) -> bool:
    """Whether this is a feature map of the whole image, and not of boxes."""
    return len(shape) >= MAP_RANK and shape[0] == 1
