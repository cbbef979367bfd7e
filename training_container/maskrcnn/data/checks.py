"""Every rule an image and its label must pass; pure, one image at a time."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from app.contracts.dataset import Finding, LabelInstance, LabelRecord, Rle
from maskrcnn.data import findings
from maskrcnn.data.crossings import crossing
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import CanonicalImage, canonical
from maskrcnn.data.samples import LabelledShape, Sample
from maskrcnn.data.shapes import EDGE_TOLERANCE_PX, Box, Extent, Mask
from maskrcnn.data.spelling import nearest

TINY_AREA_PX = 4


@dataclasses.dataclass(frozen=True)
class Checked:
    """An image that may be used, or the reasons why not.

    Attributes:
        findings: Errors and warnings.
        image: None when there is an error.
        record: None when there is an error.
    """

    findings: tuple[Finding, ...]
    image: CanonicalImage | None = None
    record: LabelRecord | None = None


def check(sample: Sample, body: bytes, known_classes: Collection[str], source_format: str) -> Checked:
    """Check one image with its label and bring both into the canonical form.

    Args:
        sample: What an importer read.
        body: The image file as uploaded.
        known_classes: The accepted class names; empty accepts any.
        source_format: Name of the importer.
    """
    try:
        image = canonical(body, sample.size)
    except BadItemError as bad:
        return Checked((bad.finding(sample.image),))
    if sample.size and sample.size != (image.width, image.height):
        return Checked((_size_mismatch(sample.image, sample.size, image),))
    found = _about_image(sample, image)
    instances = []
    for number, labelled in enumerate(sample.shapes, 1):
        name = f"{'box' if isinstance(labelled.shape, Box) else 'mask'} {number}"
        try:
            _check_class(labelled.class_name, known_classes, name)
            instance = _instance(labelled, image, name)
        except BadItemError as bad:
            found.append(bad.finding(sample.image))
            continue
        instances.append(instance)
        found += _about_object(sample.image, f"{name} ({labelled.class_name})", labelled, instance)
    if any(finding.severity == "error" for finding in found):
        return Checked(tuple(found))
    return Checked(
        tuple(found),
        image,
        LabelRecord(
            image.sha256,
            image.extension,
            sample.name,
            image.width,
            image.height,
            tuple(instances),
            tuple(sorted(set(sample.tags))),
            source_format,
        ),
    )


def _size_mismatch(path: str, drawn_on: tuple[int, int], image: CanonicalImage) -> Finding:
    fix = "export image and annotation together"
    if drawn_on == (image.height, image.width):
        fix = "one of them was turned by 90 degrees: " + fix
    message = (
        f"is {image.width}x{image.height} but its label was drawn on {drawn_on[0]}x{drawn_on[1]}: {fix}"
    )
    return findings.error(path, "annotation", "label-size-mismatch", message)


def _about_image(sample: Sample, image: CanonicalImage) -> list[Finding]:
    if not image.conversion:
        return []
    if image.is_turned_by_guess and sample.shapes:
        message = f"{image.conversion}, but its label does not say whether it was drawn that way: look at its outlines"
        return [findings.warning(sample.image, "image", "exif-orientation", message)]
    return [findings.warning(sample.image, "image", "image-converted", _nothing_to_do(image.conversion))]


def _nothing_to_do(conversion: str) -> str:
    return conversion if ": " in conversion else f"{conversion}: nothing to do"


def _about_object(path: str, name: str, labelled: LabelledShape, instance: LabelInstance) -> list[Finding]:
    found = []
    short = name.partition(" (")[0]
    if instance.area_px < TINY_AREA_PX:
        message = f"{short} has only {instance.area_px} px: delete it if it is a slip of the mouse"
        found.append(findings.warning(path, name, "mask-tiny", message))
    if point := crossing(labelled.shape):
        message = f"the outline of {short} crosses itself near x={point[0]:.0f}, y={point[1]:.0f}: draw it again"
        found.append(findings.warning(path, name, "polygon-self-crossing", message))
    return found


def _check_class(class_name: str, known: Collection[str], name: str) -> None:
    if not class_name.strip():
        raise BadItemError("class-missing", name, f"{name} has no class: choose one")
    if known and class_name not in known:
        close = nearest(class_name, known)
        hint = f"nearest known: {close}" if close else f"known: {', '.join(sorted(known))}"
        raise BadItemError(
            "unknown-class",
            f"{name} ({class_name})",
            f"{name} has the unknown class {class_name!r} ({hint}): rename it, "
            "give it an alias in castline.json, or add it to the setting data.classes",
        )


def _instance(labelled: LabelledShape, image: CanonicalImage, name: str) -> LabelInstance:
    """Draw one object and measure it.

    Raises:
        BadItemError: it is broken, empty, or reaches out of the image.
    """
    shape = labelled.shape
    try:
        extent = shape.extent()
        _check_inside(extent, image, name)
        if isinstance(shape, Box):
            return _box_instance(labelled, extent, image)
        return _mask_instance(labelled, shape.draw(image.width, image.height), name)
    except BadItemError as bad:
        message = bad.message if bad.message.startswith(name) else f"{name} {bad.message}"
        raise BadItemError(bad.rule, f"{name} ({labelled.class_name})", message) from bad


def _check_inside(extent: Extent, image: CanonicalImage, name: str) -> None:
    """Allow one pixel over the edge, which is clipped: tools round outlines that way."""
    sides = (
        (extent.left, extent.right, image.width, "x", "wide"),
        (extent.top, extent.bottom, image.height, "y", "high"),
    )
    for low, high, size, axis, word in sides:
        if low < -EDGE_TOLERANCE_PX:
            message = f"{name} begins at {axis}={low:g}, outside the image: re-export the annotation"
            raise BadItemError("mask-outside-image", name, message)
        if high > size - 1 + EDGE_TOLERANCE_PX:
            message = f"{name} reaches {axis}={high:g} in an image {size} {word}: "
            if _fits(extent, image.stored_size):
                message += (
                    "it fits the photograph without the turn that its EXIF orientation asks for: "
                    "export the annotation of the upright photograph"
                )
                raise BadItemError("mask-off-by-exif", name, message)
            raise BadItemError("mask-outside-image", name, message + "re-export the annotation")


def _fits(extent: Extent, size: tuple[int, int] | None) -> bool:
    if size is None:
        return False
    return extent.right <= size[0] - 1 + EDGE_TOLERANCE_PX and extent.bottom <= size[1] - 1 + EDGE_TOLERANCE_PX


def column_major(mask: Mask) -> NDArray[np.uint8]:
    """A mask as COCO's run lengths want it; OpenCV transposes ten times as fast as NumPy."""
    return np.asarray(cv2.transpose(np.ascontiguousarray(mask, np.uint8)).T, np.uint8)


def _mask_instance(labelled: LabelledShape, mask: Mask, name: str) -> LabelInstance:
    rle = coco_mask.encode(column_major(mask))
    area = int(coco_mask.area(rle))
    if not area:
        raise BadItemError("mask-empty", name, f"{name} has no pixel: delete it or draw it again")
    x, y, width, height = (float(v) for v in coco_mask.toBbox(rle))
    size = (mask.shape[0], mask.shape[1])
    return LabelInstance(
        labelled.class_name,
        (x, y, width, height),
        Rle(size, rle["counts"].decode("ascii")),
        area,
        labelled.is_crowd,
    )


def _box_instance(labelled: LabelledShape, extent: Extent, image: CanonicalImage) -> LabelInstance:
    left, top = max(extent.left, 0.0), max(extent.top, 0.0)
    width = min(extent.right + 1, image.width) - left
    height = min(extent.bottom + 1, image.height) - top
    if width <= 0 or height <= 0:
        raise BadItemError("mask-empty", "", "has no area: delete it or draw it again")
    return LabelInstance(
        labelled.class_name, (left, top, width, height), None, round(width * height), labelled.is_crowd
    )
