"""Labels that break no rule and are probably wrong all the same: warnings, never errors.

`of_label` looks at one image by itself, `of_upload` at what is unusual beside the others.
"""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from app.contracts.dataset import Finding, LabelInstance, LabelRecord
from maskrcnn import rle
from maskrcnn.data import findings, verdict_words
from maskrcnn.data.findings import numbered
from maskrcnn.data.intake import Accepted
from maskrcnn.data.spelling import look_alikes
from maskrcnn.data.verdict_words import Verdict

MOST = 0.9
"""What nine of ten images have, the others probably lack by mistake."""
_ENOUGH_IMAGES = 10
_ENOUGH_OBJECTS = 20
_OUTLIER_DEVIATIONS = 4.0
_OUTLIER_FACTOR = 8.0
_TOUCHING_PX = 3


@dataclasses.dataclass(frozen=True)
class _Object:
    """One object, as findings call it; in the order in which people look for it."""

    file: str
    number: int
    name: str


@dataclasses.dataclass
class _Census:
    """What is counted of all images; an object takes 8 bytes.

    Attributes:
        images: All.
        untagged: Those of which no tag says that they are good, or bad.
        without_part: Those without an object of a part class.
        areas_px: Class -> areas of its objects, in the order of reading.
        first: Class -> the first of its objects.
    """

    images: int = 0
    untagged: int = 0
    without_part: int = 0
    areas_px: dict[str, array[int]] = dataclasses.field(default_factory=dict)
    first: dict[str, _Object] = dataclasses.field(default_factory=dict)


def of_label(path: str, record: LabelRecord, part_classes: Collection[str]) -> list[Finding]:
    """What is suspicious about one image and its label, whatever the others are like.

    Args:
        path: The image.
        record: Its label.
        part_classes: Classes that are the part itself; every other class is a defect.
    """
    return [*_verdicts(path, record, part_classes), *_parts(path, record, part_classes)]


def of_upload(items: Iterable[Accepted], part_classes: Collection[str]) -> list[Finding]:
    """What is unusual about an image beside all others of the uploads.

    Args:
        items: The accepted images; iterated twice, and never held.
        part_classes: Classes that are the part itself.
    """
    census = _census(items, part_classes)
    far = {name: _far_from_median(areas) for name, areas in census.areas_px.items()}
    few = {"verdict-missing": _is_few(census.untagged, census.images),
           "part-missing": _is_few(census.without_part, census.images)}
    left_out: dict[str, list[str]] = {"verdict-missing": [], "part-missing": []}
    outliers: dict[str, list[tuple[_Object, Finding]]] = {name: [] for name in far}
    passed: Counter[str] = Counter()
    for item in items:
        if few["verdict-missing"] and not item.has_verdict:
            left_out["verdict-missing"].append(item.path)
        if few["part-missing"] and not _shows(item, part_classes):
            left_out["part-missing"].append(item.path)
        for one, class_name, area_px in _objects(item):
            place = passed[class_name]
            passed[class_name] += 1
            if (deviation := far[class_name].deviations.get(place)) is not None:
                said = _outlier(one, class_name, area_px, deviation, far[class_name].median_px)
                outliers[class_name].append((one, said))
    found = [findings.warning(path, "annotation", rule, _LEFT_OUT[rule])
             for rule, paths in left_out.items() for path in sorted(paths)]
    for class_name in sorted(outliers):
        found += [finding for _, finding in sorted(outliers[class_name], key=lambda odd: (odd[0].file, odd[0].number))]
    for class_name, likely in look_alikes({n: len(areas) for n, areas in census.areas_px.items()}, part_classes):
        found.append(_misspelt(class_name, likely, census))
    return found


def _census(items: Iterable[Accepted], part_classes: Collection[str]) -> _Census:
    census = _Census()
    for item in items:
        census.images += 1
        census.untagged += not item.has_verdict
        census.without_part += not _shows(item, part_classes)
        for one, class_name, area_px in _objects(item):
            census.areas_px.setdefault(class_name, array("q")).append(area_px)
            first = census.first.setdefault(class_name, one)
            census.first[class_name] = min(first, one, key=lambda seen: (seen.file, seen.number))
    return census


def _objects(item: Accepted) -> Iterator[tuple[_Object, str, int]]:
    """The objects of an image with class and area."""
    for number, (class_name, area_px) in enumerate(zip(item.class_names, item.areas_px, strict=True), 1):
        name = findings.object_name(number, class_name, is_mask=number not in item.boxes)
        yield _Object(item.path, number, name), class_name, area_px


def _shows(item: Accepted, part_classes: Collection[str]) -> bool:
    return not set(item.class_names).isdisjoint(part_classes)


def _is_few(images: int, of: int) -> bool:
    return of >= _ENOUGH_IMAGES and images <= (1 - MOST) * of


def _misspelt(class_name: str, likely: str, census: _Census) -> Finding:
    """About the first object that has the class."""
    first, count = census.first[class_name], len(census.areas_px[class_name])
    others = census.areas_px.get(likely)
    known = f"the class of {len(others)} others" if others else "a part class of the settings"
    message = (
        f"{first.name} is one of {count} objects called {class_name!r}, which is nearly {likely!r}, {known}: "
        f'rename them, or write {{"aliases": {{"{class_name}": "{likely}"}}}} into castline.json'
    )
    return findings.warning(first.file, first.name, "class-misspelt", message)


