"""COCO run-length encoding: column-major, compressed; what every COCO tool reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from app.contracts.dataset import Rle


def encode(mask: NDArray[np.bool_]) -> Rle:
    """Encode one mask [H, W]; non-zero is the object."""
    coded = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return Rle(size=(int(mask.shape[0]), int(mask.shape[1])), counts=coded["counts"].decode("ascii"))


def decode(rle: Rle) -> NDArray[np.bool_]:
    """The mask [H, W] that was encoded."""
    return np.asarray(coco_mask.decode(as_coco(rle)), dtype=np.bool_)


def runs_of(counts: str) -> list[int]:
    """The run lengths in COCO's compressed string.

    Five bits a character, least first, the last with the sign; from the fourth run on the difference to the run before
    the last. Source: pycocotools, common/maskApi.c, rleFrString.

    Raises:
        ValueError: it ends in the middle of a number.
    """
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii", "replace"):
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("the last number is cut off")
    return runs


def area_px(rle: Rle) -> int:
    """Number of object pixels, without decoding."""
    return int(coco_mask.area(as_coco(rle)))


def as_coco(rle: Rle) -> dict[str, Any]:
    """The same mask as the dictionary that pycocotools works on."""
    return {"size": list(rle.size), "counts": rle.counts.encode("ascii")}
