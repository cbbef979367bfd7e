"""COCO box and mask AP on the validation shards, in the training process."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from maskrcnn import rle
from maskrcnn.data import schema
from maskrcnn.detections import Detections
from maskrcnn.training import metrics_log
from maskrcnn.training.records import Record

Predict = Callable[[NDArray[np.uint8]], Detections]


def evaluate(predict: Predict, records: Sequence[Record], class_count: int,
             interrupted: Callable[[], bool] = lambda: False) -> dict[str, float] | None:
    """The twelve mAP figures; -1 where there is no ground truth of that size; None when interrupted."""
    images: list[dict[str, Any]] = []
    truths: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for index, record in enumerate(records, start=1):
        if interrupted():
            return None
        image, objects = read(record)
        images.append({"id": index, "height": image.shape[0], "width": image.shape[1]})
        truths.extend({"id": len(truths) + number, "image_id": index, **entry}
                      for number, entry in enumerate(objects, start=1))
        answers.extend({"image_id": index, **entry} for entry in _as_coco(predict(image)))
    document = {"info": {}, "images": images, "annotations": truths,
                "categories": [{"id": i, "name": str(i)} for i in range(1, class_count + 1)]}
    return {**_figures(document, answers, "bbox"), **_figures(document, answers, "segm")}


def read(record: Record) -> tuple[NDArray[np.uint8], list[dict[str, Any]]]:
    """Image [H, W, 3] RGB and its objects as COCO annotations without ids."""
    features = tf.train.Example.FromString(record.read()).features.feature
    pixels = cv2.imdecode(np.frombuffer(features[schema.ENCODED].bytes_list.value[0], np.uint8), cv2.IMREAD_COLOR)
    image: NDArray[np.uint8] = np.ascontiguousarray(pixels[:, :, ::-1])
    height, width = image.shape[:2]
    sides = [features[name].float_list.value for name in (schema.XMIN, schema.YMIN, schema.XMAX, schema.YMAX)]
    boxes = np.array(sides, np.float64).reshape(4, -1).T * [width, height, width, height]
    crowds = list(features[schema.IS_CROWD].int64_list.value) or [0] * len(boxes)
    pngs = list(features[schema.MASK].bytes_list.value) or [b""] * len(boxes)
    objects = []
    for box, class_id, crowd, png in zip(boxes, features[schema.CLASS_LABEL].int64_list.value, crowds, pngs,
                                         strict=True):
        mask = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE) > 0 if png else _box_mask(box, image)
        objects.append({"bbox": [*box[:2], *(box[2:] - box[:2])], "category_id": int(class_id), "iscrowd": int(crowd),
                        "area": float(mask.sum()), "segmentation": rle.as_coco(rle.encode(mask))})
    return image, objects


def _box_mask(box: NDArray[np.float64], image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The whole box, for an object that was labelled by a box alone."""
    mask = np.zeros(image.shape[:2], np.bool_)
    x1, y1, x2, y2 = box.round().astype(int)
    mask[y1:y2, x1:x2] = True
    return mask


def _as_coco(found: Detections) -> list[dict[str, Any]]:
    return [
        {"category_id": int(class_id), "score": float(score), "segmentation": rle.as_coco(rle.encode(mask)),
         "bbox": [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]}
        for box, score, class_id, mask in zip(found.boxes, found.scores, found.class_ids, found.masks, strict=True)
    ]


def _figures(document: dict[str, Any], answers: list[dict[str, Any]], kind: str) -> dict[str, float]:
    names = metrics_log.coco_names(kind)
    if not document["annotations"]:
        return dict.fromkeys(names, -1.0)
    if not answers:
        return dict.fromkeys(names, 0.0)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = document
        truth.createIndex()
        # Without the mask a box would be judged by the mask's extent.
        shown = [a if kind == "segm" else {k: v for k, v in a.items() if k != "segmentation"} for a in answers]
        evaluation = COCOeval(truth, truth.loadRes(shown), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {name: float(value) for name, value in zip(names, evaluation.stats[:6], strict=True)}
