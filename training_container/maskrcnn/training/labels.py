"""What is labelled in the training images, read once before training where a setting depends on it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from maskrcnn.data import schema
from maskrcnn.training.records import Record


@dataclasses.dataclass(frozen=True)
class Labels:
    """The G labelled objects of N images; crowds and empty boxes, which teach no box, are left out.

    Attributes:
        extents: [N, 2] width and height of each image in pixels.
        image: [G] which image each object is in.
        class_id: [G] from 1.
        xywh: [G, 4] box in pixels: left, top, width, height.
        has_mask: [G] False for objects labelled by a box alone.
    """

    extents: NDArray[np.float64]
    image: NDArray[np.int64]
    class_id: NDArray[np.int64]
    xywh: NDArray[np.float64]
    has_mask: NDArray[np.bool_]

    @property
    def images(self) -> int:
        """How many images there are, those without objects counted too."""
        return len(self.extents)


def read(records: Sequence[Record]) -> Labels:
    """The labels of every record, in their order; pixels are read but not decoded."""
    extents, counts, rows = [], [], []
    for record in records:
        feature = tf.train.Example.FromString(record.read()).features.feature
        width, height = (feature[name].int64_list.value[0] for name in (schema.WIDTH, schema.HEIGHT))
        found = _objects(feature, width, height)
        extents.append((width, height))
        counts.append(len(found))
        rows.append(found)
    table = np.concatenate([np.zeros((0, 6)), *rows])
    return Labels(np.array(extents, np.float64).reshape(-1, 2), np.repeat(np.arange(len(counts)), counts),
                  table[:, 0].astype(np.int64), table[:, 1:5], table[:, 5] > 0)


def _objects(feature: Any, width: int, height: int) -> NDArray[np.float64]:
    """[G, 6] of one image: class, left, top, width, height, and whether there is a mask."""
    ids = np.array(feature[schema.CLASS_LABEL].int64_list.value, np.float64)
    left, top, right, bottom = (np.array(feature[name].float_list.value, np.float64) * side for name, side in (
        (schema.XMIN, width), (schema.YMIN, height), (schema.XMAX, width), (schema.YMAX, height)))
    # A feature that no object of the image needs may be absent.
    crowd = np.resize(np.array([*feature[schema.IS_CROWD].int64_list.value] or [0]), len(ids)) > 0
    masks = [len(png) for png in feature[schema.MASK].bytes_list.value] or [0]
    table = np.stack([ids, left, top, right - left, bottom - top, np.resize(masks, len(ids))], 1)
    return table[~crowd & (table[:, 3] > 0) & (table[:, 4] > 0)]