_LEFT_OUT = {
    "verdict-missing": "is tagged neither good nor bad, as nearly all others are: add the tag",
    "part-missing": "has no part labelled, which nearly all others have: label it, or remove the photograph",
}


def _verdicts(path: str, record: LabelRecord, part_classes: Collection[str]) -> Iterator[Finding]:
    """Compare what tags and names say about the casting with each other and with what is drawn."""
    drawn = [(n, i) for n, i in enumerate(record.instances, 1) if i.class_name not in part_classes]
    tagged, named = verdict_words.of_tags(record.tags), verdict_words.of_file(path) or _of_folders(record.file_name)
    if tagged and named and tagged != named:
        message = f"is tagged {_WORDS[tagged]} but its name says {_WORDS[named]}: correct the tag or the name"
        yield findings.warning(path, "tags", "verdict-contradiction", message)
    said, by = (tagged, "tagged") if tagged else (named, "named")
    if said == "ok" and drawn:
        classes = ", ".join(sorted({i.class_name for _, i in drawn}))
        message = (
            f"is {by} good but {numbered(*drawn[0])} is a defect"
            f"{f', one of {len(drawn)} ({classes})' if len(drawn) > 1 else ''}: "
            "delete the mask, or say that the casting is bad"
        )
        yield findings.warning(path, numbered(*drawn[0]), "ok-with-defect", message)
    if said == "bad" and not drawn:
        message = f"is {by} bad but no defect is drawn: draw it, or say that the casting is good"
        yield findings.warning(path, "annotation", "bad-without-defect", message)


_WORDS: dict[Verdict, str] = {"ok": "good", "bad": "bad"}


def _of_folders(file_name: str) -> Verdict | None:
    """The innermost folder that says something; those above the data set do not speak for one image."""
    for folder in reversed(file_name.split("/")[:-1]):
        if said := verdict_words.of_folder(folder):
            return said
    return None


def _parts(path: str, record: LabelRecord, part_classes: Collection[str]) -> Iterator[Finding]:
    """More parts than one, and defects that lie on none."""
    parts = [(n, i) for n, i in enumerate(record.instances, 1) if i.class_name in part_classes and not i.is_crowd]
    if len(parts) > 1:
        number, smallest = min(parts, key=lambda part: part[1].area_px)
        message = (
            f"has {len(parts)} parts; the smallest, {numbered(number, smallest)}, has {smallest.area_px} px: "
            "delete it if it is a slip of the mouse"
        )
        yield findings.warning(path, numbered(number, smallest), "two-parts", message)
    if not parts:
        return
    for number, instance in enumerate(record.instances, 1):
        if instance.class_name not in part_classes and not any(_touch(instance, part) for _, part in parts):
            name = numbered(number, instance)
            message = f"{name} lies on no part: move it, or delete it if it is a slip of the mouse"
            yield findings.warning(path, name, "defect-off-part", message)


def _touch(defect: LabelInstance, part: LabelInstance) -> bool:
    """Whether they share a pixel or come close: drawn outlines do not end on the pixel."""
    if not _boxes_touch(defect, part):
        return False
    if defect.mask is None or part.mask is None:
        return True
    codes = [{"size": list(m.size), "counts": m.counts.encode()} for m in (defect.mask, part.mask)]
    if float(coco_mask.iou(codes[:1], codes[1:], [1])[0, 0]) > 0:
        return True
    kernel = np.ones((2 * _TOUCHING_PX + 1,) * 2, np.uint8)
    grown = cv2.dilate(rle.decode(defect.mask).astype(np.uint8), kernel)
    return bool((grown.astype(bool) & rle.decode(part.mask)).any())


def _boxes_touch(one: LabelInstance, other: LabelInstance) -> bool:
    (x, y, w, h), (u, v, a, b) = one.bbox, other.bbox
    near = _TOUCHING_PX
    return x <= u + a + near and u <= x + w + near and y <= v + b + near and v <= y + h + near


@dataclasses.dataclass(frozen=True)
class _Far:
    """The objects of a class whose areas lie far from the median.

    Attributes:
        median_px: The median area, as the mean of logarithms has it where two are in the middle.
        deviations: Place of the object among those of its class -> natural logarithm of its area over the median.
    """

    median_px: float = 0.0
    deviations: Mapping[int, float] = dataclasses.field(default_factory=dict)


def _far_from_median(areas_px: array[int]) -> _Far:
    """Objects whose area lies far from the class's median, by the median absolute deviation of its logarithm.

    Source: Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): modified z-scores. Areas of defects
    spread over several powers of ten, so a factor of eight is asked for as well.
    """
    if len(areas_px) < _ENOUGH_OBJECTS:
        return _Far()
    logs = np.log(np.maximum(areas_px, 1))
    median = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - median)))
    limit = max(_OUTLIER_DEVIATIONS * spread, math.log(_OUTLIER_FACTOR) if spread else math.inf)
    places = np.flatnonzero(np.abs(logs - median) > limit).tolist()
    return _Far(math.exp(median), {place: float(logs[place]) - median for place in places})


def _outlier(one: _Object, class_name: str, area_px: int, deviation: float, median_px: float) -> Finding:
    message = (
        f"{one.name} has {area_px} px, {math.exp(abs(deviation)):.0f} times {'more' if deviation > 0 else 'less'} than "
        f"the median {class_name} ({median_px:.0f} px): check its outline and its class"
    )
    return findings.warning(one.file, one.name, "area-outlier", message)
