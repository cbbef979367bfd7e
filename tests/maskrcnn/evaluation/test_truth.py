"""The test set comes out of the shards as it went in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from maskrcnn import rle
from maskrcnn.data import shards
from maskrcnn.evaluation.truth import LabelledImage, read_test_set
from maskrcnn.program import JobError

from app.contracts.dataset import ClassDefinition, LabelInstance, LabelRecord

# pycocotools 2.0.11 with NumPy 2
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def write(
    folder: Path, images: list[LabelledImage], classes: tuple[ClassDefinition, ...], shard_bytes: int = 10**6
) -> None:
    records = [
        (
            LabelRecord(
                image.sha256, image.extension, image.file_name, image.width, image.height,
                tuple(
                    LabelInstance(i.class_name, i.bbox, i.mask if label.has_mask else None, i.area_px, label.is_crowd)
                    for label in image.labels
                    for i in (label.instance,)
                ),
            ),
            image.encoded,
        )
        for image in images
    ]  # fmt: skip
    ids = {definition.name: definition.id for definition in classes}
    folder.mkdir(parents=True, exist_ok=True)
    shards.write_examples((shards.encode(*each, ids) for each in records), folder, shard_bytes)


def test_labels_come_back_with_mask_box_role_and_flags(
    tmp_path: Path, rect: Callable, image: Callable, classes: tuple[ClassDefinition, ...]
) -> None:
    from maskrcnn.evaluation.truth import Label

    labels = [
        rect("disk", 0, 0, 96, 96),
        Label(rect("chipping", 30, 12, 21, 9), is_crowd=True),
        Label(rect("holes", 7, 60, 13, 11), has_mask=False),
    ]
    original = image(5, labels)
    write(tmp_path, [original], classes)
    (back,) = read_test_set(tmp_path, classes)
    assert dataclasses.replace(back, labels=()) == dataclasses.replace(original, labels=())
    for got, put in zip(back.labels, original.labels, strict=True):
        assert (got.is_crowd, got.has_mask) == (put.is_crowd, put.has_mask)
        assert got.instance.bbox == pytest.approx(put.instance.bbox, abs=1e-3)
        assert dataclasses.replace(got.instance, bbox=put.instance.bbox) == put.instance
    np.testing.assert_array_equal(np.argwhere(rle.decode(back.labels[1].instance.mask))[0], (12, 30))


def test_all_shards_are_read_in_the_order_of_the_hashes(
    tmp_path: Path, rect: Callable, image: Callable, classes: tuple[ClassDefinition, ...]
) -> None:
    originals = [image(number, [rect("disk", 0, 0, 90, 90)]) for number in range(6)]
    write(tmp_path, originals, classes, shard_bytes=600)
    assert len(list(tmp_path.iterdir())) > 1
    hashes = [found.sha256 for found in read_test_set(tmp_path, classes)]
    assert hashes == sorted(original.sha256 for original in originals)


def test_an_image_without_labels_is_a_test_image_too(
    tmp_path: Path, image: Callable, classes: tuple[ClassDefinition, ...]
) -> None:
    write(tmp_path, [image(1, [])], classes)
    assert read_test_set(tmp_path, classes)[0].labels == ()


def test_a_class_that_the_manifest_does_not_know_is_named(
    tmp_path: Path, rect: Callable, image: Callable, classes: tuple[ClassDefinition, ...]
) -> None:
    write(tmp_path, [image(1, [rect("holes", 1, 1, 9, 9)])], classes)
    with pytest.raises(JobError, match=r"cast_1\.png: class 'holes' is not in the manifest"):
        read_test_set(tmp_path, classes[:2])


def test_no_shards_are_said_and_not_scored(tmp_path: Path, classes: tuple[ClassDefinition, ...]) -> None:
    with pytest.raises(JobError, match=r"no \*\.tfrecord shards") as caught:
        read_test_set(tmp_path, classes)
    assert caught.value.code == "DATA_TOO_FEW"
