"""Int8 weights and products for convolutions and dense layers, float32 for all that lies between them.

Depthwise convolutions stay float32: they hold 3 % of the weights of the `edge` preset, eight bits of what they read
cost it a whole point of box AP, and LiteRT computes them slower that way. TensorFlow's own converter cannot leave them
out, and rounds the anchors as well.
"""

from __future__ import annotations

from ai_edge_quantizer import qtyping, quantizer

LAYERS = (qtyping.TFLOperationName.CONV_2D, qtyping.TFLOperationName.FULLY_CONNECTED)


def quantize(model: bytes) -> bytes:
    """A .tflite in float32 with the weights of its dense layers and convolutions in int8, a scale for each channel."""
    recipe = quantizer.Quantizer(model)
    for layer in LAYERS:
        recipe.add_dynamic_config(regex=".*", operation_name=layer, num_bits=8)
    found = recipe.quantize(enable_progress_bar=False, enable_progress_report=False)
    return bytes(found.quantized_model)
