"""The images that an export is judged on and calibrated on, and the size that they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition, Split
from maskrcnn.data import schema
from maskrcnn.evaluation.truth import LabelledImage, read_test_set
from maskrcnn.model.config import ModelConfig
from maskrcnn.ops import images as image_ops
from maskrcnn.program import JobError
from maskrcnn.serving import images as decoder
from maskrcnn.serving.errors import RequestError
from maskrcnn.training import records
from maskrcnn.training.records import Record

NO_LIMIT = 2**62
"""On pixels: the data set's own limit holds."""


def split_folder(data: Path, split: Split) -> Path:
    """Where the shards of a split lie in a version: as `data checkout ... tfrecord` or data.local writes it.

    Raises:
        JobError: CONFIG_INVALID: there is no such folder.
    """
    for folder in (data / split, data / "tfrecord" / split):
        if folder.is_dir():
            return folder
    raise JobError("CONFIG_INVALID", f"{data}: holds no folder {split} with *.tfrecord shards: write one with "
                   "`data checkout head tfrecord FOLDER`, or with `python -m maskrcnn.data.local`")


def judges(data: Path, split: Split, classes: Sequence[ClassDefinition]) -> list[LabelledImage]:
    """The labelled images of a split."""
    return read_test_set(split_folder(data, split), classes)


def pixels(found: Sequence[Record], count: int) -> Iterator[NDArray[np.uint8]]:
    """So many images, RGB [H, W, 3], from everywhere among the records.

    Raises:
        JobError: DATA_INVALID: an image cannot be decoded.
    """
    for index in np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).astype(int)):
        features = tf.train.Example.FromString(found[index].read()).features.feature
        try:
            yield decoder.decode(features[schema.ENCODED].bytes_list.value[0], max_pixels=NO_LIMIT)
        except RequestError as error:
            raise JobError("DATA_INVALID", f"{found[index].path}: {error}") from error


def training_records(folder: Path) -> list[Record]:
    """What a folder of training shards holds; raises as records.require."""
    return records.require(folder, missing="no image to calibrate on")


def canvas(images: Sequence[LabelledImage], config: ModelConfig) -> tuple[int, int]:
    """The smallest (height, width) that holds each image, or each tile of one, at the scale of training."""
    shapes = {(image.height, image.width) for image in images}
    resized = [image_ops.resized_shape(tf.constant(shape), config.input.short_edge_px, config.input.max_size_px).numpy()
               for shape in shapes]
    height, width = (min(int(side), config.tiles.size_px or NO_LIMIT) for side in np.max(resized, axis=0))
    return height, width
