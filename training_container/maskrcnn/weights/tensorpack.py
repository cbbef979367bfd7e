"""tensorpack's layout (also that of aws-samples/mask-rcnn-tensorflow) to ours and back.

The names are the same. Two layouts are not: tensorpack's stem takes BGR images where ours takes RGB, and its first
dense layer reads the pooled features [C, H, W] where ours reads [H, W, C]. aws-samples' TF2 branch reads [H, W, C].
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from maskrcnn.weights.arrays import Arrays

Rows = Literal["CHW", "HWC"]

STEM = "conv0/W"
_FIRST_DENSE = re.compile(r"(^|/)fc6?/W$")
"""fc6 of the head with two dense layers and of each cascade stage, fc of the head with four convolutions."""
_NOISE = re.compile(r"(^linear/[Wb]$)|(^|/)(global_step|learning_rate)$|/Momentum$|(^|/)AccumGrad")
"""The ImageNet classifier, and what training leaves beside the weights."""


def to_ours(arrays: Mapping[str, NDArray[Any]], rows: Rows, pool_size: int) -> Arrays:
    """Arrays of tensorpack under our names and in our layouts, without what is no weight of a detector.

    Args:
        arrays: As read; names may end in `:0`.
        rows: Order of the first dense layer's rows.
        pool_size: Side of the pooled features that this layer reads.
    """
    clean = {name.removesuffix(":0"): value for name, value in arrays.items()}
    return {name: _layout(name, value, rows, pool_size, inward=True)
            for name, value in clean.items() if not _NOISE.search(name)}


def from_ours(arrays: Mapping[str, NDArray[Any]], rows: Rows, pool_size: int) -> Arrays:
    """Our arrays in tensorpack's layouts; the inverse of to_ours."""
    return {name: _layout(name, value, rows, pool_size, inward=False) for name, value in arrays.items()}


def _layout(name: str, value: NDArray[Any], rows: Rows, pool_size: int, *, inward: bool) -> NDArray[Any]:
    if name == STEM:
        return value[:, :, ::-1]
    if rows == "CHW" and _FIRST_DENSE.search(name):
        return _reorder(value, pool_size, inward=inward)
    return value


def _reorder(kernel: NDArray[np.float32], pool_size: int, *, inward: bool) -> NDArray[np.float32]:
    """Rows from C, H, W to H, W, C (inward) or back; a kernel of another pool size stays, its shape will not fit."""
    channels, rest = divmod(kernel.shape[0], pool_size**2)
    if rest:
        return kernel
    if inward:
        blocks = kernel.reshape(channels, pool_size, pool_size, -1).transpose(1, 2, 0, 3)
    else:
        blocks = kernel.reshape(pool_size, pool_size, channels, -1).transpose(2, 0, 1, 3)
    return blocks.reshape(kernel.shape)
