"""Our own weights: an .npz of float32 arrays under tensorpack's names, RGB stem, fc6 rows in height, width, channel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from maskrcnn.model.mask_rcnn import MaskRCNN
from maskrcnn.training import array_file
from maskrcnn.weights.arrays import WeightsError
from maskrcnn.weights.assign import assign

FILE_NAME = "weights.npz"
MARKER = "castline"
"""An entry of this name tells our file from tensorpack's, whose arrays have the same names in another layout."""
LAYOUT = "stem RGB, fc6 rows HWC"


def save(model: MaskRCNN, path: Path) -> None:
    """Write every variable of the model."""
    arrays: dict[str, Any] = {name: variable.numpy() for name, variable in model.named_variables().items()}
    arrays[MARKER] = np.array(LAYOUT)
    np.savez(path, **arrays)


def load(model: MaskRCNN, path: Path) -> None:
    """Read every variable of the model.

    Raises:
        WeightsError: the file is missing or damaged, or a variable is missing in it or has another shape.
    """
    try:
        values = array_file.read(path)
    except array_file.DamagedFileError as error:
        raise WeightsError(f"{path}: {error}: train or download the model again") from error
    values.pop(MARKER, None)
    assign(model, values, str(path), strict=True)
