"""Every rule an image and its label must pass; pure, one image at a time."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection

import numpy as np
from pycocotools import mask as coco_mask

from app.contracts.dataset import Finding, LabelInstance, LabelRecord, Rle
from maskrcnn.data import findings
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.images import CanonicalImage, canonical
from maskrcnn.data.samples import LabelledShape, Sample
from maskrcnn.data.shapes import EDGE_TOLERANCE_PX, Box, Extent, Mask

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
    if sample.size not in (None, (image.width, image.height)):
        return Checked(
            (
                findings.error(
                    sample.image,
                    "annotation",
                    "label-size-mismatch",
                    f"is {image.width}x{image.height} but its label was "
                    f"drawn on {_size(sample.size)}: export image and annotation together",
                ),
            )
        )
    found: list[Finding] = []
    if image.conversion:
        found.append(findings.warning(sample.image, "image", "image-converted", f"{image.conversion}: nothing to do"))
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
        if instance.area_px < TINY_AREA_PX:
            found.append(
                findings.warning(
                    sample.image,
                    f"{name} ({labelled.class_name})",
                    "mask-tiny",
                    f"{name} has only {instance.area_px} px: delete it if it is a slip of the mouse",
                )
            )
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


def _size(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else "nothing"


def _check_class(class_name: str, known: Collection[str], name: str) -> None:
    if not class_name.strip():
        raise BadItemError("class-missing", name, f"{name} has no class: choose one")
    if known and class_name not in known:
        nearest = difflib.get_close_matches(class_name, known, n=1)
        hint = f"nearest known: {nearest[0]}" if nearest else f"known: {', '.join(sorted(known))}"
        raise BadItemError(
            "unknown-class",
            f"{name} ({class_name})",
            f"{name} has the unknown class {class_name!r} ({hint}): rename it, or add it to the setting data.classes",
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
            raise BadItemError(
                "mask-outside-image",
                name,
                f"{name} begins at {axis}={low:g}, outside the image: re-export the annotation",
            )
        if high > size - 1 + EDGE_TOLERANCE_PX:
            raise BadItemError(
                "mask-outside-image",
                name,
                f"{name} reaches {axis}={high:g} in an image {size} {word}: re-export the annotation",
            )


def _mask_instance(labelled: LabelledShape, mask: Mask, name: str) -> LabelInstance:
    rle = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
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
