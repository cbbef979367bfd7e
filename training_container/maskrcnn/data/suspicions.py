"""Labels that break no rule and are probably wrong all the same: warnings, never errors.

`of_label` looks at one image by itself, `of_upload` at what is unusual beside the others.
"""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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
class _Sized:
    """One object and how large it is."""

    file: str
    name: str
    area_px: int


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
        items: The accepted images.
        part_classes: Classes that are the part itself.
    """
    sizes: dict[str, list[_Sized]] = defaultdict(list)
    images, untagged, without_part = 0, [], []
    for item in sorted(items, key=lambda item: item.path):
        images += 1
        if not item.has_verdict:
            untagged.append(item.path)
        if not set(item.class_names) & set(part_classes):
            without_part.append(item.path)
        for number, (class_name, area_px) in enumerate(zip(item.class_names, item.areas_px, strict=True), 1):
            name = findings.object_name(number, class_name, is_mask=number not in item.boxes)
            sizes[class_name].append(_Sized(item.path, name, area_px))
    found = _left_out(untagged, images, "verdict-missing", _NO_VERDICT)
    found += _left_out(without_part, images, "part-missing", _NO_PART)
    for class_name in sorted(sizes):
        found += _outliers(class_name, sizes[class_name])
    for class_name, likely in look_alikes({name: len(objects) for name, objects in sizes.items()}, part_classes):
        found += _misspelt(class_name, likely, sizes)
    return found


def _misspelt(class_name: str, likely: str, sizes: Mapping[str, Sequence[_Sized]]) -> list[Finding]:
    """One finding a class, about the first object that has it."""
    first, count = sizes[class_name][0], len(sizes[class_name])
    known = f"the class of {len(sizes[likely])} others" if likely in sizes else "a part class of the settings"
    message = (
        f"{first.name} is one of {count} objects called {class_name!r}, which is nearly {likely!r}, {known}: "
        f'rename them, or write {{"aliases": {{"{class_name}": "{likely}"}}}} into castline.json'
    )
    return [findings.warning(first.file, first.name, "class-misspelt", message)]


_NO_VERDICT = "is tagged neither good nor bad, as nearly all others are: add the tag"
_NO_PART = "has no part labelled, which nearly all others have: label it, or remove the photograph"


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


def _left_out(paths: list[str], images: int, rule: str, message: str) -> list[Finding]:
    if images < _ENOUGH_IMAGES or len(paths) > (1 - MOST) * images:
        return []
    return [findings.warning(path, "annotation", rule, message) for path in paths]


def _outliers(class_name: str, objects: list[_Sized]) -> Iterator[Finding]:
    """Objects whose area lies far from the class's median, by the median absolute deviation of its logarithm.

    Source: Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): modified z-scores. Areas of defects
    spread over several powers of ten, so a factor of eight is asked for as well.
    """
    if len(objects) < _ENOUGH_OBJECTS:
        return
    logs = np.log([max(o.area_px, 1) for o in objects])
    median = float(np.median(logs))
    spread = 1.4826 * float(np.median(np.abs(logs - median)))
    limit = max(_OUTLIER_DEVIATIONS * spread, math.log(_OUTLIER_FACTOR) if spread else math.inf)
    for one, value in zip(objects, logs, strict=True):
        if abs(value - median) > limit:
            times = math.exp(abs(value - median))
            message = (
                f"{one.name} has {one.area_px} px, {times:.0f} times {'more' if value > median else 'less'} than "
                f"the median {class_name} ({math.exp(median):.0f} px): check its outline and its class"
            )
            yield findings.warning(one.file, one.name, "area-outlier", message)
