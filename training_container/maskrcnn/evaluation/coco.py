"""COCO average precision by pycocotools, the reference implementation."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from app.contracts.evaluation import AveragePrecision
from app.contracts.prediction import Instance
from maskrcnn import rle
from maskrcnn.evaluation.truth import Label, LabelledImage

Kind = Literal["bbox", "segm"]
ALL_SIZES, IOU_50 = 0, 0
"""Positions in COCOeval's area ranges and IoU thresholds."""


@dataclasses.dataclass(frozen=True)
class CocoRun:
    """One finished COCOeval with its matches kept for whoever wants to count further.

    Image ids are positions in the test set and category ids positions in `class_names`, both plus 1.
    """

    class_names: tuple[str, ...]
    image_count: int
    evaluator: Any
    average: AveragePrecision

    def cell(self, image: int, category: int) -> dict[str, Any] | None:
        """COCOeval's record of one image and class (positions), all sizes; None where both are empty."""
        areas = len(self.evaluator.params.areaRng)
        record: dict[str, Any] | None
        record = self.evaluator.evalImgs[(category * areas + ALL_SIZES) * self.image_count + image]
        return record

    def ious(self, image: int, category: int) -> Any:
        """IoU [detections by falling score, labels in the order of the test set] of one image and class."""
        return self.evaluator.ious[image + 1, category + 1]

    def label_position(self, label_id: int) -> int:
        """Where the label with this id stands in the labels of its image."""
        return int(self.evaluator.cocoGt.anns[label_id]["position"])

    def answer_position(self, answer_id: int) -> int:
        """Where the answer with this id stands in the answers to its image."""
        return int(self.evaluator.cocoDt.anns[answer_id]["position"])

    def class_ap(self, category: int) -> tuple[float, float]:
        """(AP at IoU 0.50:0.95, AP at IoU 0.5) of one class; -1 without labels."""
        precision = self.evaluator.eval["precision"][:, :, category, ALL_SIZES, -1]
        return _mean(precision), _mean(precision[IOU_50])

    def precision_curve(self, category: int) -> NDArray[np.float64]:
        """Precision at recall 0, 0.01, ... 1 and IoU 0.5 for one class; -1 without labels."""
        return np.asarray(self.evaluator.eval["precision"][IOU_50, :, category, ALL_SIZES, -1])


def run(
    images: Sequence[LabelledImage],
    answers: Sequence[Sequence[Instance]],
    class_names: Sequence[str],
    kind: Kind,
) -> CocoRun:
    """Match answers with labels and compute average precision.

    Args:
        images: The test set.
        answers: Every instance found in each image, unfiltered.
        class_names: The classes of the data set; instances of any other class have nothing to be matched with
            and are left out.
        kind: Compare boxes or masks.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools reports to stdout
        truth = _truth(images, class_names, kind)
        evaluator = COCOeval(truth, _found(images, answers, class_names, kind), kind)
        evaluator.params.imgIds = list(range(1, len(images) + 1))
        evaluator.params.catIds = list(range(1, len(class_names) + 1))
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    average = AveragePrecision(*(round(float(value), 6) for value in evaluator.stats[:6]))
    return CocoRun(tuple(class_names), len(images), evaluator, average)


def _truth(images: Sequence[LabelledImage], class_names: Sequence[str], kind: Kind) -> Any:
    ids = {name: index + 1 for index, name in enumerate(class_names)}
    annotations = [
        _annotation(label, image_id, ids[label.instance.class_name], kind) | {"position": position}
        for image_id, image in enumerate(images, start=1)
        for position, label in enumerate(image.labels)
    ]
    return _dataset(images, class_names, annotations)


def _annotation(label: Label, image_id: int, category_id: int, kind: Kind) -> dict[str, Any]:
    # A label without a mask can neither reward nor punish a mask: COCO's crowd rule says just that.
    crowd = label.is_crowd or (kind == "segm" and not label.has_mask)
    return _record(label.instance, image_id, category_id) | {
        "area": label.instance.area_px,
        "iscrowd": int(crowd),
    }


def _found(
    images: Sequence[LabelledImage],
    answers: Sequence[Sequence[Instance]],
    class_names: Sequence[str],
    kind: Kind,
) -> Any:
    ids = {name: index + 1 for index, name in enumerate(class_names)}
    annotations = []
    for image_id, instances in enumerate(answers, start=1):
        for position, instance in enumerate(instances):
            if instance.class_name not in ids:
                continue
            # As COCO.loadRes has it: the size class of an answer follows from what is compared.
            area = instance.bbox[2] * instance.bbox[3] if kind == "bbox" else instance.area_px
            record = _record(instance, image_id, ids[instance.class_name])
            record |= {"area": area, "iscrowd": 0, "score": instance.score, "position": position}
            annotations.append(record)
    return _dataset(images, class_names, annotations)


def _record(instance: Instance, image_id: int, category_id: int) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": list(instance.bbox),
        "segmentation": rle.as_coco(instance.mask),
    }


def _dataset(images: Sequence[LabelledImage], class_names: Sequence[str], annotations: list[dict[str, Any]]) -> Any:
    for annotation_id, annotation in enumerate(annotations, start=1):  # 0 means unmatched in COCOeval
        annotation["id"] = annotation_id
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i, "width": image.width, "height": image.height} for i, image in enumerate(images, start=1)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(class_names, start=1)],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco


def _mean(precision: NDArray[np.float64]) -> float:
    valid = precision[precision > -1]
    return round(float(valid.mean()), 6) if valid.size else -1.0
