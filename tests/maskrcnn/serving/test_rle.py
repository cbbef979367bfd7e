"""Masks as COCO run-length codes."""

from __future__ import annotations

import numpy as np
import pytest
from maskrcnn import rle
from pycocotools import mask as coco_mask

from app.contracts.dataset import Rle

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def test_the_code_is_column_major_and_comes_back_unchanged() -> None:
    """Given a mask that is one column, COCO's counts begin with the pixels before that column."""
    mask = np.zeros((3, 4), bool)
    mask[:, 1] = True
    coded = rle.encode(mask)
    uncompressed = coco_mask.frPyObjects({"size": [3, 4], "counts": [3, 3, 6]}, 3, 4)
    assert coded == Rle((3, 4), uncompressed["counts"].decode())
    assert rle.area_px(coded) == 3
    np.testing.assert_array_equal(rle.decode(coded), mask)
