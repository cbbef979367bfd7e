"""The outlines of the objects that findings are about, so that a person can see what is meant."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

import cv2
import numpy as np

from app.contracts.dataset import Finding, LabelInstance
from maskrcnn import rle
from maskrcnn.data.crossings import rings
from maskrcnn.data.findings import BadItemError
from maskrcnn.data.samples import Sample
from maskrcnn.data.shapes import Bitmap, Box, CocoRle, Mask, Shape, decode_bitmap
from maskrcnn.data.tool_shapes import Union

Ring = tuple[tuple[float, float], ...]
_MOST_OBJECTS = 20
_NUMBER = re.compile(r"(?:mask|box|object) (\d+)\b")


@dataclasses.dataclass(frozen=True)
class Outline:
    """One ring of an object: its number in the label, from 1, and its corners in pixels of the image."""

    number: int
    ring: Ring


def number_of(object_name: str) -> int | None:
    """3 of `mask 3 (chipping)`; None when a finding is about no single object."""
    match = _NUMBER.match(object_name)
    return int(match[1]) if match else None


def of_sample(sample: Sample, found: Iterable[Finding]) -> tuple[Outline, ...]:
    """The objects of a label as the tool wrote them that findings name, even where they cannot be drawn whole."""
    numbers = sorted({n for finding in found if (n := number_of(finding.object)) and n <= len(sample.shapes)})
    return tuple(
        Outline(number, ring)
        for number in numbers[:_MOST_OBJECTS]
        for ring in _of_shape(sample.shapes[number - 1].shape)
    )


def of_instance(number: int, instance: LabelInstance) -> tuple[Outline, ...]:
    """One object of an accepted label."""
    if instance.mask:
        return tuple(Outline(number, ring) for ring in _contours(rle.decode(instance.mask)))
    x, y, width, height = instance.bbox
    return (Outline(number, _rectangle(x, y, x + width, y + height)),)


def _of_shape(shape: Shape) -> list[Ring]:
    try:
        match shape:
            case Box():
                return [_rectangle(shape.left, shape.top, shape.right, shape.bottom)]
            case Bitmap():
                return _contours(decode_bitmap(shape.data), shape.origin)
            case CocoRle():
                return _contours(shape.draw(shape.size[1], shape.size[0]))
            case Union():
                return [ring for part in shape.parts for ring in _of_shape(part)]
        found = [ring for ring in rings(shape) if ring and np.isfinite(ring).all()]
        return [tuple((float(x), float(y)) for x, y in ring) for ring in found]
    except (BadItemError, ValueError, OverflowError):  # what is too broken to draw is said in words only
        return []


def _contours(mask: Mask, origin: tuple[int, int] = (0, 0)) -> list[Ring]:
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    left, top = origin  # added here, because a spoilt one is larger than OpenCV's integers
    return [tuple((float(x + left), float(y + top)) for x, y in contour.reshape(-1, 2).tolist()) for contour in found]


def _rectangle(left: float, top: float, right: float, bottom: float) -> Ring:
    return ((left, top), (right, top), (right, bottom), (left, bottom))
