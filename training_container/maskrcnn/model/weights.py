"""Weights as an .npz of float32 arrays under tensorpack's names, in and out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from maskrcnn.model.mask_rcnn import MaskRCNN

FILE_NAME = "weights.npz"


def save(model: MaskRCNN, path: Path) -> None:
    """Write every variable of the model."""
    np.savez(path, **{name: variable.numpy() for name, variable in model.named_variables().items()})


def load(model: MaskRCNN, path: Path, *, strict: bool = True) -> list[str]:
    """Read variables by name.

    Args:
        model: Gets the values.
        path: An .npz.
        strict: Every variable must be there in the right shape; else what does not fit is left as it is.

    Returns:
        What was left as it is, each with its reason.

    Raises:
        ValueError: strict, and something does not fit.
    """
    left = []
    with np.load(path) as arrays:
        known = {name.removesuffix(":0"): name for name in arrays.files}
        for name, variable in model.named_variables().items():
            if name not in known:
                left.append(f"{name}: not in {path.name}")
            elif arrays[known[name]].shape != tuple(variable.shape):
                left.append(f"{name}: {arrays[known[name]].shape} there, {tuple(variable.shape)} here")
            else:
                variable.assign(arrays[known[name]])
    if strict and left:
        raise ValueError(f"{path}: {len(left)} weights do not fit this network, first {left[0]}")
    return left
