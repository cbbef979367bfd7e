"""The frozen test set: images with their labels, read from the TFRecord shards of a data-set version."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from app.contracts.dataset import ClassDefinition
from app.contracts.prediction import Instance
from maskrcnn import rle
from maskrcnn.data import schema
from maskrcnn.data.channel import shard_paths
from maskrcnn.program import JobError

EXTENSIONS = {"jpeg": "jpg", "png": "png"}


@dataclasses.dataclass(frozen=True)
class Label:
    """One labelled object, in the form of an answer with score 1."""

    instance: Instance
    is_crowd: bool = False
    has_mask: bool = True
    """False: labelled as a box only; the mask is then the filled box, and mask scores leave it out."""


@dataclasses.dataclass(frozen=True)
class LabelledImage:
    """One test image."""

    sha256: str
    file_name: str
    extension: str
    encoded: bytes = dataclasses.field(repr=False)
    width: int
    height: int
    labels: tuple[Label, ...]

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The labels as instances, for the verdict and for drawing."""
        return tuple(label.instance for label in self.labels)


def read_test_set(
    folder: Path, classes: Sequence[ClassDefinition], names: Collection[str] = ()
) -> list[LabelledImage]:
    """Read the shards below `folder`, sorted by image hash.

    Args:
        folder: A channel.
        classes: Of the version.
        names: Of the shards that count, where the channel is a folder of all shards there are; none counts all.

    Raises:
        JobError: there are no shards, no images in them, or a label of an unknown class.
    """
    import tensorflow as tf  # read here: the arithmetic of the evaluation does without it

    try:
        shards = shard_paths(folder, names)
    except ValueError as problem:
        raise JobError("DATA_INVALID", str(problem)) from problem
    if not shards:
        raise JobError("DATA_TOO_FEW", f"{folder}: no *.tfrecord shards: the version needs images of this split")
    roles = {definition.name: definition.role for definition in classes}
    images = []
    for record in tf.data.TFRecordDataset([str(shard) for shard in shards]).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        images.append(_image(features, roles))
    if not images:
        raise JobError("DATA_TOO_FEW", f"{folder}: the shards hold no image: the version needs images of this split")
    return sorted(images, key=lambda image: image.sha256)


def _image(features: Mapping[str, Any], roles: Mapping[str, Literal["part", "defect"]]) -> LabelledImage:
    sha256 = _text(features, schema.SOURCE_ID)[0]
    file_name = _text(features, schema.FILE_NAME)[0]
    size = (features[schema.HEIGHT].int64_list.value[0], features[schema.WIDTH].int64_list.value[0])
    names = _text(features, schema.CLASS_TEXT)
    unknown = sorted(set(names) - set(roles))
    if unknown:
        raise JobError(
            "DATA_INVALID",
            f"{file_name}: class {unknown[0]!r} is not in the manifest: prepare the data again",
        )
    return LabelledImage(
        sha256=sha256,
        file_name=file_name,
        extension=EXTENSIONS[_text(features, schema.FORMAT)[0]],
        encoded=features[schema.ENCODED].bytes_list.value[0],
        height=size[0],
        width=size[1],
        labels=tuple(_labels(features, names, roles, size)),
    )


def _labels(
    features: Mapping[str, Any],
    names: Sequence[str],
    roles: Mapping[str, Literal["part", "defect"]],
    size: tuple[int, int],
) -> Iterable[Label]:
    edges = [features[name].float_list.value for name in (schema.XMIN, schema.YMIN, schema.XMAX, schema.YMAX)]
    crowds = features[schema.IS_CROWD].int64_list.value
    pngs = features[schema.MASK].bytes_list.value
    for index, name in enumerate(names):
        x1, y1, x2, y2 = (edge[index] * size[1 - axis % 2] for axis, edge in enumerate(edges))
        mask = _decode_mask(pngs[index]) if pngs[index] else _filled_box((x1, y1, x2, y2), size)
        instance = Instance(
            class_name=name,
            role=roles[name],
            score=1.0,
            bbox=(x1, y1, x2 - x1, y2 - y1),
            area_px=int(np.count_nonzero(mask)),
            mask=rle.encode(mask),
        )
        yield Label(instance, is_crowd=bool(crowds[index]), has_mask=bool(pngs[index]))


def _decode_mask(png: bytes) -> NDArray[np.bool_]:
    return np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)) > 0


def _filled_box(box: tuple[float, float, float, float], size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    x1, y1, x2, y2 = (round(edge) for edge in box)
    mask[y1:y2, x1:x2] = True
    return mask


def _text(features: Mapping[str, Any], name: str) -> list[str]:
    return [value.decode() for value in features[name].bytes_list.value]
